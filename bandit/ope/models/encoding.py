"""From a batch's features and artworks to hashes and numbers that every model reads. Knows no model.

A name is hashed the same way in every part of a log, on every machine, so no dictionary has to be agreed on.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bandit.errors import InvalidExample
from bandit.features import refuse_age_and_gender
from bandit.ope.batch import Batch, Floats, Integers, Labels
from bandit.ope.models.model import eligible_of

Hashes: TypeAlias = NDArray[np.uint64]

LARGEST_NUMBER = 1e18
MOST_DIMENSIONS = 64
_HASH_BYTES = 8
_MISSING = "\x00missing"


def hashed(kind: str, name: str) -> int:
    """A 64-bit hash of a name of this kind."""
    digest = hashlib.blake2b(name.encode(), digest_size=_HASH_BYTES, person=kind.encode())
    return int.from_bytes(digest.digest(), "little")


@dataclass(frozen=True, kw_only=True, eq=False)
class EncodedRows:
    """n rows with m eligible entries.

    `hashes`, `values` (n, 1 + features): a constant 1, then the features by name, a number under its name's hash, a
    category under its own with the value 1. Row i holds the entries `starts[i]:starts[i + 1]`, `chosen` (n,) was
    shown; `artworks` (m,) are places in `sides` (A,), the artworks' hashes, and `vectors` (A, D), which may have no
    columns.
    """

    hashes: Hashes
    values: Floats
    starts: Integers
    chosen: Integers
    artworks: Integers
    sides: Hashes
    vectors: Floats

    def __len__(self) -> int:
        return len(self.chosen)


@dataclass(frozen=True, kw_only=True, eq=False)
class Encoder:
    """Reads batches. `vectors` are artworks' vectors (D,) by their names in the log; one without counts as zeros.

    Raises:
        InvalidExample: vectors are of different lengths, too long, or not finite.
    """

    vectors: Mapping[str, Floats] = field(default_factory=dict[str, Floats])

    def __post_init__(self) -> None:
        lengths = {len(vector) for vector in self.vectors.values()}
        if len(lengths) > 1 or any(length > MOST_DIMENSIONS for length in lengths):
            raise InvalidExample(
                f"artwork vectors have {sorted(lengths)} numbers: project them to one length, at most {MOST_DIMENSIONS}"
            )
        if not all(np.isfinite(vector).all() for vector in self.vectors.values()):
            raise InvalidExample("an artwork vector holds a number that is not finite: embed the artwork again")

    @property
    def dimensions(self) -> int:
        """D."""
        return len(next(iter(self.vectors.values()), ()))

    def names(self, batch: Batch) -> tuple[str, ...]:
        """The features of a batch in the order of columns.

        Raises:
            RefusedFeature: one means age or gender.
        """
        for name in batch.features:
            refuse_age_and_gender(name)
        return tuple(sorted(batch.features))

    def rows(self, batch: Batch) -> EncodedRows:
        """The rows of a batch; a number that is not finite counts as a category of its own.

        Raises:
            NoEligibleKnown: the batch knows no eligible artworks.
            RefusedFeature: a feature means age or gender.
        """
        eligible = eligible_of(batch)
        columns = [_column(name, batch.features[name]) for name in self.names(batch)]
        constant = np.zeros(len(batch), dtype=np.uint64), np.ones(len(batch))
        places, sides, vectors = self._sides(eligible.artworks, eligible.names)
        return EncodedRows(
            hashes=np.stack([hashes for hashes, _ in (constant, *columns)], axis=1),
            values=np.stack([values for _, values in (constant, *columns)], axis=1),
            starts=eligible.starts,
            chosen=eligible.chosen,
            artworks=places,
            sides=sides,
            vectors=vectors,
        )

    def _sides(self, codes: Integers, names: Sequence[str]) -> tuple[Integers, Hashes, Floats]:
        used, places = _used(codes)
        known = [names[code] for code in used]
        vectors = np.zeros((len(known), self.dimensions))
        for place, name in enumerate(known):
            if name in self.vectors:
                vectors[place] = self.vectors[name]
        return places, np.array([hashed("artwork", name) for name in known], dtype=np.uint64), vectors


def _column(name: str, column: Floats | Labels) -> tuple[Hashes, Floats]:
    if isinstance(column, Labels):
        used, places = _used(column.codes)
        known = np.array([hashed("category", f"{name}={column.names[code]}") for code in used], dtype=np.uint64)
        return known[places], np.ones(len(column.codes))
    sound = np.isfinite(column)
    own, missing = (np.uint64(hashed("number", each)) for each in (name, name + _MISSING))
    numbers = np.clip(np.where(sound, column, 1.0), -LARGEST_NUMBER, LARGEST_NUMBER)
    return np.where(sound, own, missing), numbers


def _used(codes: Integers) -> tuple[list[int], Integers]:
    """Which codes there are, ascending, and the place of each row's among them; counted, which sorting is not."""
    counts = np.bincount(codes, minlength=1)
    used = np.flatnonzero(counts)
    places = np.zeros(len(counts), dtype=np.int64)
    places[used] = np.arange(len(used))
    return used.tolist(), places[codes]


def one_schema(known: tuple[str, ...] | None, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """The features that both parts of a log have, None for a part without rows.

    Raises:
        InvalidExample: they are not the same.
    """
    if known is not None and names is not None and known != names:
        raise InvalidExample(
            f"a part of the log has the features {[*names]} and another {[*known]}: give every part the same columns"
        )
    return names if known is None else known
