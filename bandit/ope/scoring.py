"""From the decision log to batches: what would this policy have stated? Knows no estimator and no storage."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, islice

import numpy as np

from artwork.catalog import ArtworkId, ImageHash, TitleId
from bandit.context import Candidate, Context, Picture
from bandit.decision import Reason, RewardedDecision, Slot
from bandit.errors import InvalidExample, InvalidProbabilities
from bandit.ope.batch import Batch, Eligible, Floats, viewer_keys
from bandit.policies.policy import Policy
from bandit.rows import context_again

_UNSEEN = Picture(vector=np.zeros(0, dtype=np.float32))
_BATCH_ROWS = 8192


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """What the log does not hold of its artworks.

    `images`: how they look, by image key (the first 16 hex digits of an image's hash), in the policy's embedding
    version. `defaults`: each title's default artwork, needed only by a policy that looks at it.
    """

    images: Mapping[str, Picture] = field(default_factory=dict[str, Picture])
    defaults: Mapping[TitleId, ArtworkId] = field(default_factory=dict[TitleId, ArtworkId])


def score(
    rows: Iterable[RewardedDecision], policy: Policy, *, pictures: Pictures, batch_rows: int = _BATCH_ROWS
) -> Iterator[Batch]:
    """Put `policy`'s probabilities beside those that were logged, `batch_rows` rows at a time, in the log's order.

    Only decisions that were drawn (`Reason.POLICY`) are rows: a pinned or default artwork says nothing of another.
    A logged viewer or intent vector of another version than the policy's counts as none, as it did in learning.

    Raises:
        InvalidExample: an eligible artwork has no vector though the policy looks at vectors.
        InvalidProbabilities: the policy did not state one probability an artwork.
    """
    drawn = (row for row in rows if row.decision.reason is Reason.POLICY)
    while part := list(islice(drawn, batch_rows)):
        yield _batch(part, policy, pictures)


def _batch(rows: list[RewardedDecision], policy: Policy, pictures: Pictures) -> Batch:
    slots = [row.decision for row in rows]
    candidates = [_candidates(slot, policy, pictures) for slot in slots]
    stated = policy.page([(_context(row, policy), own) for row, own in zip(rows, candidates, strict=True)])
    if [len(one) for one in stated] != [len(slot.artworks) for slot in slots]:
        raise InvalidProbabilities(f"{policy.version} did not state one probability an artwork: learn it again")
    eligible = _eligible(slots, np.concatenate(stated))
    return Batch(
        propensity=eligible.logged[eligible.chosen],
        target=eligible.target[eligible.chosen],
        reward=np.array([row.reward for row in rows], dtype=np.float64),
        viewers=viewer_keys([row.page.viewer for row in rows]),
        eligible=eligible,
        kept=np.array([row.page.kept for row in rows], dtype=np.float64),
    )


def _context(row: RewardedDecision, policy: Policy) -> Context:
    return context_again(row.page, row.decision, foundation=policy.foundation_version, intent=policy.intent_version)


def _candidates(slot: Slot, policy: Policy, pictures: Pictures) -> list[Candidate]:
    default = pictures.defaults.get(slot.title)
    looks = [_UNSEEN if policy.embedding_version is None else _picture(key, slot, pictures) for key in slot.images]
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


def _picture(image: str, slot: Slot, pictures: Pictures) -> Picture:
    picture = pictures.images.get(image)
    if picture is None:
        raise InvalidExample(
            f"image {image} of title {slot.title} has no vector in the policy's embedding version: embed it again, "
            "or evaluate on rows that do not show it"
        )
    return picture


def _eligible(slots: list[Slot], target: Floats) -> Eligible:
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
