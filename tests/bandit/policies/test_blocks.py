"""The blocks that a policy remembers: filled before they are told, forgotten with their slates, safe among threads."""

import gc
import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from artwork.projection import InvalidProjection
from bandit.learning import LearnedModel
from bandit.policies.compiled import CompiledPolicy
from bandit.registry import load_policy
from bandit.slate import REMEMBERED_LISTS, Slate, SlateMemory


@pytest.fixture
def policy(engine_learned: LearnedModel) -> CompiledPolicy:
    loaded = load_policy(engine_learned.bundle, engine_learned.manifest.digest)
    assert isinstance(loaded, CompiledPolicy)
    return loaded


def room(policy: CompiledPolicy) -> int:
    """For how many numbers of artworks' rows there is room."""
    return len(policy._blocks._shelf.blocks[2])


def test_slates_that_come_and_go_leave_nothing_behind(
    policy: CompiledPolicy, small_log: Any, make_candidate: Any
) -> None:
    kept = [Slate(artworks) for artworks in small_log.candidates]
    expected = [policy.probabilities(small_log.context(1), slate) for slate in kept]
    passing = [make_candidate(f"p{n}") for n in range(50)]
    sizes = []
    for _ in range(200):
        policy.remember([Slate(passing)])
        gc.collect(0)
        sizes.append(room(policy))
    assert max(sizes) == max(sizes[:40])
    assert all(
        np.array_equal(policy.probabilities(small_log.context(1), slate), stated)
        for slate, stated in zip(kept, expected, strict=True)
    )


def test_what_is_remembered_is_not_made_again(policy: CompiledPolicy, small_log: Any) -> None:
    slate = Slate(small_log.candidates[0])
    policy.remember([slate])
    places, blocks = policy._blocks.look_up([slate])
    again, same = policy._blocks.look_up([slate])
    assert places.tolist() == again.tolist()
    assert same is blocks


def test_threads_may_meet_new_slates_while_others_are_forgotten(
    policy: CompiledPolicy, small_log: Any, make_candidate: Any
) -> None:
    pool = [make_candidate(f"p{n}") for n in range(30)]
    context = small_log.context(3)
    expected = {count: policy.probabilities(context, pool[:count]) for count in range(1, 31)}
    wrong: list[int] = []

    def ask(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for _ in range(150):
            counts = rng.integers(1, 31, size=8).tolist()
            stated = policy.page([(context, Slate(pool[:count])) for count in counts])
            wrong.extend(c for c, one in zip(counts, stated, strict=True) if not np.array_equal(one, expected[c]))

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_title_with_vectors_of_two_lengths_is_refused_and_nothing_is_kept(
    policy: CompiledPolicy, small_log: Any
) -> None:
    [one, *others] = small_log.candidates[0]
    odd = Slate([replace(one, vector=one.vector[:-1]), *others])
    for _ in range(2):
        with pytest.raises(InvalidProjection, match="different lengths"):
            policy.probabilities(small_log.context(0), odd)
    policy.probabilities(small_log.context(0), [one, *others])


def test_a_slate_is_in_canonical_order_and_equal_to_itself_alone(make_candidate: Any) -> None:
    candidates = [make_candidate(name) for name in "cab"]
    slate = Slate(candidates)
    assert [each.artwork for each in slate] == ["a", "b", "c"]
    assert (len(slate), slate[0].artwork, [each.artwork for each in slate[1:]]) == (3, "a", ["b", "c"])
    assert slate == slate
    assert slate != Slate(candidates)


def test_lists_of_the_same_candidates_share_a_slate_until_too_many_were_met(make_candidate: Any) -> None:
    memory = SlateMemory()
    one, other = make_candidate("a"), make_candidate("b")
    slate = memory.slate_of([one, other])
    assert memory.slate_of([other, one]) is slate
    assert memory.slate_of([one]) is not slate
    assert memory.slate_of([replace(one, labels={"people": "2"}), other]) is not slate
    assert memory.slate_of([replace(one, measures={"brightness": 0.5}), other]) is not slate
    for number in range(REMEMBERED_LISTS):
        memory.slate_of([replace(one, image=f"{number:064x}")])
    assert memory.slate_of([one, other]) is not slate


def test_a_list_that_changed_is_another_list(policy: CompiledPolicy, small_log: Any) -> None:
    asked = [*small_log.candidates[0]]
    first = policy.probabilities(small_log.context(0), asked)
    asked.append(replace(small_log.candidates[1][0], artwork="z"))
    second = policy.probabilities(small_log.context(0), asked)
    assert (len(first), len(second)) == (4, 5)
