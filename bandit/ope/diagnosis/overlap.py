"""How much a log says about a target: weights, effective rows and support. Knows no rewards' meaning and no verdicts.

Small frozen sums of a batch each; `+` merges parts.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from bandit.ope.batch import Batch, Integers
from bandit.ope.terms import Agreement, One, Term, TermSums, Weight, WeightedReward

_SAME = 1e-9
_NAMED_ROWS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Extremes:
    """The ends of what rows hold, and what lies at them; a row counts as often as it stands for decisions.

    `heaviest` is the largest weight of a row, so counted. `at_smallest` rows have the smallest propensity. `thin`
    rows were logged with less than the floor; they stand for `thin_decisions` and have the weight `thin_weight`.
    `owed` is Σ |w r| over negative rewards.
    """

    heaviest: float = 0.0
    smallest_propensity: float = math.inf
    at_smallest: int = 0
    largest_propensity: float = 0.0
    lowest_reward: float = math.inf
    highest_reward: float = -math.inf
    owed: float = 0.0
    thin: int = 0
    thin_decisions: float = 0.0
    thin_weight: float = 0.0

    @classmethod
    def of(cls, batch: Batch, *, floor: float) -> "Extremes":
        """Those of a batch with at least one row."""
        weights = batch.weights * batch.stands_for
        smallest, lowest = float(batch.propensity.min()), float(batch.reward.min())
        thin = batch.propensity < floor
        return cls(
            heaviest=float(weights.max()),
            smallest_propensity=smallest,
            at_smallest=int((batch.propensity <= smallest * (1.0 + _SAME)).sum()),
            largest_propensity=float(batch.propensity.max()),
            lowest_reward=lowest,
            highest_reward=float(batch.reward.max()),
            owed=float(-(weights * np.minimum(batch.reward, 0.0)).sum()) if lowest < 0.0 else 0.0,
            thin=int(thin.sum()),
            thin_decisions=float(batch.stands_for[thin].sum()),
            thin_weight=float(weights[thin].sum()),
        )

    def __add__(self, other: "Extremes") -> "Extremes":
        smallest = min(self.smallest_propensity, other.smallest_propensity)
        at_it = [each for each in (self, other) if each.smallest_propensity <= smallest * (1.0 + _SAME)]
        return Extremes(
            heaviest=max(self.heaviest, other.heaviest),
            smallest_propensity=smallest,
            at_smallest=sum(each.at_smallest for each in at_it),
            largest_propensity=max(self.largest_propensity, other.largest_propensity),
            lowest_reward=min(self.lowest_reward, other.lowest_reward),
            highest_reward=max(self.highest_reward, other.highest_reward),
            owed=self.owed + other.owed,
            thin=self.thin + other.thin,
            thin_decisions=self.thin_decisions + other.thin_decisions,
            thin_weight=self.thin_weight + other.thin_weight,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Sums over the weights w = π(a|x) / p of `rows` rows, which stand for `decisions`; `agreement` is Σ π(a|x).

    In every sum a row that was logged with probability q counts 1 / q times.
    """

    rows: int
    decisions: float
    total: float
    squared: float
    rewarded: float
    rewarded_squared: float
    agreement: float
    ends: Extremes

    @classmethod
    def of(cls, sums: TermSums, *, ends: Extremes) -> "Weights":
        """What sums that hold `WEIGHED` say, with the extremes of the same rows."""
        chosen = sums.of(WEIGHED)
        decisions, total, earned, agreement = chosen.totals.tolist()
        gram = chosen.row_gram()
        return cls(
            rows=chosen.rows,
            decisions=decisions,
            total=total,
            squared=float(gram[1, 1]),
            rewarded=earned + 2.0 * ends.owed,
            rewarded_squared=float(gram[2, 2]),
            agreement=agreement,
            ends=ends,
        )

    @property
    def mean(self) -> float:
        """Σ w / n: about 1 where propensities are true and the target is supported."""
        return self.total / self.decisions

    @property
    def effective_rows(self) -> float:
        """(Σ w)² / Σ w² (Kish 1965): how many rows drawn by the target itself these are worth, at most."""
        return self.total**2 / self.squared if self.squared else 0.0

    @property
    def rewarded_effective_rows(self) -> float:
        """(Σ w|r|)² / Σ (w r)²: the same over what was rewarded, which is what an estimate of rare rewards rests on."""
        return self.rewarded**2 / self.rewarded_squared if self.rewarded_squared else 0.0

    @property
    def heaviest_share(self) -> float:
        """The largest weight's share of all."""
        return self.ends.heaviest / self.total if self.total else 0.0

    @property
    def thin_share(self) -> float:
        """The share of all weight that lies on rows which were logged with less than the floor."""
        return self.ends.thin_weight / self.total if self.total else 0.0

    @property
    def take_fraction(self) -> float:
        """Σ π(a|x) / n: the share of rows on which a draw of the target equals the logged artwork."""
        return self.agreement / self.decisions

    @property
    def one_propensity(self) -> bool:
        """Whether every row was logged with one and the same probability, as replay needs."""
        ends = self.ends
        return ends.largest_propensity - ends.smallest_propensity <= 1e-6 * ends.largest_propensity

    def to_json(self, *, floor: float) -> dict[str, Any]:
        """Plain numbers; empty without rows."""
        if not self.rows:
            return {}
        return {
            "mean_weight": self.mean,
            "largest_weight": self.ends.heaviest,
            "effective_sample_size": self.effective_rows,
            "rewarded_effective_sample_size": self.rewarded_effective_rows,
            "take_fraction": self.take_fraction,
            "smallest_propensity": self.ends.smallest_propensity,
            "at_floor": {
                "floor": floor,
                "share_of_rows": self.ends.thin_decisions / self.decisions,
                "share_of_weight": self.thin_share,
                "rows_at_smallest": self.ends.at_smallest,
            },
        }


