"""From contexts and artworks to the rows of numbers that an engine crosses. Knows the schema, no engine and no log.

A context becomes one dense row, an artwork another. Columns are fixed by the spec, so no text of a caller ever
reaches an engine: an unknown device or row falls into its feature's last column.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from artwork.projection import Projection, projection_from_arrays
from bandit.context import Context, Vector
from bandit.errors import InvalidExample
from bandit.features import REQUEST_NUMBERS, SLOT_NUMBERS, Feature, FeatureSpec

IMAGE_KEY_BYTES = "S16"


@dataclass(frozen=True)
class FeatureSpace:
    """A spec together with the projections that were fitted for one policy version.

    `artworks` projects CLIP vectors of its embedding version. `viewers` projects viewer vectors of the foundation
    version that it names, or is None where the log had none. `known` are the image keys, sorted, of the artworks
    that have a weight of their own.
    """

    spec: FeatureSpec
    artworks: Projection
    viewers: Projection | None = None
    known: tuple[str, ...] = ()
    _places: dict[str, int] = field(init=False, repr=False, compare=False, default_factory=dict[str, int])
    _starts: list[tuple[Feature, int]] = field(
        init=False, repr=False, compare=False, default_factory=list[tuple[Feature, int]]
    )

    def __post_init__(self) -> None:
        self._places.update({key: place for place, key in enumerate(self.known)})
        start = self.spec.viewer_dimensions
        for feature in self.spec.features:
            self._starts.append((feature, start))
            start += feature.width

    def context_rows(self, contexts: Sequence[Context]) -> Vector:
        """Return one row a context, shape (n, context_width), float32.

        A viewer vector of another dimension than `viewers` takes is treated as none (a newcomer's). Neighbours that
        share request and viewer vector, as the slots of a page do, are encoded once.

        Raises:
            InvalidExample: a viewer vector or a score is not finite.
        """
        rows = np.zeros((len(contexts), self.spec.context_width), dtype=np.float32)
        for index, context in enumerate(contexts := [*map(self._with_known_viewer, contexts)]):
            if index and _same_request(contexts[index - 1], context):
                rows[index] = rows[index - 1]
            else:
                self._write_request(context, rows[index])
        for feature, start in self._starts:
            if number := SLOT_NUMBERS.get(feature.name):
                rows[:, start] = [number(context) for context in contexts]
        return rows

    def artwork_rows(self, vectors: Vector) -> Vector:
        """Return one row a CLIP vector (n, d) of this embedding version, shape (n, artwork_width), float32.

        Raises:
            InvalidProjection: the vectors have another dimension, or are not finite.
        """
        rows = np.zeros((len(vectors), self.spec.artwork_width), dtype=np.float32)
        rows[:, 0] = 1.0
        rows[:, 1 : 1 + self.artworks.dimensions] = self.artworks.project(vectors)
        return rows

    def own_terms(self, image_keys: Sequence[str]) -> list[tuple[int, ...]]:
        """Return for each artwork of a title the places in `known` whose mean weight is its own term.

        A known artwork has its own place. One that the log did not hold takes the mean of the title's known ones, so
        that it starts neither ahead nor behind because its title is watched more or less than others.
        """
        places = [self._places.get(key) for key in image_keys]
        known = tuple(place for place in places if place is not None)
        return [known if place is None else (place,) for place in places]

    def _with_known_viewer(self, context: Context) -> Context:
        vector = context.viewer_vector
        if vector is None or (self.viewers is not None and vector.shape == self.viewers.mean.shape):
            return context
        return replace(context, viewer_vector=None)

    def _write_request(self, context: Context, row: Vector) -> None:
        if context.viewer_vector is not None and self.viewers is not None:
            if not np.isfinite(context.viewer_vector).all():
                raise InvalidExample("a viewer vector holds NaN or infinity; encode the viewer again or pass none")
            row[: self.viewers.dimensions] = self.viewers.project(context.viewer_vector[np.newaxis])[0]
        for feature, start in self._starts:
            if number := REQUEST_NUMBERS.get(feature.name):
                row[start] = number(context)
            elif feature.values and (column := feature.column(context.request)) is not None:
                row[start + column] = 1.0

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The fitted parts as plain arrays, so that a policy version can carry them."""
        fits = {"artworks": self.artworks} | ({"viewers": self.viewers} if self.viewers else {})
        arrays = {f"{part}.{name}": array for part, fit in fits.items() for name, array in fit.to_arrays().items()}
        return arrays | {"known": np.array(self.known, dtype=IMAGE_KEY_BYTES)}


def unwhitened(projection: Projection) -> Projection:
    """Return a whitening projection with each direction scaled back to its spread, the widest to 1.

    Directions in which vectors hardly differ are mostly noise; a learner that meets them whitened takes them as
    seriously as the others. A whitening projection's columns are 1 / spread long.
    """
    spread = 1.0 / np.linalg.norm(projection.components, axis=0)
    return replace(projection, components=(projection.components * (spread / spread.max())).astype(np.float32))


def space_from_arrays(spec: FeatureSpec, arrays: Mapping[str, NDArray[Any]]) -> FeatureSpace:
    """Read back what `FeatureSpace.to_arrays` gave; raises InvalidProjection or KeyError when parts are missing."""
    viewers = _part(arrays, "viewers")
    return FeatureSpace(
        spec,
        artworks=projection_from_arrays(_part(arrays, "artworks")),
        viewers=projection_from_arrays(viewers) if viewers else None,
        known=tuple(key.decode() for key in arrays["known"].tolist()),
    )


def _part(arrays: Mapping[str, NDArray[Any]], part: str) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(f"{part}."): array for name, array in arrays.items() if name.startswith(f"{part}.")}


def _same_request(one: Context, other: Context) -> bool:
    return one.request is other.request and one.viewer_vector is other.viewer_vector
