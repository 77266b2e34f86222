"""Progress bars, on a terminal only. Knows nothing of the work."""

import sys
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

T = TypeVar("T")


@contextmanager
def progress_bar(label: str) -> Generator[Callable[[float], None]]:
    """Yield a function that is told the share done, from 0 to 1; until then the bar only shows that work goes on.

    It is drawn on stderr, and gone at the end.
    """
    console = Console(file=sys.stderr)
    columns = (
        TextColumn(f"{label:<32}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(label, total=None)

        def show(share: float) -> None:
            bar.update(task, total=1.0, completed=share)

        yield show


def tracked(items: Iterable[T], label: str, *, total: int) -> Generator[T]:
    """Yield `items` while a bar shows how many of `total` are done."""
    with progress_bar(label) as show:
        for number, item in enumerate(items, start=1):
            yield item
            show(number / max(total, 1))
