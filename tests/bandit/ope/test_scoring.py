"""From the decision log to batches: the policy is asked what it would have stated, about just what it may know."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import numpy as np
import pytest

from artwork.catalog import ArtworkId, TitleId
from bandit.context import Candidate, Context, Picture, RequestContext
from bandit.decision import Page, PageId, PolicyVersionId, Reason, RewardedDecision, Slot
from bandit.errors import InvalidExample, InvalidProbabilities
from bandit.ope.evaluation import evaluate
from bandit.ope.scoring import Pictures, Shelf, beside, score
from bandit.policies.default_artwork import DefaultArtworkPolicy
from bandit.policies.policy import Policy, Probabilities
from bandit.policies.uniform import UniformPolicy
from foundation.events import ViewerId

NOW = datetime(2026, 5, 1, 20, tzinfo=UTC)


class Nearest(Policy):
    """A fake that likes artworks near the viewer, or the first one of a viewer whom it does not know."""

    version = PolicyVersionId("nearest")
    digest = "0" * 64
    embedding_version = "clip-1"
    foundation_version = "viewers-1"

    def __init__(self) -> None:
        self.asked: list[Context] = []

    def probabilities(self, context: Context, artworks: Sequence[Candidate]) -> Probabilities:
        self.asked.append(context)
        near = np.eye(len(artworks))[0]
        if context.viewer_vector is not None:
            near = np.exp([float(context.viewer_vector @ artwork.vector) for artwork in artworks])
        return near / near.sum()


class Short(UniformPolicy):
    """A fake that forgets an artwork."""

    def probabilities(self, context: Context, artworks: Sequence[Candidate]) -> Probabilities:
        return np.ones(1)


def page_of(viewer: str, *slots: Slot, foundation: str | None = "viewers-1") -> Page:
    return Page(
        page=PageId("0" * 32),
        viewer=ViewerId(viewer),
        at=NOW,
        request=RequestContext(at=NOW, device="tv"),
        policy=PolicyVersionId("uniform"),
        policy_digest="1" * 64,
        embedding_version="clip-1",
        foundation_version=foundation,
        viewer_vector=np.array([1.0, 0.0], dtype="<f4").tobytes(),
        salt="s",
        window=0,
        slots=slots,
    )


def slot_of(title: str, artworks: str, *, chosen: int, reason: Reason = Reason.POLICY) -> Slot:
    return Slot(
        title=TitleId(title),
        artworks=tuple(ArtworkId(one) for one in artworks),
        images=tuple(f"{title}{one}".ljust(16, "0") for one in artworks),
        probabilities=(1 / len(artworks),) * len(artworks),
        chosen=chosen,
        position=3,
        score=0.5,
        reason=reason,
    )


PICTURES = Pictures(
    images={
        "ta00000000000000": Picture(vector=np.array([1.0, 0.0], dtype=np.float32)),
        "tb00000000000000": Picture(vector=np.array([0.0, 1.0], dtype=np.float32)),
        "uc00000000000000": Picture(vector=np.array([0.0, 1.0], dtype=np.float32)),
    },
    defaults={TitleId("t"): ArtworkId("b")},
)


def test_the_policys_probabilities_stand_beside_the_logged_ones() -> None:
    page = page_of("ann", slot_of("t", "ab", chosen=1), slot_of("u", "c", chosen=0))
    policy = Nearest()
    (batch,) = score([RewardedDecision(page, 0, 0.75), RewardedDecision(page, 1, 0.0)], policy, pictures=PICTURES)
    near = np.exp([1.0, 0.0]) / np.exp([1.0, 0.0]).sum()
    np.testing.assert_allclose(batch.target, [near[1], 1.0], rtol=1e-12)
    np.testing.assert_allclose(batch.propensity, [0.5, 1.0], rtol=1e-12)
    np.testing.assert_array_equal(batch.reward, [0.75, 0.0])
    assert batch.eligible is not None
    np.testing.assert_allclose(batch.eligible.target, [*near, 1.0], rtol=1e-12)
    assert [batch.eligible.names[code] for code in batch.eligible.artworks] == ["t/a", "t/b", "u/c"]
    assert (policy.asked[0].position, policy.asked[0].score, policy.asked[0].request.device) == (3, 0.5, "tv")


def test_a_viewer_vector_of_another_foundation_version_is_not_shown() -> None:
    page = page_of("ann", slot_of("t", "ab", chosen=1), foundation="viewers-2")
    (batch,) = score([RewardedDecision(page, 0, 1.0)], Nearest(), pictures=PICTURES)
    assert batch.target.tolist() == [0.0]


class Looking(Nearest):
    """A fake that likes bright pictures with people, and keeps what it was asked."""

    intent_version = "intents-1"

    def probabilities(self, context: Context, artworks: Sequence[Candidate]) -> Probabilities:
        self.asked.append(context)
        liked = np.array([each.measures.get("brightness", 0.0) + ("people" in each.labels) for each in artworks])
        return np.exp(liked) / np.exp(liked).sum()


def test_a_policy_sees_pictures_as_they_are_described() -> None:
    described = {
        key: replace(picture, labels={"people": "1"} if key[1] == "a" else {}, measures={"brightness": 0.5})
        for key, picture in PICTURES.images.items()
    }
    page = page_of("ann", slot_of("t", "ab", chosen=0))
    (batch,) = score([RewardedDecision(page, 0, 1.0)], Looking(), pictures=replace(PICTURES, images=described))
    np.testing.assert_allclose(batch.target, [np.exp(1.5) / (np.exp(1.5) + np.exp(0.5))], rtol=1e-12)


@pytest.mark.parametrize(("version", "seen"), [("intents-1", True), ("intents-2", False), (None, False)])
def test_c12_an_intent_of_another_version_is_not_shown(version: str | None, seen: bool) -> None:
    stored = np.array([0.5, 0.5], dtype="<f4").tobytes()
    page = page_of("ann", slot_of("t", "ab", chosen=1))
    page = msgspec.structs.replace(page, intent_vector=stored, intent_version=version)
    policy = Looking()
    list(score([RewardedDecision(page, 0, 1.0)], policy, pictures=PICTURES))
    assert (policy.asked[0].intent_vector is not None) is seen
    assert policy.asked[0].viewer_vector is not None


def test_batches_keep_the_logs_order_and_its_viewers() -> None:
    rows = [RewardedDecision(page_of(f"v{n % 3}", slot_of("t", "ab", chosen=0)), 0, n / 10) for n in range(10)]
    batches = list(score(rows, UniformPolicy(), pictures=Pictures(), batch_rows=4))
    assert [len(batch) for batch in batches] == [4, 4, 2]
    np.testing.assert_allclose(np.concatenate([batch.reward for batch in batches]), np.arange(10) / 10)
    evaluation = evaluate(batches)
    assert evaluation.viewers == 3
    snips = evaluation.estimate("snips")
    assert snips is not None
    assert snips.value == pytest.approx(0.45)


def test_only_drawn_decisions_are_rows() -> None:
    page = page_of("ann", slot_of("t", "ab", chosen=0, reason=Reason.PINNED), slot_of("t", "ab", chosen=0))
    (batch,) = score([RewardedDecision(page, slot, 1.0) for slot in (0, 1)], UniformPolicy(), pictures=Pictures())
    assert len(batch) == 1
    assert not list(score([RewardedDecision(page, 0, 1.0)], UniformPolicy(), pictures=Pictures()))


def test_the_default_artwork_can_be_a_target() -> None:
    page = page_of("ann", slot_of("t", "ab", chosen=1))
    (batch,) = score([RewardedDecision(page, 0, 1.0)], DefaultArtworkPolicy(), pictures=PICTURES)
    assert batch.target.tolist() == [1.0]


def test_an_artwork_without_a_vector_is_named() -> None:
    row = RewardedDecision(page_of("ann", slot_of("t", "ax", chosen=0)), 0, 1.0)
    with pytest.raises(InvalidExample, match="tx00000000000000 of title t"):
        list(score([row], Nearest(), pictures=PICTURES))


def test_a_policy_that_forgets_an_artwork_is_refused() -> None:
    row = RewardedDecision(page_of("ann", slot_of("t", "ab", chosen=0)), 0, 1.0)
    with pytest.raises(InvalidProbabilities, match="one probability an artwork"):
        list(score([row], Short(), pictures=PICTURES))


def test_batches_are_told_how_alike_their_artworks_look_only_where_that_is_asked() -> None:
    page = page_of("ann", slot_of("t", "abz", chosen=0), slot_of("u", "c", chosen=0))
    rows = [RewardedDecision(page, 0, 1.0), RewardedDecision(page, 1, 1.0)]
    (plain,) = score(rows, UniformPolicy(), pictures=PICTURES)
    assert plain.eligible is not None
    assert plain.eligible.likeness is None
    (told,) = score(rows, UniformPolicy(), pictures=replace(PICTURES, alike=True))
    assert told.eligible is not None
    # Itself, one at a right angle, one without a vector; then a title with one artwork.
    np.testing.assert_allclose(told.eligible.likeness, [1.0, np.exp(-1.0), 0.0, 1.0])
    assert told.eligible.names == plain.eligible.names


def test_a_policy_is_put_before_another_on_the_same_rows_as_if_both_were_scored() -> None:
    rows = [RewardedDecision(page_of(f"v{n}", slot_of("t", "ab", chosen=n % 2)), 0, n / 10) for n in range(10)]
    [live] = score(rows, UniformPolicy(), pictures=Pictures())
    shelf = Shelf(DefaultArtworkPolicy(), PICTURES)
    [expected] = beside(shelf.batches(rows), [live])
    found = shelf.before(live, rows)
    for name in ("target", "baseline", "propensity", "reward"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    for name in ("target", "baseline", "logged", "chosen"):
        np.testing.assert_array_equal(getattr(found.eligible, name), getattr(expected.eligible, name))
    with pytest.raises(InvalidExample, match="different rows"):
        shelf.before(live, rows[1:])
