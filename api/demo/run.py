"""The main job from nothing, step by step: the file to read to see what Keyart does.

The viewers are simulated and their tastes are known; the server, the worker, the API, the models, the log, the
learning and the evaluation are the real ones.
"""

import shutil
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from rich.console import Console
from sqlalchemy import Engine

from api.client import KeyartClient
from api.demo.audience import FIRST_DAY, HISTORY_DAYS, histories, liking, make_audience
from api.demo.programme import GENRES, make_programme, titles_of
from api.demo.result import Result, Truth, observed_value, print_results, true_values, write_result
from api.demo.stage import KEY, keyart, running_server
from api.demo.traffic import DEADLINE_SECONDS, TITLES_A_PAGE, Play, Season, plan_season, show_pages
from api.demo.truth import make_world
from api.demo.upload import post_events, upload_programme, upload_stills, wait_until_active
from api.errors import BadInput, Conflict
from api.progress import progress_bar
from api.security import SECRET_FILE, load_keys
from api.settings import load_settings
from api.storage.database import open_engine, reading
from api.storage.pages import last_page
from artwork.catalog import TitleId
from bandit.decision import PageId

TITLES = 48
ARTWORKS = 6
VIEWERS = 2000
MARKER = ".keyart-demo"
FEWEST_COVERED = 0.8


@dataclass(frozen=True, kw_only=True, eq=False)
class Rehearsal:
    """One run: where it lives, who plays in it, and its two seasons of page views."""

    home: Path
    seed: int
    play: Play
    seasons: tuple[Season, Season]
    console: Console


def run_demo(home: Path, *, seed: int, stills: Path | None) -> None:
    """Run the main job in `home`, print its table and say how to look around; `result.json` keeps the row.

    Raises:
        BadInput: `home` holds something that is not a demo's.
        Conflict: a step failed; the message says which log to look into.
    """
    rehearsal = _prepare(home.absolute(), seed)
    print_results([_rehearse(rehearsal, stills)], rehearsal.console)
    shown = rehearsal.play.programme[0].title.title
    say = partial(rehearsal.console.print, highlight=False, soft_wrap=True)
    say("Look around:")
    say(f"  .venv/bin/keyart serve --home {home} --worker   prints a key, with which to log in")
    say(f"  http://127.0.0.1:8000/gallery/{shown}   one title, its artworks, what three viewers see and why")


def run_seeds(home: Path, seeds: Iterable[int], *, stills: Path | None) -> None:
    """Run the main job for several seeds, each in a folder of its own under `home`, and print all rows.

    Raises:
        Conflict: a learned policy did not beat uniform online, or too few intervals hold the true value.
    """
    results = [_rehearse(_prepare(home.absolute() / f"seed-{seed}", seed), stills) for seed in seeds]
    print_results(results, Console())
    lost = [result.seed for result in results if not result.beaten]
    covered = sum(result.covered for result in results)
    if lost or covered < FEWEST_COVERED * len(results):
        raise Conflict(f"Seeds {lost} did not beat uniform; {covered} of {len(results)} intervals hold the truth.", "")


def _rehearse(rehearsal: Rehearsal, stills: Path | None) -> Result:
    began = time.monotonic()
    rehearsal.console.print(
        f"[bold]Keyart's main job[/], seed {rehearsal.seed}: simulated viewers on the real components.", soft_wrap=True
    )
    keyart(rehearsal.home, "migrate")
    engine = open_engine(f"sqlite:///{rehearsal.home / 'keyart.db'}")
    with running_server(rehearsal.home) as client:
        _load(rehearsal, client, stills=stills)
        result = _two_seasons(rehearsal, client, engine, began=began)
    engine.dispose()
    write_result(result, rehearsal.home)
    return result


def _prepare(home: Path, seed: int) -> Rehearsal:
    _empty(home)
    # Draws and the held-out viewers hang on pseudonyms: with a known secret the same seed gives the same table.
    (home / SECRET_FILE).write_text(f"keyart demo, seed {seed}: known to everyone\n")
    rng = np.random.default_rng(seed)
    programme = make_programme(rng, TITLES)
    audience = make_audience(rng, VIEWERS, genres=GENRES)
    play = Play(world=make_world(rng, audience, programme), audience=audience, programme=programme)
    fits, evening = liking(audience, titles_of(programme)), FIRST_DAY + timedelta(days=HISTORY_DAYS, hours=17)
    seasons = (
        plan_season(rng, "first", fits=fits, at=evening, seed=seed),
        plan_season(rng, "second", fits=fits, at=evening + timedelta(days=7), seed=seed),
    )
    return Rehearsal(home=home, seed=seed, play=play, seasons=seasons, console=Console())


def _empty(home: Path) -> None:
    """Begin from nothing, but never at the cost of files that are not a demo's."""
    if home.exists() and any(home.iterdir()) and not (home / MARKER).exists():
        raise BadInput(f"{home} is not empty and was not made by a demo.", "Choose another folder with --home.")
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    (home / MARKER).touch()


