"""A/A on the log: viewers whom nobody treated differently are split again and again, and nothing must be found.

Knows no storage. It tells whether intervals here are as sure as they say, and which lift an experiment of this size
would find, before anybody is experimented on.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bandit.experiments.cell_sums import CellSums
from bandit.experiments.effects import ABANDONMENT, COMPLETION, REWARD, Effect, Metric, effect
from bandit.ope.batch import Floats, Mask
from bandit.ope.intervals.quantiles import normal_quantile

METRICS = (REWARD, COMPLETION, ABANDONMENT)
POWER = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """Of `splits` splits a share of `alarms` found a difference, and `sound` says whether that is as many as may be.

    `smallest_lift` is the relative lift that a split of these viewers finds in 80 of 100 experiments, and
    `without_before` the same without the time before.
    """

    metric: str
    splits: int
    alarms: float
    sound: bool
    smallest_lift: float
    without_before: float


def rehearse(
    sums: CellSums, *, splits: int, seed: int, share: float = 0.5, risk: float = 0.05
) -> tuple[Rehearsal, ...]:
    """Split viewers `splits` times, `share` of them into the treated cell, and compare as an experiment would.

    Too many alarms are more than chance gives in 1 of 1,000 rehearsals (normal approximation of the binomial).
    """
    pieces, rng = sums.pieces(), np.random.default_rng(seed)
    parts: list[Mask] = [rng.random(len(pieces)) < share for _ in range(splits)]
    return tuple(
        found for metric in METRICS if (found := _rehearsed(pieces, parts, metric=metric, risk=risk)) is not None
    )


def _rehearsed(pieces: Floats, parts: Sequence[Mask], *, metric: Metric, risk: float) -> Rehearsal | None:
    pairs = [
        (effect(pieces[~part], pieces[part], metric), effect(pieces[~part], pieces[part], metric, adjusted=False))
        for part in parts
    ]
    found = [(one, plain) for one, plain in pairs if one is not None and plain is not None]
    if not found:
        return None
    alarms = float(np.mean([one.p_value < risk for one, _ in found]))
    most = risk + normal_quantile(0.998) * math.sqrt(risk * (1 - risk) / len(found))
    return Rehearsal(
        metric=metric.name,
        splits=len(found),
        alarms=alarms,
        sound=alarms <= most,
        smallest_lift=_detectable([one for one, _ in found], risk),
        without_before=_detectable([plain for _, plain in found], risk),
    )


def _detectable(effects: list[Effect], risk: float) -> float:
    """The lift that is found with `POWER`: (z of the risk + z of the power) standard errors."""
    reach = normal_quantile(1.0 - risk) + normal_quantile(2.0 * POWER - 1.0)
    return reach * float(np.median([one.lift_error for one in effects]))
