"""What an evaluation comes to, in one sentence that stands first. Knows no drawing and decides nothing.

Better and worse are said only where an interval says so; everything else is "cannot be told apart".
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from api.report.found import Estimate, Found, Interval
from api.report.numbers import count, percent, signed, value

_COLUMNS = ("target_propensity", "target_probabilities")
"""A policy that only a table's column states has no name."""

Tone = Literal["good", "bad", "unclear", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The sentence, and what it rests on."""

    tone: Tone
    title: str
    because: str


def verdict_of(found: Found) -> Verdict:
    """Say what was found: a refusal, a paired difference, or the value beside what was logged."""
    if found.refusals:
        return _refused(found)
    own = found.leading()
    if own is None:
        return Verdict(tone="unclear", title="No estimate was made", because=f"{count(found.rows)} rows were read.")
    difference = found.leading_difference()
    if difference is not None and difference.interval is not None:
        return _compared(found, difference, difference.interval)
    baselines = found.diagnostics.baselines
    logged = baselines.logging if baselines else None
    return _beside(found, own, logged)


def target_of(found: Found) -> str:
    """What the target is called."""
    asked = found.diagnostics.question
    return (asked.target if asked and asked.target not in _COLUMNS else None) or "the target"


def baseline_of(found: Found) -> str:
    """What the target is compared with is called."""
    asked = found.diagnostics.question
    return (asked.baseline if asked else None) or "the baseline"


def interval_in_words(interval: Interval | None, *, sign: bool = False) -> str:
    """The range, and its level."""
    if interval is None:
        return "without an interval"
    write = signed if sign else value
    ends = f"{_end(interval.low, write)} to {_end(interval.high, write)}"
    return f"{ends}, {percent(interval.level, 0)} interval"


def _end(number: float | None, write: Callable[[float | None], str]) -> str:
    return "open" if number is None else write(number)


def _refused(found: Found) -> Verdict:
    first = found.refusals[0]
    more = len(found.refusals) - 1
    others = f" {more} more {'reason' if more == 1 else 'reasons'} below." if more else ""
    return Verdict(
        tone="refused",
        title="This log cannot answer the question",
        because=f"{_sentence(first.message)}{others}",
    )


def _compared(found: Found, difference: Estimate, interval: Interval) -> Verdict:
    target, baseline = target_of(found), baseline_of(found)
    because = f"Paired difference a decision: {signed(difference.value)} ({interval_in_words(interval, sign=True)})."
    if interval.low is not None and interval.low > 0.0:
        return Verdict(tone="good", title=f"{_upper(target)} earns more than {baseline}", because=because)
    if interval.high is not None and interval.high < 0.0:
        return Verdict(tone="bad", title=f"{_upper(target)} earns less than {baseline}", because=because)
    return Verdict(tone="unclear", title=f"{_upper(target)} and {baseline} cannot be told apart", because=because)


def _beside(found: Found, own: Estimate, logged: Estimate | None) -> Verdict:
    target = target_of(found)
    because = f"It would earn {value(own.value)} a decision ({interval_in_words(own.interval)})."
    if logged is None:
        return Verdict(tone="unclear", title=f"{_upper(target)} would earn {value(own.value)}", because=because)
    because += f" What was logged earned {value(logged.value)} ({interval_in_words(logged.interval)})."
    if _above(own.interval, logged.interval):
        return Verdict(tone="good", title=f"{_upper(target)} earns more than what was logged", because=because)
    if _above(logged.interval, own.interval):
        return Verdict(tone="bad", title=f"{_upper(target)} earns less than what was logged", because=because)
    title = f"{_upper(target)} and what was logged cannot be told apart by their intervals"
    return Verdict(tone="unclear", title=title, because=f"{because} A paired difference with a baseline says more.")


def _above(one: Interval | None, other: Interval | None) -> bool:
    if one is None or other is None or one.low is None or other.high is None:
        return False
    return one.low > other.high


def _upper(text: str) -> str:
    """Names of policies stay as they are; words of ours begin the sentence."""
    return f"{text[0].upper()}{text[1:]}" if text.startswith("the ") else text


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
