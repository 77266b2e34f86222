"""What is described of a picture, and what a viewer is after, are learned from and served like the vectors."""

from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from bandit.context import Candidate, Picture
from bandit.decision import RewardedDecision
from bandit.learning import LearnConfig, LearnedModel, Provenance, learn
from bandit.policies.policy import Policy
from bandit.registry import Holdout, load_policy


def policy_of(learned: LearnedModel) -> Policy:
    return load_policy(learned.bundle, learned.manifest.digest)


@pytest.fixture(scope="module")
def patient(config: LearnConfig) -> LearnConfig:
    return replace(config, holdout=Holdout(share=0.0), intent_version="intents-1")


@pytest.fixture(scope="module")
def described(small_log: Any) -> dict[str, Picture]:
    """Every other picture is dark; nothing else tells them apart."""
    return {
        key: replace(
            picture, labels={"light": "dark" if n % 2 else "bright"}, measures={"contrast": 1.0 - 2.0 * (n % 2)}
        )
        for n, (key, picture) in enumerate(sorted(small_log.pictures.items()))
    }


def by_light(row: RewardedDecision, pictures: dict[str, Picture]) -> RewardedDecision:
    shown = pictures[row.decision.images[row.decision.chosen]]
    return replace(row, reward=0.7 if shown.labels["light"] == "bright" else 0.1)


def test_what_is_described_of_a_picture_is_learned_and_counts_whoever_looks(
    small_log: Any, patient: LearnConfig, provenance: Provenance, described: dict[str, Picture]
) -> None:
    rows = [by_light(row, described) for row in small_log.rows]
    policy = policy_of(learn(rows, described, config=patient, provenance=provenance))
    [first, *others] = small_log.candidates[0]

    def share(viewer: int, **look: Any) -> float:
        shown = [replace(first, **{"labels": {}, "measures": {}, **look}), *others]
        return float(policy.probabilities(small_log.context(viewer), shown)[0])

    for viewer in (0, 1, 2):
        bright = share(viewer, labels={"light": "bright"})
        dark = share(viewer, labels={"light": "dark"})
        assert bright > share(viewer) > dark
        assert share(viewer, measures={"contrast": 1.0}) > share(viewer, measures={"contrast": -1.0})


def with_intent(row: RewardedDecision, number: int, version: str = "intents-1") -> RewardedDecision:
    intent = np.random.default_rng(number).normal(size=5).astype("<f4")
    liked = intent[0] * (row.decision.chosen % 2 - 0.5) > 0
    page = msgspec.structs.replace(row.page, intent_vector=intent.tobytes(), intent_version=version)
    return replace(row, page=page, reward=0.7 if liked else 0.1)


def test_c12_what_a_viewer_is_after_is_learned_in_its_own_version(
    small_log: Any, patient: LearnConfig, provenance: Provenance
) -> None:
    """Odd artworks are lit up alike, so that the crossed vectors can tell them from the even ones."""
    pictures, candidates = odd_apart(small_log)
    rows = [with_intent(row, number) for number, row in enumerate(small_log.rows)]
    learned = learn(rows, pictures, config=patient, provenance=provenance)
    policy = policy_of(learned)
    assert learned.manifest.intent_version == policy.intent_version == "intents-1"
    after_odd, after_even = (
        replace(small_log.context(0), intent_vector=np.array([first, 0, 0, 0, 0], dtype="<f4")) for first in (2, -2)
    )
    to_odd = [
        np.mean([policy.probabilities(context, title)[1::2].sum() for title in candidates])
        for context in (after_odd, after_even)
    ]
    assert to_odd[0] > 0.6 > 0.4 > to_odd[1]
    others = [with_intent(row, number, "intents-2") for number, row in enumerate(small_log.rows)]
    blind = policy_of(learn(others, pictures, config=patient, provenance=provenance))
    assert blind.intent_version is None
    for title in candidates:
        assert np.array_equal(blind.probabilities(after_odd, title), blind.probabilities(after_even, title))


def odd_apart(small_log: Any) -> tuple[dict[str, Picture], list[list[Candidate]]]:
    def apart(vector: Any, odd: int) -> Any:
        moved = vector.copy()
        moved[-1] = 2.0 * odd - 1.0
        return (moved / np.linalg.norm(moved)).astype(np.float32)

    candidates = [
        [replace(each, vector=apart(each.vector, place % 2)) for place, each in enumerate(title)]
        for title in small_log.candidates
    ]
    return {each.image[:16]: Picture(vector=each.vector) for title in candidates for each in title}, candidates


def test_pages_of_an_older_keyart_have_no_intent(small_log: Any) -> None:
    page = small_log.rows[0].page
    fields = {name: value for name, value in msgspec.structs.asdict(page).items() if not name.startswith("intent")}
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(fields), type=type(page))
    assert again == page
    assert again.intent() is None
