"""A bounded sample of a log's encoded rows, for models that no sums can be kept of. Streaming, mergeable, in order.

Every row draws a number that depends on what its batch holds, and those with the smallest are kept: whatever order the
parts of a log come together in, the same rows stay (bottom-k sampling: Cohen & Kaplan 2007).
"""

import hashlib
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np

from bandit.ope.batch import Batch, Floats, Integers, Mask
from bandit.ope.models.cut import Cut
from bandit.ope.models.encoding import EncodedRows, Encoder, Hashes, Schema, one_schema
from bandit.ope.models.model import NothingToFit, counts_of, sound_rows


@dataclass(frozen=True, kw_only=True, eq=False)
class SampledRows:
    """n rows of the sample, in the order of the log.

    `hashes`, `values` (n, 1 + features) as in `EncodedRows`; `counts` (n,) is how many decisions each stands for,
    `buckets` (n,) that of its viewer. `artworks` (m,) are the hashes of the eligible ones, `sizes` (n,) of each row;
    `chosen` (n,) is the place of the shown one among its row's. `draws` (n,) decided who stays.
    """

    hashes: Hashes
    values: Floats
    rewards: Floats
    propensities: Floats
    counts: Floats
    buckets: Integers
    sizes: Integers
    chosen: Integers
    artworks: Hashes
    draws: Floats

    def __len__(self) -> int:
        return len(self.draws)

    @property
    def starts(self) -> Integers:
        """Where each row's entries begin and, last, where all end: (n + 1,)."""
        return np.concatenate([[0], np.cumsum(self.sizes)])

    @property
    def shown(self) -> Hashes:
        """The hash of the artwork that each row shows: (n,)."""
        return self.artworks[self.starts[:-1] + self.chosen]

    def select(self, rows: Mask) -> "SampledRows":
        """The rows (n,) that are marked."""
        entries = np.repeat(rows, self.sizes)
        by_row = {name: getattr(self, name)[rows] for name in _BY_ROW}
        return replace(self, **by_row, artworks=self.artworks[entries])


_BY_ROW = tuple(field.name for field in fields(SampledRows) if field.name != "artworks")


class Sample:
    """At most `most_rows` of the sound rows of a log."""

    def __init__(self, *, most_rows: int, cut: Cut, encoder: Encoder) -> None:
        """Raises ValueError when no row may be kept."""
        if most_rows < 1:
            raise ValueError(f"a sample of {most_rows} rows holds nothing: give 1 or more")
        self._most_rows = most_rows
        self._cut = cut
        self._encoder = encoder
        self._parts: list[SampledRows] = []
        self.schema: Schema | None = None

    def add(self, batch: Batch) -> None:
        """Take in the sound rows of a batch; raises as `RewardModel.add` does."""
        encoded = self._encoder.rows(batch)
        self.schema = one_schema(self.schema, encoded.schema)
        sound = sound_rows(batch)
        if sound.any():
            self._put([_sampled(batch, encoded, buckets=self._cut.buckets_of(batch)).select(sound)])

    def __add__(self, other: Self) -> Self:
        both = copy(self)
        both.schema = one_schema(self.schema, other.schema)
        both._parts = list(self._parts)
        both._put(other._parts)
        return both

    def rows(self) -> SampledRows:
        """What was kept.

        Raises:
            NothingToFit: no sound row was taken in.
        """
        if not self._parts:
            raise NothingToFit("no row with a finite reward was given: a model needs some to be fitted on")
        self._parts = [_smallest(_together(self._parts), self._most_rows)]
        return self._parts[0]

    def rows_by_bucket(self) -> Floats:
        """How many decisions the rows that were kept stand for in each bucket: (buckets,)."""
        rows = self.rows()
        return np.bincount(rows.buckets, weights=rows.counts, minlength=self._cut.buckets).astype(np.float64)

    def _put(self, parts: Sequence[SampledRows]) -> None:
        self._parts = [*self._parts, *parts]
        if sum(len(part) for part in self._parts) > 2 * self._most_rows:
            self.rows()


def _sampled(batch: Batch, encoded: EncodedRows, *, buckets: Integers) -> SampledRows:
    # What is drawn depends on nothing but the batch, so it is the same on every machine.
    content = hashlib.blake2b(batch.reward.tobytes() + batch.propensity.tobytes() + buckets.tobytes(), digest_size=8)
    random = np.random.default_rng(int.from_bytes(content.digest(), "little"))
    return SampledRows(
        hashes=encoded.hashes,
        values=encoded.values,
        rewards=batch.reward,
        propensities=batch.propensity,
        counts=counts_of(batch, sound_rows(batch)),
        buckets=buckets,
        sizes=np.diff(encoded.starts),
        chosen=encoded.chosen - encoded.starts[:-1],
        artworks=encoded.sides[encoded.artworks],
        draws=random.random(len(batch)),
    )


def _together(parts: Sequence[SampledRows]) -> SampledRows:
    columns = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(SampledRows)
    }
    return SampledRows(**columns)


def _smallest(rows: SampledRows, count: int) -> SampledRows:
    if len(rows) <= count:
        return rows
    kept = np.zeros(len(rows), dtype=np.bool_)
    kept[np.argpartition(rows.draws, count - 1)[:count]] = True
    return rows.select(kept)
