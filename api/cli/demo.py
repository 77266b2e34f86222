"""`keyart demo`: the main job from nothing, with simulated viewers on the real components."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command(epilog="Example: keyart demo --home demo")(demo)


def demo(
    home: Annotated[Path, typer.Option(help="Folder of the demo; emptied first if a demo made it.")] = Path("demo"),
    seed: Annotated[int, typer.Option(min=0, help="Seed of titles, viewers and their hidden tastes.")] = 0,
    seeds: Annotated[int, typer.Option(min=1, help="Run so many seeds, one after the other.")] = 1,
    stills: Annotated[
        Path | None,
        typer.Option(envvar="KEYART_STILLS", help="Folder of real pictures, one sub-folder a title, uploaded too."),
    ] = None,
) -> None:
    """Upload, embed, select, log, learn, evaluate, promote, and compare what was foretold with what came true."""
    from api.demo.run import run_demo, run_seeds

    if seeds > 1:
        run_seeds(home, range(seed, seed + seeds), stills=stills)
    else:
        run_demo(home, seed=seed, stills=stills)
