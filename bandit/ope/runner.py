"""The seam between what is computed part by part and where: one process, some, or many machines. Knows none of them.

A long log is cut into parts by itself, not by how many workers there are. Each part is one job for a pure function;
what comes of the jobs is added up in the order of the parts. So the sum is the same wherever the jobs ran.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import reduce
from operator import add
from typing import Any, Protocol, Self, TypeVar, final

Job = TypeVar("Job")
Result = TypeVar("Result")


class Mergeable(Protocol):
    """What parts of a log leave behind: `left + right` is what one pass over both, left first, would have left."""

    def __add__(self, other: Self, /) -> Self: ...


Merged = TypeVar("Merged", bound=Mergeable)


class Runner(Protocol):
    """Runs independent jobs. Function, jobs and results travel between processes, so they can be pickled."""

    def run(self, function: Callable[[Job], Result], jobs: Iterable[Job]) -> Iterator[Result]:
        """Yield what `function` makes of each job, in the order of the jobs, whichever is done first.

        Jobs are taken as they are needed and results held back as little as order allows: neither may fit in memory
        all at once. What the function raises is raised when its job's turn comes.
        """
        ...


@final
class Serial:
    """One job after the other, in this process."""

    def run(self, function: Callable[[Job], Result], jobs: Iterable[Job]) -> Iterator[Result]:
        """See `Runner.run`."""
        return map(function, jobs)


def added(results: Iterable[Merged]) -> Merged:
    """Add results up from the first to the last.

    Raises:
        ValueError: there are none.
    """
    coming = iter(results)
    first = next(coming, None)
    if first is None:
        raise ValueError("there are no parts to add up: a log has at least one, which may be empty")
    adding: Callable[[Any, Any], Any] = add
    return reduce(adding, coming, first)
