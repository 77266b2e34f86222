"""From the decision log to batches: what would this policy have stated? Knows no estimator and no storage.

A policy is asked for whole batches at once (`Policy.state`), with one lasting slate for each title and set of eligible
artworks, so a compiled policy scores a log at the speed of its matrix products.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice

import numpy as np

from artwork.catalog import ArtworkId, ImageHash, TitleId
from bandit.context import Candidate, Context, Picture
from bandit.decision import Page, Reason, RewardedDecision, Slot
from bandit.errors import InvalidExample, InvalidProbabilities
from bandit.ope.batch import Batch, Eligible, Floats, viewer_keys
from bandit.ope.describing import Describing, describe
from bandit.ope.likeness import likeness
from bandit.policies.policy import Policy
from bandit.policies.slots import Slots
from bandit.rows import context_again
from bandit.slate import Slate

_UNSEEN = Picture(vector=np.zeros(0, dtype=np.float32))
_BATCH_ROWS = 8192
_SLATES = 100_000
_OTHER_ROWS = "the two policies were scored on different rows: score both on the same"


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """What the log does not hold of its artworks.

    `images`: how they look, by image key (the first 16 hex digits of an image's hash), in the policy's embedding
    version. `defaults`: each title's default artwork, needed only by a policy that looks at it. With `alike` each batch
    is told how alike its artworks look.
    """

    images: Mapping[str, Picture] = field(default_factory=dict[str, Picture])
    defaults: Mapping[TitleId, ArtworkId] = field(default_factory=dict[TitleId, ArtworkId])
    alike: bool = False


def score(
    rows: Iterable[RewardedDecision],
    policy: Policy,
    *,
    pictures: Pictures,
    describing: Describing | None = None,
    batch_rows: int = _BATCH_ROWS,
) -> Iterator[Batch]:
    """Put a policy's probabilities beside those that were logged, `batch_rows` rows at a time, in the log's order.

    Only decisions that were drawn (`Reason.POLICY`) are rows: a pinned or default artwork says nothing of another.
    A logged viewer or intent vector of another version than the policy's counts as none, as it did in learning.
    `describing` says what segments need beyond the log.

    Raises:
        InvalidExample: an eligible artwork has no vector though the policy looks at vectors, or a row's artworks are
            not in the order of their ids.
        InvalidProbabilities: the policy did not state one probability an artwork.
    """
    return Shelf(policy, pictures).batches(rows, describing=describing, batch_rows=batch_rows)


def beside(target: Iterable[Batch], baseline: Iterable[Batch]) -> Iterator[Batch]:
    """Put the baseline's probabilities into the batches of the target: both were scored on the same rows.

    Raises:
        InvalidExample: they were not.
    """
    for own, other in zip(target, baseline, strict=True):
        if own.eligible is None or other.eligible is None or not np.array_equal(own.propensity, other.propensity):
            raise InvalidExample(_OTHER_ROWS)
        eligible = replace(own.eligible, baseline=other.eligible.target)
        yield replace(own, baseline=other.target, eligible=eligible)


class Shelf:
    """One policy and its slates, remembered as long as a log is read; see `score`."""

    def __init__(self, policy: Policy, pictures: Pictures) -> None:
        self._policy, self._pictures = policy, pictures
        self._slates: dict[tuple[TitleId, tuple[ArtworkId, ...], tuple[str, ...]], Slate] = {}

    def batches(
        self,
        rows: Iterable[RewardedDecision],
        *,
        describing: Describing | None = None,
        batch_rows: int = _BATCH_ROWS,
    ) -> Iterator[Batch]:
        """The rows as batches with the policy as the target. Raises as `score` does."""
        drawn = (row for row in rows if row.decision.reason is Reason.POLICY)
        while part := list(islice(drawn, batch_rows)):
            eligible = _eligible([row.decision for row in part], self._state(part))
            eligible = _told_apart(eligible, part, self._pictures) if self._pictures.alike else eligible
            yield _batch(part, eligible, describing or Describing())

    def before(self, batch: Batch, rows: Sequence[RewardedDecision]) -> Batch:
        """The batch of these rows with the policy as the target, and with the target that it had as the baseline.

        Raises:
            InvalidExample: it is of other rows.
            InvalidProbabilities: the policy did not state one probability an artwork.
        """
        eligible, stated = batch.eligible, self._state(rows)
        if eligible is None or len(eligible.target) != len(stated):
            raise InvalidExample(_OTHER_ROWS)
        eligible = replace(eligible, target=stated, baseline=eligible.target)
        return replace(batch, target=stated[eligible.chosen], baseline=batch.target, eligible=eligible)

    def _state(self, rows: Sequence[RewardedDecision]) -> Floats:
        """The probabilities of the eligible artworks of all rows, row after row: (m,)."""
        slots = [row.decision for row in rows]
        stated = self._policy.state(self._asked(rows, slots))
        counts = [len(slot.artworks) for slot in slots]
        if np.diff(stated.bounds).tolist() != counts:
            version = self._policy.version
            raise InvalidProbabilities(f"{version} did not state one probability an artwork: learn it again")
        return stated.flat

    def _asked(self, rows: Sequence[RewardedDecision], slots: Sequence[Slot]) -> Slots:
        pages: dict[int, tuple[int, Page, Slot]] = {}  # by the object: the slots of a page share it
        request_of = [pages.setdefault(id(row.page), (len(pages), row.page, row.decision))[0] for row in rows]
        return Slots(
            requests=[self._context(page, slot) for _, page, slot in pages.values()],
            request_of=np.array(request_of, dtype=np.int64),
            positions=np.array([slot.position for slot in slots], dtype=np.float64),
            scores=np.array([slot.score or 0.0 for slot in slots], dtype=np.float64),
            slates=[self._slate(slot) for slot in slots],
            titles=[slot.title for slot in slots],
        )

    def _context(self, page: Page, slot: Slot) -> Context:
        policy = self._policy
        return context_again(page, slot, foundation=policy.foundation_version, intent=policy.intent_version)

    def _slate(self, slot: Slot) -> Slate:
        key = slot.title, slot.artworks, slot.images
        slate = self._slates.get(key)
        if slate is None:
            if len(self._slates) >= _SLATES:
                self._slates.clear()
            slate = self._slates[key] = Slate(self._candidates(slot))
            if slate.artworks != slot.artworks:
                message = f"title {slot.title} lists artworks {[*slot.artworks]}, not in the order of their ids"
                raise InvalidExample(f"{message}, or twice: this is no log of Keyart's; correct it")
        return slate

    def _candidates(self, slot: Slot) -> list[Candidate]:
        default = self._pictures.defaults.get(slot.title)
        looks = [self._picture(key, slot) for key in slot.images]
        return [
            Candidate(
                artwork=artwork,
                image=ImageHash(image),
                vector=look.vector,
                default=artwork == default,
                labels=look.labels,
                measures=look.measures,
            )
            for artwork, image, look in zip(slot.artworks, slot.images, looks, strict=True)
        ]

    def _picture(self, image: str, slot: Slot) -> Picture:
        if self._policy.embedding_version is None:
            return _UNSEEN
        picture = self._pictures.images.get(image)
        if picture is None:
            raise InvalidExample(
                f"image {image} of title {slot.title} has no vector in the policy's embedding version: embed it again, "
                "or evaluate on rows that do not show it"
            )
        return picture


def _told_apart(eligible: Eligible, rows: Sequence[RewardedDecision], pictures: Pictures) -> Eligible:
    """With likeness by the images that were eligible then: an artwork may show another one by now."""
    shown = [image for row in rows for image in row.decision.images]
    codes = {image: code for code, image in enumerate(dict.fromkeys(shown))}
    vectors = {image: pictures.images[image].vector for image in codes if image in pictures.images}
    images = replace(eligible, artworks=np.array([codes[image] for image in shown]), names=tuple(codes))
    return replace(eligible, likeness=likeness(images, vectors))


def _batch(rows: Sequence[RewardedDecision], eligible: Eligible, describing: Describing) -> Batch:
    told = describe(rows, describing)
    return Batch(
        propensity=eligible.logged[eligible.chosen],
        target=eligible.target[eligible.chosen],
        reward=np.array([row.reward for row in rows], dtype=np.float64),
        viewers=viewer_keys([row.page.viewer for row in rows]),
        eligible=eligible,
        kept=np.array([row.page.kept for row in rows], dtype=np.float64),
        at=told.at,
        pages=viewer_keys([row.page.page for row in rows]),
        positions=np.array([row.decision.position for row in rows], dtype=np.int64),
        labels=told.labels,
        features=told.features,
    )


def _eligible(slots: Sequence[Slot], target: Floats) -> Eligible:
    counts = np.array([len(slot.artworks) for slot in slots])
    starts = np.concatenate([[0], np.cumsum(counts)])
    flat = [f"{slot.title}/{artwork}" for slot in slots for artwork in slot.artworks]
    codes = {name: code for code, name in enumerate(dict.fromkeys(flat))}
    return Eligible(
        starts=starts,
        chosen=starts[:-1] + np.array([slot.chosen for slot in slots]),
        artworks=np.array([codes[name] for name in flat]),
        names=tuple(codes),
        logged=np.fromiter(chain.from_iterable(slot.probabilities for slot in slots), dtype=np.float64),
        target=target,
    )
