"""`keyart tune` without a World: the search on the log, told as a table or an object."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer
from rich.table import Table

from api.cli.options import TYPED, actor, settings_of
from api.cli.paper import paper
from api.jobs.searching import ESTIMATOR, Found, LogSearch, Searched, search_log
from api.progress import progress_bar
from api.storage.audit_log import By
from api.storage.blobs import BlobStore
from api.storage.database import open_engine
from bandit.tuning.trials import Trial
from bandit.tuning.trials import settings_of as trial_settings


def print_search(trials: Sequence[Trial], *, halving: bool, level: float, home: Path | None, as_json: bool) -> None:
    """Search, keep what is recommended, and tell all of it."""
    settings = settings_of(home)
    engine, blobs = open_engine(settings.database_url), BlobStore(settings.blob_root)
    search = LogSearch(trials=trials, halving=halving, level=level)
    with progress_bar("Learning and valuing") as progress:
        by = By(actor(), TYPED)
        searched = search_log(engine, blobs, settings=settings, search=search, by=by, progress=progress)
    if as_json:
        typer.echo(json.dumps(_object(searched, level=level), allow_nan=False))
    else:
        _print(searched, level=level)


def _object(searched: Searched, *, level: float) -> dict[str, Any]:
    return {
        "live": searched.live,
        "level": level,
        "estimator": ESTIMATOR,
        "rows": searched.found[0].evaluation.rows,
        "candidate": searched.kept,
        "tried": [_tried(each) for each in searched.found],
    }


def _tried(found: Found) -> dict[str, Any]:
    estimate, gain = found.evaluation.estimate(ESTIMATOR), found.gain
    refusals = (*found.evaluation.refusals, *found.compared.baseline.evaluation.refusals)
    return {
        "name": found.trial.name,
        "settings": trial_settings(found.trial),
        "viewers": found.share,
        "value": None if estimate is None else estimate.value,
        "difference": None if gain is None else {"value": gain[0], "low": gain[1], "high": gain[2]},
        "refusals": [refusal.to_json() for refusal in refusals],
    }


def _print(searched: Searched, *, level: float) -> None:
    console = paper()
    told = _object(searched, level=level)
    console.print(f"{told['rows']:,} rows of viewers that learning never saw; {searched.live} is live")
    table = Table("settings", "learned from", "value", f"more than live, all at once {level:.0%}", "why no number")
    for each in told["tried"]:
        gain = each["difference"]
        table.add_row(
            each["name"],
            f"{each['viewers']:.0%} of viewers",
            "" if each["value"] is None else f"{each['value']:.4f}",
            "" if gain is None else f"{gain['value']:+.4f} ({gain['low']:+.4f} to {gain['high']:+.4f})",
            each["refusals"][0]["code"] if each["refusals"] else "",
        )
    console.print(table)
    if searched.kept:
        console.print(f"Better than {searched.live} beyond doubt: kept as {searched.kept}; `keyart promote` it.")
    else:
        console.print(f"Nothing is better than {searched.live} beyond doubt; no version was kept.")
