"""What it takes to have a catalogue of 100,000 artworks ready to be decided on. Run by `make bench`.

Seconds of processor time, and MB, from a version's weights to a block of numbers for every title. The floors beside
them: projecting the same vectors in one matrix product, and the bare float32 rows.
"""

import hashlib
import time
import tracemalloc

import numpy as np

from artwork.catalog import ArtworkId, ImageHash
from artwork.projection import fit_projection
from bandit.context import Candidate
from bandit.decision import PolicyVersionId
from bandit.encoding import FeatureSpace
from bandit.features import FeatureSpec
from bandit.policies.compiled import CompiledPolicy
from bandit.policies.vowpal import EngineSettings
from bandit.policies.weights import Weights
from bandit.slate import Slate

TITLES, ARTWORKS, DISTINCT, DIMENSIONS = 10_000, 10, 2_000, 64
COUNT = TITLES * ARTWORKS


def run() -> list[dict[str, object]]:
    """Return `compiled_export_100k`, seconds, and `compiled_export_100k:memory`, MB."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(DISTINCT, 512)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    slates = _slates(vectors)
    space = _space(slates, vectors)
    weights = _weights(space, rng)
    _ready(space, weights, slates[:1])  # kernels are compiled once an installation
    started = time.thread_time()
    ready = _ready(space, weights, slates)
    seconds = time.thread_time() - started
    del ready
    tracemalloc.start()
    ready = _ready(space, weights, slates)
    held = tracemalloc.get_traced_memory()[0] / 1e6
    tracemalloc.stop()
    del ready
    rows = 4 * COUNT * DIMENSIONS / 1e6
    return [
        _result("compiled_export_100k", seconds, _project_all(space, vectors), unit="s"),
        _result("compiled_export_100k:memory", held, rows, unit="MB"),
    ]


def _result(name: str, ours: float, floor: float, *, unit: str) -> dict[str, object]:
    ratio = round(ours / floor, 2)
    return {"name": name, "value": round(ours, 2), "unit": unit, "peer": round(floor, 2), "ratio": ratio, "n": COUNT}


def _slates(vectors: np.ndarray) -> list[Slate]:
    return [
        Slate(
            Candidate(
                artwork=ArtworkId(f"a{artwork}"),
                image=ImageHash(hashlib.sha256(f"{title}/{artwork}".encode()).hexdigest()),
                vector=vectors[(title * ARTWORKS + artwork) % DISTINCT],
            )
            for artwork in range(ARTWORKS)
        )
        for title in range(TITLES)
    ]


def _space(slates: list[Slate], vectors: np.ndarray) -> FeatureSpace:
    return FeatureSpace(
        FeatureSpec(viewer_dimensions=DIMENSIONS, artwork_dimensions=DIMENSIONS - 1),
        artworks=fit_projection(vectors, dimensions=DIMENSIONS - 1, embedding_version="bench"),
        known=tuple(sorted(artwork.image[:16] for slate in slates for artwork in slate)),
    )


def _weights(space: FeatureSpace, rng: np.random.Generator) -> Weights:
    spec = space.spec
    return Weights(
        crossed=rng.normal(size=(spec.context_width, spec.artwork_width)) / 100,
        artwork=rng.normal(size=spec.artwork_width) / 100,
        main=rng.normal(size=spec.main_width) / 100,
        own=rng.normal(size=COUNT) / 100,
        experience=rng.integers(10_000, size=COUNT).astype(np.float64),
    )


def _ready(space: FeatureSpace, weights: Weights, slates: list[Slate]) -> CompiledPolicy:
    exploration = EngineSettings().exploration()
    policy = CompiledPolicy(space, weights, version=PolicyVersionId("bench"), digest="0" * 64, exploration=exploration)
    policy.remember(slates)
    return policy


def _project_all(space: FeatureSpace, vectors: np.ndarray) -> float:
    everything = np.tile(vectors, (COUNT // DISTINCT, 1))
    started = time.thread_time()
    space.artworks.project(everything)
    return time.thread_time() - started
