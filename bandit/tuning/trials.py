"""What a search tries: settings by name, made from lists of values. Knows no World and no result."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any, get_args

import msgspec

from bandit.errors import InvalidTrial
from bandit.features import FeatureSpec
from bandit.learners import LearnerSettings
from bandit.linear.settings import LinearSettings, Sampling
from bandit.policies.vowpal import EngineSettings

MOST_TRIALS = 512
_LEARNERS: dict[str, LearnerSettings] = {"linear": LinearSettings(), "vowpal": EngineSettings()}
_SPEC = "spec"
_WITHOUT_GAMMA = "thompson"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Settings to try, by the name that a report gives them."""

    name: str
    settings: LearnerSettings = field(default_factory=LinearSettings)
    spec: FeatureSpec = field(default_factory=FeatureSpec)

    @property
    def same(self) -> tuple[LearnerSettings, FeatureSpec]:
        """What makes two trials the same, whatever they are called."""
        return self.settings, self.spec


SHIPPED = Trial(name="as shipped")
"""The settings that `keyart learn` uses: what every trial is compared with."""


@dataclass(frozen=True, slots=True)
class _Knob:
    """One setting: how its values are read, and what it is a setting of. `read` raises ValueError."""

    read: Callable[[str], object]
    says: str
    of: tuple[str, ...]


