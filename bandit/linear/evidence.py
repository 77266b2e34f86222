"""From sums to weights: Bayesian linear regression whose prior widths come from the evidence. Knows no log.

The model of a row's reward y, where an artwork a of title t was shown in context c:

    y = vec(c ⊗ r_a) · w + m_a · v + own_a + noise,    noise ~ N(0, σ²)

Each group of weights has a prior N(0, 1/α) of its own; own terms have one around their title's mean, which is free. α
and σ² maximise the evidence by MacKay's fixed point (MacKay 1992, "Bayesian interpolation", eqs. 4.8–4.9; Bishop 2006,
eqs. 3.92–3.95). Own terms, one an artwork, are integrated out by a Schur complement title by title, so the dense part
of the work does not grow with the catalogue.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bandit.linear.moments import Floats, Indices, Moments

ROUNDS = 40
SETTLED = 0.02
"""The widths have settled when no logarithm of one moves further in a round. A group that tells nothing may move."""

_SMALLEST_NOISE = 1e-8
_PRECISIONS = (1e-3, 1e8)
_FIRST_SHARE = 0.1
"""What share of the rewards' variance every group is at first supposed to explain."""

FORGOTTEN = 1e-6
"""Rows that have faded to less than this are as good as none."""

_ARTWORKS_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class Design:
    """What moments are about: `mains` (N, M) of the N artworks, their `titles` (N,), and groups of feature columns.

    Feature columns are numbered c · A + a over contexts and sides, then the M main ones. Without `own`, artworks of a
    title differ by their features only.
    """

    mains: Floats
    titles: Indices
    groups: Mapping[str, Indices]
    own: bool = True


@dataclass(frozen=True, slots=True)
class Posterior:
    """What the rows say of the weights: `mean` (P,) and `covariance` (P, P) of feature columns, `own` (N,) of artworks.

    `noise` is σ², `precisions` the α of each group, `effective` how many numbers the rows have told (at most P).
    """

    mean: Floats
    covariance: Floats
    own: Floats
    noise: float
    precisions: dict[str, float]
    effective: float


@dataclass(frozen=True, slots=True)
class OwnSpread:
    """How own terms hang on the other weights w: each is N(constant − leverage · w, variance); (N, P) and (N,)."""

    leverage: Floats
    variance: Floats


def infer(moments: Moments, design: Design) -> tuple[Posterior, Callable[[], OwnSpread]]:
    """Solve the regression; the second answer tells when asked how sure the own terms are, N · P numbers.

    The same sums give the same posterior. A group that no row speaks of keeps weights of 0.
    """
    system = _System(moments, design)
    posterior, beliefs = _settled(system)
    return posterior, lambda: system.own_spread(beliefs)


@dataclass(frozen=True, slots=True)
class _Beliefs:
    noise: float
    own: float
    groups: Floats

    def moved(self, other: "_Beliefs", told: Floats) -> float:
        """The furthest move of a logarithm; that of a group which has told less than one number counts less."""
        moves = np.abs(np.log([self.noise, self.own, *self.groups]) - np.log([other.noise, other.own, *other.groups]))
        return float((moves * np.minimum(1.0, told)).max())


@dataclass(frozen=True, slots=True)
class _Solution:
    mean: Floats
    covariance: Floats
    own: Floats


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Some titles' artworks: `sums` (n, P) of features, `rows`, `rewards` (n,), `titles` numbered from 0."""

    where: slice
    sums: Floats
    rows: Floats
    rewards: Floats
    titles: Indices


