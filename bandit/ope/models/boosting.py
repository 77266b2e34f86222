"""Gradient boosting of the reward, by scikit-learn, on a bounded sample of the log. Knows no log and no file.

Histogram trees (Ke et al. 2017) over the numbers, the categories and the artwork, and the numbers of its vector.
"""

# scikit-learn carries no annotations.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast, final

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor

from bandit.ope.batch import Batch, Floats, Mask
from bandit.ope.models.cut import Cut
from bandit.ope.models.encoding import Encoder, Hashes, Schema, number_hash, one_schema
from bandit.ope.models.model import FittedModel, RewardModel
from bandit.ope.models.sample import Sample, SampledRows

MOST_CATEGORIES = 250
_ENTRIES_AT_ONCE = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BoostingSettings:
    """How trees are grown; `trees` are tried, and as many are grown as err least on the folds that were not seen."""

    trees: tuple[int, ...] = (10, 30, 100, 200)
    learning_rate: float = 0.1
    most_leaves: int = 15
    fewest_rows: int = 50
    shrinkage: float = 1.0
    most_rows: int = 200_000
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.trees or min(self.trees) < 1 or not 0 < self.learning_rate <= 1:
            raise ValueError(f"{self}: give numbers of trees of 1 or more, and a learning rate in (0, 1]")
        if self.most_leaves < 2 or self.fewest_rows < 1 or self.shrinkage < 0 or self.most_rows < 1:
            raise ValueError(f"{self}: give two leaves or more, a row or more, and a shrinkage of 0 or more")


@final
class Boosting(RewardModel):
    """Trees of least squares, one after the other (Friedman 2001), from at most `most_rows` sampled rows."""

    name = "boosting"

    def __init__(
        self, *, settings: BoostingSettings | None = None, cut: Cut | None = None, encoder: Encoder | None = None
    ) -> None:
        self.settings = settings or BoostingSettings()
        self.cut = cut or Cut()
        self.encoder = encoder or Encoder()
        self._sample = Sample(most_rows=self.settings.most_rows, cut=self.cut, encoder=self.encoder)
        self._trees: tuple[int, float] | None = None

    def add(self, batch: Batch) -> None:
        """See `RewardModel.add`."""
        self._sample.add(batch)
        self._trees = None

    def join(self, other: Any) -> None:
        """See `RewardModel.join`."""
        self._sample = self._sample + other._sample
        self._trees = None

    @property
    def rows_by_bucket(self) -> Floats:
        """See `RewardModel.rows_by_bucket`; of the rows in the sample."""
        return self._sample.rows_by_bucket()

    def fitted(self, counts: Floats | None = None) -> "FittedBoosting":
        """See `RewardModel.fitted`; the number of trees is picked once, with every bucket counted once."""
        rows = self._sample.rows()
        table = _Table.of(rows, self._sample.schema or (), self.encoder)
        numbers = table.numbers(rows.hashes, rows.values, rows.shown)
        if self._trees is None:
            self._trees = self._picked(rows, table, numbers)
        trees, explained = self._trees
        once = np.ones(self.cut.buckets) if counts is None else counts
        models = [
            self._grown(rows, numbers, used=self._others(rows, fold) * once[rows.buckets], table=table, trees=trees)
            for fold in range(self.cut.folds)
        ]
        return FittedBoosting(cut=self.cut, table=table, models=tuple(models), trees=trees, explained=explained)

    def _others(self, rows: SampledRows, fold: int) -> Floats:
        return np.where(self.cut.fold_of(rows.buckets) == fold, 0.0, rows.counts)

    def _picked(self, rows: SampledRows, table: "_Table", numbers: Floats) -> tuple[int, float]:
        """How many of `trees` err least on the folds that they did not see, and what share of variance they explain."""
        errors = dict.fromkeys(sorted(self.settings.trees), 0.0)
        for fold in range(self.cut.folds):
            used = self._others(rows, fold)
            held_out = used == 0.0
            model = self._grown(rows, numbers, used=used, table=table, trees=max(errors))
            for grown, told in _stages(model, numbers[held_out], at=tuple(errors)):
                errors[grown] += float(rows.counts[held_out] @ (rows.rewards[held_out] - told) ** 2)
        trees = min(errors, key=errors.__getitem__)
        mean = float(np.average(rows.rewards, weights=rows.counts))
        variance = float(rows.counts @ (rows.rewards - mean) ** 2)
        return trees, 1.0 - errors[trees] / variance if variance > 0.0 else 0.0

    def _grown(self, rows: SampledRows, numbers: Floats, *, used: Floats, table: "_Table", trees: int) -> Any:
        there: Mask = used > 0.0
        if not there.any():
            return _Nothing()
        settings = self.settings
        model = cast(Any, HistGradientBoostingRegressor)(
            max_iter=trees,
            learning_rate=settings.learning_rate,
            max_leaf_nodes=settings.most_leaves,
            min_samples_leaf=settings.fewest_rows,
            l2_regularization=settings.shrinkage,
            categorical_features=table.categorical,
            early_stopping=False,
            random_state=settings.seed,
        )
        return model.fit(numbers[there], rows.rewards[there], sample_weight=used[there])