@contextmanager
def _step(rehearsal: Rehearsal, label: str) -> Generator[Callable[[float], None]]:
    """Show a bar for a step, and say when it is done how long it took."""
    began = time.monotonic()
    with progress_bar(label) as show:
        yield show
    rehearsal.console.print(f"{label:<32} {time.monotonic() - began:5.1f} s", highlight=False)


def _load(rehearsal: Rehearsal, client: httpx.Client, *, stills: Path | None) -> None:
    """Upload the catalogue, wait until it is embedded, send the histories and train the viewer vectors."""
    play = rehearsal.play
    with _step(rehearsal, "1 upload artworks") as show:
        for number, _ in enumerate(upload_programme(client, play.programme), start=1):
            show(number / (TITLES * ARTWORKS))
    titles = [showing.title.title for showing in play.programme]
    if stills is not None:
        titles += _upload_stills(rehearsal, client, stills)
    with _step(rehearsal, "2 embed artworks") as show:
        wait_until_active(client, titles, show=show)
    rng = np.random.default_rng([rehearsal.seed, 1])
    watching = histories(rng, play.audience, titles_of(play.programme))
    with _step(rehearsal, "3 send viewers' histories") as show:
        sent = 0
        for viewers in post_events(client, watching):
            sent += viewers
            show(sent / VIEWERS)
    with _step(rehearsal, "4 train viewer vectors"):
        trained = keyart(rehearsal.home, "foundation", "train", "--seed", str(rehearsal.seed))
    ndcg, popular = trained["test_ndcg_at_10"], trained["popularity_ndcg_at_10"]
    rehearsal.console.print(f"  next title, held out: NDCG@10 {ndcg:.3f}, popularity {popular:.3f}", highlight=False)


def _upload_stills(rehearsal: Rehearsal, client: httpx.Client, folder: Path) -> list[TitleId]:
    taken: list[TitleId] = []
    for title, refused in upload_stills(client, folder):
        taken.append(title)
        for name in refused:
            rehearsal.console.print(f"  refused: {title}/{name}", highlight=False)
    rehearsal.console.print(f"  {len(taken)} titles with real stills are in the gallery too", highlight=False)
    return taken


def _two_seasons(rehearsal: Rehearsal, client: httpx.Client, engine: Engine, *, began: float) -> Result:
    """Serve under uniform, learn, foretell, promote, serve again, and compare."""
    home = rehearsal.home
    first, second = rehearsal.seasons
    decisions = _serve(rehearsal, first, client, label="5 serve under uniform")
    with reading(engine) as connection:
        watermark = last_page(connection)
    with _step(rehearsal, "6 learn from the uniform log"):
        version = str(keyart(home, "learn")["version"])
    with _step(rehearsal, "7 evaluate it, promote it"):
        foretold = _estimate(keyart(home, "evaluate", "--policy", version), "snips")
        keyart(home, "promote", version, "--reason", "the demo's learned version")
        _wait_until_live(client, version)
    decisions += _serve(rehearsal, second, client, label="8 serve under the learned one")
    with _step(rehearsal, "9 join what is left"):
        keyart(home, "worker", "--once")
    truth = _truth(rehearsal, engine, since=watermark)
    return Result(
        seed=rehearsal.seed,
        decisions=decisions,
        uniform_true=truth.uniform,
        learned_true=truth.stated,
        predicted=foretold["value"],
        predicted_low=foretold["interval"]["low"],
        predicted_high=foretold["interval"]["high"],
        observed=observed_value(engine, since=watermark, until=None),
        uniform_observed=observed_value(engine, since=None, until=watermark),
        policy=version,
        seconds=round(time.monotonic() - began, 1),
    )


def _serve(rehearsal: Rehearsal, season: Season, client: httpx.Client, *, label: str) -> int:
    decisions = 0
    with KeyartClient(str(client.base_url), KEY, deadline=DEADLINE_SECONDS) as serving, _step(rehearsal, label) as show:
        for number, slots in enumerate(show_pages(rehearsal.play, season, serving), start=1):
            decisions += slots
            show(number / VIEWERS)
    unlogged = TITLES_A_PAGE * VIEWERS - decisions
    if unlogged:
        rehearsal.console.print(f"  {unlogged} decisions could not be logged in time and showed default artworks")
    return decisions


def _wait_until_live(client: httpx.Client, version: str) -> None:
    until = time.monotonic() + 30
    while client.get("/readyz").json()["policy"] != version:
        if time.monotonic() > until:
            raise Conflict(f"The server did not pick up {version}.", "See the demo's server.log.")
        time.sleep(0.1)


def _truth(rehearsal: Rehearsal, engine: Engine, *, since: PageId | None) -> Truth:
    keys = load_keys(load_settings(home=rehearsal.home))
    return true_values(rehearsal.play, engine, keys, since=since)


def _estimate(evaluated: dict[str, Any], estimator: str) -> dict[str, Any]:
    found: Sequence[dict[str, Any]] = [each for each in evaluated["estimates"] if each["estimator"] == estimator]
    return found[0]
