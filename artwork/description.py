"""What can be said of how an image looks: a closed list of labels and measures. Knows no pixels, no vectors, no model.

Labels come from an image's vector (`artwork.labels`), measures from its pixels (`artwork.composition`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from artwork.lite.captions import PHRASES

REVISION = 1
"""Goes up when images have to be described again. A measure of another formula gets another name besides."""

LABELS: Mapping[str, tuple[str, ...]] = {attribute.value: tuple(values) for attribute, values in PHRASES.items()}
"""Every attribute that a label can be of, with the values that it can have."""


class Measure(StrEnum):
    """What is measured of an image's pixels; every number is about in [-1, 1], 0 for a middling picture."""

    BRIGHTNESS = "brightness"
    CONTRAST = "contrast"
    SATURATION = "saturation"
    COLOURFULNESS = "colourfulness"
    WARMTH = "warmth"
    SHARPNESS = "sharpness"
    EDGES = "edges"
    FLATNESS = "flatness"
    CENTREDNESS = "centredness"
    SYMMETRY = "symmetry"


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """Labels (attribute → value) and measures (name → number) of one image; what could not be told is not in them."""

    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    measures: Mapping[str, float] = field(default_factory=dict[str, float])
