"""Columns of some rows as numbers, keys, names, times and lists. Knows no format, and no meaning of any column.

Whole columns are turned at once; rows are looked at one by one only to name those that are wrong.
"""

# pyarrow carries no annotations.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingTypeStubs=false, reportAttributeAccessIssue=false

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, cast

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from api.jobs.logs.bad_log import NAMED_ROWS, BadLog
from bandit.kernels import text_keys
from bandit.ope.batch import Floats, Integers, Labels, Mask, ViewerKeys

_LARGEST_TABLE = 1 << 20

UNKNOWN = "unknown"
"""The name of a segment whose column says nothing."""

_UNITS = ((1e11, 1e6), (1e14, 1e3), (1e17, 1.0))
"""Numbers up to so many are times in units of so many microseconds: seconds, milliseconds, microseconds."""


@dataclass(frozen=True, slots=True)
class Lists:
    """A list a row: row i holds `values[starts[i]:starts[i + 1]]`."""

    starts: Integers
    values: Any

    @property
    def counts(self) -> Integers:
        """How long each list is."""
        return np.diff(self.starts)


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns of n rows by name; `numbers` (n,) are the rows' numbers in the log."""

    arrays: Mapping[str, pa.Array]
    numbers: Integers

    def __contains__(self, name: str) -> bool:
        return name in self.arrays

    def __len__(self) -> int:
        return len(self.numbers)

    def select(self, rows: Mask) -> "Columns":
        """The rows (n,) that are marked."""
        taken = pa.array(rows)
        return Columns({name: array.filter(taken) for name, array in self.arrays.items()}, self.numbers[rows])

    def floats(self, name: str) -> Floats:
        """Numbers (n,); what is missing is NaN."""
        return as_floats(self.arrays[name], lambda places: self._wrong(name, "numbers", places))

    def texts(self, name: str) -> pa.Array:
        """Texts (n,), with nulls where nothing is said."""
        return as_texts(self.arrays[name], lambda places: self._wrong(name, "texts", places))

    def keys(self, name: str) -> ViewerKeys | None:
        """A 64-bit key a row (n,), the same for the same text or whole number everywhere; None where no row has one."""
        array = self.arrays[name]
        if array.null_count == len(array):
            return None
        if array.null_count:
            message = f"Some rows name a {name} and some do not."
            remedy = "Name one in every row, or leave the column out."
            raise BadLog(message, remedy, reason="names_missing", rows=self.numbers[np.flatnonzero(_nulls(array))])
        if pa.types.is_dictionary(array.type):
            known = _keys(as_texts(array.dictionary, lambda _: self._wrong(name, "texts")))
            return known[array.indices.to_numpy(zero_copy_only=False)]
        return _keys(self.texts(name))

    def labels(self, name: str) -> Labels:
        """A name a row (n,): texts, truths or whole numbers."""
        array = self.arrays[name]
        codes, names = coded(array if pa.types.is_dictionary(array.type) else self.texts(name), missing=UNKNOWN)
        return Labels(codes=codes, names=names)

    def moments(self, name: str) -> Integers | None:
        """Microseconds since 1970 (n,), from times, days, RFC 3339 texts, or numbers since 1970 by their size.

        None where no row has one.
        """
        array = self.arrays[name]
        if array.null_count == len(array):
            return None
        places = np.flatnonzero(_nulls(array))
        if len(places):
            remedy = "Give every row its time, or leave the column out."
            raise BadLog(f"Some rows have no {name}.", remedy, reason="times_missing", rows=self.numbers[places])
        if pa.types.is_integer(array.type) or pa.types.is_floating(array.type):
            return _since_1970(self.floats(name))
        try:
            return _times(array).cast(pa.int64()).to_numpy(zero_copy_only=False) // 1000
        except pa.ArrowException as error:
            raise self._wrong(name, "times", failing(array, _times)) from error

    def lists(self, name: str) -> Lists:
        """A list a row (n,), none of them missing."""
        array = self.arrays[name]
        if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
            array = self._parsed(name)
        if not pa.types.is_list(array.type) and not pa.types.is_large_list(array.type):
            raise self._wrong(name, "lists, one entry an eligible artwork")
        places = np.flatnonzero(_nulls(array))
        if len(places):
            remedy = "Give every row its list, one entry an eligible artwork."
            raise BadLog(f"Some rows have no {name}.", remedy, reason="lists_missing", rows=self.numbers[places])
        counts = pc.list_value_length(array).to_numpy(zero_copy_only=False).astype(np.int64)
        return Lists(np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), array.flatten())

    def list_floats(self, name: str) -> tuple[Lists, Floats]:
        """Lists of numbers (n,), and all of their entries."""
        lists = self.lists(name)

        def wrong(places: Integers) -> BadLog:
            return self._wrong(name, "numbers", np.unique(np.searchsorted(lists.starts, places, side="right") - 1))

        return lists, as_floats(lists.values, wrong)

    def renamed(self, names: Mapping[str, str]) -> "Columns":
        """The columns that these names stand for."""
        return replace(self, arrays={name: self.arrays[own] for name, own in names.items()})

    def _parsed(self, name: str) -> pa.Array:
        """Lists that were written as JSON, where a format has no lists; what is none is wrong."""
        told = self.arrays[name].to_pylist()
        lists = [None if text is None else _list_in(text) for text in told]
        wrong = [place for place, (text, found) in enumerate(zip(told, lists, strict=True)) if text and found is None]
        if wrong:
            raise self._wrong(name, 'lists such as ["a","b"], one entry an eligible artwork', np.array(wrong))
        return pa.array(lists, pa.list_(pa.string()))

    def _wrong(self, name: str, meant: str, places: Integers | None = None) -> BadLog:
        rows = self.numbers if places is None else self.numbers[places]
        message = f"The column for {name} holds no {meant}."
        return BadLog(message, "Map another column, or correct the log.", reason="wrong_type", rows=rows)


