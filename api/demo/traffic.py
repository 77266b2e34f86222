"""The demo's page views: which titles each viewer is offered, what is shown, and what they do about it.

Everything goes through the Python client and the HTTP API, as a serving layer would do it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from api.client import Asked, Chosen, KeyartClient, ReportedOutcome
from api.demo.audience import DEVICE_SHARES, DEVICES, Audience
from api.demo.programme import Showing
from api.errors import Conflict
from bandit.simulator.response import respond
from bandit.simulator.world import World

TITLES_A_PAGE = 12
SEEN_SHARE = 0.95
"""Some slots are never scrolled to: nothing is reported of them, and nothing may be learned from them (C4)."""

DEADLINE_SECONDS = 10.0
_SOON_SECONDS = 600.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Season:
    """One round of page views, a page a viewer: `offers` (viewers, TITLES_A_PAGE) are titles by index."""

    name: str
    seed: int
    at: datetime
    offers: NDArray[np.int64]


def plan_season(rng: np.random.Generator, name: str, *, fits: NDArray[np.float64], at: datetime, seed: int) -> Season:
    """Let a simple title ranker choose: what fits a viewer's genres (viewers, titles) comes more often and earlier."""
    noise = rng.gumbel(size=fits.shape)
    offers = np.argsort(-(3.0 * fits + noise), axis=1)[:, :TITLES_A_PAGE]
    return Season(name=name, seed=seed, at=at, offers=offers)


@dataclass(frozen=True, kw_only=True, eq=False)
class Play:
    """Who plays: the World that knows the truth, and the records that ids are looked up in."""

    world: World
    audience: Audience
    programme: Sequence[Showing]


def show_pages(play: Play, season: Season, client: KeyartClient) -> Iterator[int]:
    """Select a page for every viewer, let them respond, report it, and yield the number of logged decisions of each.

    A page that the server could not log in time shows default artworks; nothing is reported of it, as of any such page.

    Raises:
        Conflict: the server did not answer, or refused the outcomes.
    """
    # One page after the other: learning depends on the order of the log, and the same seed shall give the same version.
    for viewer in range(len(season.offers)):
        yield _one_page(play, season, client, viewer)


def _one_page(play: Play, season: Season, client: KeyartClient, viewer: int) -> int:
    # A generator of its own for every page: what one viewer does changes nothing for the next.
    rng = np.random.default_rng([season.seed, viewer, *season.name.encode()])
    titles: list[int] = season.offers[viewer].tolist()
    at = season.at + timedelta(seconds=float(rng.uniform(0, 6 * 3600)))
    page = client.select(
        play.audience.viewers[viewer],
        [Asked(title=play.programme[title].title.title, position=place) for place, title in enumerate(titles)],
        context={"device": str(rng.choice(DEVICES, p=DEVICE_SHARES)), "row": "recommended", "at": at.isoformat()},
    )
    if page.error is not None:
        raise Conflict(f"A page could not be selected: {page.error}.", "See the server's log.")
    if not page.logged:
        return 0
    outcomes = [
        outcome
        for title, slot in zip(titles, page.slots, strict=True)
        for outcome in _outcomes(play, rng, viewer=viewer, title=title, slot=slot, at=at)
    ]
    reported = client.report(outcomes)
    if reported.error is not None or reported.rejected:
        raise Conflict(f"Outcomes were not taken: {reported.error or reported.rejected[0]}.", "See the server's log.")
    return len(page.slots)


def _outcomes(
    play: Play, rng: np.random.Generator, *, viewer: int, title: int, slot: Chosen, at: datetime
) -> list[ReportedOutcome]:
    seen = bool(rng.random() < SEEN_SHARE)
    artwork = list(play.programme[title].scenes).index(slot.artwork)  # pyright: ignore[reportArgumentType]
    response = respond(play.world, rng, viewer=viewer, title=title, artwork=artwork)
    if not seen or slot.decision is None:
        return []
    outcomes = [_outcome(slot.decision, "seen", at)]
    if response.played:
        kind = "abandoned" if response.seconds < _SOON_SECONDS else "watched"
        seconds, of_seconds = response.seconds, response.of_seconds
        outcomes.append(_outcome(slot.decision, "played", at, seconds=0.0, of_seconds=of_seconds))
        ended = at + timedelta(seconds=seconds)
        outcomes.append(_outcome(slot.decision, kind, ended, seconds=seconds, of_seconds=of_seconds))
    return outcomes


def _outcome(
    decision: str, kind: str, at: datetime, *, seconds: float | None = None, of_seconds: float | None = None
) -> ReportedOutcome:
    return ReportedOutcome(
        event=f"{decision}-{kind}",
        decision=decision,
        kind=kind,
        at=at.isoformat(),
        seconds=seconds,
        of_seconds=of_seconds,
    )
