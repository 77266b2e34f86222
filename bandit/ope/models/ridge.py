"""Ridge regression of the reward on crossed features, from sums that add up. Knows no log and no artwork's name.

x = c ⊗ s: each feature by itself, with the artwork, and with every number of the artwork's vector, hashed into `width`
columns (Weinberger et al. 2009, without signs). A log of any length is kept as XᵀX and Xᵀr of each bucket of viewers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, final

import numpy as np

from bandit.kernels import Crossing, add_crossed, crossed_scores
from bandit.ope.batch import Batch, Floats, Integers
from bandit.ope.models.cut import Cut
from bandit.ope.models.encoding import EncodedRows, Encoder, Schema, hashed, one_schema
from bandit.ope.models.model import FittedModel, NothingToFit, RewardModel, counts_of, sound_rows

PENALTIES = tuple(10.0 ** (power / 2) for power in range(11))
"""What a rule picks from: 1 to 100,000 decisions' worth of believing that a feature does nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RidgeSettings:
    """`width` columns cost 8 · width² bytes a bucket; fewer make more features share one. `penalties` are tried."""

    width: int = 512
    penalties: tuple[float, ...] = PENALTIES

    def __post_init__(self) -> None:
        if self.width < 2 or not self.penalties or not all(penalty > 0 for penalty in self.penalties):
            raise ValueError(f"{self}: give two columns or more, and penalties above 0")


class RidgeSums(NamedTuple):
    """Σ w x xᵀ (buckets, width, width), Σ w r x (buckets, width), Σ w 1[x ≠ 0] (width,), Σ w rᵏ (buckets, k ≤ 2)."""

    squares: Floats
    products: Floats
    touched: Floats
    rewards: Floats


def _no_sums(buckets: int, width: int) -> RidgeSums:
    return RidgeSums(
        np.zeros((buckets, width, width)), np.zeros((buckets, width)), np.zeros(width), np.zeros((buckets, 3))
    )


