"""`keyart tune`: settings of learning and exploring, searched on the log, or in Worlds whose truth is known."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.options import AsJson, Home

if TYPE_CHECKING:
    from bandit.tuning.figures import Figure, Tried
    from bandit.tuning.search import Search, Tuned

_USUAL = {"gamma_scale": ["1000", "3000", "10000", "30000"]}

Worlds = Annotated[
    list[str] | None,
    typer.Option("--world", help="A World to search in; again for more: weak, strong, blurred, rare, moving, late, …"),
]
Values = Annotated[
    list[str] | None,
    typer.Option("--set", help="Values to try, NAME=VALUE,VALUE; again for more settings: all combinations are tried."),
]


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command(epilog="Example: keyart tune --set gamma_scale=1000,10000 --set epsilon=0.01,0.02")(tune)


def tune(
    world: Worlds = None,
    values: Values = None,
    alone: Annotated[
        bool, typer.Option("--one-by-one", help="Each value by itself instead of all combinations.")
    ] = False,
    seeds: Annotated[int, typer.Option(min=1, max=1000, help="Worlds of each name that the best are tried in.")] = 3,
    first_seed: Annotated[int, typer.Option(min=0, help="Another one gives other Worlds, to confirm in.")] = 0,
    decisions: Annotated[int, typer.Option(min=1, help="Decisions a play.")] = 20_000,
    rounds: Annotated[int, typer.Option(min=1, help="How often it is learned during a play.")] = 10,
    least: Annotated[
        float, typer.Option("--least-probability", min=0, max=1, help="Settings that state less are out.")
    ] = 1e-3,
    jobs: Annotated[int, typer.Option(min=1, max=256, help="Processes; the result is the same with any.")] = 1,
    halving: Annotated[
        bool, typer.Option(help="On the log: learn from some viewers first, and drop the worse half.")
    ] = True,
    level: Annotated[
        float, typer.Option(min=0.5, max=0.999, help="On the log: level of all intervals together.")
    ] = 0.95,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Search settings of learning and exploring: on this installation's log, or with --world in Worlds of known truth.

    On the log every trial is learned and valued beside the live version on viewers that learning never saw; one that is
    better beyond doubt, all intervals holding at once, is kept as a candidate. In Worlds nothing is changed.
    """
    from api.jobs.tuning import players
    from api.progress import progress_bar
    from bandit.tuning.search import Search, tune
    from bandit.tuning.trials import grid, one_by_one

    if not world:
        from api.cli.tune_on_log import print_search

        trials = (one_by_one if alone else grid)(_read(values or []) or _USUAL)
        print_search(trials, halving=halving, level=level, home=home, as_json=as_json)
        return
    search = Search(
        worlds=tuple(dict.fromkeys(world)),
        seeds=seeds,
        first_seed=first_seed,
        decisions=decisions,
        rounds=rounds,
        least=least,
    )
    trials = (one_by_one if alone else grid)(_read(values or []) or _USUAL)
    with progress_bar("Playing Worlds") as progress, players(jobs) as play:
        tuned = tune(trials, search, play=play, progress=progress)
    typer.echo(json.dumps(_told(search, tuned)) if as_json else "\n".join(_lines(search, tuned)))


def _read(values: list[str]) -> dict[str, list[str]]:
    from api.errors import BadInput

    found: dict[str, list[str]] = {}
    for text in values:
        name, equals, listed = text.partition("=")
        if not equals:
            raise BadInput(f"{text!r} names no values.", "Write NAME=VALUE,VALUE: gamma_scale=1000,10000.")
        found.setdefault(name.strip(), []).extend(value.strip() for value in listed.split(",") if value.strip())
    return found


def _told(search: "Search", tuned: "Tuned") -> dict[str, Any]:
    from bandit.tuning.trials import SHIPPED, settings_of

    best, clear = tuned.best, tuned.clearly_better
    return {
        "worlds": search.worlds,
        "seeds": search.seeds,
        "first_seed": search.first_seed,
        "decisions": search.decisions,
        "rounds": search.rounds,
        "least_probability": search.least,
        "shipped": settings_of(SHIPPED),
        "best": best.trial.name if best else None,
        "clearly_better": clear.trial.name if clear else None,
        "tried": [_told_of(one) for one in tuned.tried],
    }


def _told_of(tried: "Tried") -> dict[str, Any]:
    from dataclasses import asdict

    from bandit.tuning.trials import settings_of

    return {
        "name": tried.trial.name,
        "settings": settings_of(tried.trial),
        "shipped": tried.is_shipped,
        "seeds": tried.seeds,
        "final_gap": asdict(tried.final_gap),
        "ahead": asdict(tried.ahead),
        "clearly_better": tried.clearly_better,
        "online_gap": tried.online_gap,
        "smallest_probability": tried.smallest,
        "seconds": tried.seconds,
        "worlds": {name: asdict(place) for name, place in tried.worlds.items()},
        "against": tried.against,
    }


def _lines(search: "Search", tuned: "Tuned") -> Iterator[str]:
    from bandit.tuning.trials import SHIPPED, settings_of

    heads = ["settings", "final gap", "ahead of shipped", *search.worlds, "online", "smallest p", "seeds", "s a run"]
    yield from _aligned([heads, *(_cells(search, one) for one in tuned.tried)])
    yield ""
    for one in tuned.tried:
        if one.against:
            yield f"Not to be recommended: {one.trial.name} {one.against}."
    told = " ".join(f"{name}={_value(value)}" for name, value in settings_of(SHIPPED).items())
    yield f"Shipped now: {told}."
    yield _verdict(tuned)


def _cells(search: "Search", tried: "Tried") -> list[str]:
    return [
        tried.trial.name,
        _figure(tried.final_gap),
        "" if tried.is_shipped else _figure(tried.ahead, sign="+"),
        *(_figure(tried.worlds[name].final_gap) for name in search.worlds),
        f"{tried.online_gap:.3f}",
        f"{tried.smallest:.2g}",
        f"{tried.seeds}",
        f"{tried.seconds:.0f}",
    ]


def _verdict(tuned: "Tuned") -> str:
    if tuned.best is None:
        return "Nothing that was tried states probabilities large enough."
    which = tuned.clearly_better.trial.name if tuned.clearly_better else "Nothing that was tried"
    return f"{which} is ahead of the shipped settings by more than 2 standard errors in every World."


def _figure(figure: "Figure", *, sign: str = "") -> str:
    """A mean with its standard error, where there is one."""
    error = "" if figure.error is None else f" ± {figure.error:.3f}"
    return f"{round(figure.mean, 3) + 0.0:{sign}.3f}{error}"


def _value(value: object) -> str:
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else f"{value}"


def _aligned(rows: list[list[str]]) -> Iterator[str]:
    """Columns side by side: the first to the left, numbers to the right."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        right = (cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))
        yield "  ".join([first.ljust(widths[0]), *right]).rstrip()
