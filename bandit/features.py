"""The closed schema of what a policy may look at, every feature with its purpose. Knows no vectors and no engine.

A feature that is not listed here cannot be used, and one that means age or gender is refused by name.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from itertools import accumulate

import msgspec
import numpy as np
from numpy.typing import NDArray

from artwork.description import LABELS, Measure
from artwork.lite.captions import Attribute
from bandit.context import Context, RequestContext
from bandit.errors import InvalidExample, RefusedFeature

Floats = NDArray[np.float64]

# fmt: off
_REFUSED_WORDS = frozenset({
    "age", "ages", "aged", "agegroup", "ageband", "agerange", "birth", "birthday", "birthdate", "birthyear", "dob",
    "gender", "genders", "sex", "sexes", "male", "males", "female", "females", "man", "men", "woman", "women",
    "boy", "boys", "girl", "girls", "masculine", "feminine", "nonbinary",
})
# fmt: on
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_DAYPARTS = ("night", "morning", "afternoon", "evening")
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def refuse_age_and_gender(name: str) -> None:
    """Raise RefusedFeature when a word of `name` means age or gender (C10)."""
    meant = _REFUSED_WORDS.intersection(word.lower() for word in _WORD.findall(name))
    if meant:
        raise RefusedFeature(f"{name!r} means {', '.join(sorted(meant))}: age and gender are never used; leave it out")


def _check(name: str, purpose: str, values: tuple[str, ...]) -> None:
    for text in (name, *values):
        refuse_age_and_gender(text)
    if not purpose.strip():
        raise RefusedFeature(f"the feature {name!r} states no purpose; say what it is used for")


def _daypart(request: RequestContext) -> str:
    return _DAYPARTS[request.at.astimezone(UTC).hour // 6]


def _weekday(request: RequestContext) -> str:
    return _WEEKDAYS[request.at.astimezone(UTC).weekday()]


def _squashed(_: Floats, scores: Floats) -> Floats:
    if not np.isfinite(scores).all():
        raise InvalidExample("a title's score is not finite; send a finite score or none")
    return scores / (1.0 + np.abs(scores))


CATEGORIES: dict[str, Callable[[RequestContext], str | None]] = {
    "device": lambda request: request.device,
    "row": lambda request: request.row,
    "canvas": lambda request: request.canvas,
    "daypart": _daypart,
    "weekday": _weekday,
}
REQUEST_NUMBERS: dict[str, Callable[[Context], float]] = {
    "newcomer": lambda context: float(context.viewer_vector is None),
}
"""Numbers that are the same for every slot of a page."""
SLOT_NUMBERS: dict[str, Callable[[Floats, Floats], Floats]] = {
    "position": lambda positions, _: 1.0 / (1.0 + positions),
    "score": _squashed,
}
"""Numbers of each slot, from the slots' positions and scores, (n,) each."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One thing that a policy looks at, and what for. With `values` it is a choice among them, without a number.

    Raises:
        RefusedFeature: the name or a value means age or gender, no purpose is stated, or nothing known has this name.
    """

    name: str
    purpose: str
    values: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check(self.name, self.purpose, self.values)
        known = CATEGORIES if self.values else REQUEST_NUMBERS | SLOT_NUMBERS
        if self.name not in known:
            raise RefusedFeature(
                f"no {'choice' if self.values else 'number'} is called {self.name!r}; known: {[*known]}"
            )

    def column(self, request: RequestContext) -> int | None:
        """Return which of its columns a choice falls into: the last one where `values` lists it not, None where unsaid.

        A column that is always on would only repeat what the artwork counts by itself, and slow its learning down.
        """
        value = CATEGORIES[self.name](request)
        if value is None:
            return None
        return self.values.index(value) if value in self.values else len(self.values)

    @property
    def width(self) -> int:
        """How many columns it takes: one, or one a value and one for everything else."""
        return len(self.values) + 1 if self.values else 1


DEFAULT_FEATURES = (
    Feature("newcomer", "a viewer without history is shown what most viewers watch"),
    Feature(
        "device",
        "details that carry on a television are lost on a phone",
        ("tv", "phone", "mobile", "tablet", "desktop", "web", "console"),
    ),
    Feature("daypart", "what attracts in the evening differs from the morning (six hours each, UTC)", _DAYPARTS),
    Feature("weekday", "what attracts on a Saturday differs from a Monday (UTC)", _WEEKDAYS),
    Feature(
        "row",
        "a row's promise (new, trending, more like this) sets what a picture must say",
        ("hero", "continue", "recommended", "similar", "trending", "new", "genre", "search", "list"),
    ),
    Feature("canvas", "crops and sizes favour close-ups or scenes", ("portrait", "landscape", "square", "billboard")),
    Feature("position", "further down a row a picture has less time (1 / (1 + position))"),
    Feature("score", "how well the ranker thinks that the title fits (squashed into (-1, 1))"),
)


@dataclass(frozen=True, slots=True)
class Look:
    """One thing about how an artwork looks, and what for: a label with its `values`, or a measure without any.

    It counts by itself, whoever looks: what a viewer makes of it is for the CLIP vector to say. A label has a column a
    value, a measure one. What is not known of an artwork, or not listed here, has no column on: it counts for nothing.

    Raises:
        RefusedFeature: the name or a value means age or gender, no purpose is stated, or nothing known has this name.
    """

    name: str
    purpose: str
    values: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check(self.name, self.purpose, self.values)
        if self.values and not set(self.values) <= set(LABELS.get(self.name, ())):
            raise RefusedFeature(f"no label is called {self.name!r} with the values {self.values}; known: {LABELS}")
        if not self.values and self.name not in [*Measure]:
            raise RefusedFeature(f"no measure is called {self.name!r}; known: {[*map(str, Measure)]}")

    @property
    def width(self) -> int:
        """How many columns it takes."""
        return max(1, len(self.values))


def _label(attribute: Attribute, purpose: str) -> Look:
    return Look(attribute.value, purpose, LABELS[attribute])


DEFAULT_LOOKS = (
    _label(Attribute.PEOPLE, "one face draws another audience than a crowd or an empty scene"),
    _label(Attribute.SHOT, "a close-up can be read in a small card, a wide shot cannot"),
    _label(Attribute.EXPRESSION, "a face's expression promises a mood"),
    _label(Attribute.SETTING, "where it plays promises a kind of story"),
    _label(Attribute.LIGHT, "night and daylight promise different moods"),
    _label(Attribute.PALETTE, "the main colour sets a picture off from its neighbours"),
    _label(Attribute.PROP, "an object names the subject at a glance"),
    _label(Attribute.LETTERING, "a name within the picture is read before anything else"),
    Look(Measure.BRIGHTNESS.value, "a dark picture is lost on a dark page"),
    Look(Measure.CONTRAST.value, "a picture of little contrast is passed over"),
    Look(Measure.SATURATION.value, "strong colours catch the eye"),
    Look(Measure.COLOURFULNESS.value, "many colours catch the eye in another way than one strong one"),
    Look(Measure.WARMTH.value, "warm and cold colours set a mood"),
    Look(Measure.SHARPNESS.value, "a blurred picture looks cheap"),
    Look(Measure.EDGES.value, "a crowded picture cannot be read in a small card"),
    Look(Measure.FLATNESS.value, "calm areas let the subject stand out"),
    Look(Measure.CENTREDNESS.value, "a subject in the middle survives every crop"),
    Look(Measure.SYMMETRY.value, "a symmetrical picture is taken in at once"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureSpec:
    """Which features a policy uses and how wide the projected vectors are. `own_term` adds one weight an artwork."""

    features: tuple[Feature, ...] = DEFAULT_FEATURES
    looks: tuple[Look, ...] = DEFAULT_LOOKS
    viewer_dimensions: int = 32
    intent_dimensions: int = 16
    artwork_dimensions: int = 16
    own_term: bool = True

    def __post_init__(self) -> None:
        people = (self.viewer_dimensions, self.intent_dimensions)
        if not (all(0 <= each <= 64 for each in people) and 1 <= self.artwork_dimensions <= 63):
            raise RefusedFeature(
                "vectors are projected to at most 64 (viewer, intent) and 1 to 63 (artwork) dimensions"
            )
        for listed in (self.features, self.looks):
            names = [each.name for each in listed]
            if len({*names}) < len(names):
                raise RefusedFeature(f"a feature is listed twice among {names}; list each once")

    @property
    def context_width(self) -> int:
        """Columns of a context row: the projected viewer vector, the projected intent vector, then every feature's."""
        return self.viewer_dimensions + self.intent_dimensions + sum(feature.width for feature in self.features)

    @property
    def artwork_width(self) -> int:
        """Columns of an artwork row, crossed with the context: a constant 1, then the projected CLIP vector."""
        return 1 + self.artwork_dimensions

    @property
    def main_width(self) -> int:
        """Columns of a main row, which count by themselves only: those of every look."""
        return sum(look.width for look in self.looks)

    @property
    def context_groups(self) -> dict[str, range]:
        """The columns of a context row that belong together: `viewer`, `intent`, and every feature by its name."""
        widths = {"viewer": self.viewer_dimensions, "intent": self.intent_dimensions}
        return _side_by_side(widths | {feature.name: feature.width for feature in self.features})

    @property
    def main_groups(self) -> dict[str, range]:
        """The columns of a main row that belong to each look, by its name."""
        return _side_by_side({look.name: look.width for look in self.looks})

    @property
    def schema_hash(self) -> str:
        """SHA-256 over the whole spec, hex: equal hashes mean equal columns."""
        return hashlib.sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()


def _side_by_side(widths: Mapping[str, int]) -> dict[str, range]:
    ends = accumulate(widths.values())
    return {name: range(end - width, end) for (name, width), end in zip(widths.items(), ends, strict=True)}