WEIGHED: tuple[Term, ...] = (One(), Weight(), WeightedReward(), Agreement())
"""The terms that `Weights` reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """Where the target's probability lies, over `rows` rows whose eligible artworks are known.

    They stand for `decisions`, which is how often each counts.
    `unsupported` and `below_floor` are sums of target probability on artworks that were logged with probability 0, or
    under the floor but above 0; `never_logged` counts the artworks with probability 0. `named` are the numbers of the
    first rows with unsupported probability.
    """

    rows: int = 0
    decisions: float = 0.0
    unsupported: float = 0.0
    below_floor: float = 0.0
    never_logged: int = 0
    named: tuple[int, ...] = ()

    @classmethod
    def of(cls, batch: Batch, *, floor: float, numbers: Integers) -> "Support":
        """The sums of a batch whose rows have these numbers (n,); nothing where it knows no eligible artworks."""
        eligible = batch.eligible
        if eligible is None:
            return cls()
        thin = np.flatnonzero(eligible.logged < floor)  # few: everything else needs no second look
        row_of = np.searchsorted(eligible.starts, thin, side="right") - 1
        mass = eligible.target[thin] * batch.stands_for[row_of]
        impossible = eligible.logged[thin] <= 0.0
        lost = np.unique(row_of[impossible & (mass > 0.0)])[:_NAMED_ROWS]
        return cls(
            rows=len(batch),
            decisions=float(batch.stands_for.sum()),
            unsupported=float(mass[impossible].sum()),
            below_floor=float(mass[~impossible].sum()),
            never_logged=int(impossible.sum()),
            named=tuple(numbers[lost].tolist()),
        )

    def following(self, other: "Support", *, later: int) -> "Support":
        """These rows, and those of another part that come after them, with numbers so much higher than it knows."""
        return self + Support(
            rows=other.rows,
            decisions=other.decisions,
            unsupported=other.unsupported,
            below_floor=other.below_floor,
            never_logged=other.never_logged,
            named=tuple(row + later for row in other.named),
        )

    def __add__(self, other: "Support") -> "Support":
        return Support(
            rows=self.rows + other.rows,
            decisions=self.decisions + other.decisions,
            unsupported=self.unsupported + other.unsupported,
            below_floor=self.below_floor + other.below_floor,
            never_logged=self.never_logged + other.never_logged,
            named=(*self.named, *other.named)[:_NAMED_ROWS],
        )

    def to_json(self, *, floor: float) -> dict[str, Any] | None:
        """Masses as shares of the target's probability; None where the eligible artworks are unknown."""
        if not self.rows:
            return None
        return {
            "unsupported_mass": self.unsupported / self.decisions,
            "below_floor_mass": self.below_floor / self.decisions,
            "floor": floor,
        }
