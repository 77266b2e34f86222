"""From a batch's features and artworks to hashes and numbers that every model reads. Knows no model.

A name is hashed the same way in every part of a log, on every machine, so no dictionary has to be agreed on.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bandit.errors import InvalidExample
from bandit.features import refuse_age_and_gender
from bandit.ope.batch import Batch, Floats, Integers, Labels
from bandit.ope.models.model import eligible_of

Hashes: TypeAlias = NDArray[np.uint64]

Schema: TypeAlias = tuple[tuple[str, bool], ...]
"""The features of a log, by name, and whether each is a number; the others are categories."""

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

    `hashes`, `values` (n, 1 + features): a constant 1, then the features of `schema`, a number under its name's hash,
    a category under its own with the value 1. Row i holds the entries `starts[i]:starts[i + 1]`, `chosen` (n,) was
    shown; `artworks` (m,) are places in `sides` (A,), the artworks' hashes, and `vectors` (A, D), which may have no
    columns.
    """

    schema: Schema
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

    @cached_property
    def _by_hash(self) -> Mapping[int, Floats]:
        return {hashed("artwork", name): vector for name, vector in self.vectors.items()}

    @property
    def dimensions(self) -> int:
        """D."""
        return len(next(iter(self.vectors.values()), ()))

    def rows(self, batch: Batch) -> EncodedRows:
        """The rows of a batch; a number that is not finite counts as a category of its own.

        Raises:
            NoEligibleKnown: the batch knows no eligible artworks.
            RefusedFeature: a feature means age or gender.
        """
        eligible = eligible_of(batch)
        schema = _schema(batch)
        columns = [_column(name, batch.features[name]) for name, _ in schema]
        constant = np.zeros(len(batch), dtype=np.uint64), np.ones(len(batch))
        places, sides, vectors = self._sides(eligible.artworks, eligible.names)
        return EncodedRows(
            schema=schema,
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
        sides = np.array([hashed("artwork", name) for name in known], dtype=np.uint64)
        return places, sides, self.vectors_of(sides)

    def vectors_of(self, sides: Hashes) -> Floats:
        """The vectors of artworks by their hashes (A,): (A, D)."""
        none = np.zeros(self.dimensions)
        found = [self._by_hash.get(side, none) for side in sides.tolist()]
        return np.array(found, dtype=np.float64).reshape(len(sides), self.dimensions)


def _column(name: str, column: Floats | Labels) -> tuple[Hashes, Floats]:
    if isinstance(column, Labels):
        used, places = _used(column.codes)
        known = np.array([hashed("category", f"{name}={column.names[code]}") for code in used], dtype=np.uint64)
        return known[places], np.ones(len(column.codes))
    sound = np.isfinite(column)
    own, missing = number_hash(name), number_hash(name + _MISSING)
    numbers = np.clip(np.where(sound, column, 1.0), -LARGEST_NUMBER, LARGEST_NUMBER)
    return np.where(sound, own, missing), numbers


def _used(codes: Integers) -> tuple[list[int], Integers]:
    """Which codes there are, ascending, and the place of each row's among them; counted, which sorting is not."""
    counts = np.bincount(codes, minlength=1)
    used = np.flatnonzero(counts)
    places = np.zeros(len(counts), dtype=np.int64)
    places[used] = np.arange(len(used))
    return used.tolist(), places[codes]


def number_hash(name: str) -> np.uint64:
    """The hash that a number's values stand under, where they are finite."""
    return np.uint64(hashed("number", name))


def one_schema(known: Schema | None, told: Schema | None) -> Schema | None:
    """The features that both parts of a log have, None for a part without rows.

    Raises:
        InvalidExample: they are not the same.
    """
    if known is not None and told is not None and known != told:
        names = [[name for name, _ in schema] for schema in (told, known)]
        raise InvalidExample(
            f"a part of the log has the features {names[0]} and another {names[1]}: give every part the same columns, "
            "as numbers or as categories throughout"
        )
    return told if known is None else known


def _schema(batch: Batch) -> Schema:
    for name in batch.features:
        refuse_age_and_gender(name)
    return tuple((name, not isinstance(batch.features[name], Labels)) for name in sorted(batch.features))
