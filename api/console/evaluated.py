"""An off-policy evaluation as a drawing: a version's interval against what was live on the same rows."""

from dataclasses import dataclass

from api.errors import BadInput
from api.report.found import found_of
from api.report.sheet import Sheet, sheet_of
from api.storage.evaluations import StoredEvaluation
from bandit.gate import GateRules, OffPolicyResult

_WIDTH = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Places on a scale from `start` to `end` in rewards, 0 to 1000: the interval, the value, live, the gate's line.

    Where the two were compared row by row (`paired`), the interval is that of their difference, from where live stands.
    """

    start: float
    end: float
    low: float
    value: float
    high: float
    live: float | None
    gate: float | None
    paired: bool


def sheet_of_stored(evaluation: StoredEvaluation) -> Sheet | None:
    """Lay the whole evaluation out as its report does; None where it was not kept, or is of another release."""
    if evaluation.found is None:
        return None
    try:
        return sheet_of(found_of(evaluation.found))
    except BadInput:
        return None


def comparison_of(result: OffPolicyResult) -> Comparison | None:
    """Place a result on a scale with some room on both sides; None where the evaluation gave no value."""
    if result.value is None or result.low is None or result.high is None:
        return None
    live = result.live_value
    gate = None if live is None else live * (1 - GateRules().tolerance)
    ends = _paired(result)
    low, high = ends or (result.low, result.high)
    numbers = [each for each in (low, result.value, high, live, gate) if each is not None]
    room = 0.12 * (max(numbers) - min(numbers)) or 0.01
    start, end = max(0.0, min(numbers) - room), min(1.0, max(numbers) + room)

    def place(number: float) -> float:
        return round(_WIDTH * (number - start) / (end - start), 1)

    return Comparison(
        start=start,
        end=end,
        low=place(low),
        value=place(result.value),
        high=place(high),
        live=None if live is None else place(live),
        gate=None if gate is None else place(gate),
        paired=ends is not None,
    )


def _paired(result: OffPolicyResult) -> tuple[float, float] | None:
    """The ends of the difference from where live stands: what the gate goes by."""
    live, low, high = result.live_value, result.difference_low, result.difference_high
    return None if live is None or low is None or high is None else (live + low, live + high)
