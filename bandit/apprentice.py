"""The process that learns: `python -m bandit.apprentice FOLDER`. May die at any moment; only its folder notices.

It reads a `bandit.spool.Spool`, learns, writes the model back and reports its progress as one share a line.
"""

import io
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import cast

import numpy as np

from bandit.encoding import ArtworkRows, FeatureSpace
from bandit.linear.learner import (
    EncodedRows,
    Sums,
    Table,
    add_rows,
    infer_weights,
    no_sums,
    sums_from_arrays,
    with_artworks,
)
from bandit.linear.model import LinearModel
from bandit.linear.settings import LinearSettings
from bandit.policies.vowpal import EngineSettings, LearningRow, Lessons, train
from bandit.spool import Result, Spool, SpooledRow, Task

ENGINE_BATCH = 256
LINEAR_BATCH = 8192
REPORTS = 200
Report = Callable[[int], None]


def main(folder: Path, tell: Callable[[float], None]) -> None:
    """Learn what the spool in `folder` asks for, telling the share done."""
    spool = Spool(folder)
    task, space, table = spool.asked()
    if isinstance(task.settings, EngineSettings):
        report = _reporter(task.rows * task.settings.passes, tell)
        _teach_engine(spool, task, space, table=table, report=report)
    else:
        _solve(spool, task, space, table=table, report=_reporter(task.rows, tell))


def _teach_engine(spool: Spool, task: Task, space: FeatureSpace, *, table: ArtworkRows, report: Report) -> None:
    settings = cast(EngineSettings, task.settings)
    trained = train(
        space,
        table,
        image_keys=task.image_keys,
        lessons=Lessons(lambda: _lessons(spool, space), task.mean_reward),
        settings=settings,
        progress=report,
    )
    spool.answer(trained.model, Result(trained.examples, {"progressive_value": trained.progressive_value}))


def _lessons(spool: Spool, space: FeatureSpace) -> Iterator[LearningRow]:
    for batch in _batches(spool, ENGINE_BATCH):
        contexts = space.context_rows([row.context() for row in batch])
        for row, context in zip(batch, contexts, strict=True):
            yield LearningRow(context, row.artworks, row.chosen, row.reward, row.probability, row.weight)


def _solve(spool: Spool, task: Task, space: FeatureSpace, *, table: ArtworkRows, report: Report) -> None:
    settings = cast(LinearSettings, task.settings)
    sums = _sums_before(spool, Table(task.image_keys, task.titles, table), task)
    places = {key: place for place, key in enumerate(sums.keys)}
    shown = np.array([places[key] for key in task.image_keys], dtype=np.int64)
    sums = add_rows(sums, _encoded(spool, space, shown=shown, report=report), settings=settings)
    inferred = infer_weights(sums, task.spec, known=space.known, settled=task.settled)
    spool.keep_sums(_packed(sums))
    model = LinearModel.of(inferred, sampling=settings.sampling, order=[places[key] for key in space.known])
    spool.answer(model.to_bytes(), Result(round(float(sums.moments.rows.sum())), inferred.metrics))


def _sums_before(spool: Spool, table: Table, task: Task) -> Sums:
    if not spool.sums_path.exists():
        return no_sums(table, task.spec)
    with np.load(spool.sums_path, allow_pickle=False) as arrays:
        return with_artworks(sums_from_arrays(arrays), table)


def _packed(sums: Sums) -> bytes:
    packed = io.BytesIO()
    np.savez_compressed(packed, allow_pickle=False, **sums.to_arrays())
    return packed.getvalue()


def _encoded(spool: Spool, space: FeatureSpace, *, shown: np.ndarray, report: Report) -> Iterator[EncodedRows]:
    learned = 0
    for batch in _batches(spool, LINEAR_BATCH):
        yield EncodedRows(
            contexts=space.context_rows([row.context() for row in batch]),
            artworks=shown[[row.artworks[row.chosen] for row in batch]],
            rewards=np.array([row.reward for row in batch]),
            at=np.array([row.at for row in batch]),
            weights=np.array([row.weight for row in batch]),
        )
        learned += len(batch)
        report(learned)


def _batches(spool: Spool, size: int) -> Iterator[list[SpooledRow]]:
    rows = spool.rows()
    while batch := [*islice(rows, size)]:
        yield batch


def _reporter(total: int, tell: Callable[[float], None]) -> Report:
    """Tell the share of `total` at most REPORTS times."""
    step, told = max(1, total // REPORTS), 0

    def report(learned: int) -> None:
        nonlocal told
        if learned - told >= step or learned == total:
            told = learned
            tell(learned / total)

    return report


def _write(share: float) -> None:
    sys.stdout.write(f"{share:.4f}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), _write)
