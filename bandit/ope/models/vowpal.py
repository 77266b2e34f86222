"""Vowpal Wabbit as a reward model, on a bounded sample of the log; it learns in a process of its own. Knows no file."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from bandit.ope.batch import Batch, Floats
from bandit.ope.models.cut import Cut
from bandit.ope.models.encoding import Encoder, Schema
from bandit.ope.models.lessons import ENGINE_TIMEOUT, Engines, Learned, Lesson, Task, learn, lessons_of
from bandit.ope.models.model import FittedModel, RewardModel
from bandit.ope.models.sample import Sample, SampledRows
from bandit.policies.vowpal import Hashed, HashedEngine

_ARGUMENTS = ("--loss_function", "squared", "--interactions", "UA", "--bit_precision", "18")


@dataclass(frozen=True, slots=True, kw_only=True)
class VowpalSettings:
    """How often the rows are read, and how many are kept: each costs about 10 µs a pass and fold."""

    passes: int = 2
    learning_rate: float = 0.1
    seed: int = 0
    most_rows: int = 200_000
    timeout: float = ENGINE_TIMEOUT

    def __post_init__(self) -> None:
        if self.passes < 1 or self.most_rows < 1 or not 0 < self.learning_rate < 1e6:
            raise ValueError(f"{self}: give a pass or more, a row or more, and a learning rate above 0")

    @property
    def arguments(self) -> tuple[str, ...]:
        """What the engine is told."""
        return (*_ARGUMENTS, "--learning_rate", f"{self.learning_rate!r}", "--random_seed", f"{self.seed}")


@final
class VowpalRewards(RewardModel):
    """Least squares of the reward on features, artworks and both crossed, one row after the other.

    Adaptive, normalised, importance-invariant updates, as the engine does by itself (Ross, Mineiro & Langford 2013),
    rows in the order of the log.
    """

    name = "vowpal"

    def __init__(
        self,
        *,
        settings: VowpalSettings | None = None,
        cut: Cut | None = None,
        encoder: Encoder | None = None,
    ) -> None:
        self.settings = settings or VowpalSettings()
        self.cut = cut or Cut()
        self.encoder = encoder or Encoder()
        self._sample = Sample(most_rows=self.settings.most_rows, cut=self.cut, encoder=self.encoder)

    def add(self, batch: Batch) -> None:
        """See `RewardModel.add`."""
        self._sample.add(batch)

    def join(self, other: Any) -> None:
        """See `RewardModel.join`."""
        self._sample = self._sample + other._sample

    @property
    def rows_by_bucket(self) -> Floats:
        """See `RewardModel.rows_by_bucket`; of the rows in the sample."""
        return self._sample.rows_by_bucket()

    def fitted(self, counts: Floats | None = None) -> "FittedVowpal":
        """See `RewardModel.fitted`.

        Raises:
            LearningFailed: the process died, or ran too long.
        """
        task = Task(
            lesson=Lesson.REWARD,
            arguments=self.settings.arguments,
            folds=self.cut.folds,
            buckets=self.cut.buckets,
            passes=self.settings.passes,
        )
        lessons = lessons_of(self._sample, self.encoder, often=np.ones(self.cut.buckets) if counts is None else counts)
        models, learned = learn(task, lessons, timeout=self.settings.timeout)
        return FittedVowpal(
            engines=Engines(models, encoder=self.encoder, cut=self.cut),
            schema=self._sample.schema or (),
            passes=self.settings.passes,
            explained=_explained(lessons.rows, lessons.counts(), learned),
        )


def _explained(rows: SampledRows, counts: Floats, learned: Learned) -> float:
    """The share of the rewards' variance that is explained on viewers not seen."""
    mean = float(np.average(rows.rewards, weights=counts)) if counts.any() else 0.0
    variance = float(counts @ (rows.rewards - mean) ** 2)
    return 1.0 - learned.error / variance if variance > 0.0 else 0.0


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class FittedVowpal(FittedModel):
    """An engine a fold."""

    name = "vowpal"

    engines: Engines
    schema: Schema
    passes: int
    explained: float

    @property
    def chosen(self) -> Mapping[str, float | str]:
        """See `FittedModel.chosen`."""
        return {"passes": self.passes, "explained": self.explained}

    def scores(self, batch: Batch) -> Floats:
        """See `FittedModel.scores`."""
        return self.engines.asked(batch, _rewards, schema=self.schema)


def _rewards(engine: HashedEngine, context: Hashed, artworks: list[Hashed]) -> list[float]:
    return [engine.reward(context, artwork) for artwork in artworks]
