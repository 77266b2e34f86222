"""Arrow arrays as numbers, texts, times, lists and keys. Knows no column's name and no meaning.

Whole arrays are turned at once; entries are looked at one by one only to name those that are wrong.
"""

# pyarrow carries no annotations.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingTypeStubs=false, reportAttributeAccessIssue=false

from collections.abc import Callable
from itertools import islice
from typing import Any, cast

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from api.jobs.logs.bad_log import NAMED_ROWS, BadLog
from bandit.kernels import text_keys
from bandit.ope.batch import Floats, Integers, Mask, ViewerKeys

_UNITS = ((1e11, 1e6), (1e14, 1e3), (1e17, 1.0), (9e18, 1e-3))
"""Numbers under so many are times in units of so many microseconds: seconds, milliseconds and so on."""


def plain(array: pa.Array) -> Any:
    """The same entries in the kinds that every function knows: no views of texts, no lists of fixed length."""
    kind = array.type
    if pa.types.is_string_view(kind):
        return array.cast(pa.large_string())
    if pa.types.is_fixed_size_list(kind):
        return array.cast(pa.large_list(kind.value_type))
    return array


def as_floats(array: pa.Array, wrong: Callable[[Integers], BadLog]) -> Floats:
    """Numbers, truths or texts of numbers as float64, NaN where nothing is said; `wrong` is given bad places."""
    known = decoded(array)
    try:
        # Whole numbers beyond 2^53 are rounded, as every float64 is.
        safe = not pa.types.is_integer(known.type)
        return cast(Floats, known.cast(pa.float64(), safe=safe).to_numpy(zero_copy_only=False))
    except pa.ArrowException as error:
        raise wrong(_failing(known, lambda one: one.cast(pa.float64()))) from error


def as_texts(array: pa.Array, wrong: Callable[[Integers], BadLog]) -> pa.Array:
    """Texts, truths, numbers or times as texts; `wrong` is given the places of those that have none."""
    known = decoded(array)
    try:
        return known.cast(pa.large_string())
    except pa.ArrowException as error:
        raise wrong(_failing(known, lambda one: one.cast(pa.large_string()))) from error


def as_moments(array: pa.Array, wrong: Callable[[Integers], BadLog]) -> Integers:
    """Microseconds since 1970, from times, days, RFC 3339 texts, or numbers since 1970 by their size."""
    known = decoded(array)
    numbers = _numbers(known)
    if numbers is not None:
        return _since_1970(numbers, wrong)
    try:
        return _times(known).cast(pa.int64()).to_numpy(zero_copy_only=False) // 1000
    except pa.ArrowException as error:
        raise wrong(_failing(known, _times)) from error


def as_lists(array: pa.Array, wrong: Callable[[Integers], BadLog]) -> pa.Array:
    """Lists, or texts that are lists in JSON; `wrong` is given the places of those that are none."""
    if not (pa.types.is_string(array.type) or pa.types.is_large_string(array.type)):
        if pa.types.is_list(array.type) or pa.types.is_large_list(array.type):
            return array
        raise wrong(np.arange(len(array)))
    told = array.to_pylist()
    lists = [None if text is None else _list_in(text) for text in told]
    places = [place for place, (text, found) in enumerate(zip(told, lists, strict=True)) if text and found is None]
    if places:
        raise wrong(np.array(places, dtype=np.int64))
    return pa.array(lists, pa.list_(pa.string()))


def as_keys(texts: pa.Array) -> ViewerKeys:
    """The 64-bit key of each large text."""
    _, offsets, data = texts.buffers()
    bounds: NDArray[np.int64] = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    letters = np.zeros(1, np.uint8) if data is None or not data.size else np.frombuffer(data, np.uint8)
    return text_keys(letters, bounds)


def nulls(array: pa.Array) -> Mask:
    """Where nothing is said."""
    return cast(Mask, array.is_null().to_numpy(zero_copy_only=False))


def decoded(array: pa.Array) -> Any:
    """The entries themselves, where they are codes."""
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _failing(array: pa.Array, turn: Callable[[Any], object]) -> Integers:
    """The places of the first entries that cannot be turned."""

    def fails(place: int) -> bool:
        try:
            turn(array.slice(place, 1))
        except pa.ArrowException:
            return True
        return False

    return np.fromiter(islice(filter(fails, range(len(array))), NAMED_ROWS), dtype=np.int64)


def _numbers(array: pa.Array) -> Floats | None:
    """Numbers, also where they are written as texts, as CSV does; None where they are none."""
    kind = array.type
    texts = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    if not (texts or pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        return None
    try:
        return array.cast(pa.float64(), safe=texts).to_numpy(zero_copy_only=False)
    except pa.ArrowException:
        return None


def _since_1970(values: Floats, wrong: Callable[[Integers], BadLog]) -> Integers:
    size = np.abs(values)
    places = np.flatnonzero(~(size < _UNITS[-1][0]))
    if len(places):
        raise wrong(places)
    largest = float(size.max(initial=0.0))
    factor = next(factor for limit, factor in _UNITS if largest < limit)
    return np.floor(values * factor).astype(np.int64)


def _times(array: pa.Array) -> Any:
    """Nanoseconds since 1970, since texts may have more digits than six; those that name no zone are in UTC."""
    try:
        return array.cast(pa.timestamp("ns", "UTC"))
    except pa.ArrowException:
        return array.cast(pa.timestamp("ns"))


def _list_in(text: str) -> list[str] | None:
    try:
        return [str(each) for each in msgspec.json.decode(text, type=list[str | int | float])]
    except msgspec.DecodeError:
        return None