def as_floats(array: pa.Array, wrong: Callable[[Integers], BadLog]) -> Floats:
    """Numbers, truths or texts of numbers as float64; `wrong` names the places of those that are none."""
    plain = _decoded(array)
    try:
        return cast(Floats, plain.cast(pa.float64()).to_numpy(zero_copy_only=False))
    except pa.ArrowException as error:
        raise wrong(failing(plain, lambda one: one.cast(pa.float64()))) from error


def as_texts(array: pa.Array, wrong: Callable[[Integers], BadLog]) -> pa.Array:
    """Texts, truths or numbers as texts; `wrong` is raised where they have no text."""
    plain = _decoded(array)
    try:
        return plain.cast(pa.large_string())
    except pa.ArrowException as error:
        raise wrong(np.zeros(0, dtype=np.int64)) from error


def coded(texts: pa.Array, *, missing: str) -> tuple[Integers, tuple[str, ...]]:
    """A code for each of n texts (n,), which may be codes already, and the names that occur, each once."""
    known = texts if pa.types.is_dictionary(texts.type) else texts.dictionary_encode()
    names = [missing if name is None else name for name in known.dictionary.cast(pa.large_string()).to_pylist()]
    given = known.indices.cast(pa.int64()).fill_null(len(names)).to_numpy(zero_copy_only=False)
    places, used = compacted(given, len(names) + 1)
    return united(places, [[*names, missing][code] for code in used.tolist()])


def united(codes: Integers, names: Sequence[str]) -> tuple[Integers, tuple[str, ...]]:
    """The same codes (n,) where several may stand for one name, and each name once."""
    places: dict[str, int] = {}
    own = [places.setdefault(name, len(places)) for name in names]
    return (codes if len(places) == len(names) else np.array(own, dtype=np.int64)[codes]), tuple(places)


def compacted(codes: Integers, size: int) -> tuple[Integers, Integers]:
    """The place of each of n codes under `size` among those that occur (n,), and these, sorted."""
    if size > _LARGEST_TABLE:
        used, places = np.unique(codes, return_inverse=True)
        return places, used
    table = np.zeros(size, dtype=np.int64)
    table[codes] = 1
    used = np.flatnonzero(table)
    table[used] = np.arange(len(used))
    return table[codes], used


def failing(array: pa.Array, turn: Callable[[Any], object]) -> Integers:
    """The places of the first entries that cannot be turned."""

    def fails(place: int) -> bool:
        try:
            turn(array.slice(place, 1))
        except pa.ArrowException:
            return True
        return False

    return np.fromiter(islice(filter(fails, range(len(array))), NAMED_ROWS), dtype=np.int64)


def _decoded(array: pa.Array) -> Any:
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _nulls(array: pa.Array) -> Mask:
    return cast(Mask, array.is_null().to_numpy(zero_copy_only=False))


def _list_in(text: str) -> list[str] | None:
    try:
        return [str(each) for each in msgspec.json.decode(text, type=list[str | int | float])]
    except msgspec.DecodeError:
        return None


def _keys(texts: pa.Array) -> ViewerKeys:
    _, offsets, data = texts.buffers()
    bounds: NDArray[np.int64] = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    letters = np.zeros(1, np.uint8) if data is None or not data.size else np.frombuffer(data, np.uint8)
    return text_keys(letters, bounds)


def _times(array: pa.Array) -> Any:
    """Nanoseconds since 1970, since texts may have more digits than six; those that name no zone are in UTC."""
    plain = _decoded(array)
    try:
        return plain.cast(pa.timestamp("ns", "UTC"))
    except pa.ArrowException:
        return plain.cast(pa.timestamp("ns"))


def _since_1970(values: Floats) -> Integers:
    largest = float(np.abs(values).max(initial=0.0))
    factor = next((factor for limit, factor in _UNITS if largest < limit), 1e-3)
    return np.floor(values * factor).astype(np.int64)
