"""From long embedding vectors to the few numbers that a policy crosses with its context. Knows no images, no model.

Principal components of one embedding version, whitened: each kept direction has the same variance on the fit set,
so that a linear learner meets features of one scale (whitening: Hyvärinen & Oja 2000, §5.2).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

_SMALLEST_SPREAD = 1e-6
"""Directions whose standard deviation is under this are rounding noise of unit vectors, and are dropped."""


class InvalidProjection(ValueError):
    """Vectors cannot be projected: wrong shape, not finite, or from another embedding version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """A whitening map from `d` to `k` numbers. `mean` is (d,), `components` (d, k) with the scale folded in."""

    mean: FloatArray
    components: FloatArray
    embedding_version: str

    @property
    def dimensions(self) -> int:
        """How many numbers a projected vector has."""
        return self.components.shape[1]

    def project(self, vectors: NDArray[np.floating[Any]]) -> FloatArray:
        """Map vectors (n, d) of this projection's embedding version to (n, k) float32.

        Rows have a root mean square of about 1 on the fit set; others may be longer or shorter.
        Raises InvalidProjection on another width or on numbers that are not finite.
        """
        centred = self.checked(vectors) - self.mean.astype(np.float64)
        return (centred @ self.components.astype(np.float64)).astype(np.float32)

    def checked(self, vectors: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Return vectors (n, d) that can be projected as float64; raises InvalidProjection as `project` does."""
        return _checked(vectors, width=self.mean.shape[0])

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The projection as plain arrays, so that a policy version can carry it."""
        version = np.frombuffer(self.embedding_version.encode(), dtype=np.uint8)
        return {"mean": self.mean, "components": self.components, "embedding_version": version}


def projection_from_arrays(arrays: Mapping[str, NDArray[Any]]) -> Projection:
    """Read back what `Projection.to_arrays` gave; raises InvalidProjection when parts are missing or do not fit."""
    missing = sorted({"mean", "components", "embedding_version"} - set(arrays))
    if missing:
        raise InvalidProjection(f"the projection lacks {', '.join(missing)}: fit it again with fit_projection")
    mean = np.asarray(arrays["mean"], dtype=np.float32)
    components = np.asarray(arrays["components"], dtype=np.float32)
    if mean.ndim != 1 or components.ndim != 2 or components.shape[0] != mean.shape[0]:
        raise InvalidProjection(
            f"mean {mean.shape} and components {components.shape} do not fit: fit the projection again"
        )
    if not (np.isfinite(mean).all() and np.isfinite(components).all()):
        raise InvalidProjection("the projection holds numbers that are not finite: fit it again")
    version = np.asarray(arrays["embedding_version"], dtype=np.uint8).tobytes().decode()
    return Projection(mean=mean, components=components, embedding_version=version)


def fit_projection(vectors: NDArray[np.floating[Any]], *, dimensions: int, embedding_version: str) -> Projection:
    """Fit the map on vectors (n, d), n ≥ 2, all of one embedding version.

    Gives at most `dimensions` numbers; fewer when the vectors spread in fewer directions (n − 1 at most).
    A component's sign is fixed by making its largest weight positive, so equal vectors give equal projections.
    Raises InvalidProjection on no spread at all, a wrong shape or numbers that are not finite.
    """
    if dimensions < 1:
        raise InvalidProjection(f"dimensions is {dimensions}: ask for at least 1")
    checked = _checked(vectors, width=None)
    if checked.shape[0] < 2:
        raise InvalidProjection("a projection needs at least 2 vectors: embed more artworks first")
    mean = checked.mean(axis=0)
    _, singular, directions = np.linalg.svd(checked - mean, full_matrices=False)
    spread = singular / np.sqrt(checked.shape[0])
    kept = min(dimensions, int((spread > _SMALLEST_SPREAD).sum()))
    if kept == 0:
        raise InvalidProjection("all vectors are the same: embed artworks that differ")
    components = _with_fixed_signs(directions[:kept].T) / spread[:kept]
    return Projection(
        mean=mean.astype(np.float32),
        components=components.astype(np.float32),
        embedding_version=embedding_version,
    )


def _with_fixed_signs(directions: NDArray[np.float64]) -> NDArray[np.float64]:
    largest = np.abs(directions).argmax(axis=0)
    signs = np.sign(directions[largest, np.arange(directions.shape[1])])
    return directions * signs


def _checked(vectors: NDArray[np.floating[Any]], *, width: int | None) -> NDArray[np.float64]:
    array = np.asarray(vectors, dtype=np.float64)
    if array.ndim != 2 or (width is not None and array.shape[1] != width):
        wanted = "(n, d)" if width is None else f"(n, {width})"
        raise InvalidProjection(
            f"vectors have shape {array.shape}, not {wanted}: pass vectors of one embedding version"
        )
    if not np.isfinite(array).all():
        raise InvalidProjection("vectors hold numbers that are not finite: embed those artworks again")
    return array
