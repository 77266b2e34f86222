"""What the engine learns from and is asked about, on its way to a process of its own. Knows no log and no policy.

The process may die without harm, so it shares nothing but a folder with the one that asked (`bandit.spool`).
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from bandit.apprenticeship import run_apprentice
from bandit.ope.batch import Batch, Floats, Integers
from bandit.ope.models.cut import Cut
from bandit.ope.models.encoding import Encoder, Hashes, Schema, hashed, one_schema
from bandit.ope.models.sample import Sample, SampledRows
from bandit.policies.vowpal import Hashed, HashedEngine

APPRENTICE = ("-m", "bandit.ope.models.apprentice")
ENGINE_TIMEOUT = 3600.0
Progress = Callable[[float], None]


class Lesson(StrEnum):
    """What is learned: which artwork to choose, or what each earns."""

    CHOICE = "choice"
    REWARD = "reward"


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What every fold's engine is told, and how often it reads the rows of the other folds."""

    lesson: Lesson
    arguments: tuple[str, ...]
    folds: int
    buckets: int
    passes: int = 1


class Learned(msgspec.Struct, frozen=True):
    """Σ w (r − q)² over rows that the fold's model did not see; 0 where it only learned to choose."""

    error: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Lessons:
    """The rows of a sample, vectors (A, D) of its artworks by `in_places`, and how `often` each bucket counts (b,)."""

    rows: SampledRows
    vectors: Floats
    often: Floats

    def counts(self) -> Floats:
        """How often each row counts: (n,)."""
        return self.rows.counts * self.often[self.rows.buckets]


class Folder:
    """The folder: task, rows and vectors go in; a model a fold and what it found out come out."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def ask(self, task: Task, lessons: Lessons) -> None:
        """Write what the process needs."""
        arrays = {each.name: getattr(lessons.rows, each.name) for each in fields(SampledRows)}
        others = {"vectors": lessons.vectors, "often": lessons.often}
        np.savez(self._folder / "lessons.npz", allow_pickle=False, **arrays, **others)
        (self._folder / "task.json").write_bytes(msgspec.json.encode(task))

    def asked(self) -> tuple[Task, Lessons]:
        """Read what `ask` wrote."""
        task = msgspec.json.decode((self._folder / "task.json").read_bytes(), type=Task)
        with np.load(self._folder / "lessons.npz", allow_pickle=False) as arrays:
            rows = SampledRows(**{each.name: arrays[each.name] for each in fields(SampledRows)})
            return task, Lessons(rows=rows, vectors=arrays["vectors"], often=arrays["often"])

    def answer(self, models: list[bytes], learned: Learned) -> None:
        """Write what was learned."""
        for fold, model in enumerate(models):
            (self._folder / f"model-{fold}").write_bytes(model)
        (self._folder / "learned.json").write_bytes(msgspec.json.encode(learned))

    def answered(self, *, folds: int) -> tuple[tuple[bytes, ...], Learned]:
        """Read what `answer` wrote."""
        models = tuple((self._folder / f"model-{fold}").read_bytes() for fold in range(folds))
        return models, msgspec.json.decode((self._folder / "learned.json").read_bytes(), type=Learned)


def learn(
    task: Task, lessons: Lessons, *, timeout: float = ENGINE_TIMEOUT, progress: Progress | None = None
) -> tuple[tuple[bytes, ...], Learned]:
    """Let a process of its own learn one model a fold.

    Raises:
        LearningFailed: it died, or ran longer than `timeout` seconds.
    """
    with tempfile.TemporaryDirectory(prefix="keyart-lessons-") as name:
        folder = Folder(Path(name))
        folder.ask(task, lessons)
        run_apprentice(name, timeout=timeout, progress=progress, apprentice=APPRENTICE)
        return folder.answered(folds=task.folds)


class Speech:
    """Says rows and artworks as the engine hears them: features under their hashes, without the constant."""

    def __init__(self, sides: Hashes, vectors: Floats) -> None:
        """`sides` (A,) are artworks' hashes, `vectors` (A, D) theirs."""
        dimensions = [hashed("dimension", str(place)) for place in range(vectors.shape[1])]
        count = len(sides)
        hashes: Hashes = np.column_stack([np.tile(np.array(dimensions, dtype=np.uint64), (count, 1)), sides])
        values: Floats = np.column_stack([vectors, np.ones(count)])
        self._artworks: list[Hashed] = [(hashes[place], values[place]) for place in range(count)]

    @staticmethod
    def context(hashes: Hashes, values: Floats) -> Hashed:
        """A row of `EncodedRows`."""
        return hashes[1:], values[1:]

    def artwork(self, place: int) -> Hashed:
        """The artwork at a place in `sides`."""
        return self._artworks[place]


class Engines:
    """The engines of all folds, asked about rows that they did not learn from. Pickles: engines are opened anew."""

    def __init__(self, models: Sequence[bytes], *, encoder: Encoder, cut: Cut) -> None:
        self._encoder = encoder
        self._cut = cut
        self._models = tuple(models)
        self._open: list[HashedEngine] = []

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_open": []}

    def asked(
        self, batch: Batch, ask: Callable[[HashedEngine, Hashed, list[Hashed]], list[float]], *, schema: Schema
    ) -> Floats:
        """What `ask` gets out of the engine of each row's fold about its entries: (m,).

        Raises:
            InvalidExample: the batch has other features than those of `schema`, which were learned from.
        """
        if not self._open:
            self._open = [HashedEngine([], model=model) for model in self._models]
        encoded = self._encoder.rows(batch)
        one_schema(schema, encoded.schema)
        speech = Speech(encoded.sides, encoded.vectors)
        folds: list[int] = self._cut.fold_of(self._cut.buckets_of(batch)).tolist()
        starts, artworks = encoded.starts.tolist(), encoded.artworks.tolist()
        told: Floats = np.zeros(len(artworks))
        for row, fold in enumerate(folds):
            entries = slice(starts[row], starts[row + 1])
            context = speech.context(encoded.hashes[row], encoded.values[row])
            told[entries] = ask(self._open[fold], context, [speech.artwork(place) for place in artworks[entries]])
        return told


def lessons_of(sample: Sample, encoder: Encoder, *, often: Floats) -> Lessons:
    """The rows of a sample as they are learned from. Raises NothingToFit when it has none."""
    rows = sample.rows()
    return Lessons(rows=rows, vectors=encoder.vectors_of(in_places(rows.artworks)[0]), often=often)


def in_places(artworks: Hashes) -> tuple[Hashes, Integers]:
    """The artworks of entries (m,), each once, and every entry's place among them."""
    sides, places = np.unique(artworks, return_inverse=True)
    return sides, places.astype(np.int64)


def of_other_folds(lessons: Lessons, fold: int, *, cut: Cut) -> Iterator[int]:
    """The places of the rows that a fold's model learns from, in the order of the log."""
    used = (cut.fold_of(lessons.rows.buckets) != fold) & (lessons.counts() > 0.0)
    yield from np.flatnonzero(used).tolist()
