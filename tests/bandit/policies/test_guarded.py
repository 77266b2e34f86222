"""A policy under guards is a policy like another: what is left is stated by it, what is not has probability 0."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from artwork.catalog import ArtworkId, TitleId
from bandit.context import Candidate, Context, RequestContext
from bandit.decision import IMAGE_KEY_DIGITS, Page, PageId, RewardedDecision, Slot
from bandit.guards import Guard, Pin, Schedule, Share, Span, title_guards
from bandit.ope.scoring import Pictures, score
from bandit.policies.default_artwork import DefaultArtworkPolicy
from bandit.policies.guarded import GuardedPolicy
from bandit.policies.policy import Policy
from bandit.policies.uniform import UniformPolicy
from foundation.events import ViewerId
from tests.bandit.policies.test_contract import PolicyContract

AT = datetime(2026, 11, 21, 20, 30, tzinfo=UTC)
HARBOR = TitleId("harbor")
A, B, C = (ArtworkId(name) for name in "abc")
Maker = Callable[..., Candidate]


def guarded(*guards: Guard, policy: Policy | None = None, withheld: tuple[ArtworkId, ...] = ()) -> GuardedPolicy:
    return GuardedPolicy(
        policy or UniformPolicy(), {HARBOR: title_guards(guards)}, withheld={HARBOR: frozenset(withheld)}
    )


def context(title: TitleId | None = HARBOR, locale: str | None = None) -> Context:
    return Context(request=RequestContext(at=AT, locale=locale), title=title)


@pytest.fixture
def artworks(make_candidate: Maker) -> list[Candidate]:
    return [make_candidate(name, default=name == "a") for name in "abc"]


class TestGuarded(PolicyContract):
    @pytest.fixture
    def policy(self) -> Policy:
        return guarded(Pin(artwork=B), Share(artwork=C, minimum=0.5))


@pytest.mark.parametrize(
    ("guards", "withheld", "expected"),
    [
        ((), (), [1 / 3, 1 / 3, 1 / 3]),
        ((Pin(artwork=B),), (), [0, 1, 0]),
        ((Pin(artwork=B),), (B,), [0.5, 0, 0.5]),
        ((Pin(artwork=B, locale="fr"),), (), [1 / 3, 1 / 3, 1 / 3]),
        ((), (B,), [0.5, 0, 0.5]),
        ((), (A, B, C), [1, 0, 0]),
        ((Schedule(artwork=C, span=Span(since=AT + timedelta(hours=1))),), (), [0.5, 0.5, 0]),
        ((Share(artwork=C, minimum=0.5),), (), [0.25, 0.25, 0.5]),
        ((Share(artwork=C, minimum=0.5),), (B,), [0.5, 0, 0.5]),
        ((Share(artwork=A, maximum=0.1),), (), [0.1, 0.45, 0.45]),
    ],
)
def test_guards_leave_what_people_left(
    artworks: list[Candidate], guards: tuple[Guard, ...], withheld: tuple[ArtworkId, ...], expected: list[float]
) -> None:
    stated = guarded(*guards, withheld=withheld).probabilities(context(), artworks)
    assert stated == pytest.approx(expected)


def test_nothing_is_taken_out_where_nothing_would_be_left(artworks: list[Candidate]) -> None:
    unmarked = [replace(each, default=False) for each in artworks]
    assert guarded(withheld=(A, B, C)).probabilities(context(), unmarked) == pytest.approx([1 / 3] * 3)


def test_other_titles_and_contexts_without_one_are_left_alone(artworks: list[Candidate]) -> None:
    policy = guarded(Pin(artwork=B), Share(artwork=C, minimum=0.5))
    for elsewhere in (context(TitleId("tundra")), context(None)):
        assert policy.probabilities(elsewhere, artworks) == pytest.approx([1 / 3] * 3)


def test_the_default_policy_keeps_to_the_default(artworks: list[Candidate]) -> None:
    policy = guarded(Share(artwork=C, minimum=0.5), policy=DefaultArtworkPolicy())
    assert np.array_equal(policy.probabilities(context(), artworks), [1.0, 0.0, 0.0])


def test_a_guarded_policy_is_valued_on_a_log(artworks: list[Candidate]) -> None:
    """ "Uniform with c paused" against a log of uniform: the rows that showed c weigh nothing, the others 3 / 2."""
    slots = [
        Slot(
            title=HARBOR,
            artworks=tuple(each.artwork for each in artworks),
            images=tuple(each.image[:IMAGE_KEY_DIGITS] for each in artworks),
            probabilities=(1 / 3, 1 / 3, 1 / 3),
            chosen=chosen,
            position=0,
        )
        for chosen in (0, 1, 2)
    ]
    page = Page(
        page=PageId("0" * 32),
        viewer=ViewerId("0" * 32),
        at=AT,
        request=RequestContext(at=AT),
        policy=UniformPolicy.version,
        policy_digest=UniformPolicy.digest,
        embedding_version="clip-1",
        foundation_version=None,
        viewer_vector=None,
        salt="salt",
        window=0,
        slots=tuple(slots),
    )
    rows = [RewardedDecision(page, index, 1.0) for index in range(3)]
    [batch] = score(rows, guarded(withheld=(C,)), pictures=Pictures())
    assert batch.target / batch.propensity == pytest.approx([1.5, 1.5, 0.0])


def test_it_is_named_after_what_it_guards() -> None:
    assert (guarded().version, guarded().digest) == ("uniform+guards", UniformPolicy.digest)
