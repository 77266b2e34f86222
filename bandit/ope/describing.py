"""Which segments a logged decision lies in, and what a reward model may look at. Knows no policy and no storage."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np

from bandit.context import Picture
from bandit.decision import Page, RewardedDecision
from bandit.ope.batch import Features, Floats, Integers, Labels

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNKNOWN = "unknown"
_AGES = ((timedelta(days=1), "under a day"), (timedelta(days=7), "under a week"), (timedelta(days=30), "under a month"))


@dataclass(frozen=True, kw_only=True)
class Describing:
    """What segments need beyond the log.

    `images`: descriptions by image key; `born`: when an image was uploaded, by its key; `centres` (k, d): the
    middles of k clusters of viewer vectors in `foundation_version`, unit norm. Whatever is missing is no dimension.
    """

    images: Mapping[str, Picture] = field(default_factory=dict[str, Picture])
    born: Mapping[str, datetime] = field(default_factory=dict[str, datetime])
    centres: Floats | None = None
    foundation_version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Told:
    """What `describe` says of n rows: `at` (n,) microseconds since 1970; the rest as in `bandit.ope.batch.Batch`."""

    at: Integers
    labels: Mapping[str, Labels]
    features: Features


def describe(rows: Sequence[RewardedDecision], known: Describing) -> Told:
    """Tell the segments and features of n logged decisions.

    Segments: device, row, title, artwork, logged policy; where known artwork age, viewer cluster, and what the shown
    artwork's labels say, one dimension an attribute. A segment of what was shown ("artwork", an attribute) compares
    what policies earn when they show such an artwork.
    """
    segments = {
        "device": labels_of(row.page.request.device or _UNKNOWN for row in rows),
        "row": labels_of(row.page.request.row or _UNKNOWN for row in rows),
        "canvas": labels_of(row.page.request.canvas or _UNKNOWN for row in rows),
        "title": labels_of(row.decision.title for row in rows),
        "artwork": labels_of(_shown(row) for row in rows),
        "logged_policy": labels_of(row.page.policy for row in rows),
    }
    if known.born:
        segments["artwork_age"] = labels_of(_age(row, known.born) for row in rows)
    if known.centres is not None:
        segments["viewer_cluster"] = labels_of(_clusters(rows, known.centres, known.foundation_version))
    for attribute in sorted({name for picture in known.images.values() for name in picture.labels}):
        segments[attribute] = labels_of(_attribute(row, attribute, known.images) for row in rows)
    return Told(
        at=np.array([(row.page.at - _EPOCH) // timedelta(microseconds=1) for row in rows], dtype=np.int64),
        labels=segments,
        features={
            **{name: segments[name] for name in ("device", "row", "canvas", "title")},
            **({"viewer_cluster": segments["viewer_cluster"]} if "viewer_cluster" in segments else {}),
            "position": np.array([row.decision.position for row in rows], dtype=np.float64),
            "score": np.array([row.decision.score or 0.0 for row in rows], dtype=np.float64),
        },
    )


def labels_of(names: Iterable[str]) -> Labels:
    """Number n names in the order in which they first come."""
    places: dict[str, int] = {}
    codes = [places.setdefault(name, len(places)) for name in names]
    return Labels(codes=np.array(codes, dtype=np.int64), names=tuple(places))


def _shown(row: RewardedDecision) -> str:
    return f"{row.decision.title}/{row.decision.artwork}"


def _age(row: RewardedDecision, born: Mapping[str, datetime]) -> str:
    since = born.get(row.decision.images[row.decision.chosen])
    if since is None:
        return _UNKNOWN
    age = row.page.at - since
    return next((name for limit, name in _AGES if age < limit), "a month or more")


def _attribute(row: RewardedDecision, attribute: str, images: Mapping[str, Picture]) -> str:
    picture = images.get(row.decision.images[row.decision.chosen])
    return picture.labels.get(attribute, _UNKNOWN) if picture else _UNKNOWN


def _clusters(rows: Sequence[RewardedDecision], centres: Floats, version: str | None) -> list[str]:
    """The cluster whose middle each row's viewer vector points to most nearly."""
    pages: dict[int, tuple[int, Page]] = {}
    places = [pages.setdefault(id(row.page), (len(pages), row.page))[0] for row in rows]
    directions, known = np.zeros((len(pages), centres.shape[1])), np.zeros(len(pages), dtype=np.bool_)
    for place, (_, page) in enumerate(pages.values()):
        vector = page.vector() if page.foundation_version == version else None
        if vector is not None and len(vector) == centres.shape[1]:
            directions[place], known[place] = vector, True
    nearest: list[int] = np.argmax(directions @ centres.T, axis=1).tolist()
    named = [str(own) if fits else "no history" for own, fits in zip(nearest, known.tolist(), strict=True)]
    return [named[place] for place in places]
