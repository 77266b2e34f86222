"""Columns of some rows as numbers, keys, names, times and lists. Knows no format, and no meaning of any column.

Whole columns are turned at once; rows are looked at one by one only to name those that are wrong.
"""

# pyarrow carries no annotations.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingTypeStubs=false, reportAttributeAccessIssue=false

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from api.jobs.logs.arrays import as_floats, as_keys, as_lists, as_moments, as_texts, nulls
from api.jobs.logs.bad_log import BadLog
from api.jobs.logs.codes import coded
from bandit.ope.batch import Floats, Integers, Labels, Mask, ViewerKeys

UNKNOWN = "unknown"
"""The name of a segment whose column says nothing."""


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
            raise BadLog(message, remedy, reason="names_missing", rows=self._empty(array))
        if pa.types.is_dictionary(array.type):
            known = as_keys(as_texts(array.dictionary, lambda _: self._wrong(name, "texts")))
            return known[array.indices.to_numpy(zero_copy_only=False)]
        return as_keys(self.texts(name))

    def labels(self, name: str) -> Labels:
        """A name a row (n,): texts, truths or whole numbers."""
        array = self.arrays[name]
        codes, names = coded(array if pa.types.is_dictionary(array.type) else self.texts(name), missing=UNKNOWN)
        return Labels(codes=codes, names=names)

    def moments(self, name: str) -> Integers | None:
        """Microseconds since 1970 (n,), see `as_moments`; None where no row has a time."""
        array = self.arrays[name]
        if array.null_count == len(array):
            return None
        if array.null_count:
            remedy = "Give every row its time, or leave the column out."
            raise BadLog(f"Some rows have no {name}.", remedy, reason="times_missing", rows=self._empty(array))
        return as_moments(array, lambda places: self._wrong(name, "times", places))

    def lists(self, name: str) -> Lists:
        """A list a row (n,), none of them missing."""
        meant = 'lists such as ["a","b"], one entry an eligible artwork'
        array = as_lists(self.arrays[name], lambda places: self._wrong(name, meant, places))
        if array.null_count:
            remedy = "Give every row its list, one entry an eligible artwork."
            raise BadLog(f"Some rows have no {name}.", remedy, reason="lists_missing", rows=self._empty(array))
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

    def _empty(self, array: pa.Array) -> Integers:
        return self.numbers[np.flatnonzero(nulls(array))]

    def _wrong(self, name: str, meant: str, places: Integers | None = None) -> BadLog:
        rows = self.numbers if places is None else self.numbers[places]
        message = f"The column for {name} holds no {meant}."
        return BadLog(message, "Map another column, or correct the log.", reason="wrong_type", rows=rows)
