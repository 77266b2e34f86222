"""Checked rows of the log on their way to the learning process, in a folder of plain files. Knows no engine.

The process that learns may die without harm, so it shares nothing but this folder with the one that asked.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import numpy as np
from numpy.typing import NDArray

from bandit.context import Context, RequestContext
from bandit.decision import vector_from
from bandit.encoding import ArtworkRows, FeatureSpace, space_from_arrays
from bandit.features import FeatureSpec
from bandit.learners import LearnerSettings

_LENGTH_BYTES = 4


class SpooledRow(msgspec.Struct, frozen=True, array_like=True):
    """One row: what its context was, the places of its artworks in the folder's table, and how it ended."""

    request: RequestContext
    viewer_vector: bytes | None
    intent_vector: bytes | None
    position: int
    score: float | None
    artworks: tuple[int, ...]
    chosen: int
    reward: float
    probability: float
    at: float
    """When the page was decided, by this installation's clock: seconds since 1970."""
    weight: float = 1.0
    """How many decisions the row stands for: 1 / the probability with which its page was logged."""

    def context(self) -> Context:
        """The context that a policy saw."""
        return Context(
            request=self.request,
            viewer_vector=vector_from(self.viewer_vector),
            intent_vector=vector_from(self.intent_vector),
            position=self.position,
            score=self.score,
        )


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What the learning process is asked to do with `rows` rows; `image_keys` and `titles` are those of the table.

    `settled` are the image keys of artworks that shall be explored no more.
    """

    spec: FeatureSpec
    settings: LearnerSettings
    image_keys: tuple[str, ...]
    titles: tuple[str, ...]
    settled: tuple[str, ...]
    rows: int
    mean_reward: float


class Result(msgspec.Struct, frozen=True):
    """What it found out besides the model: how many examples that has learned, and what the manifest tells of it."""

    examples: int
    metrics: dict[str, float]


class RowWriter:
    """Appends rows to a binary file, each preceded by its length."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._encode = msgspec.msgpack.Encoder().encode

    def write(self, row: SpooledRow) -> None:
        """Append one row."""
        packed = self._encode(row)
        self._file.write(len(packed).to_bytes(_LENGTH_BYTES, "little") + packed)


class Spool:
    """The folder: rows, task, projections and artwork rows go in; the model and the result come out.

    The sums that a linear version was solved from go in where learning is to go on from them, and always come out.
    """

    def __init__(self, folder: Path) -> None:
        self.rows_path = folder / "rows.msgpack"
        self.model_path = folder / "model"
        self.sums_path = folder / "sums.npz"
        self._task = folder / "task.json"
        self._arrays = folder / "arrays.npz"
        self._result = folder / "result.json"

    def ask(self, task: Task, space: FeatureSpace, *, table: ArtworkRows) -> None:
        """Write everything that the learning process needs besides the rows."""
        arrays: dict[str, NDArray[Any]] = {
            **space.to_arrays(),
            "table.crossed": table.crossed,
            "table.main": table.main,
        }
        np.savez(self._arrays, allow_pickle=False, **arrays)
        self._task.write_bytes(msgspec.json.encode(task))

    def asked(self) -> tuple[Task, FeatureSpace, ArtworkRows]:
        """Read what `ask` wrote: the task, the feature space and the table of artworks."""
        task = msgspec.json.decode(self._task.read_bytes(), type=Task)
        with np.load(self._arrays, allow_pickle=False) as arrays:
            table = ArtworkRows(arrays["table.crossed"], arrays["table.main"])
            return task, space_from_arrays(task.spec, arrays), table

    def rows(self) -> Iterator[SpooledRow]:
        """Read the rows in the order they were written, one at a time."""
        decode = msgspec.msgpack.Decoder(SpooledRow).decode
        with self.rows_path.open("rb") as file:
            while length := file.read(_LENGTH_BYTES):
                yield decode(file.read(int.from_bytes(length, "little")))

    def keep_sums(self, sums: bytes) -> None:
        """Write the sums that learning can go on from."""
        self.sums_path.write_bytes(sums)

    def answer(self, model: bytes, result: Result) -> None:
        """Write what was learned."""
        self.model_path.write_bytes(model)
        self._result.write_bytes(msgspec.json.encode(result))

    def answered(self) -> tuple[bytes, Result]:
        """Read what `answer` wrote."""
        return self.model_path.read_bytes(), msgspec.json.decode(self._result.read_bytes(), type=Result)
