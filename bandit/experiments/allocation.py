"""Which cell of which experiment a viewer is in: a salted hash of the pseudonym. Knows no log and no storage.

Viewers lie on a line from 0 to 1 by one hash that all experiments share; a running experiment holds a piece of that
line, and another running one holds another piece, so no viewer is in two. Within its piece an experiment deals viewers
to its cells by a hash of its own, so what an earlier experiment left behind is spread evenly over the next one's cells.
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from bandit.decision import CellLabel, PolicyVersionId
from bandit.errors import BanditError
from bandit.sampling import draw_uniform

MOST_CELLS = 10
_LINE_SALT = "experiments"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_CLOSE = 1e-9


class InvalidExperiment(BanditError):
    """An experiment's plan cannot be carried out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One arm: a policy version decides for its viewers. `weight` is its part of them beside the other cells'."""

    name: str
    policy: PolicyVersionId
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """How viewers are dealt: those from `begin` to `begin + share` of the line, to cells. The first cell is control.

    Raises:
        InvalidExperiment: fewer than two cells or more than ten, a name twice or badly written, a weight or share that
            means nothing.
    """

    experiment: str
    salt: str
    share: float
    cells: tuple[Cell, ...]
    begin: float = 0.0

    def __post_init__(self) -> None:
        names = [cell.name for cell in self.cells]
        if not 2 <= len(names) <= MOST_CELLS or len(set(names)) < len(names):
            raise InvalidExperiment(f"an experiment has 2 to {MOST_CELLS} cells of different names: give those")
        for name in (self.experiment, *names):
            if not _NAME.fullmatch(name):
                raise InvalidExperiment(f"{name!r} is no name: use up to 40 of a-z, 0-9, - and _, such as warm-posters")
        if not all(math.isfinite(cell.weight) and cell.weight > 0 for cell in self.cells):
            raise InvalidExperiment("a cell's weight must be above 0: leave out a cell that no viewer shall be in")
        if not (0 < self.share <= 1 and self.begin >= 0 and self.begin + self.share <= 1 + _CLOSE):
            raise InvalidExperiment("an experiment's share of the viewers must be above 0 and at most 1")

    @property
    def control(self) -> Cell:
        """The cell that the others are compared with."""
        return self.cells[0]

    @property
    def shares(self) -> tuple[float, ...]:
        """What part of the experiment's viewers each cell expects; they sum to 1."""
        whole = sum(cell.weight for cell in self.cells)
        return tuple(cell.weight / whole for cell in self.cells)

    def cell_of(self, viewer: str, *, lot: float) -> Cell | None:
        """The cell of a viewer (a pseudonym) whose `lot_of` is this; None for a viewer who is not in the experiment."""
        if not self.begin <= lot < self.begin + self.share:
            return None
        drawn, reached = _place(self.salt, viewer), 0.0
        for cell, share in zip(self.cells, self.shares, strict=True):
            reached += share
            if drawn < reached:
                return cell
        return self.cells[-1]

    def label(self, cell: Cell) -> CellLabel:
        """How pages name a cell."""
        return CellLabel(f"{self.experiment}/{cell.name}")


def lot_of(viewer: str) -> float:
    """A viewer's place on the line that experiments share, in [0, 1): the same one always."""
    return _place(_LINE_SALT, viewer)


@lru_cache(maxsize=16_384)
def _place(salt: str, viewer: str) -> float:
    """A viewer's number in [0, 1); a page asks for the same one several times."""
    return draw_uniform(salt, viewer, "", 0)


def dealt(viewer: str, running: Sequence[Allocation]) -> tuple[Allocation, Cell] | None:
    """The running experiment that a viewer is in, and the cell; None for a viewer who is in none."""
    if not running:
        return None
    lot = lot_of(viewer)
    for allocation in running:
        cell = allocation.cell_of(viewer, lot=lot)
        if cell is not None:
            return allocation, cell
    return None


def room_for(share: float, taken: Iterable[Allocation]) -> float | None:
    """Where on the line a new experiment with this share can begin; None where the running ones leave no such piece."""
    pieces = sorted((each.begin, each.begin + each.share) for each in taken)
    for (_, end), (begin, _) in pairwise([(0.0, 0.0), *pieces, (1.0, 1.0)]):
        if begin - end >= share - _CLOSE:
            return end
    return None
