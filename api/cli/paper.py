"""Where tables are printed: the terminal, or paper of a fixed width where nobody says how wide it is."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

WIDTH = 140


def paper() -> "Console":
    """A console that takes nothing in a text for markup. In a pipe or a file its lines have 140 columns."""
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    return console if console.is_terminal else Console(highlight=False, markup=False, width=WIDTH)
