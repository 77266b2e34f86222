"""The options that commands share, and the settings that they lead to."""

import getpass
import os
from pathlib import Path
from typing import Annotated

import typer

from api.settings import Settings, load_settings

Home = Annotated[Path | None, typer.Option(help="Folder of database, images and models (else KEYART_HOME).")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]


def _told(reason: str) -> str:
    if not reason.strip():
        raise typer.BadParameter("say why in a word or two, or leave --reason out")
    return reason


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
