"""How long the stages of the request that is being answered took, noted for its trace. Knows neither stage nor trace.

A page is decided and logged on threads that work for many requests at once, so no span can be open there: what is noted
becomes spans once the answer is there.
"""

from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass

MOST = 48
"""A batch has hundreds of pages: the first ones tell how it went."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage, and when it began and ended by the monotonic clock of `time.perf_counter`."""

    name: str
    began: float
    ended: float


_stages: ContextVar[list[Stage] | None] = ContextVar("keyart_stages", default=None)


def begin_stages() -> None:
    """Note the stages of this task's request from now on."""
    _stages.set([])


def note(stages: Callable[[], Iterable[Stage]]) -> None:
    """Note stages, where somebody wants to know: only then are they asked for."""
    known = _stages.get()
    if known is not None and len(known) < MOST:
        known.extend(stages())


def noted() -> tuple[Stage, ...]:
    """What was noted for this task's request."""
    return tuple(_stages.get() or ())
