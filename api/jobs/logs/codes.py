"""Names as codes: of texts, of texts that are codes already, and of several that must agree. Knows no column."""

# pyarrow carries no annotations.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingTypeStubs=false, reportAttributeAccessIssue=false

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from bandit.ope.batch import Integers

_LARGEST_TABLE = 1 << 20


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
