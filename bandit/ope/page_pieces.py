"""From rows to whole pages, though batches and parts of a log cut pages in two. Knows no estimator.

The rows of a page lie side by side in a log. A batch's first and last page may go on elsewhere, so their sums stay open
until the end; all others are whole. What memory grows by is two pages a batch.
"""

from dataclasses import dataclass

import numpy as np

from bandit.errors import InvalidExample
from bandit.ope.batch import Batch, Floats, Mask, ViewerKeys

MOST_REMEMBERED = 1 << 16
_MIX = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pages:
    """n pages or pieces of them: `keys` and `viewers` (n,), how many decisions each stands for (n,), and sums (n, 4).

    The sums are those of the slots: their number, Σ w, Σ r, and Σ w of the baseline (0 where there is none).
    `viewers` is None where the log does not know them.
    """

    keys: ViewerKeys
    viewers: ViewerKeys | None
    stands_for: Floats
    sums: Floats

    @classmethod
    def of(cls, batch: Batch) -> "Pages":
        """The pages of a batch, each as far as it lies in it; raises InvalidExample where it knows no pages."""
        if batch.pages is None:
            raise InvalidExample("the rows do not name their pages: map the log's column `page`")
        keys, first, places = np.unique(batch.pages, return_index=True, return_inverse=True)
        baseline = np.zeros(len(batch)) if batch.baseline is None else batch.baseline / batch.propensity
        columns = (np.ones(len(batch)), batch.weights, batch.reward, baseline)
        sums = [np.bincount(places, weights=column, minlength=len(keys)) for column in columns]
        return cls(
            keys=keys,
            viewers=None if batch.viewers is None else batch.viewers[first],
            stands_for=batch.stands_for[first],
            sums=np.stack(sums, axis=1, dtype=np.float64),
        )

    def __len__(self) -> int:
        return len(self.keys)

    def select(self, pages: Mask) -> "Pages":
        """Those that are marked (n,)."""
        return Pages(
            keys=self.keys[pages],
            viewers=None if self.viewers is None else self.viewers[pages],
            stands_for=self.stands_for[pages],
            sums=self.sums[pages],
        )

    def to_batch(self, *, baseline: bool) -> Batch:
        """One row a page: its reward is the sum over its slots, its weight 1 − slots + Σ w (`bandit.ope.pages`)."""
        slots, weight, reward, other = self.sums.T
        return Batch(
            propensity=np.ones(len(self)),
            target=1.0 - slots + weight,
            reward=reward,
            viewers=self.keys if self.viewers is None else self.viewers,
            kept=1.0 / self.stands_for,
            baseline=1.0 - slots + other if baseline else None,
        )


class OpenPages:
    """The pages at the edges of batches, whose pieces are put together; no other page may come twice."""

    def __init__(self) -> None:
        self._open: dict[int, Pages] = {}
        self._whole = _Remembered()

    def whole_of(self, batch: Batch) -> Pages:
        """The pages of a batch that are whole; the others are kept.

        Raises:
            InvalidExample: a page that was whole comes again.
        """
        pages = Pages.of(batch)
        edges = _edges(batch)
        at_edge = np.array([key in self._open or key in edges for key in pages.keys.tolist()], dtype=np.bool_)
        self._whole.refuse(pages.keys[at_edge])
        self._put(pages.select(at_edge))
        self._whole.add(pages.keys[~at_edge])
        return pages.select(~at_edge)

    def __add__(self, other: "OpenPages") -> "OpenPages":
        both = OpenPages()
        for part in (self, other):
            for pages in part._open.values():
                both._put(pages)
        both._whole = self._whole + other._whole
        both._whole.refuse(np.array(list(both._open), dtype=np.uint64))
        return both

    def pieced_together(self) -> Pages | None:
        """The pages at edges, each as one; None where there are none."""
        pages = list(self._open.values())
        if not pages:
            return None
        viewers = [page.viewers for page in pages if page.viewers is not None]
        return Pages(
            keys=np.concatenate([page.keys for page in pages]),
            viewers=np.concatenate(viewers) if len(viewers) == len(pages) else None,
            stands_for=np.concatenate([page.stands_for for page in pages]),
            sums=np.concatenate([page.sums for page in pages]),
        )

    def _put(self, pages: Pages) -> None:
        for place, key in enumerate(pages.keys.tolist()):
            piece = pages.select(np.arange(len(pages)) == place)
            known = self._open.get(key)
            self._open[key] = piece if known is None else _together(known, piece)


def _edges(batch: Batch) -> tuple[int, ...]:
    pages = batch.pages
    return () if pages is None or not len(pages) else (int(pages[0]), int(pages[-1]))


def _together(one: Pages, other: Pages) -> Pages:
    return Pages(keys=one.keys, viewers=one.viewers, stands_for=one.stands_for, sums=one.sums + other.sums)


class _Remembered:
    """Keys seen once, all of up to 65,536 and an even sample of more, to notice those that come again."""

    def __init__(self) -> None:
        self._keys: set[int] = set()
        self._limit = 1 << 64

    def add(self, keys: ViewerKeys) -> None:
        """Take in keys; raises InvalidExample for one that is known."""
        self.refuse(keys)
        self._keys |= self._sampled(keys)
        self._thin()

    def refuse(self, keys: ViewerKeys) -> None:
        """Raise InvalidExample where one of the keys is known."""
        again = self._sampled(keys) & self._keys
        if again:
            raise InvalidExample(
                f"{len(again)} pages come again after other pages: sort the log so that a page's rows lie side by side"
            )

    def __add__(self, other: "_Remembered") -> "_Remembered":
        both = _Remembered()
        both._limit = min(self._limit, other._limit)
        both._keys = both._sampled(self._array())
        both.add(other._array())
        return both

    def _array(self) -> ViewerKeys:
        return np.array(list(self._keys), dtype=np.uint64)

    def _sampled(self, keys: ViewerKeys) -> set[int]:
        if self._limit == 1 << 64:
            return set(keys.tolist())
        return set(keys[keys * _MIX < np.uint64(self._limit)].tolist())

    def _thin(self) -> None:
        while len(self._keys) > MOST_REMEMBERED:
            self._limit //= 2
            self._keys = self._sampled(self._array())
