"""A scale across a drawing, in percent of its width, with round ticks. Knows no drawing."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_ROOM = 0.04


@dataclass(frozen=True, slots=True)
class Tick:
    """A round number and where it lies."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Axis:
    """A scale from `start` to `end`."""

    start: float
    end: float

    def at(self, number: float) -> float:
        """Where a number lies, 0 to 100; what is outside lies at the edge."""
        share = (number - self.start) / (self.end - self.start)
        return round(100.0 * min(1.0, max(0.0, share)), 3)

    def holds(self, number: float | None) -> bool:
        """Whether a number lies inside."""
        return number is not None and self.start <= number <= self.end

    def ticks(self, most: int = 5) -> tuple[Tick, ...]:
        """Round numbers inside, at most so many."""
        step = next_step((self.end - self.start) / most)
        first, last = ceil(self.start / step - 1e-9), floor(self.end / step + 1e-9)
        places = max(0, -floor(log10(step) + 1e-9)) + (1 if _is_quarter(step) else 0)
        numbers = (step * each for each in range(first, last + 1))
        return tuple(Tick(self.at(each), _label(each, places)) for each in numbers)


def axis_over(numbers: Iterable[float | None], *, least: float | None = None) -> Axis:
    """A scale that holds all finite numbers with some room; around `least` where given, else around what is there."""
    known = [each for each in numbers if each is not None and isfinite(each)]
    known += [] if least is None else [least]
    low, high = min(known, default=0.0), max(known, default=1.0)
    if low == high:
        wide = abs(low) * 0.1 or 0.1
        return Axis(low - wide, high + wide)
    room = _ROOM * (high - low)
    return Axis(low if low == least else low - room, high + room)


def next_step(least: float) -> float:
    """The smallest of 1, 2, 2.5, 5 times a power of ten that is not below `least` > 0."""
    power = 10.0 ** floor(log10(least))
    return next(power * times for times in _STEPS if power * times >= least * (1 - 1e-9))


def _is_quarter(step: float) -> bool:
    return abs(step / 10.0 ** floor(log10(step) + 1e-9) - 2.5) < 1e-6


def _label(number: float, places: int) -> str:
    return f"{number:.{places}f}".replace("-", "−") if abs(number) > 1e-12 else "0"
