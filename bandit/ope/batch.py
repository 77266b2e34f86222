"""A batch of logged rows, in columns: what every estimator reads. Knows no estimator, no policy and no storage.

One row is one decision that was seen and rewarded. The target is the policy that is to be valued.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]
ViewerKeys = NDArray[np.uint64]

EMBEDDING_VERSION = "embedding_version"
"""The dimension whose label is the version of the vectors that a row was logged with."""

_KEY_BYTES = 8


@dataclass(frozen=True, kw_only=True, eq=False)
class Labels:
    """A name for each of n rows, `names[codes[i]]`; `codes` (n,)."""

    codes: Integers
    names: Sequence[str]

    def select(self, rows: Mask) -> "Labels":
        """Those of the rows (n,) that are marked."""
        return Labels(codes=self.codes[rows], names=self.names)


@dataclass(frozen=True, kw_only=True, eq=False)
class Predicted:
    """What a reward model that never saw these n rows says of them: arrays (n,) of mean rewards.

    `shown` is that of the artwork that was shown, `target` the mean over the target's probabilities of the eligible
    artworks, `baseline` the mean over the baseline's, where there is one.
    """

    shown: Floats
    target: Floats
    baseline: Floats | None = None

    def select(self, rows: Mask) -> "Predicted":
        """Those of the rows (n,) that are marked."""
        return Predicted(
            shown=self.shown[rows],
            target=self.target[rows],
            baseline=None if self.baseline is None else self.baseline[rows],
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Eligible:
    """The eligible artworks of n rows, row after row in flat arrays (m,).

    Row i holds the entries `starts[i]:starts[i + 1]` (`starts` (n + 1,), no row is empty); `chosen` (n,) is the entry
    that was drawn. `logged` and `target` are the two policies' probabilities, `baseline` those of a third that the
    target is compared with, where there is one. `artworks` are codes: `names[code]` is the artwork's name, unique
    across titles. `likeness` is how alike each entry looks to the one that was shown, 0 to 1 (1: the same), where
    vectors are known.
    """

    starts: Integers
    chosen: Integers
    artworks: Integers
    names: Sequence[str]
    logged: Floats
    target: Floats
    baseline: Floats | None = None
    likeness: Floats | None = None

    @cached_property
    def counts(self) -> Integers:
        """How many artworks each row has: (n,)."""
        return np.diff(self.starts)

    def row_sums(self, entries: Floats) -> Floats:
        """Add up entries (m,) within each row: (n,)."""
        return np.add.reduceat(entries, self.starts[:-1]) if len(self.chosen) else np.zeros(0)

    def select(self, rows: Mask) -> "Eligible":
        """The rows (n,) that are marked."""
        entries = np.repeat(rows, self.counts)
        starts = np.concatenate([[0], np.cumsum(self.counts[rows])])
        return replace(
            self,
            starts=starts,
            chosen=self.chosen[rows] - self.starts[:-1][rows] + starts[:-1],
            artworks=self.artworks[entries],
            logged=self.logged[entries],
            target=self.target[entries],
            baseline=None if self.baseline is None else self.baseline[entries],
            likeness=None if self.likeness is None else self.likeness[entries],
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """n rows: arrays (n,) of float64.

    `propensity` is the logged probability of the artwork that was shown, `target` the target's probability of that
    same artwork, `reward` what came of it; `baseline` is the probability that a third policy, which the target is
    compared with, gives that artwork. `viewers` (see `viewer_keys`) is None where the log does not know them,
    `eligible` is None where it only kept the artwork that was shown. `kept` is the probability, in (0, 1], with which
    each row was logged at all; None: every row was. `predicted` is there where a reward model was fitted.

    `decisions` are keys of the decisions' ids like those of viewers: repeated rows are found by them. A chosen entry of
    `eligible` outside its row says that the artwork shown was not among them. `at` are microseconds since 1970
    (int64), `pages` keys of pages like those of viewers, `positions` places on a page from 0 (int64); None where the
    log does not know them. `labels` name the segments that each row lies in, by dimension ("device", "title",
    "logged_policy"…); that of `EMBEDDING_VERSION` must name one only. `features` are what a reward model may look at,
    by name: numbers (n,) or categories; the artwork itself need not be among them. `drawn_from` are the eligible
    artworks of a log that lists no target's probabilities. `numbers` are those of the rows in their log, from 0, where
    some of its rows are not here or lie on one line; None: they are counted.
    """

    propensity: Floats
    target: Floats
    reward: Floats
    viewers: ViewerKeys | None = None
    eligible: Eligible | None = None
    kept: Floats | None = None
    baseline: Floats | None = None
    predicted: Predicted | None = None
    decisions: ViewerKeys | None = None
    at: Integers | None = None
    pages: ViewerKeys | None = None
    positions: Integers | None = None
    labels: Mapping[str, Labels] = field(default_factory=dict[str, Labels])
    features: "Features" = field(default_factory=dict[str, "Floats | Labels"])
    drawn_from: Eligible | None = None
    numbers: Integers | None = None

    def __len__(self) -> int:
        return len(self.reward)

    @cached_property
    def weights(self) -> Floats:
        """How much more often the target shows the logged artwork than the log did: target / propensity."""
        return self.target / self.propensity

    @cached_property
    def stands_for(self) -> Floats:
        """How many decisions of the traffic each row stands for, 1 / kept: (n,) (Horvitz & Thompson 1952)."""
        return np.ones(len(self)) if self.kept is None else 1.0 / self.kept

    @cached_property
    def viewer_groups(self) -> tuple[ViewerKeys, Integers]:
        """The viewers of the batch, each once and sorted, and every row's place among them (n,)."""
        if self.viewers is None:
            raise ValueError("this batch knows no viewers: ask only when `viewers` is not None")
        keys, places = np.unique(self.viewers, return_inverse=True)
        return keys, places

    def against_uniform(self) -> "Batch | None":
        """The same rows with uniform as the target, or None where the eligible artworks are unknown."""
        if self.eligible is None:
            return None
        return replace(self, target=1.0 / self.eligible.counts, eligible=None, predicted=None, baseline=None)

    def against_baseline(self) -> "Batch":
        """The same rows with the baseline as the target. Raises ValueError where there is none."""
        if self.baseline is None:
            raise ValueError("this batch has no baseline: ask only when `baseline` is not None")
        eligible, predicted = self.eligible, self.predicted
        if eligible is not None and eligible.baseline is not None:
            eligible = replace(eligible, target=eligible.baseline, baseline=None)
        else:
            eligible = None
        if predicted is not None and predicted.baseline is not None:
            predicted = Predicted(shown=predicted.shown, target=predicted.baseline)
        else:
            predicted = None
        return replace(self, target=self.baseline, baseline=None, eligible=eligible, predicted=predicted)

    def select(self, rows: Mask) -> "Batch":
        """The rows (n,) that are marked."""
        return Batch(
            propensity=self.propensity[rows],
            target=self.target[rows],
            reward=self.reward[rows],
            viewers=None if self.viewers is None else self.viewers[rows],
            eligible=None if self.eligible is None else self.eligible.select(rows),
            kept=None if self.kept is None else self.kept[rows],
            baseline=None if self.baseline is None else self.baseline[rows],
            predicted=None if self.predicted is None else self.predicted.select(rows),
            decisions=None if self.decisions is None else self.decisions[rows],
            at=None if self.at is None else self.at[rows],
            pages=None if self.pages is None else self.pages[rows],
            positions=None if self.positions is None else self.positions[rows],
            labels={name: labels.select(rows) for name, labels in self.labels.items()},
            features=select_features(self.features, rows),
            drawn_from=None if self.drawn_from is None else self.drawn_from.select(rows),
            numbers=None if self.numbers is None else self.numbers[rows],
        )


Features: TypeAlias = Mapping[str, Floats | Labels]
"""Columns of n rows by name: numbers (n,), or categories."""


def select_features(features: Features, rows: Mask) -> Features:
    """Those of the rows (n,) that are marked."""
    return {
        name: column.select(rows) if isinstance(column, Labels) else column[rows] for name, column in features.items()
    }


def viewer_keys(viewers: Sequence[str]) -> ViewerKeys:
    """Turn viewers' pseudonyms (n,) into 64-bit keys that are the same in every part of a log, on every machine."""
    known = {viewer: _viewer_key(viewer) for viewer in set(viewers)}
    return np.array([known[viewer] for viewer in viewers], dtype=np.uint64)


def _viewer_key(viewer: str) -> int:
    return int.from_bytes(hashlib.blake2b(viewer.encode(), digest_size=_KEY_BYTES).digest(), "little")
