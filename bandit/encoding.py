"""From contexts and artworks to the rows of numbers that an engine crosses. Knows the schema, no engine and no log.

A context becomes one dense row, an artwork another. Columns are fixed by the spec, so no text of a caller ever
reaches an engine: an unknown device or row falls into its feature's last column.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from artwork.projection import Projection, projection_from_arrays
from bandit.context import Candidate, Context, Picture, Vector
from bandit.errors import InvalidExample
from bandit.features import REQUEST_NUMBERS, SLOT_NUMBERS, Feature, FeatureSpec, Look
from bandit.kernels import product

IMAGE_KEY_BYTES = "S16"


@dataclass(frozen=True, slots=True)
class ArtworkRows:
    """The rows of n artworks: `crossed` with the context (n, artwork_width), `main` effects alone (n, main_width)."""

    crossed: Vector
    main: Vector


class _Projecting:
    """`Projection.project` with its sums in a fixed order: a vector gets the same bits alone and among others."""

    def __init__(self, projection: Projection) -> None:
        self._projection = projection
        self._mean = projection.mean.astype(np.float64)
        self._components = np.ascontiguousarray(projection.components, dtype=np.float64)

    def artworks(self, vectors: Vector) -> NDArray[np.float64]:
        """Project CLIP vectors (n, d); raises InvalidProjection as `Projection.project` does."""
        return product(self._projection.checked(vectors) - self._mean, self._components)

    def write(self, vector: Vector, row: Vector, *, whose: str) -> None:
        """Project one viewer's vector (d,) into the first columns of `row`; raises InvalidExample."""
        if vector.shape != self._mean.shape:
            raise InvalidExample(
                f"a vector of shape {vector.shape} is no {whose} vector of {self._projection.embedding_version}, which "
                f"has {self._mean.shape}; encode the {whose} in that version or pass none"
            )
        if not np.isfinite(vector).all():
            raise InvalidExample(f"a {whose} vector holds NaN or infinity; encode the {whose} again or pass none")
        row[: self._components.shape[1]] = product((vector - self._mean)[np.newaxis], self._components)[0]


