"""Progress bars: on a terminal only, and only for work that takes longer than a moment."""

import sys
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

T = TypeVar("T")
PATIENCE_SECONDS = 1.0


@contextmanager
def progress_bar(label: str) -> Generator[Callable[[float], None]]:
    """Yield a function that is told the share done, from 0 to 1; the bar appears on stderr after a second."""
    console = Console(file=sys.stderr)
    bar = Progress(
        TextColumn(f"{label:<28}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    task = bar.add_task(label, total=1.0)
    began = time.monotonic()

    def show(share: float) -> None:
        bar.update(task, completed=share)
        if not bar.live.is_started and time.monotonic() - began > PATIENCE_SECONDS:
            bar.start()

    try:
        yield show
    finally:
        bar.stop()


def tracked(items: Iterable[T], label: str, *, total: int) -> Generator[T]:
    """Yield `items` while a bar shows how many of `total` are done."""
    with progress_bar(label) as show:
        for number, item in enumerate(items, start=1):
            yield item
            show(number / max(total, 1))
