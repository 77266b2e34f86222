"""The overview: what is served, how well, on which rung, by which version, and what needs somebody. Changes nothing.

The page is whole without script; with it, its figures are fetched anew every ten seconds. What costs reads is kept by
`Looks` for everybody who looks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from threading import Lock
from typing import Any

from fastapi import APIRouter, Request, Response
from sqlalchemy import Connection

from api.console.charts import Point, bars_of, lines_of
from api.console.refusals import ConsoleRoute
from api.console.rendering import rate, rendered, reward
from api.console.reward_levels import HOLD_BACK, Level, RewardReader, Term, Terms, level_of
from api.console.standing import on_stage
from api.console.traffic import SLICE, SLICES, Traffic, TrafficReader
from api.dependencies.identity import has_died
from api.dependencies.requests import ServicesDep
from api.dependencies.services import Services
from api.dependencies.troubles import Look, Trouble, last_sign, look_at, troubles_of
from api.report.numbers import count
from api.storage.alarms import Alarm, open_alarms
from api.storage.database import reading
from api.storage.policies import standing
from api.storage.samples import count_waiting
from bandit.decision import Rung

router = APIRouter(include_in_schema=False, route_class=ConsoleRoute)

OWN = ("log", "disk")
"""Parts of a server's problems that are nothing to be refreshed."""
WAITING_COUNTED = 100_000
SERIES = 5
"""As many versions are drawn apart; more lines than that cannot be told from one another."""

_RUNGS = {
    Rung.LIVE: ("live version or canary", "live"),
    Rung.LAST_GOOD: ("last good version", "warn"),
    Rung.MOST_PLAYED: ("most played", "canary"),
    Rung.DEFAULT: ("default artwork", "bad"),
    Rung.HOLD_BACK: ("held back", "held"),
}
_FALLEN = (Rung.LAST_GOOD, Rung.MOST_PLAYED, Rung.DEFAULT)


class Looks:
    """What the overview keeps between two looks of whomever: one for an application."""

    def __init__(self, services: Services) -> None:
        self.traffic = TrafficReader()
        self.rewards = RewardReader(services.settings.reward)


_making = Lock()


def looks_of(request: Request, services: Services) -> Looks:
    """The application's looks, made when somebody looks first."""
    state = request.app.state
    with _making:
        if not hasattr(state, "looks"):
            state.looks = Looks(services)
    looks: Looks = state.looks
    return looks


@router.get("/console")
def overview(request: Request, services: ServicesDep) -> Response:
    """The whole page."""
    return rendered(request, services, "overview.html", _figures(request, services))


@router.get("/console/figures")
def figures(request: Request, services: ServicesDep) -> Response:
    """The part of it that refreshes itself."""
    return rendered(request, services, "parts/figures.html", _figures(request, services))


def _figures(request: Request, services: Services) -> dict[str, Any]:
    now = datetime.now(UTC)
    looks = looks_of(request, services)
    with reading(services.engine) as connection:
        traffic = looks.traffic.read(connection, now=now)
        read = looks.rewards.read(connection, now=now)
        stages = on_stage(connection, standing(connection))
        context = _of_operation(connection, now=now)
    names = {each.version: each.stage.value for each in stages}
    days = {day: terms or {} for day, terms in read.items()}
    return {
        **context,
        "now": now,
        "traffic": traffic,
        "minutes": round(SLICE.total_seconds() * SLICES / 60),
        "rates": bars_of([each.rate for each in traffic.slices], [_told(each) for each in traffic.slices]),
        "rungs": _rungs(traffic),
        "fallen": _share(traffic, _FALLEN),
        "held_back": _share(traffic, (Rung.HOLD_BACK,)),
        "stages": [(each, _over(days, each.version)) for each in stages],
        "hold_back": _over(days, HOLD_BACK),
        "hold_back_share": services.settings.hold_back,
        "reward": services.settings.reward,
        "unread": sum(terms is None for terms in read.values()),
        **_reward_chart(days, names),
        "problems": _grouped(services.problems),
        "recent": services.recent.look(),
        "announcement": _announcement(context["troubles"], context["alarms"]),
    }