@final
class Ridge(RewardModel):
    """min Σ w (r − xᵀβ)² + λ Σ_j s_j² β_j² with s_j² the mean square of column j where it is not 0; β_0 is free.

    λ is the one of `penalties` whose models err least, in squares, on the folds that they did not see; the sums tell
    that without another pass: Σ w r² − 2 βᵀ Xᵀr + βᵀ XᵀX β (Hoerl & Kennard 1970; Stone 1974).
    """

    name = "ridge"

    def __init__(
        self, *, settings: RidgeSettings | None = None, cut: Cut | None = None, encoder: Encoder | None = None
    ) -> None:
        self.settings = settings or RidgeSettings()
        self.cut = cut or Cut()
        self.encoder = encoder or Encoder()
        self._schema: Schema | None = None
        self._sums = _no_sums(self.cut.buckets, self.settings.width)
        self._picked: tuple[float, float] | None = None
        self._compact: tuple[Integers, Floats, Floats] | None = None

    def add(self, batch: Batch) -> None:
        """See `RewardModel.add`."""
        encoded = self.encoder.rows(batch)
        self._schema = one_schema(self._schema, encoded.schema)
        sound = sound_rows(batch)
        rewards, weights = np.where(sound, batch.reward, 0.0), counts_of(batch, sound)
        buckets = self.cut.buckets_of(batch)
        # Bucket by bucket: the sums of one fit into a processor's cache, those of all do not.
        order = np.argsort(buckets, kind="stable")
        add_crossed(
            crossing_of(encoded),
            order[sound[order]],
            (encoded.artworks[encoded.chosen], rewards, weights, buckets),
            (self._sums.squares, self._sums.products, self._sums.touched),
        )
        for power in range(3):
            told = weights * rewards**power
            self._sums.rewards[:, power] += np.bincount(buckets, weights=told, minlength=self.cut.buckets)
        self._picked = self._compact = None

    def join(self, other: Any) -> None:
        """See `RewardModel.join`."""
        self._schema = one_schema(self._schema, other._schema)
        self._sums = RidgeSums(*(one + two for one, two in zip(self._sums, other._sums, strict=True)))
        self._picked = self._compact = None

    def __copy__(self) -> "Ridge":
        both = object.__new__(Ridge)
        vars(both).update(vars(self))
        return both

    def __getstate__(self) -> dict[str, Any]:
        """Between processes only the columns travel that any row touched: of a few features a hundredth of all."""
        used, squares, products = self._used()
        touched, rewards = self._sums.touched[used], self._sums.rewards
        return vars(self) | {"_sums": RidgeSums(squares, products, touched, rewards), "_compact": used}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state | {"_compact": None})
        used, sums = state["_compact"], state["_sums"]
        self._sums = _no_sums(self.cut.buckets, self.settings.width)
        self._sums.squares[np.ix_(np.arange(self.cut.buckets), used, used)] = sums.squares
        self._sums.products[:, used] = sums.products
        self._sums.touched[used] = sums.touched
        self._sums.rewards[:] = sums.rewards

    @property
    def rows_by_bucket(self) -> Floats:
        """See `RewardModel.rows_by_bucket`."""
        return self._sums.rewards[:, 0]

    def fitted(self, counts: Floats | None = None) -> "FittedRidge":
        """See `RewardModel.fitted`; the penalty is picked once, with every bucket counted once."""
        if not self.rows_by_bucket.any():
            raise NothingToFit("no row with a finite reward was given: a model needs some to be fitted on")
        once = np.ones(self.cut.buckets)
        if self._picked is None:
            errors = {penalty: self._error(self._weights(once, penalty)) for penalty in sorted(self.settings.penalties)}
            penalty = min(errors, key=errors.__getitem__)
            self._picked = penalty, self._explained(errors[penalty])
        penalty, explained = self._picked
        return FittedRidge(
            encoder=self.encoder,
            cut=self.cut,
            schema=self._schema or (),
            weights=self._weights(once if counts is None else counts, penalty),
            penalty=penalty,
            explained=explained,
        )

    def _weights(self, counts: Floats, penalty: float) -> Floats:
        """β of each fold, from the other folds' buckets: (folds, width); 0 for columns that no row ever touched."""
        folds, (used, own_squares, own_products) = self.cut.folds, self._used()
        width, scale = len(used), self._scale()[used]
        often = counts.reshape(-1, folds)
        squares: Floats = np.einsum("gf,gfij->fij", often, own_squares.reshape(-1, folds, width, width), optimize=True)
        products: Floats = np.einsum("gf,gfi->fi", often, own_products.reshape(-1, folds, width))
        squares, products = squares.sum(axis=0) - squares, products.sum(axis=0) - products
        believed = np.full((folds, width), penalty)
        # The constant is believed as it is, where there is any row.
        believed[:, 0] = np.where(squares[:, 0, 0] > 0.0, 0.0, penalty)
        squares /= np.outer(scale, scale)
        squares[:, np.arange(width), np.arange(width)] += believed
        weights = np.zeros((folds, self.settings.width))
        solved = np.linalg.solve(squares, (products / scale)[..., np.newaxis])[..., 0].astype(np.float64)
        weights[:, used] = solved / scale
        return weights

    def _used(self) -> tuple[Integers, Floats, Floats]:
        """The columns that any row touched (u,), the constant among them, and the sums of these by bucket."""
        if self._compact is None:
            used = np.flatnonzero((self._sums.touched > 0.0) | (np.arange(self.settings.width) == 0))
            buckets = np.arange(self.cut.buckets)
            self._compact = used, self._sums.squares[np.ix_(buckets, used, used)], self._sums.products[:, used]
        return self._compact

    def _scale(self) -> Floats:
        """s (width,): 1 for what was never there, and for the constant."""
        squares = np.einsum("bii->i", self._sums.squares)
        scale = np.sqrt(squares / np.where(self._sums.touched > 0.0, self._sums.touched, 1.0))
        return np.where(scale > 0.0, scale, 1.0)

    def _error(self, weights: Floats) -> float:
        """Σ w (r − xᵀβ)² over all buckets, each with the β of its fold."""
        total = float(self._sums.rewards[:, 2].sum())
        for bucket in range(self.cut.buckets):
            own = weights[bucket % self.cut.folds]
            total += float(own @ (self._sums.squares[bucket] @ own) - 2.0 * self._sums.products[bucket] @ own)
        return total

    def _explained(self, error: float) -> float:
        """The share of the rewards' variance that is explained on viewers not seen; below 0: worse than none."""
        rows, rewards, squares = self._sums.rewards.sum(axis=0)
        variance = float(squares - rewards**2 / rows)
        return 1.0 - error / variance if variance > 0.0 else 0.0


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class FittedRidge(FittedModel):
    """β (folds, width) of `Ridge`, with the penalty that a rule picked."""

    name = "ridge"

    encoder: Encoder
    cut: Cut
    schema: Schema
    weights: Floats
    penalty: float
    explained: float

    @property
    def chosen(self) -> Mapping[str, float | str]:
        """See `FittedModel.chosen`."""
        return {"penalty": self.penalty, "rule": "out-of-fold squared error", "explained": self.explained}

    def scores(self, batch: Batch) -> Floats:
        """See `FittedModel.scores`."""
        encoded = self.encoder.rows(batch)
        one_schema(self.schema, encoded.schema)
        folds = self.cut.fold_of(self.cut.buckets_of(batch))
        return crossed_scores(crossing_of(encoded), encoded.starts, encoded.artworks, folds, self.weights)


def crossing_of(rows: EncodedRows) -> Crossing:
    """What the kernels of crossed features read of encoded rows."""
    dimensions = [hashed("dimension", str(place)) for place in range(rows.vectors.shape[1])]
    return rows.hashes, rows.values, rows.sides, rows.vectors, np.array(dimensions, dtype=np.uint64)
