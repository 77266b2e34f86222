"""How alike the eligible artworks look to the one that was shown, from their vectors. Knows no estimator and no log."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bandit.errors import InvalidExample
from bandit.ope.batch import Batch, Eligible, Floats, Integers, Mask

Numbers = NDArray[np.floating]
_PAIRS_AT_ONCE = 4096


def with_likeness(batch: Batch, vectors: Mapping[str, Sequence[float] | Numbers]) -> Batch:
    """The batch with its artworks' likeness, or as it is where it does not know the eligible artworks.

    `vectors` are the artworks' by name, all of one embedding version; one that has none is like itself only.

    Raises:
        InvalidExample: vectors of several lengths, or one that is not finite.
    """
    if batch.eligible is None:
        return batch
    return replace(batch, eligible=replace(batch.eligible, likeness=likeness(batch.eligible, vectors)))


def likeness(eligible: Eligible, vectors: Mapping[str, Sequence[float] | Numbers]) -> Floats:
    """exp(cos − 1) of each entry's vector and that of its row's shown artwork: (m,), 1 for the same direction.

    A power s of it is the kernel exp(−s (1 − cos)), so the sharpness of MIPS is how fast likeness falls with the angle.
    """
    directions, known = _directions(eligible.names, vectors)
    count = len(eligible.names)
    shown = np.repeat(eligible.artworks[eligible.chosen], eligible.counts)
    # Each pair of artworks once: a batch has far fewer of them than entries, and vectors may be long.
    pairs, places = np.unique(eligible.artworks * count + shown, return_inverse=True)
    one, other = pairs // count, pairs % count
    # Rounded, so that equal vectors are exactly as alike as one is to itself.
    cosines = _cosines(directions, one, other).round(12)
    alike = np.where(known[one] & known[other], np.exp(cosines - 1.0), 0.0)
    return np.where(one == other, 1.0, alike)[places]


def _cosines(directions: Floats, one: Integers, other: Integers) -> Floats:
    """Of pairs of directions, by their places (p,), some at a time: vectors are long, and pairs may be many."""
    cosines = np.empty(len(one))
    for begin in range(0, len(one), _PAIRS_AT_ONCE):
        part = slice(begin, begin + _PAIRS_AT_ONCE)
        cosines[part] = np.einsum("pd,pd->p", directions[one[part]], directions[other[part]])
    return cosines


def _directions(names: Sequence[str], vectors: Mapping[str, Sequence[float] | Numbers]) -> tuple[Floats, Mask]:
    """Unit vectors (names, d), and which of them are known; a vector of zeros has no direction and is not."""
    found = [None if name not in vectors else np.asarray(vectors[name]) for name in names]
    widths = {vector.shape for vector in found if vector is not None}
    if len(widths) > 1 or any(len(shape) != 1 for shape in widths):
        raise InvalidExample(f"artworks have vectors of {len(widths)} lengths: give all in one embedding version")
    table = np.zeros((len(names), *(widths.pop() if widths else (1,))))
    for place, vector in enumerate(found):
        if vector is not None:
            table[place] = vector
    if not np.isfinite(table).all():
        raise InvalidExample("an artwork's vector is not finite: embed it again")
    lengths = np.sqrt(np.einsum("nd,nd->n", table, table))  # norm would copy the table
    table /= np.where(lengths, lengths, 1.0)[:, np.newaxis]
    return table, lengths > 0.0
