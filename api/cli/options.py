"""The options that commands share, and the settings that they lead to."""

import getpass
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from api.settings import Settings, load_settings

Home = Annotated[Path | None, typer.Option(help="Folder of database, images and models (else KEYART_HOME).")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]


MOST_LETTERS = 500
"""Of a reason or another text that is kept; `api.routes.wire.Text` says the same of those that come over HTTP."""

BIGGEST_NUMBER = 2**62
"""Of anything that a database numbers."""

MOST_DAYS = 20_000
"""Reaching back to 1972, before every log."""

_SHOWN = 3


def checked_text(text: str) -> str:
    """Return a text that shall be kept; raises BadParameter where it is too long, or no line of printable letters."""
    if len(text) > MOST_LETTERS:
        raise typer.BadParameter(f"it has {len(text):,} letters: say it in {MOST_LETTERS}")
    if not text.isprintable():
        raise typer.BadParameter("control characters and line breaks are not allowed: remove them")
    return text


def _told(reason: str) -> str:
    if not reason.strip():
        raise typer.BadParameter("say why in a word or two, or leave --reason out")
    return checked_text(reason)


Why = Annotated[str, typer.Option("--reason", callback=_told, help="Why; kept for ever.")]


TYPED = "from the command line"
"""Why, where nobody says."""


def actor() -> str:
    """How audit log, deployments and guards name whoever types a command."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # a container's user may have no name
        return f"cli:{os.getuid()}"


def settings_of(home: Path | None) -> Settings:
    """Read the settings; `--home` goes before KEYART_HOME."""
    return load_settings() if home is None else load_settings(home=home)


def refuse_some(refused: Sequence[str], *, of: int, what: str) -> None:
    """Say which parts of an import were refused, where any were.

    Raises:
        BadInput: some were; the others are kept.
    """
    from api.errors import BadInput

    if refused:
        more = f" (and {len(refused) - _SHOWN:,} more)" if refused[_SHOWN:] else ""
        message = f"{len(refused):,} of {of:,} {what} were refused, the others were taken: {' '.join(refused[:_SHOWN])}"
        raise BadInput(message + more, "Correct them and import again: what was taken is not taken twice.")
