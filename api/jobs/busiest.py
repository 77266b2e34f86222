"""Who did most on a day, or on a title of it: what is looked at when an alarm asks who watched. Judges nobody."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Engine

from api.jobs.trusted import read_trust
from api.settings import Settings
from api.storage.catalog import find_title
from api.storage.database import reading
from api.storage.log_days import pages_of
from api.storage.rewards import rewarded_decisions
from artwork.catalog import TitleId
from bandit.decision import RewardedDecision
from foundation.events import ViewerId


@dataclass(slots=True)
class ViewerDay:
    """What a viewer did: decisions that were seen, those worth something, and what they are worth in all.

    `excluded` says why none of it counts, None where it does.
    """

    viewer: ViewerId
    decisions: int = 0
    plays: int = 0
    reward: float = 0.0
    excluded: str | None = None


@dataclass(frozen=True, slots=True)
class Busiest:
    """The viewers of a day whose decisions are worth most, the first first, and what all viewers' are."""

    viewers: list[ViewerDay]
    count: int
    decisions: int
    reward: float

    def share(self, viewer: ViewerDay) -> float:
        """How much of what all are worth is this viewer's."""
        return viewer.reward / self.reward if self.reward else 0.0


def busiest_viewers(
    engine: Engine, settings: Settings, day: date, *, title: str | None = None, limit: int = 20
) -> Busiest:
    """Read a day (UTC), so far as its outcomes came, those left out included.

    Raises:
        StorageUnavailable: the log cannot be read.
        UnknownTitle: there is no such title: a slip would read as a day on which nobody saw it.
    """
    if title is not None:
        with reading(engine) as connection:
            find_title(connection, TitleId(title))
    since, until = pages_of(day)
    rows = rewarded_decisions(engine, definition=settings.reward, since=since, until=until, provisional=True)
    exclusions = read_trust(engine).exclusions
    found: dict[ViewerId, ViewerDay] = {}
    for row in rows:
        if title is None or row.decision.title == title:
            own = found.setdefault(row.page.viewer, ViewerDay(row.page.viewer, excluded=exclusions.reason(row.page)))
            _add(own, row)
    most = sorted(found.values(), key=lambda each: (-each.reward, -each.decisions, each.viewer))
    return Busiest(most[:limit], len(most), _decisions(most), sum(each.reward for each in most))


def _add(own: ViewerDay, row: RewardedDecision) -> None:
    own.decisions += 1
    own.plays += row.reward > 0
    own.reward += row.reward


def _decisions(viewers: Iterable[ViewerDay]) -> int:
    return sum(each.decisions for each in viewers)
