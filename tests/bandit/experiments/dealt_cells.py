"""Viewers of two cells with tastes of their own, who come again and again: what tests of experiments read."""

from dataclasses import dataclass

import numpy as np

from bandit.decision import PolicyVersionId
from bandit.experiments.allocation import Allocation, Cell
from bandit.experiments.cell_sums import CellSums, Seen
from bandit.experiments.reading import ExperimentSums
from bandit.ope.batch import Floats, Integers
from bandit.policies.uniform import UNIFORM

TWO = Allocation(
    experiment="warm",
    salt="one",
    share=1.0,
    cells=(Cell(name="control", policy=UNIFORM), Cell(name="b", policy=PolicyVersionId("b"))),
)


@dataclass(frozen=True)
class Crowd:
    """n viewers of one cell: `taste` (n,) is how probably each plays, of late so much more; `keys` (n,) name them."""

    taste: Floats
    first: int
    lift: float = 0.0

    @property
    def keys(self) -> Integers:
        return np.arange(self.first, self.first + len(self.taste)) * 7919 + 1

    def visit(self, sums: CellSums, rng: np.random.Generator, *, rows: int = 1, titles: int = 5) -> None:
        """Everybody sees so many decisions."""
        taste = np.tile(np.clip(self.taste + self.lift, 0, 1), rows)
        play = (rng.random(len(taste)) < taste).astype(np.float64)
        sums.add(
            Seen(
                viewers=np.tile(self.keys, rows).astype(np.uint64),
                stands_for=np.ones(len(taste)),
                reward=play,
                play=play,
                watched=play * rng.random(len(taste)),
                earnest=(rng.random(len(taste)) < 0.7).astype(np.float64),
                titles=[f"title-{number}" for number in rng.integers(titles, size=len(taste))],
            )
        )

    def visited(self, sums: CellSums, rng: np.random.Generator, *, rows: int) -> None:
        """Everybody saw so many decisions before."""
        taste = np.tile(self.taste, rows)
        reward = (rng.random(len(taste)) < taste).astype(np.float64)
        sums.add_before(np.tile(self.keys, rows).astype(np.uint64), reward=reward, stands_for=np.ones(len(taste)))


def crowds(rng: np.random.Generator, *, viewers: int = 400, lift: float = 0.0, spread: float = 0.3) -> list[Crowd]:
    """A crowd a cell; the second one plays so much more."""
    tastes = [np.clip(rng.normal(0.4, spread, viewers), 0.02, 0.9) for _ in range(2)]
    return [Crowd(tastes[0], 0), Crowd(tastes[1], viewers, lift)]


def sums_of(rng: np.random.Generator, people: list[Crowd], *, rows: int = 5, before: int = 0) -> ExperimentSums:
    """What both cells add up to."""
    sums = ExperimentSums()
    for cell, crowd in zip(TWO.cells, people, strict=True):
        crowd.visit(sums.cell(cell.name), rng, rows=rows)
        if before:
            crowd.visited(sums.cell(cell.name), rng, rows=before)
    return sums