class _Nothing:
    """What is said where no row can be learned from."""

    def predict(self, numbers: Floats) -> Floats:
        return np.zeros(len(numbers))

    def staged_predict(self, numbers: Floats) -> Any:
        while True:
            yield self.predict(numbers)


def _stages(model: Any, numbers: Floats, *, at: tuple[int, ...]) -> list[tuple[int, Floats]]:
    """What the model said after so many trees."""
    if not len(numbers):
        return []
    told = zip(range(1, max(at) + 1), model.staged_predict(numbers), strict=False)
    return [(grown, each) for grown, each in told if grown in at]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Table:
    """Turns encoded rows into the columns that trees are grown on; categories have codes by how common they are."""

    schema: Schema
    encoder: Encoder
    codes: tuple[Mapping[int, int], ...]

    @staticmethod
    def of(rows: SampledRows, schema: Schema, encoder: Encoder) -> "_Table":
        columns = [rows.hashes[:, 1 + place] for place, (_, number) in enumerate(schema) if not number]
        return _Table(schema=schema, encoder=encoder, codes=tuple(_common(each) for each in (*columns, rows.shown)))

    @property
    def categorical(self) -> list[bool]:
        """Of each column whether it holds codes."""
        return [*(not number for _, number in self.schema), True, *([False] * self.encoder.dimensions)]

    def numbers(self, hashes: Hashes, values: Floats, artworks: Hashes) -> Floats:
        """The columns of n rows with one artwork each: (n, columns); NaN for what is missing or rare."""
        *categories, known = self.codes
        left = iter(categories)
        columns: list[Floats] = []
        for place, (name, number) in enumerate(self.schema, start=1):
            own = hashes[:, place]
            sound = own == number_hash(name)
            columns.append(np.where(sound, values[:, place], np.nan) if number else _coded(own, next(left)))
        used, places = np.unique(artworks, return_inverse=True)
        return np.column_stack([*columns, _coded(used, known)[places], self.encoder.vectors_of(used)[places]])


def _common(hashes: Hashes) -> Mapping[int, int]:
    """Codes of the most common categories, from 0."""
    known, counts = np.unique(hashes, return_counts=True)
    return {int(each): code for code, each in enumerate(known[np.argsort(-counts, kind="stable")][:MOST_CATEGORIES])}


def _coded(hashes: Hashes, codes: Mapping[int, int]) -> Floats:
    known, places = np.unique(hashes, return_inverse=True)
    return np.array([codes.get(each, np.nan) for each in known.tolist()])[places]


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class FittedBoosting(FittedModel):
    """The trees of every fold."""

    name = "boosting"

    cut: Cut
    table: _Table
    models: tuple[Any, ...]
    trees: int
    explained: float

    @property
    def chosen(self) -> Mapping[str, float | str]:
        """See `FittedModel.chosen`."""
        return {"trees": self.trees, "rule": "out-of-fold squared error", "explained": self.explained}

    def scores(self, batch: Batch) -> Floats:
        """See `FittedModel.scores`."""
        encoded = self.table.encoder.rows(batch)
        one_schema(self.table.schema, encoded.schema)
        entries = np.repeat(np.arange(len(batch)), np.diff(encoded.starts))
        folds = self.cut.fold_of(self.cut.buckets_of(batch))[entries]
        scores = np.zeros(len(entries))
        for fold, model in enumerate(self.models):
            own = np.flatnonzero(folds == fold)
            for low in range(0, len(own), _ENTRIES_AT_ONCE):
                part = own[low : low + _ENTRIES_AT_ONCE]
                rows, artworks = entries[part], encoded.sides[encoded.artworks[part]]
                scores[part] = model.predict(self.table.numbers(encoded.hashes[rows], encoded.values[rows], artworks))
        return scores
