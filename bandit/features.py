"""The closed schema of what a policy may look at, every feature with its purpose. Knows no vectors and no engine.

A feature that is not listed here cannot be used, and one that means age or gender is refused by name.
"""

import hashlib
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC

import msgspec

from bandit.context import Context, RequestContext
from bandit.errors import InvalidExample, RefusedFeature

# fmt: off
_REFUSED_WORDS = frozenset({
    "age", "ages", "aged", "agegroup", "ageband", "agerange", "birth", "birthday", "birthdate", "birthyear", "dob",
    "gender", "genders", "sex", "sexes", "male", "males", "female", "females", "man", "men", "woman", "women",
    "boy", "boys", "girl", "girls", "masculine", "feminine", "nonbinary",
})
# fmt: on
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_SATURDAY = 5
_DAYPARTS = ("night", "morning", "afternoon", "evening")


def refuse_age_and_gender(name: str) -> None:
    """Raise RefusedFeature when a word of `name` means age or gender (C10)."""
    meant = _REFUSED_WORDS.intersection(word.lower() for word in _WORD.findall(name))
    if meant:
        raise RefusedFeature(f"{name!r} means {', '.join(sorted(meant))}: age and gender are never used; leave it out")


def _daypart(request: RequestContext) -> str:
    return _DAYPARTS[request.at.astimezone(UTC).hour // 6]


def _weekend(context: Context) -> float:
    return float(context.request.at.astimezone(UTC).weekday() >= _SATURDAY)


def _score(context: Context) -> float:
    score = 0.0 if context.score is None else context.score
    if not math.isfinite(score):
        raise InvalidExample(f"the title score {score} is not finite; send a finite score or none")
    return score / (1.0 + abs(score))


CATEGORIES: dict[str, Callable[[RequestContext], str | None]] = {
    "device": lambda request: request.device,
    "row": lambda request: request.row,
    "canvas": lambda request: request.canvas,
    "daypart": _daypart,
}
REQUEST_NUMBERS: dict[str, Callable[[Context], float]] = {
    "newcomer": lambda context: float(context.viewer_vector is None),
    "weekend": _weekend,
}
"""Numbers that are the same for every slot of a page."""
SLOT_NUMBERS: dict[str, Callable[[Context], float]] = {
    "position": lambda context: 1.0 / (1.0 + context.position),
    "score": _score,
}


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
        for text in (self.name, *self.values):
            refuse_age_and_gender(text)
        if not self.purpose.strip():
            raise RefusedFeature(f"the feature {self.name!r} states no purpose; say what it is used for")
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
    Feature("weekend", "what attracts at the weekend differs from a working day (UTC)"),
    Feature(
        "row",
        "a row's promise (new, trending, more like this) sets what a picture must say",
        ("hero", "continue", "recommended", "similar", "trending", "new", "genre", "search", "list"),
    ),
    Feature("canvas", "crops and sizes favour close-ups or scenes", ("portrait", "landscape", "square", "billboard")),
    Feature("position", "further down a row a picture has less time (1 / (1 + position))"),
    Feature("score", "how well the ranker thinks that the title fits (squashed into (-1, 1))"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureSpec:
    """Which features a policy uses and how wide the projected vectors are. `own_term` adds one weight an artwork."""

    features: tuple[Feature, ...] = DEFAULT_FEATURES
    viewer_dimensions: int = 16
    artwork_dimensions: int = 16
    own_term: bool = True

    def __post_init__(self) -> None:
        if not (0 <= self.viewer_dimensions <= 64 and 1 <= self.artwork_dimensions <= 63):
            raise RefusedFeature("vectors are projected to at most 64 (viewer) and 1 to 63 (artwork) dimensions")

    @property
    def context_width(self) -> int:
        """Columns of a context row: the projected viewer vector, then every feature's."""
        return self.viewer_dimensions + sum(feature.width for feature in self.features)

    @property
    def artwork_width(self) -> int:
        """Columns of an artwork row: a constant 1, then the projected CLIP vector."""
        return 1 + self.artwork_dimensions

    @property
    def schema_hash(self) -> str:
        """SHA-256 over the whole spec, hex: equal hashes mean equal columns."""
        return hashlib.sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()
