"""A small log with a plain truth, shared by the tests of learning, of the registry and of the policies."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from artwork.catalog import ArtworkId, ImageHash, TitleId
from bandit.context import Candidate, Context, Picture, RequestContext, Vector
from bandit.decision import Page, PageId, PolicyVersionId, RewardedDecision, Slot
from bandit.learning import LearnConfig, LearnedModel, Provenance, learn
from bandit.policies.vowpal import EngineSettings
from foundation.events import ViewerId

AT = datetime(2026, 11, 21, 20, 30, tzinfo=UTC)
TITLES, ARTWORKS, DIMENSIONS, VIEWERS = 6, 4, 12, 60


@dataclass(frozen=True)
class SmallLog:
    """Viewers with a positive first number watch artworks with a positive first number, and the other way round."""

    rows: list[RewardedDecision]
    pictures: dict[str, Picture]
    candidates: list[list[Candidate]]
    viewers: Vector

    @property
    def vectors(self) -> dict[str, Vector]:
        return {key: picture.vector for key, picture in self.pictures.items()}

    def context(self, viewer: int, position: int = 0) -> Context:
        request = RequestContext(at=AT, device="tv", row="trending")
        return Context(request=request, viewer_vector=self.viewers[viewer], position=position)

    def likes(self, viewer: int, artworks: list[Candidate]) -> NDArray[np.bool_]:
        return np.array([self.viewers[viewer, 0] * artwork.vector[0] > 0 for artwork in artworks])


def _unit(vectors: np.ndarray) -> Vector:
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype("<f4")


def _small_log(count: int) -> SmallLog:
    rng = np.random.default_rng(7)
    viewers = _unit(rng.normal(size=(VIEWERS, 8)))
    vectors = _unit(rng.normal(size=(TITLES, ARTWORKS, DIMENSIONS)))
    images = [
        [ImageHash(hashlib.sha256(f"{t}/{a}".encode()).hexdigest()) for a in range(ARTWORKS)] for t in range(TITLES)
    ]
    candidates = [
        [
            Candidate(
                artwork=ArtworkId(f"a{a}"),
                image=images[t][a],
                vector=vectors[t, a],
                labels={"people": str(a)} if t else {},
                measures={"brightness": (a - t) / 5} if a else {},
            )
            for a in range(ARTWORKS)
        ]
        for t in range(TITLES)
    ]
    rows: list[RewardedDecision] = []
    for number in range(count):
        viewer, title, chosen = (int(rng.integers(n)) for n in (VIEWERS, TITLES, ARTWORKS))
        liked = viewers[viewer, 0] * vectors[title, chosen, 0] > 0
        page = Page(
            page=PageId(f"{number:032x}"),
            viewer=ViewerId(f"{viewer:032x}"),
            at=AT + timedelta(seconds=number),
            request=RequestContext(at=AT + timedelta(hours=number), device="tv" if number % 2 else "phone"),
            policy=PolicyVersionId("uniform"),
            policy_digest="0" * 64,
            embedding_version="clip-1",
            foundation_version="viewers-1",
            viewer_vector=viewers[viewer].tobytes(),
            salt="salt",
            window=3,
            slots=(
                Slot(
                    title=TitleId(f"t{title}"),
                    artworks=tuple(candidate.artwork for candidate in candidates[title]),
                    images=tuple(candidate.image[:16] for candidate in candidates[title]),
                    probabilities=(1 / ARTWORKS,) * ARTWORKS,
                    chosen=chosen,
                    position=number % 5,
                ),
            ),
        )
        rows.append(RewardedDecision(page, 0, float(rng.random() < (0.6 if liked else 0.05))))
    pictures = {
        each.image[:16]: Picture(vector=each.vector, labels=each.labels, measures=each.measures)
        for title_artworks in candidates
        for each in title_artworks
    }
    return SmallLog(rows, pictures, candidates, viewers)


@pytest.fixture(scope="session")
def small_log() -> SmallLog:
    return _small_log(1500)


@pytest.fixture(scope="session")
def config() -> LearnConfig:
    return LearnConfig(embedding_version="clip-1", foundation_version="viewers-1")


@pytest.fixture(scope="session")
def provenance() -> Provenance:
    return Provenance(created_at=AT, watermark="w1", parent=PolicyVersionId("uniform"))


@pytest.fixture(scope="session")
def learned(small_log: SmallLog, config: LearnConfig, provenance: Provenance) -> LearnedModel:
    return learn(small_log.rows, small_log.pictures, config=config, provenance=provenance)


@pytest.fixture(scope="session")
def engine_learned(small_log: SmallLog, config: LearnConfig, provenance: Provenance) -> LearnedModel:
    by_engine = replace(config, settings=EngineSettings())
    return learn(small_log.rows, small_log.pictures, config=by_engine, provenance=provenance)


@pytest.fixture(scope="session")
def make_candidate() -> Callable[..., Candidate]:
    def make(artwork: str, *, default: bool = False) -> Candidate:
        digest = hashlib.sha256(artwork.encode()).hexdigest()
        vector = np.frombuffer(hashlib.sha256(digest.encode()).digest()[:DIMENSIONS], dtype=np.uint8).astype("<f4")
        return Candidate(artwork=ArtworkId(artwork), image=ImageHash(digest), vector=_unit(vector), default=default)

    return make
