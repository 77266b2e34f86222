"""The process that learns: `python -m bandit.apprentice FOLDER`. May die at any moment; only its folder notices.

It reads a `bandit.spool.Spool`, trains, writes the model back and reports its progress as one share a line.
"""

import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from bandit.encoding import FeatureSpace
from bandit.policies.vowpal import LearningRow, Lessons, train
from bandit.spool import Result, Spool

BATCH = 256
REPORTS = 200


def main(folder: Path) -> None:
    """Learn what the spool in `folder` asks for."""
    spool = Spool(folder)
    task, space, table = spool.asked()
    total = task.rows * task.settings.passes
    step = max(1, total // REPORTS)

    def report(learned: int) -> None:
        if learned % step == 0 or learned == total:
            sys.stdout.write(f"{learned / total:.4f}\n")
            sys.stdout.flush()

    trained = train(
        space,
        table,
        image_keys=task.image_keys,
        lessons=Lessons(lambda: _encoded(spool, space), task.mean_reward),
        settings=task.settings,
        progress=report,
    )
    spool.answer(trained.model, Result(trained.examples, trained.progressive_value))


def _encoded(spool: Spool, space: FeatureSpace) -> Iterator[LearningRow]:
    rows = spool.rows()
    while batch := [*islice(rows, BATCH)]:
        contexts = space.context_rows([row.context() for row in batch])
        for row, context in zip(batch, contexts, strict=True):
            yield LearningRow(context, row.artworks, row.chosen, row.reward, row.probability)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