def _number(low: float, high: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        value = float(text)
        if not (math.isfinite(value) and low <= value <= high):
            raise ValueError(text)
        return value

    return read


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        value = int(text)
        if not low <= value <= high:
            raise ValueError(text)
        return value

    return read


def _one_of(choices: Mapping[str, object]) -> Callable[[str], object]:
    def read(text: str) -> object:
        if text not in choices:
            raise ValueError(text)
        return choices[text]

    return read


def _half_life(text: str) -> float | None:
    return None if text == "none" else _number(1e-3, 1e6)(text)


def _clip(text: str) -> float | msgspec.UnsetType:
    return msgspec.UNSET if text == "none" else _number(1.0, 1e12)(text)


_SAMPLINGS: tuple[str, ...] = get_args(Sampling)
_KNOBS = {
    "learner": _Knob(_one_of(_LEARNERS), f"one of {', '.join(_LEARNERS)}", ("linear", "vowpal")),
    "sampling": _Knob(_one_of({one: one for one in _SAMPLINGS}), f"one of {', '.join(_SAMPLINGS)}", ("linear",)),
    "gamma_scale": _Knob(_number(0.0, 1e12), "a number from 0 to 1e12", ("linear", "vowpal")),
    "gamma_exponent": _Knob(_number(0.0, 2.0), "a number from 0 to 2", ("linear", "vowpal")),
    "epsilon": _Knob(_number(0.0, 1.0), "a number from 0 to 1", ("linear", "vowpal")),
    "half_life_days": _Knob(_half_life, "none, or days from 0.001 to 1e6", ("linear",)),
    "learning_rate": _Knob(_number(1e-9, 1e3), "a number from 1e-9 to 1000", ("vowpal",)),
    "passes": _Knob(_whole(1, 100), "a whole number from 1 to 100", ("vowpal",)),
    "clip": _Knob(_clip, "none, or a number from 1 to 1e12", ("vowpal",)),
    "viewer_dimensions": _Knob(_whole(0, 64), "a whole number from 0 to 64", (_SPEC,)),
    "artwork_dimensions": _Knob(_whole(1, 63), "a whole number from 1 to 63", (_SPEC,)),
    "own_term": _Knob(_one_of({"true": True, "false": False}), "true or false", (_SPEC,)),
}


def grid(values: Mapping[str, Sequence[str]]) -> tuple[Trial, ...]:
    """Return every combination of `values`, by the name of the setting, after the shipped settings.

    A setting that is not named is as its learner ships it. One that a learner does not have is left out of its trials
    (as γ is under Thompson sampling, which has none); trials that come to the same are listed once.

    Raises:
        InvalidTrial: a setting or value is not known, does nothing under any learner named, or it is too many trials.
    """
    read = {name: _read(name, texts) for name, texts in values.items()}
    if (count := math.prod(map(len, read.values()))) > MOST_TRIALS:
        raise InvalidTrial(f"{count} combinations are more than {MOST_TRIALS}; give fewer values, in several searches")
    found = {SHIPPED.same: SHIPPED}
    used: set[str] = set()
    for texts in product(*read.values()):
        chosen = _counting(dict(zip(read, texts, strict=True)))
        used |= chosen.keys()
        trial = _trial(chosen, read)
        found.setdefault(trial.same, trial)
    for name in (name for name in read if name not in used):
        raise InvalidTrial(
            f"{name} does nothing here: it is a setting of the learner {' or '.join(_KNOBS[name].of)}"
            f"{', but not under Thompson sampling' if 'gamma' in name else ''}; name that learner, or leave it out"
        )
    return tuple(found.values())


def one_by_one(values: Mapping[str, Sequence[str]]) -> tuple[Trial, ...]:
    """Return every value of `values` as the only one that is not as shipped, after the shipped settings.

    Raises:
        InvalidTrial: as `grid`.
    """
    alone = [grid({name: [text]}) for name, texts in values.items() for text in texts] or [grid({})]
    found = {trial.same: trial for trials in alone for trial in trials}
    return tuple(found.values())


def settings_of(trial: Trial) -> dict[str, Any]:
    """Every setting of a trial by the name that `grid` knows it by; None: unset. What counts for nothing is left out.

    A World logs every page, so rows of the linear learner all weigh 1, and it has no `clip` here.
    """
    learner = next(name for name, settings in _LEARNERS.items() if isinstance(trial.settings, type(settings)))
    told = {name: knob for name, knob in _KNOBS.items() if name != "learner" and {learner, _SPEC} & {*knob.of}}
    sources = {name: trial.spec if _SPEC in knob.of else trial.settings for name, knob in told.items()}
    values = {name: getattr(source, name) for name, source in sources.items()}
    return {"learner": learner} | {name: None if value is msgspec.UNSET else value for name, value in values.items()}


def _read(name: str, texts: Sequence[str]) -> dict[str, object]:
    """The values of a setting by how they were written, those that mean the same once."""
    if name not in _KNOBS:
        raise InvalidTrial(f"no setting is called {name!r}; those that can be tried: {', '.join(_KNOBS)}")
    if not texts:
        raise InvalidTrial(f"{name} has no values; give one or more: {_KNOBS[name].says}")
    found: dict[str, object] = {}
    for text in texts:
        try:
            value = _KNOBS[name].read(text)
        except ValueError as error:
            raise InvalidTrial(f"{name} cannot be {text!r}; give {_KNOBS[name].says}") from error
        if value not in found.values():
            found[text] = value
    return found


def _counting(chosen: Mapping[str, str]) -> dict[str, str]:
    """Those of the chosen values that make a difference under the chosen learner."""
    learner = chosen.get("learner", "linear")
    smooth = learner == "linear" and chosen.get("sampling") == _WITHOUT_GAMMA
    return {
        name: text
        for name, text in chosen.items()
        if {learner, _SPEC} & {*_KNOBS[name].of} and not (smooth and name.startswith("gamma_"))
    }


def _trial(chosen: Mapping[str, str], read: Mapping[str, Mapping[str, object]]) -> Trial:
    values = {name: read[name][text] for name, text in chosen.items() if name != "learner"}
    of_spec: dict[str, Any] = {name: value for name, value in values.items() if _SPEC in _KNOBS[name].of}
    of_learner: dict[str, Any] = {name: value for name, value in values.items() if name not in of_spec}
    return Trial(
        name=" ".join(f"{name}={text}" for name, text in chosen.items()) or SHIPPED.name,
        settings=msgspec.structs.replace(_LEARNERS[chosen.get("learner", "linear")], **of_learner),
        spec=replace(SHIPPED.spec, **of_spec),
    )
