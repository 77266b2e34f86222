"""Targets by the words that people write: `uniform`, `most-played`, `rules:FILE`. Knows no log and no version."""

from collections.abc import Sequence
from pathlib import Path

from api.errors import BadInput
from bandit.ope.models.crossfit_policy import CrossfitPolicy
from bandit.ope.targets.guarded import GuardedTarget, parse_guards
from bandit.ope.targets.most_played import MostPlayedTarget
from bandit.ope.targets.rules import RuleTarget, parse_rules
from bandit.ope.targets.target import LearnedTarget, LoggingTarget, Target, UniformTarget

COLUMN = "target_propensity"
UNIFORM, LOGGING, MOST_PLAYED = UniformTarget.name, LoggingTarget.name, MostPlayedTarget.name
RULES, ENGINE = "rules:", "vw:"
WORDS = f"{UNIFORM}, {LOGGING}, {MOST_PLAYED}, {RULES}FILE, {ENGINE}ARGUMENTS"


def stated_target(word: str) -> Target | LearnedTarget | None:
    """The target that a word names; None for a version, and for `default`: only an installation knows these.

    Raises:
        BadInput: a file is missing or no text.
        InvalidExample: rules cannot be kept.
        InvalidArguments: Vowpal Wabbit's arguments are not taken.
    """
    if word.startswith(ENGINE):
        return CrossfitPolicy(word.removeprefix(ENGINE).strip())
    if word.startswith(RULES):
        path = Path(word.removeprefix(RULES))
        return RuleTarget(parse_rules(_text(path)), name=f"rules:{path.name}")
    kinds: Sequence[type[Target]] = (UniformTarget, LoggingTarget, MostPlayedTarget)
    return next((kind() for kind in kinds if kind.name == word), None)


def guarded(target: Target, path: Path | None) -> Target:
    """The target under the guards of a file; as it is without one. Raises as `stated_target` does."""
    return target if path is None else GuardedTarget(target, parse_guards(_text(path)))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read as text.", "Give a JSON file; docs/targets.md shows one.") from error
