"""The rows that count: without robots and internal traffic, and no more of a viewer in a day than the cap.

What is passed over stays in the log and in its export. Rows come in the order of the log, so a viewer's first rows of a
day (UTC) count: which those are was decided before anybody saw what came of them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from sqlalchemy import Engine

from api.settings import VIEWER_ROWS_A_DAY, Settings
from api.storage.database import reading
from api.storage.exclusions import Exclusions, read_exclusions
from api.storage.pages import decided_at
from bandit.caps import DailyCap
from bandit.decision import Page
from bandit.rewards import QUALITY_PLAY


class Row(Protocol):
    """A decision of a page, with whatever it is worth."""

    @property
    def page(self) -> Page:
        """The page that it was made on."""
        ...


R = TypeVar("R", bound=Row)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Who is left out, and how many rows of a viewer count in a day."""

    exclusions: Exclusions
    rows_a_day: int = VIEWER_ROWS_A_DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """How decisions are valued: the reward definition, the level of intervals, how many rows of a viewer-day count."""

    reward: str = QUALITY_PLAY
    level: float = 0.95
    rows_a_day: int = VIEWER_ROWS_A_DAY


def read_trust(engine: Engine, *, rows_a_day: int = VIEWER_ROWS_A_DAY) -> Trust:
    """Read who is left out now."""
    with reading(engine) as connection:
        return Trust(exclusions=read_exclusions(connection), rows_a_day=rows_a_day)


def measure_of(settings: Settings, *, reward: str | None = None, level: float = 0.95) -> Measure:
    """How this installation values decisions."""
    return Measure(reward=reward or settings.reward, level=level, rows_a_day=settings.viewer_rows_a_day)


@dataclass
class TrustedRows(Generic[R]):
    """Rows in the order of the log, less those that do not count: these are told in `excluded` and `capped`.

    Memory holds the viewers of one day.
    """

    rows: Iterable[R]
    trust: Trust
    excluded: int = field(default=0, init=False)
    capped: int = field(default=0, init=False)

    def __iter__(self) -> Iterator[R]:
        cap = DailyCap(self.trust.rows_a_day)
        for row in self.rows:
            page = row.page
            if self.trust.exclusions.reason(page) is not None:
                self.excluded += 1
            elif cap.admits(page.viewer, decided_at(page.page).date()):
                yield row
            else:
                self.capped += 1
