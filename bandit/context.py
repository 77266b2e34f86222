"""What is known at request time about viewer, request and slot. A closed schema: nothing else is ever used."""

from dataclasses import dataclass
from datetime import datetime

import msgspec
import numpy as np
from numpy.typing import NDArray

from artwork.catalog import ArtworkId, ImageHash

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
    `score` is the title ranker's score of the title, any finite number. `position` counts from 0.
    """

    request: RequestContext
    viewer_vector: Vector | None = None
    position: int = 0
    score: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One eligible artwork of a slot's title: its CLIP vector, shape (d,), unit norm."""

    artwork: ArtworkId
    image: ImageHash
    vector: Vector
    default: bool = False
