"""The process that learns for an evaluation: `python -m bandit.ope.models.apprentice FOLDER`. May die at any moment.

It reads a folder of `bandit.ope.models.lessons`, teaches one engine a fold, and tells its progress as a share a line.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bandit.ope.models.cut import Cut
from bandit.ope.models.lessons import Folder, Learned, Lesson, Lessons, Speech, Task, in_places, of_other_folds
from bandit.policies.vowpal import HashedEngine

LEAST_PROBABILITY = 1e-4
"""The engine is told no smaller one: a row counts no more than ten thousand."""


def main(folder: Path, tell: Callable[[float], None]) -> None:
    """Learn what `folder` asks for, telling the share done."""
    task, lessons = Folder(folder).asked()
    cut = Cut(folds=task.folds, buckets=task.buckets)
    teacher = _Teacher(task, lessons)
    models: list[bytes] = []
    error = 0.0
    for fold in range(task.folds):
        engine = HashedEngine(task.arguments)
        for turn in range(task.passes):
            for row in of_other_folds(lessons, fold, cut=cut):
                teacher.teach(engine, row)
            tell((fold * task.passes + turn + 1) / (task.folds * task.passes))
        if task.lesson is Lesson.REWARD:
            error += teacher.error(engine, np.flatnonzero(cut.fold_of(lessons.rows.buckets) == fold).tolist())
        models.append(engine.to_bytes())
    Folder(folder).answer(models, Learned(error))


class _Teacher:
    """Reads rows to an engine."""

    def __init__(self, task: Task, lessons: Lessons) -> None:
        self._choice = task.lesson is Lesson.CHOICE
        self._rows = lessons.rows
        self._counts = lessons.counts()
        sides, self._places = in_places(lessons.rows.artworks)
        self._speech = Speech(sides, lessons.vectors)
        self._starts = lessons.rows.starts.tolist()
        # Costs lie in [0, 1], as the engine expects them; rewards that do too are left as they are.
        self._low, self._high = min(0.0, float(self._rows.rewards.min())), max(1.0, float(self._rows.rewards.max()))
        self._shown = self._places[lessons.rows.starts[:-1] + lessons.rows.chosen].tolist()

    def teach(self, engine: HashedEngine, row: int) -> None:
        rows = self._rows
        context = self._speech.context(rows.hashes[row], rows.values[row])
        reward, count = float(rows.rewards[row]), float(self._counts[row])
        if not self._choice:
            engine.learn_reward(context, self._speech.artwork(self._shown[row]), reward=reward, weight=count)
            return
        eligible = self._places[self._starts[row] : self._starts[row + 1]].tolist()
        engine.learn_choice(
            context,
            [self._speech.artwork(place) for place in eligible],
            chosen=int(rows.chosen[row]),
            cost=(self._high - reward) / (self._high - self._low),
            probability=max(float(rows.propensities[row]) / count, LEAST_PROBABILITY),
        )

    def error(self, engine: HashedEngine, rows: list[int]) -> float:
        """Σ w (r − q)² over these rows."""
        total = 0.0
        for row in rows:
            context = self._speech.context(self._rows.hashes[row], self._rows.values[row])
            said = engine.reward(context, self._speech.artwork(self._shown[row]))
            total += float(self._counts[row]) * (float(self._rows.rewards[row]) - said) ** 2
        return total


def _write(share: float) -> None:
    sys.stdout.write(f"{share}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), _write)
