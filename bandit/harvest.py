"""One pass over the rows to learn from: every row checked, counted and written down. Knows no engine and no storage.

Memory holds one place an artwork and a sample of viewers, however long the log is.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from artwork.projection import Projection, fit_projection
from bandit.context import Picture, Vector
from bandit.decision import Reason, RewardedDecision
from bandit.encoding import ArtworkRows, FeatureSpace, unwhitened
from bandit.errors import EmptyLog, InvalidExample
from bandit.features import FeatureSpec
from bandit.registry import Holdout
from bandit.rows import check_row
from bandit.sampling import draw_uniform
from bandit.spool import RowWriter, SpooledRow

FITTED_VECTORS = 20_000
"""Projections are fitted on at most so many vectors: beyond, they hardly change and only cost memory."""


@lru_cache(maxsize=65_536)
def is_held_out(viewer: str, holdout: Holdout) -> bool:
    """Whether this viewer's rows are kept for evaluation and never learned from."""
    return draw_uniform(holdout.salt, viewer, "", 0) < holdout.share


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which vectors count: those of these versions, and which viewers are held out (see `LearnConfig`)."""

    embedding_version: str
    foundation_version: str | None
    intent_version: str | None
    spec: FeatureSpec
    holdout: Holdout


@dataclass
class _Sample:
    """Vectors of one version met in the log, the first of each viewer: enough to fit a projection on."""

    version: str | None
    dimensions: int
    what: str
    vectors: dict[str, Vector] = field(default_factory=dict[str, Vector])

    def add(self, row: RewardedDecision, vector: Vector) -> None:
        if self.vectors and next(iter(self.vectors.values())).shape != vector.shape:
            raise InvalidExample(
                f"page {row.page.page}: the {self.what} has another dimension than others of its version; drop it"
            )
        if len(self.vectors) < FITTED_VECTORS:
            self.vectors.setdefault(row.page.viewer, vector)

    def fit(self) -> Projection | None:
        """The projection of these vectors, or None where no two differ."""
        if self.version is None or self.dimensions == 0 or len(self.vectors) < 2:
            return None
        stacked = np.stack([*self.vectors.values()])
        if np.ptp(stacked, axis=0).max() < 1e-6:
            return None
        return unwhitened(fit_projection(stacked, dimensions=self.dimensions, embedding_version=self.version))


@dataclass
class Harvest:
    """What the pass finds. `places` numbers the artworks in the order they are met, `titles` tells whose each is.

    `shown` are the image keys that were drawn: those have a weight of their own.
    """

    pictures: Mapping[str, Picture]
    scope: Scope
    places: dict[str, int] = field(default_factory=dict[str, int])
    titles: list[str] = field(default_factory=list[str])
    shown: set[str] = field(default_factory=set[str])
    learned: int = 0
    held_out: int = 0
    not_drawn: int = 0
    of_other_viewers: int = 0
    weight: float = 0.0
    reward: float = 0.0
    _viewers: _Sample = field(init=False)
    _intents: _Sample = field(init=False)

    def __post_init__(self) -> None:
        scope = self.scope
        self._viewers = _Sample(scope.foundation_version, scope.spec.viewer_dimensions, "viewer vector")
        self._intents = _Sample(scope.intent_version, scope.spec.intent_dimensions, "intent vector")

    def read(self, rows: Iterable[RewardedDecision], writer: RowWriter) -> None:
        """Check every row and write those that are to be learned from.

        Raises:
            EmptyLog: there is none.
            InvalidExample: one cannot be learned from.
        """
        for row in rows:
            if row.decision.reason is not Reason.POLICY:
                self.not_drawn += 1
            elif is_held_out(row.page.viewer, self.scope.holdout):
                self.held_out += 1
            else:
                check_row(row, self.pictures)
                writer.write(self._spooled(row))
        if not self.learned:
            raise EmptyLog(
                f"no row to learn from ({self.held_out} held out, {self.not_drawn} not drawn by a policy); "
                "serve decisions, report outcomes, join them into rewards, then learn again"
            )

    def _spooled(self, row: RewardedDecision) -> SpooledRow:
        decision = row.decision
        shown = decision.images[decision.chosen]
        weight = 1.0 / row.page.kept
        self.learned += 1
        self.weight += weight
        self.reward += weight * row.reward
        self.shown.add(shown)
        return SpooledRow(
            row.page.request,
            self._viewer_vector(row),
            self._intent_vector(row),
            decision.position,
            decision.score,
            tuple(self._place(key, decision.title) for key in decision.images),
            decision.chosen,
            row.reward,
            decision.probability,
            row.page.at.timestamp(),
            weight,
        )

    def _place(self, key: str, title: str) -> int:
        place = self.places.get(key)
        if place is None:
            place = self.places[key] = len(self.places)
            self.titles.append(title)
        return place

    def _viewer_vector(self, row: RewardedDecision) -> bytes | None:
        vector = row.page.vector()
        if vector is None:
            return None
        if row.page.foundation_version != self.scope.foundation_version:
            self.of_other_viewers += 1
            return None
        self._viewers.add(row, vector)
        return row.page.viewer_vector

    def _intent_vector(self, row: RewardedDecision) -> bytes | None:
        vector = row.page.intent()
        if vector is None or row.page.intent_version != self.scope.intent_version:
            return None
        self._intents.add(row, vector)
        return row.page.intent_vector

    @property
    def mean_reward(self) -> float:
        """Of the decisions that the rows which are learned from stand for."""
        return self.reward / self.weight

    def space(self) -> FeatureSpace:
        """The projections, fitted on the whole catalogue and on the log's viewers. Raises InvalidExample."""
        return FeatureSpace(
            self.scope.spec,
            artworks=_fit_artworks(self.pictures, self.scope),
            viewers=self._viewers.fit(),
            intents=self._intents.fit(),
            known=tuple(sorted(self.shown)),
        )

    def table(self, space: FeatureSpace) -> ArtworkRows:
        """The rows of the artworks, by place. Raises InvalidExample where a picture has no usable vector."""
        missing = [key for key in self.places if key not in self.pictures]
        if missing:
            raise InvalidExample(f"no vector for image {missing[0]}; embed it in {self.scope.embedding_version}")
        shown = [self.pictures[key] for key in self.places]
        try:
            return ArtworkRows(space.artwork_rows(np.stack([each.vector for each in shown])), space.main_rows(shown))
        except ValueError as error:
            raise InvalidExample(f"an artwork's vector cannot be projected: {error}") from error


def _fit_artworks(pictures: Mapping[str, Picture], scope: Scope) -> Projection:
    try:
        fitted = np.stack([pictures[key].vector for key in sorted(pictures)[:FITTED_VECTORS]])
        whitening = fit_projection(
            fitted, dimensions=scope.spec.artwork_dimensions, embedding_version=scope.embedding_version
        )
    except ValueError as error:
        raise InvalidExample(f"the artworks' vectors cannot be projected: {error}") from error
    return unwhitened(whitening)
