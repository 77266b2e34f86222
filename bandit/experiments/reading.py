"""What an experiment says at one moment: its cells side by side, compared with control, and whether to go on.

Knows no log and no storage. `ExperimentSums` takes decisions in parts, adds up, and is read as often as one likes: the
intervals that a verdict goes by hold at all looks at once.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import msgspec
import numpy as np

from bandit.experiments.allocation import Allocation
from bandit.experiments.cell_sums import CellSums, Column
from bandit.experiments.comparing import Comparison, Question, compare_variety, compared
from bandit.experiments.effects import (
    ABANDONMENT,
    COMPLETION,
    DECISIONS_A_VIEWER,
    PLAY_RATE,
    REWARD,
    Metric,
    mean_of,
)
from bandit.experiments.judgement import Judged, judge
from bandit.experiments.rules import ExperimentRules, Guardrail
from bandit.experiments.sample_ratio import SampleRatio, sample_ratio
from bandit.ope.batch import Floats

HOLD_BACK = "hold-back"
"""What the viewers are called who always get default artworks; no cell is called so."""

_TOLD = (REWARD, PLAY_RATE, COMPLETION, ABANDONMENT, DECISIONS_A_VIEWER)
_GUARDED: Mapping[Guardrail, Metric] = {Guardrail.COMPLETION: COMPLETION, Guardrail.ABANDONMENT: ABANDONMENT}


@dataclass(eq=False)
class ExperimentSums:
    """The sums of each cell by name, and of the viewers who are held back. Streaming and mergeable.

    `misplaced` counts decisions that were logged in another cell than the viewer's.
    """

    cells: dict[str, CellSums] = field(default_factory=dict[str, CellSums])
    misplaced: int = 0

    def cell(self, name: str) -> CellSums:
        """The sums of a cell, to be added to."""
        return self.cells.setdefault(name, CellSums())

    def __add__(self, other: "ExperimentSums") -> "ExperimentSums":
        names = [*self.cells, *(name for name in other.cells if name not in self.cells)]
        empty = CellSums()
        both = {name: self.cells.get(name, empty) + other.cells.get(name, empty) for name in names}
        return ExperimentSums(both, self.misplaced + other.misplaced)

    def worth_before(self) -> float | None:
        """What a decision of the cells' viewers was worth before the start; None where none is known of that time."""
        totals = [each.pieces().sum(axis=0) for name, each in self.cells.items() if name != HOLD_BACK]
        rows, reward = (sum(float(each[column]) for each in totals) for column in (Column.BEFORE, Column.REWARD_BEFORE))
        return reward / rows if rows and reward else None

    def crossed(self) -> int:
        """How many viewers are in more than one cell."""
        keys = [sums.viewers for sums in self.cells.values()]
        return sum(map(len, keys)) - len(np.unique(np.concatenate(keys))) if keys else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CellReading:
    """One cell: its viewers and decisions, and by metric its mean with the standard error (None: nothing to divide)."""

    cell: str
    policy: str
    viewers: int
    decisions: float
    metrics: Mapping[str, tuple[float, float] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the cells say; `comparisons` are with control, those of the held-back viewers last."""

    cells: tuple[CellReading, ...]
    comparisons: tuple[Comparison, ...]
    ratio: SampleRatio
    crossed: int
    misplaced: int
    judged: Judged

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON; numbers that nobody can tell are null."""
        told = msgspec.to_builtins(
            {
                "cells": self.cells,
                "comparisons": self.comparisons,
                "sample_ratio": {**msgspec.to_builtins(self.ratio), "mismatch": self.ratio.mismatch},
                "crossed": self.crossed,
                "misplaced": self.misplaced,
                "verdict": self.judged,
            }
        )
        return _finite(told)


def read_experiment(sums: ExperimentSums, allocation: Allocation, *, rules: ExperimentRules) -> Reading:
    """Compare every cell with control, and judge.

    The smallest lift is taken of what viewers were worth before the start, which no cell changes; without such a time,
    of what control is worth.
    """
    before = sums.worth_before()
    smallest = None if before is None else rules.smallest_lift * before
    pieces = {name: each.pieces() for name, each in sums.cells.items()}
    control = pieces.get(allocation.control.name, np.zeros((0, 8)))
    comparisons = [
        each
        for cell in allocation.cells[1:]
        for each in _against(sums, allocation, cell.name, control=control, rules=rules, smallest=smallest)
    ]
    ratio = sample_ratio([len(sums.cell(cell.name).viewers) for cell in allocation.cells], allocation.shares)
    crossed = sums.crossed()
    same = len({cell.policy for cell in allocation.cells}) == 1
    judged = judge(comparisons, ratio=ratio, crossed=crossed, misplaced=sums.misplaced, same_policy=same)
    policies = {cell.name: str(cell.policy) for cell in allocation.cells}
    if HOLD_BACK in pieces:
        policies[HOLD_BACK] = "default"
        comparisons.extend(_held_back(pieces[HOLD_BACK], control, rules=rules, smallest=smallest))
    return Reading(
        cells=tuple(_cell(sums, name, policy) for name, policy in policies.items()),
        comparisons=tuple(comparisons),
        ratio=ratio,
        crossed=crossed,
        misplaced=sums.misplaced,
        judged=judged,
    )


def _against(
    sums: ExperimentSums,
    allocation: Allocation,
    cell: str,
    *,
    control: Floats,
    rules: ExperimentRules,
    smallest: float | None,
) -> list[Comparison]:
    """One cell against control: by the reward, then by each guardrail."""
    risk = rules.risk / (len(allocation.cells) - 1)
    question = Question(cell=cell, risk=risk, lift=rules.smallest_lift, smallest=smallest)
    treated = sums.cell(cell).pieces()
    found = [compared(control, treated, REWARD, question=question)]
    for guardrail in rules.guardrails:
        asked = Question(cell=cell, risk=risk, lift=rules.smallest_lift, guardrail=True)
        if guardrail is Guardrail.DIVERSITY:
            own, theirs = (sums.cell(name).variety.effective_titles() for name in (allocation.control.name, cell))
            found.append(compare_variety(own, theirs, question=asked))
        else:
            found.append(compared(control, treated, _GUARDED[guardrail], question=asked))
    return [each for each in found if each is not None]


def _held_back(
    held_back: Floats, control: Floats, *, rules: ExperimentRules, smallest: float | None
) -> list[Comparison]:
    """What choosing artworks for viewers brings at all: those who are held back had no such choice before, either."""
    question = Question(cell=HOLD_BACK, risk=rules.risk, lift=rules.smallest_lift, smallest=smallest)
    found = compared(control, held_back, REWARD, question=question, adjusted=False)
    return [] if found is None else [found]


def _cell(sums: ExperimentSums, name: str, policy: str) -> CellReading:
    own = sums.cell(name)
    pieces = own.pieces()
    variety = own.variety.effective_titles()
    metrics = {metric.name: mean_of(pieces, metric) for metric in _TOLD}
    metrics[Guardrail.DIVERSITY.value] = None if variety is None else (variety.number, variety.number * variety.error)
    return CellReading(
        cell=name, policy=policy, viewers=len(own.viewers), decisions=float(pieces[:, 0].sum()), metrics=metrics
    )


def _finite(told: Any) -> Any:
    """The same with null for what is not finite."""
    if isinstance(told, dict):
        return {name: _finite(each) for name, each in cast(dict[str, Any], told).items()}
    if isinstance(told, (list, tuple)):
        return [_finite(each) for each in cast(Sequence[Any], told)]
    return None if isinstance(told, float) and not math.isfinite(told) else told