@dataclass(frozen=True)
class FeatureSpace:
    """A spec together with the projections that were fitted for one policy version.

    `artworks` projects CLIP vectors of its embedding version. `viewers` projects viewer vectors of the foundation
    version that it names, `intents` intent vectors of theirs; each is None where the log had none. `known` are the
    image keys, sorted, of the artworks that have a weight of their own.
    """

    spec: FeatureSpec
    artworks: Projection
    viewers: Projection | None = None
    intents: Projection | None = None
    known: tuple[str, ...] = ()
    _places: dict[str, int] = field(init=False, repr=False, compare=False, default_factory=dict[str, int])
    _starts: list[tuple[Feature, int]] = field(
        init=False, repr=False, compare=False, default_factory=list[tuple[Feature, int]]
    )
    _looks: list[tuple[Look, int]] = field(
        init=False, repr=False, compare=False, default_factory=list[tuple[Look, int]]
    )

    def __post_init__(self) -> None:
        self._places.update({key: place for place, key in enumerate(self.known)})
        start = self.spec.viewer_dimensions + self.spec.intent_dimensions
        for feature in self.spec.features:
            self._starts.append((feature, start))
            start += feature.width
        start = 0
        for look in self.spec.looks:
            self._looks.append((look, start))
            start += look.width

    def context_rows(self, contexts: Sequence[Context]) -> Vector:
        """Return one row a context, shape (n, context_width), float32.

        A viewer or intent vector counts as none where this space was fitted without any. Neighbours that share request
        and vectors, as the slots of a page do, are encoded once.

        Raises:
            InvalidExample: a viewer or intent vector has another dimension than this space takes, it or a score is not
                finite.
        """
        rows = self.request_rows(contexts)
        rows[:, [*self.slot_columns.values()]] = self.slot_numbers(
            np.array([context.position for context in contexts], dtype=np.float64),
            np.array([context.score or 0.0 for context in contexts]),
        )
        return rows

    def request_rows(self, contexts: Sequence[Context]) -> Vector:
        """Return `context_rows` with the slots' numbers left at 0: what the slots of a page share. Raises alike."""
        rows = np.zeros((len(contexts), self._context_width), dtype=np.float32)
        if self.viewers is None:
            contexts = [replace(context, viewer_vector=None) for context in contexts]
        for index, context in enumerate(contexts):
            if index and same_request(contexts[index - 1], context):
                rows[index] = rows[index - 1]
            else:
                self._write_request(context, rows[index])
        return rows

    def artwork_rows(self, vectors: Vector) -> Vector:
        """Return one row a CLIP vector (n, d) of this embedding version, shape (n, artwork_width), float32.

        Raises:
            InvalidProjection: the vectors have another dimension, or are not finite.
        """
        rows = np.zeros((len(vectors), self.spec.artwork_width), dtype=np.float32)
        rows[:, 0] = 1.0
        rows[:, 1 : 1 + self.artworks.dimensions] = self._projecting_artworks.artworks(vectors)
        return rows

    def main_rows(self, pictures: Sequence[Picture | Candidate]) -> Vector:
        """Return one row of what counts by itself a picture, shape (n, main_width), float32.

        A label that is not known has all of its columns at 0, a measure too.

        Raises:
            InvalidExample: a measure is not finite.
        """
        rows = np.zeros((len(pictures), self.spec.main_width), dtype=np.float32)
        for row, picture in zip(rows, pictures, strict=True):
            for look, start in self._looks:
                if not look.values:
                    row[start] = picture.measures.get(look.name, 0.0)
                elif (value := picture.labels.get(look.name)) in look.values:
                    row[start + look.values.index(value)] = 1.0
        if not np.isfinite(rows).all():
            raise InvalidExample("a picture's measures hold NaN or infinity; let `keyart worker` describe it again")
        return rows

    def own_terms(self, image_keys: Sequence[str]) -> list[tuple[int, ...]]:
        """Return for each artwork of a title the places in `known` whose mean weight is its own term.

        A known artwork has its own place. One that the log did not hold takes the mean of the title's known ones, so
        that it starts neither ahead nor behind because its title is watched more or less than others. Without own
        terms there are none.
        """
        if not self.spec.own_term:
            return [()] * len(image_keys)
        places = [self._places.get(key) for key in image_keys]
        known = tuple(place for place in places if place is not None)
        return [known if place is None else (place,) for place in places]

    def known_places(self, image_keys: Sequence[str]) -> list[int]:
        """Return each artwork's place in `known`, -1 where it has none."""
        return [self._places.get(key, -1) for key in image_keys]

    @cached_property
    def slot_columns(self) -> dict[str, int]:
        """Where a context row holds the numbers of the slot; all other columns are the same for a whole page."""
        return {feature.name: start for feature, start in self._starts if feature.name in SLOT_NUMBERS}

    def slot_numbers(self, positions: NDArray[np.float64], scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the numbers of n slots, shape (n, slot columns), as exact as a context row holds them.

        Raises:
            InvalidExample: a score is not finite.
        """
        numbers = np.empty((len(positions), len(self.slot_columns)), dtype=np.float32)
        for column, name in enumerate(self.slot_columns):
            numbers[:, column] = SLOT_NUMBERS[name](positions, scores)
        return numbers.astype(np.float64)

    def _write_request(self, context: Context, row: Vector) -> None:
        if context.viewer_vector is not None and self._projecting_viewers:
            self._projecting_viewers.write(context.viewer_vector, row, whose="viewer")
        if context.intent_vector is not None and self._projecting_intents:
            self._projecting_intents.write(context.intent_vector, row[self.spec.viewer_dimensions :], whose="intent")
        for feature, start in self._choices:
            column = feature.column(context.request)
            if column is not None:
                row[start + column] = 1.0
        for number, start in self._request_numbers:
            row[start] = number(context)

    @cached_property
    def _context_width(self) -> int:
        return self.spec.context_width

    @cached_property
    def _choices(self) -> list[tuple[Feature, int]]:
        return [(feature, start) for feature, start in self._starts if feature.values]

    @cached_property
    def _request_numbers(self) -> list[tuple[Callable[[Context], float], int]]:
        named = [(feature.name, start) for feature, start in self._starts]
        return [(REQUEST_NUMBERS[name], start) for name, start in named if name in REQUEST_NUMBERS]

    @cached_property
    def _projecting_artworks(self) -> _Projecting:
        return _Projecting(self.artworks)

    @cached_property
    def _projecting_viewers(self) -> _Projecting | None:
        return _Projecting(self.viewers) if self.viewers else None

    @cached_property
    def _projecting_intents(self) -> _Projecting | None:
        return _Projecting(self.intents) if self.intents else None

    @property
    def embedding_version(self) -> str:
        """The only embedding version whose CLIP vectors it takes."""
        return self.artworks.embedding_version

    @property
    def foundation_version(self) -> str | None:
        """The only foundation version whose viewer vectors it understands; None where it was fitted without any."""
        return self.viewers.embedding_version if self.viewers else None

    @property
    def intent_version(self) -> str | None:
        """The only version whose intent vectors it understands; None where it was fitted without any."""
        return self.intents.embedding_version if self.intents else None

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The fitted parts as plain arrays, so that a policy version can carry them."""
        fits = {"artworks": self.artworks, "viewers": self.viewers, "intents": self.intents}
        arrays = {
            f"{part}.{name}": array for part, fit in fits.items() if fit for name, array in fit.to_arrays().items()
        }
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
    viewers, intents = _part(arrays, "viewers"), _part(arrays, "intents")
    return FeatureSpace(
        spec,
        artworks=projection_from_arrays(_part(arrays, "artworks")),
        viewers=projection_from_arrays(viewers) if viewers else None,
        intents=projection_from_arrays(intents) if intents else None,
        known=tuple(key.decode() for key in arrays["known"].tolist()),
    )


def _part(arrays: Mapping[str, NDArray[Any]], part: str) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(f"{part}."): array for name, array in arrays.items() if name.startswith(f"{part}.")}


def same_request(one: Context, other: Context) -> bool:
    """Whether two contexts may differ in position and score only, as the slots of a page do."""
    return (
        one.request is other.request
        and one.viewer_vector is other.viewer_vector
        and one.intent_vector is other.intent_vector
    )
