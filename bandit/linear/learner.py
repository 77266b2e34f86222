"""From encoded rows to the weights of a version, and the sums that learning can go on from. Knows no log, no files.

The sums alone decide (`bandit.linear.moments`), so learning new rows on top of kept sums gives what learning all rows
from the start would, up to the rounding of sums.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bandit.encoding import ArtworkRows
from bandit.features import FeatureSpec
from bandit.linear.evidence import FORGOTTEN, Design, OwnSpread, Posterior, infer
from bandit.linear.moments import Batch, Floats, Indices, Moments, moments_from_arrays
from bandit.linear.settings import LinearSettings
from bandit.policies.weights import Weights

Mask = NDArray[np.bool_]
SECONDS_A_DAY = 86_400.0
SETTLED_EXPERIENCE = 1e30
"""What a settled artwork counts as known: any predicted cost above the lowest then leaves it the floor."""


@dataclass(frozen=True, slots=True)
class EncodedRows:
    """n rows: `contexts` (n, context_width), `artworks` (n,) places of what was shown, `rewards` (n,), `at` (n,) s.

    `weights` (n,) are how many decisions each stands for.
    """

    contexts: NDArray[np.float32]
    artworks: Indices
    rewards: Floats
    at: Floats
    weights: Floats


@dataclass(frozen=True, slots=True)
class Table:
    """The N artworks that rows point into, by image key, with the title that each was first met in."""

    keys: tuple[str, ...]
    titles: tuple[str, ...]
    rows: ArtworkRows


@dataclass(frozen=True, slots=True)
class Sums:
    """What learning can go on from: the table's keys and titles, main rows (N, M), moments, the newest row's time."""

    keys: tuple[str, ...]
    titles: tuple[str, ...]
    mains: Floats
    moments: Moments
    until: float

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The sums as plain arrays."""
        named = {"keys": np.array(self.keys), "titles": np.array(self.titles), "until": np.array(self.until)}
        return named | {"mains": self.mains} | self.moments.to_arrays()


def sums_from_arrays(arrays: Mapping[str, NDArray[Any]]) -> Sums:
    """Read back what `Sums.to_arrays` gave; raises KeyError when parts are missing."""
    return Sums(
        keys=tuple(arrays["keys"].tolist()),
        titles=tuple(arrays["titles"].tolist()),
        mains=np.array(arrays["mains"]),
        moments=moments_from_arrays(arrays),
        until=float(arrays["until"]),
    )


def no_sums(table: Table, spec: FeatureSpec) -> Sums:
    """The sums before any row. A context gets a constant in front of its columns: what an artwork counts by itself."""
    sides = table.rows.crossed.astype(np.float64)
    moments = Moments.empty(sides, 1 + spec.context_width)
    return Sums(table.keys, table.titles, table.rows.main.astype(np.float64), moments, -np.inf)


def with_artworks(sums: Sums, table: Table) -> Sums:
    """The same sums with room for artworks of `table` that they do not hold, behind those that they do."""
    known = {*sums.keys}
    new = [place for place, key in enumerate(table.keys) if key not in known]
    sides = np.concatenate([sums.moments.sides, table.rows.crossed[new].astype(np.float64)])
    return replace(
        sums,
        keys=sums.keys + tuple(table.keys[place] for place in new),
        titles=sums.titles + tuple(table.titles[place] for place in new),
        mains=np.concatenate([sums.mains, table.rows.main[new].astype(np.float64)]),
        moments=sums.moments.grown(sides),
    )


def add_rows(sums: Sums, batches: Iterable[EncodedRows], *, settings: LinearSettings) -> Sums:
    """Return the sums with more rows; with a half-life, all are weighted as of the newest. Changes `sums.moments`."""
    until = sums.until
    for batch in batches:
        newest = max(until, float(batch.at.max()))
        weights = np.minimum(batch.weights, settings.largest_weight)
        if settings.half_life_days is not None:
            half_life = settings.half_life_days * SECONDS_A_DAY
            weights = weights * np.exp2((batch.at - newest) / half_life)
            if np.isfinite(until):
                sums.moments.fade(float(np.exp2((until - newest) / half_life)))
        contexts = np.concatenate([np.ones((len(weights), 1)), batch.contexts.astype(np.float64)], axis=1)
        sums.moments.add(Batch(contexts, batch.artworks, batch.rewards, weights))
        until = newest
    return replace(sums, until=until)


@dataclass(frozen=True, slots=True)
class Inferred:
    """A version's weights, the posterior that they are the mean of, and what the manifest tells of it."""

    weights: Weights
    posterior: Posterior
    spread: Callable[[], OwnSpread]
    metrics: dict[str, float]


def infer_weights(sums: Sums, spec: FeatureSpec, *, known: Sequence[str], settled: Collection[str] = ()) -> Inferred:
    """Solve for the weights; `known` are the image keys, in the order of their own terms, that keep one.

    `settled` are those of them that shall be explored no more: they count as known for good.
    """
    titles = np.unique(sums.titles, return_inverse=True)[1]
    design = Design(sums.mains, titles.astype(np.int64), _groups(spec), own=spec.own_term)
    posterior, spread = infer(sums.moments, design)
    places = {key: place for place, key in enumerate(sums.keys)}
    order = np.array([places[key] for key in known], dtype=np.int64)
    shown = sums.moments.rows
    level = float(posterior.own @ shown / shown.sum())
    width = 1 + spec.context_width
    crossed = posterior.mean[: width * spec.artwork_width].reshape(width, spec.artwork_width)
    artwork = -crossed[0]
    artwork[0] += 1.0 - level
    weights = Weights(
        crossed=-crossed[1:],
        artwork=artwork,
        main=-posterior.mean[width * spec.artwork_width :],
        own=level - _with_title_means(posterior.own, shown > FORGOTTEN, titles=titles, level=level)[order],
        experience=np.where(np.isin(np.array(known), sorted(settled)), SETTLED_EXPERIENCE, shown[order]),
    )
    told = {"noise": posterior.noise, "effective_parameters": posterior.effective}
    widths = {f"precision:{name}": precision for name, precision in posterior.precisions.items()}
    return Inferred(weights, posterior, spread, told | widths)


def _with_title_means(own: Floats, remembered: Mask, *, titles: Indices, level: float) -> Floats:
    """Own terms (N,), those of artworks whose rows have faded away replaced by the mean of their title's others.

    So they start neither ahead nor behind, as one that was never shown does; `level` where the title has no others.
    """
    counts = np.bincount(titles, remembered)
    means = np.divide(np.bincount(titles, own * remembered), counts, out=np.full(len(counts), level), where=counts > 0)
    return np.where(remembered, own, means[titles])


def _groups(spec: FeatureSpec) -> dict[str, Indices]:
    """The columns that share a prior: each context feature by itself and crossed with the artwork, labels, measures."""
    columns = np.arange((1 + spec.context_width) * spec.artwork_width).reshape(-1, spec.artwork_width)
    groups = {"artwork": columns[0, 1:]}
    for name, where in spec.context_groups.items():
        rows = columns[[1 + column for column in where]]
        groups |= {name: rows[:, 0], f"{name}×artwork": rows[:, 1:].ravel()}
    mains = {False: list[int](), True: list[int]()}
    for look in spec.looks:
        mains[bool(look.values)] += [columns.size + column for column in spec.main_groups[look.name]]
    return groups | {"labels": np.array(mains[True], int), "measures": np.array(mains[False], int)}