class _System:
    """The normal equations over the columns that occur and the artworks that were shown, sorted by title."""

    def __init__(self, moments: Moments, design: Design) -> None:
        self._moments = moments
        self._design = design
        shown = np.flatnonzero(moments.rows > FORGOTTEN)
        self._shown: Indices = shown[np.argsort(design.titles[shown], kind="stable")]
        self._rows = float(moments.rows.sum())
        squares, rewarded = self._normal()
        diagonal = squares.diagonal()
        self._used = np.flatnonzero(diagonal > 1e-12 * max(1.0, float(diagonal.max(initial=0.0))))
        # The constant is the titles' means, which are free: a column of its own would only repeat them.
        self._used = self._used[self._used != 0]
        self._squares = squares[np.ix_(self._used, self._used)]
        self._rewarded = rewarded[self._used]
        self._groups = [np.flatnonzero(np.isin(self._used, columns)) for columns in design.groups.values()]

    def _normal(self) -> tuple[Floats, Floats]:
        """Σ z zᵀ (P, P) and Σ y z (P,) over all columns."""
        moments, design = self._moments, self._design
        contexts, sides = moments.context_width, moments.sides.shape[1]
        crossed = moments.crossed.reshape(contexts, contexts, sides, sides).transpose(0, 2, 1, 3)
        width = contexts * sides
        squares = np.zeros((width + design.mains.shape[1],) * 2)
        squares[:width, :width] = crossed.reshape(width, width)
        rewarded = np.zeros(len(squares))
        for low in range(0, len(self._shown), _ARTWORKS_AT_ONCE):
            some = self._shown[low : low + _ARTWORKS_AT_ONCE]
            mains = design.mains[some]
            squares[:width, width:] += _crossed(moments.contexts[some], moments.sides[some]).T @ mains
            squares[width:, width:] += (mains * moments.rows[some, np.newaxis]).T @ mains
            rewarded[:width] += (moments.rewarded[some].T @ moments.sides[some]).ravel()
            rewarded[width:] += moments.rewards[some] @ mains
        squares[width:, :width] = squares[:width, width:].T
        return squares, rewarded

    def first_beliefs(self) -> _Beliefs:
        mean = self._moments.rewards.sum() / self._rows
        variance = float(max(_SMALLEST_NOISE, self._moments.squares / self._rows - mean**2))
        diagonal = self._squares.diagonal() / self._rows
        share = _FIRST_SHARE * variance
        groups = np.array([diagonal[columns].sum() / share if len(columns) else 1.0 for columns in self._groups])
        own = _bounded(1.0 / share) if self._design.own else _PRECISIONS[1]
        return _Beliefs(variance, own, np.clip(groups, *_PRECISIONS))

    def _chunks(self) -> Iterator[_Chunk]:
        """All shown artworks, some thousand at a time, no title divided."""
        titles = self._design.titles[self._shown]
        starts = np.flatnonzero(np.r_[True, titles[1:] != titles[:-1]])
        _, first = np.unique(starts // _ARTWORKS_AT_ONCE, return_index=True)
        bounds = np.append(starts[first], len(titles))
        for low, high in pairwise(bounds.tolist()):
            yield self._chunk(slice(low, high), np.unique(titles[low:high], return_inverse=True)[1])

    def _chunk(self, where: slice, titles: Indices) -> _Chunk:
        moments, some = self._moments, self._shown[where]
        crossed = _crossed(moments.contexts[some], moments.sides[some])
        mains = self._design.mains[some] * moments.rows[some, np.newaxis]
        sums = np.concatenate([crossed, mains], axis=1)[:, self._used]
        return _Chunk(where, sums, moments.rows[some], moments.rewards[some], titles)

    def solve(self, beliefs: _Beliefs) -> _Solution:
        precision = self._squares / beliefs.noise
        target = self._rewarded / beliefs.noise
        for chunk in self._chunks():
            block = _OwnBlock(chunk, beliefs)
            told = chunk.sums / beliefs.noise
            precision -= told.T @ block.solve(told)
            target -= told.T @ block.solve(chunk.rewards / beliefs.noise)
        precision = (precision + precision.T) / 2.0 + np.diag(self._prior(beliefs))
        covariance: Floats = np.linalg.inv(precision).astype(np.float64)
        mean = covariance @ target
        own = np.zeros(len(self._shown))
        for chunk in self._chunks():
            left = (chunk.rewards - chunk.sums @ mean) / beliefs.noise
            own[chunk.where] = _OwnBlock(chunk, beliefs).solve(left)
        return _Solution(mean, covariance, own)

    def _prior(self, beliefs: _Beliefs) -> Floats:
        prior = np.full(len(self._used), 1.0)
        for columns, precision in zip(self._groups, beliefs.groups, strict=True):
            prior[columns] = precision
        return prior

    def revise(self, beliefs: _Beliefs, solution: _Solution) -> tuple[_Beliefs, Floats]:
        """One round of MacKay's fixed point, and how many numbers the noise, own terms and each group have told."""
        spread = solution.covariance.diagonal()
        groups, told = beliefs.groups.copy(), np.zeros(len(self._groups))
        for number, columns in enumerate(self._groups):
            if not len(columns):
                continue
            told[number] = len(columns) - groups[number] * spread[columns].sum()
            squares = float((solution.mean[columns] ** 2).sum())
            groups[number] = _bounded(max(float(told[number]), 1e-3) / max(squares, 1e-12))
        own_told, own_squares, titles = self._own_evidence(beliefs, solution)
        own = _bounded(max(own_told, 1e-3) / max(own_squares, 1e-12)) if self._design.own else beliefs.own
        left = max(1.0, self._rows - float(told.sum()) - own_told - titles)
        noise = float(max(_SMALLEST_NOISE, self._residual(solution) / left))
        return _Beliefs(noise, own, groups), np.array([1.0, max(own_told, 0.0), *np.maximum(told, 0.0)])

    def _own_evidence(self, beliefs: _Beliefs, solution: _Solution) -> tuple[float, float, int]:
        """How many numbers the own terms have told, their squares around their titles' means, how many titles."""
        told, squares, titles = 0.0, 0.0, 0
        for chunk in self._chunks():
            block = _OwnBlock(chunk, beliefs)
            centred = block.centred(block.solve(chunk.sums / beliefs.noise))
            spread = block.centred_trace() + float(((centred @ solution.covariance) * centred).sum())
            told += len(chunk.rows) - block.title_count - beliefs.own * spread
            squares += float((block.centred(solution.own[chunk.where]) ** 2).sum())
            titles += block.title_count
        return told, squares, titles

    def _residual(self, solution: _Solution) -> float:
        """Σ (y − fitted)²."""
        mean, own = solution.mean, solution.own
        fitted = mean @ self._squares @ mean - 2.0 * (mean @ self._rewarded)
        for chunk in self._chunks():
            mine = own[chunk.where]
            fitted += float(2.0 * mine @ (chunk.sums @ mean - chunk.rewards) + mine**2 @ chunk.rows)
        return max(0.0, self._moments.squares + float(fitted))

    def posterior(self, beliefs: _Beliefs) -> Posterior:
        """The posterior over all columns and artworks: 0 for those that nothing is known of."""
        solution = self.solve(beliefs)
        width = self._width
        mean, covariance, own = np.zeros(width), np.zeros((width, width)), np.zeros(len(self._moments.rows))
        mean[self._used] = solution.mean
        covariance[np.ix_(self._used, self._used)] = solution.covariance
        own[self._shown] = solution.own
        named = dict(zip(self._design.groups, beliefs.groups.tolist(), strict=True)) | {"own": beliefs.own}
        told = len(self._used) - float(self._prior(beliefs) @ solution.covariance.diagonal())
        return Posterior(mean, covariance, own, beliefs.noise, named, told)

    def own_spread(self, beliefs: _Beliefs) -> OwnSpread:
        """How sure the own terms are; an artwork that was never shown has a variance of 1 / α around its title's."""
        leverage = np.zeros((len(self._moments.rows), self._width))
        variance = np.full(len(self._moments.rows), 1.0 / beliefs.own)
        for chunk in self._chunks():
            block, some = _OwnBlock(chunk, beliefs), self._shown[chunk.where]
            leverage[np.ix_(some, self._used)] = block.solve(chunk.sums / beliefs.noise)
            variance[some] = block.diagonal()
        return OwnSpread(leverage, variance)

    @property
    def _width(self) -> int:
        return self._moments.context_width * self._moments.sides.shape[1] + self._design.mains.shape[1]


def _settled(system: _System) -> tuple[Posterior, _Beliefs]:
    beliefs = system.first_beliefs()
    for _ in range(ROUNDS):
        revised, told = system.revise(beliefs, system.solve(beliefs))
        settled = revised.moved(beliefs, told) < SETTLED
        beliefs = revised
        if settled:
            break
    return system.posterior(beliefs), beliefs


class _OwnBlock:
    """The precision of own terms, title by title: diag(n/σ² + α) − (α/K) 1 1ᵀ, solved by Sherman–Morrison."""

    def __init__(self, chunk: _Chunk, beliefs: _Beliefs) -> None:
        told = chunk.rows / beliefs.noise
        self._titles = chunk.titles
        self._inverse = 1.0 / (told + beliefs.own)
        self._counts = np.bincount(chunk.titles).astype(np.float64)
        self._summed = np.bincount(chunk.titles, self._inverse)
        # (α/K) / (1 − (α/K) Σ 1/(n/σ² + α)), without the difference: where α is large nothing would be left of it.
        self._coupling = beliefs.own / np.bincount(chunk.titles, told * self._inverse)

    @property
    def title_count(self) -> int:
        return len(self._counts)

    def solve(self, right: Floats) -> Floats:
        """The inverse applied to (n,) or (n, k)."""
        scaled = (self._inverse * right.T).T
        pulled = (self._coupling * self._by_title(scaled).T).T
        return scaled + (self._inverse * pulled[self._titles].T).T

    def centred(self, values: Floats) -> Floats:
        """Values (n,) or (n, k) less their title's mean."""
        means = (self._by_title(values).T / self._counts).T
        return values - means[self._titles]

    def diagonal(self) -> Floats:
        return self._inverse + self._inverse**2 * self._coupling[self._titles]

    def centred_trace(self) -> float:
        whole = self._summed + self._coupling * self._summed**2
        return float(self.diagonal().sum() - (whole / self._counts).sum())

    def _by_title(self, values: Floats) -> Floats:
        """Sums over the artworks of each title, which lie side by side."""
        starts: NDArray[np.intp] = np.flatnonzero(np.r_[True, self._titles[1:] != self._titles[:-1]])
        return np.add.reduceat(values, starts, axis=0)


def _crossed(contexts: Floats, sides: Floats) -> Floats:
    """c ⊗ r, flattened: (n, C) and (n, A) → (n, C · A)."""
    return (contexts[:, :, np.newaxis] * sides[:, np.newaxis]).reshape(len(contexts), -1)


def _bounded(precision: float) -> float:
    return float(np.clip(precision, *_PRECISIONS))