def _of_operation(connection: Connection, *, now: datetime) -> dict[str, Any]:
    look = look_at(connection, now=now)
    return {
        "alarms": open_alarms(connection),
        "troubles": troubles_of(look, now=now),
        "jobs": look.jobs,
        "died": _held_by_the_dead(look),
        "sign": last_sign(look.jobs, now=now),
        "conservation": look.counts,
        "lag": None if look.due_since is None else max(0.0, (now - look.due_since).total_seconds()),
        "waiting": count_waiting(connection, at_most=WAITING_COUNTED),
        "waiting_counted": WAITING_COUNTED,
    }


def _held_by_the_dead(look: Look) -> set[str]:
    """The jobs whose holder died and whom nobody has taken over from yet."""
    return {each.job for each in look.jobs if each.owner is not None and has_died(each.owner)}


def _told(one: Any) -> str:
    least = "at least " if one.more else ""
    return f"{one.since:%H:%M} UTC: {least}{rate(one.rate)} decisions/s, {count(one.pages)} pages logged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One rung's part of a strip that is 1000 wide."""

    name: str
    colour: str
    share: float
    x: float
    width: float


def _rungs(traffic: Traffic) -> list[Part]:
    shares = traffic.shares()
    parts: list[Part] = []
    x = 0.0
    for rung, (name, colour) in _RUNGS.items():
        share = shares.get(rung, 0.0)
        parts.append(Part(name=name, colour=colour, share=share, x=round(x, 1), width=round(1000 * share, 1)))
        x += 1000 * share
    return parts if shares else []


def _share(traffic: Traffic, rungs: tuple[Rung, ...]) -> float | None:
    shares = traffic.shares()
    return sum(shares.get(rung, 0.0) for rung in rungs) if shares else None


def _over(days: dict[date, Terms], name: str) -> Level | None:
    """A version's level over all the days that were read."""
    every: list[Term] = [term for terms in days.values() for term in terms.get(name, ())]
    return level_of(every)


def _reward_chart(days: dict[date, Terms], stages: dict[Any, str]) -> dict[str, Any]:
    """The levels by day of what is on a stage, of who is held back, and of what decided most besides."""
    points: dict[str, list[Point]] = {}
    for place, (day, terms) in enumerate(days.items()):
        for name, own in terms.items():
            level = level_of(own)
            if level is not None:
                points.setdefault(name, []).append(_point(place, day, name, level))
    shown = sorted(points, key=lambda name: (name not in stages, name != HOLD_BACK, -len(points[name]), name))[:SERIES]
    colours = {name: stages.get(name, "held" if name == HOLD_BACK else "other") for name in shown}
    drawn = lines_of({name: points[name] for name in shown}, colours=colours, places=max(1, len(days)))
    return {"levels": drawn, "days": list(days), "left_out": len(points) - len(shown)}


def _point(place: int, day: date, name: str, level: Level) -> Point:
    told = f"{day:%Y-%m-%d} {name}: {reward(level.mean)} [{reward(level.low)}, {reward(level.high)}]"
    return Point(
        place=place,
        value=level.mean,
        low=level.low,
        high=level.high,
        told=f"{told}, {count(level.seen)} decisions looked at",
    )


def _grouped(problems: Mapping[str, str]) -> list[tuple[str, str]]:
    """What is wrong with this server, heading and message: parts that the same thing keeps from being read are one."""
    parts: dict[str, list[str]] = {}
    for part, said in [*problems.items()]:
        parts.setdefault(said, []).append(part)
    return [(_heading(own), said) for said, own in parts.items()]


def _heading(parts: Sequence[str]) -> str:
    names = " and ".join(f"the {part}" for part in parts)
    told = f"{names} of this server" if parts[0] in OWN else f"{names} cannot be refreshed on this server"
    return told[0].upper() + told[1:]


def _announcement(troubles: Sequence[Trouble], alarms: Sequence[Alarm]) -> str:
    told: list[str] = []
    if troubles:
        told.append(f"{_counted(len(troubles), 'thing is', 'things are')} wrong. The worst: {troubles[0].message}")
    if alarms:
        told.append(f"{_counted(len(alarms), 'alarm is', 'alarms are')} open. The newest: {alarms[0].message}")
    return " ".join(told) or "No alarm is open."


def _counted(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}"
