"""Where does the target lose? Sums by segment, streaming and mergeable, in bounded memory. Knows no policy, no page.

A segment is one value of one dimension (`Batch.labels`), such as device "tv". Whoever looks at forty segments finds
two that differ by luck alone, so p-values are adjusted over all segments that are told (Holm 1979).
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from bandit.ope.batch import EMBEDDING_VERSION, Batch, Floats, Labels
from bandit.ope.buckets import buckets
from bandit.ope.compared import Segment, judged, read_segment
from bandit.ope.distinct import Smallest, count, smallest_by_group, united
from bandit.ope.groups import Group, grouped, merged
from bandit.ope.terms import OfBaseline, One, Reward, Term, Weight, WeightedReward

OTHER = "other"
MOST_KEPT = 2048
MOST_TOLD = 200
_TERMS: tuple[Term, ...] = (One(), Reward(), Weight(), WeightedReward())
_BASELINE: tuple[Term, ...] = (OfBaseline(Weight()), OfBaseline(WeightedReward()))
_HASH_BITS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutting:
    """How a log is cut into segments.

    `dimensions`: which labels (None: all that the log has, but for the embedding version). `edges`: features that are
    numbers and become dimensions, by the numbers at which their ranges begin. `baseline`: whether the difference is to
    the batches' baseline; else it is to what was logged. Of each dimension sums of `kept` values are kept, those whose
    names have the smallest hashes, and the `told` values with the most rows are told; the rest is "other".
    """

    dimensions: Sequence[str] | None = None
    edges: Mapping[str, Sequence[float]] = field(default_factory=dict[str, Sequence[float]])
    baseline: bool = False
    kept: int = MOST_KEPT
    told: int = MOST_TOLD

    @property
    def terms(self) -> tuple[Term, ...]:
        """The terms of a row, in the order of `bandit.ope.compared`."""
        return (*_TERMS, *_BASELINE) if self.baseline else _TERMS

    def labels(self, batch: Batch) -> Iterator[tuple[str, Labels]]:
        """The dimensions of a batch's rows."""
        for name, labels in batch.labels.items():
            if name != EMBEDDING_VERSION and (self.dimensions is None or name in self.dimensions):
                yield name, labels
        for name, edges in self.edges.items():
            values = batch.features.get(name)
            if isinstance(values, np.ndarray):
                yield name, buckets(values, edges)


class Segments:
    """Streaming and mergeable; 6 to 10 KB a segment. Takes sound rows only (`bandit.ope.diagnosis.faults`)."""

    def __init__(self, cutting: Cutting | None = None) -> None:
        self._cutting = cutting or Cutting()
        self._dimensions: dict[str, _Dimension] = {}

    def add(self, batch: Batch) -> None:
        """Take in the rows of a batch.

        Raises:
            InvalidExample: some rows of this log name a viewer and some do not.
            ValueError: the difference shall be to a baseline that the batch does not know.
        """
        if not len(batch):
            return
        columns = np.stack([term.of(batch) for term in self._cutting.terms], axis=1)
        terms = columns * batch.stands_for[:, np.newaxis]
        for name, labels in self._cutting.labels(batch):
            self._of(name).add(terms, batch, labels=labels)

    def __add__(self, other: "Segments") -> "Segments":
        both = Segments(self._cutting)
        for part in (self, other):
            for name, dimension in part._dimensions.items():
                both._dimensions[name] = both._of(name).merged(dimension)
        return both

    def read(self, *, level: float = 0.95) -> tuple[Segment, ...]:
        """All segments that are told, the worst first, judged with chance 1 − level of a single error among them."""
        found = [
            read_segment((name, value), group, viewers=viewers, level=level)
            for name, dimension in sorted(self._dimensions.items())
            for value, group, viewers in dimension.told(self._cutting.told)
        ]
        return judged(found, level=level)

    def _of(self, name: str) -> "_Dimension":
        return self._dimensions.setdefault(name, _Dimension(self._cutting.kept))


class _Dimension:
    """The segments of one dimension. Which values are kept depends on all values alone, not on their order."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._level = 0
        self._groups: dict[str, Group] = {}
        self._viewers: dict[str, Smallest] = {}
        self._hashes: dict[str, int] = {}

    def add(self, terms: Floats, batch: Batch, *, labels: Labels) -> None:
        names = [str(name) for name in labels.names]
        self._groups = merged(self._groups, grouped(terms, batch, codes=labels.codes, names=names))
        if batch.viewers is not None:
            seen = smallest_by_group(batch.viewers, codes=labels.codes, names=names, known=self._viewers)
            self._unite(seen)
        self._fold()

    def merged(self, other: "_Dimension") -> "_Dimension":
        both = _Dimension(self._kept)
        both._level = max(self._level, other._level)
        both._groups = merged(self._groups, other._groups)
        for part in (self, other):
            both._unite(part._viewers)
        both._fold()
        return both

    def told(self, most: int) -> Iterator[tuple[str, Group, int | None]]:
        """Values with their sums and how many viewers they have, the most rows first; what remains is other."""
        by_rows = sorted(self._groups, key=lambda name: (name == OTHER, -self._groups[name].rows, name))
        rest = by_rows[most:] if len(by_rows) > most else []
        for name in by_rows[: len(by_rows) - len(rest)]:
            yield name, self._groups[name], self._count([name])
        if rest:
            group = self._groups[rest[0]]
            for name in rest[1:]:
                group = group + self._groups[name]
            yield OTHER, group, self._count(rest)

    def _count(self, names: Sequence[str]) -> int | None:
        known = [self._viewers[name] for name in names if name in self._viewers]
        if not known:
            return None
        together = known[0]
        for smallest in known[1:]:
            together = united(together, smallest)
        return count(together)

    def _unite(self, seen: Mapping[str, Smallest]) -> None:
        for name, smallest in seen.items():
            known = self._viewers.get(name)
            self._viewers[name] = smallest if known is None else united(known, smallest)

    def _fold(self) -> None:
        """Put the values beyond the bound into "other", halving the bound as long as too many lie under it."""
        for name in self._groups.keys() - self._hashes.keys() - {OTHER}:
            self._hashes[name] = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")
        while sum(self._hash_held(name) for name in self._hashes) > self._kept:
            self._level += 1
        for name in [name for name in self._hashes if not self._hash_held(name)]:
            del self._hashes[name]
            self._groups = merged(self._groups, {OTHER: self._groups.pop(name)})
            if name in self._viewers:
                self._unite({OTHER: self._viewers.pop(name)})

    def _hash_held(self, name: str) -> bool:
        return self._hashes[name] >> (_HASH_BITS - self._level) == 0
