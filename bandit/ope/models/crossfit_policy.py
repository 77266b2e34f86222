"""A policy that any arguments for Vowpal Wabbit make, learned off-policy from other viewers than it is valued on.

Knows no engine: it learns in a process of its own. Each row's probabilities are those of a policy that learned from
the other folds' viewers, so its value is that of the way of learning, not of having seen the answers.
"""

from copy import copy
from typing import Any, Self, cast, final

import numpy as np

from bandit.errors import InvalidProbabilities
from bandit.ope.batch import Batch, Eligible, Floats
from bandit.ope.models.arguments import InvalidArguments, checked_arguments
from bandit.ope.models.cut import Cut
from bandit.ope.models.encoding import Encoder
from bandit.ope.models.lessons import ENGINE_TIMEOUT, Engines, Lesson, Task, learn, lessons_of
from bandit.ope.models.sample import Sample
from bandit.ope.targets.target import LearnedTarget
from bandit.policies.vowpal import HashedEngine

MOST_ROWS = 200_000
_SUM_TOLERANCE = 1e-3


@final
class CrossfitPolicy(LearnedTarget):
    """What the engine would state after learning from the rest of the log with these arguments.

    Contexts are in group U and artworks in group A, with the numbers of their vectors where there are any: to cross
    them, say `--interactions UA`. Cost is 1 − reward (rewards outside [0, 1] are squeezed into it), and at most
    `most_rows` sampled rows are learned from, `passes` times in the order of the log.
    """

    def __init__(
        self,
        arguments: str,
        *,
        cut: Cut | None = None,
        encoder: Encoder | None = None,
        passes: int = 1,
        most_rows: int = MOST_ROWS,
        timeout: float = ENGINE_TIMEOUT,
    ) -> None:
        """Nothing is learned yet.

        Raises:
            InvalidArguments: an option is not taken, or they contradict each other.
            ValueError: fewer than one pass or row.
        """
        if passes < 1:
            raise ValueError(f"{passes} passes learn nothing: give 1 or more")
        self.name = arguments
        self._arguments = checked_arguments(arguments)
        _try(self._arguments)
        self._cut = cut or Cut()
        self._encoder = encoder or Encoder()
        self._passes = passes
        self._timeout = timeout
        self._sample = Sample(most_rows=most_rows, cut=self._cut, encoder=self._encoder)
        self._engines: Engines | None = None

    def add(self, batch: Batch) -> None:
        """See `LearnedTarget.add`.

        Raises:
            NoEligibleKnown: the batch knows no eligible artworks.
            RefusedFeature: a feature means age or gender.
        """
        self._sample.add(batch)
        self._engines = None

    def __add__(self, other: Any) -> Self:
        both = copy(self)
        both._sample = self._sample + other._sample
        both._engines = None
        return both

    def finish(self) -> None:
        """Learn from what was added, in a process of its own; asking for probabilities does so where it was not done.

        Raises:
            LearningFailed: the process died, or ran too long.
            NothingToFit: no sound row was added.
        """
        task = Task(
            lesson=Lesson.CHOICE,
            arguments=self._arguments,
            folds=self._cut.folds,
            buckets=self._cut.buckets,
            passes=self._passes,
        )
        lessons = lessons_of(self._sample, self._encoder, often=np.ones(self._cut.buckets))
        models, _ = learn(task, lessons, timeout=self._timeout)
        self._engines = Engines(models, encoder=self._encoder, cut=self._cut)

    def probabilities(self, batch: Batch, eligible: Eligible) -> Floats:
        """See `Target.probabilities`.

        Raises:
            InvalidProbabilities: the engine stated no distribution; some combinations of options do that.
        """
        if self._engines is None:
            self.finish()
        engines = cast(Engines, self._engines)
        stated = engines.asked(batch, HashedEngine.choose, schema=self._sample.schema or ())
        totals = eligible.row_sums(np.where(np.isfinite(stated) & (stated >= 0.0), stated, np.nan))
        if not np.all(np.abs(totals - 1.0) <= _SUM_TOLERANCE):
            row = int(np.flatnonzero(~(np.abs(totals - 1.0) <= _SUM_TOLERANCE))[0])
            entries = slice(eligible.starts[row], eligible.starts[row + 1])
            raise InvalidProbabilities(f"{self.name} states {stated[entries].tolist()}: explore in another way")
        return stated / np.repeat(totals, eligible.counts)


def _try(arguments: tuple[str, ...]) -> None:
    try:
        HashedEngine(arguments)
    except RuntimeError as error:
        raise InvalidArguments(f"the engine does not take these arguments together: {error}") from error
