"""The rows that count: without robots and internal traffic, and no more of a viewer in a day than the cap.

What is passed over stays in the log and in its export. Rows come in the order of the log, so a viewer's first rows of a
day (UTC) count: which those are was decided before anybody saw what came of them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from sqlalchemy import Engine

from api.settings import Settings
from api.storage.database import reading
from api.storage.exclusions import Exclusions, read_exclusions
from api.storage.pages import decided_at
from bandit.caps import Caps, DailyCap
from bandit.decision import Page, Slot
from bandit.rewards import QUALITY_PLAY


class Row(Protocol):
    """A decision of a page, with whatever it is worth."""

    @property
    def page(self) -> Page:
        """The page that it was made on."""
        ...

    @property
    def decision(self) -> Slot:
        """The slot that it is."""
        ...


R = TypeVar("R", bound=Row)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Who is left out, and how many rows of a viewer count in a day."""

    exclusions: Exclusions
    caps: Caps = field(default_factory=Caps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """How decisions are valued: the reward definition, the level of intervals, which rows of a viewer-day count."""

    reward: str = QUALITY_PLAY
    level: float = 0.95
    caps: Caps = field(default_factory=Caps)


def read_trust(engine: Engine, *, caps: Caps | None = None) -> Trust:
    """Read who is left out now."""
    with reading(engine) as connection:
        return Trust(exclusions=read_exclusions(connection), caps=caps or Caps())


def measure_of(settings: Settings, *, reward: str | None = None, level: float = 0.95) -> Measure:
    """How this installation values decisions."""
    return Measure(reward=reward or settings.reward, level=level, caps=settings.caps)


@dataclass
class TrustedRows(Generic[R]):
    """Rows in the order of the log, less those that do not count: these are told in `excluded` and `capped`.

    A `cap` goes on from the rows before, for a log that is read in parts. Memory holds some hundred bytes a viewer of
    one day.
    """

    rows: Iterable[R]
    trust: Trust
    cap: DailyCap | None = None
    excluded: int = field(default=0, init=False)
    capped: int = field(default=0, init=False)

    def __iter__(self) -> Iterator[R]:
        cap = self.cap or DailyCap(self.trust.caps)
        for row in self.rows:
            page = row.page
            if self.trust.exclusions.reason(page) is not None:
                self.excluded += 1
            elif cap.admits(page.viewer, row.decision.title, day=decided_at(page.page).date()):
                yield row
            else:
                self.capped += 1
