"""What is known at request time about viewer, request and slot. A closed schema: nothing else is ever used."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import msgspec
import numpy as np
from numpy.typing import NDArray

from artwork.catalog import ArtworkId, ImageHash, TitleId

Vector = NDArray[np.float32]


class RequestContext(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the caller says of the request. `at` is timezone-aware UTC: the time the page is shown."""

    at: datetime
    device: str | None = None
    row: str | None = None
    canvas: str | None = None
    locale: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a policy may look at for one slot.

    `viewer_vector` has the foundation model's dimension (any length ≥ 1), or is None for a viewer without history.
    `intent_vector` says what the viewer is after right now, in an intent version of its own, or is None.
    `score` is the title ranker's score of the title, any finite number. `position` counts from 0.
    `title` is no feature: it tells guards whose artworks these are, since their ids are unique within a title only.
    """

    request: RequestContext
    viewer_vector: Vector | None = None
    intent_vector: Vector | None = None
    position: int = 0
    score: float | None = None
    title: TitleId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What a policy may know of how an artwork looks: its CLIP vector, shape (d,), unit norm, and its description.

    `labels` (attribute → value) and `measures` (name → number) are of the closed lists of `artwork.description`; what
    is not known of an image is not in them.
    """

    vector: Vector
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    measures: Mapping[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One eligible artwork of a slot's title: which it is, and how it looks, as in `Picture`."""

    artwork: ArtworkId
    image: ImageHash
    vector: Vector
    default: bool = False
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    measures: Mapping[str, float] = field(default_factory=dict[str, float])
