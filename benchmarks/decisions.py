"""Decisions a second in process, against plain Vowpal Wabbit on the same pages. Run by `make bench`.

Pages of 40 titles × 10 artworks, viewer and CLIP vectors of 64 numbers each crossed with one another. Ours goes from
contexts and artworks to probabilities; `:drawn` adds the keyed draw. The peer is `vowpal_wabbit_next` with the same
arguments: parse a slot's text, predict. Its text is made beforehand and not counted.
"""

import hashlib
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import vowpal_wabbit_next as vw

from artwork.catalog import ArtworkId, ImageHash, TitleId
from artwork.projection import fit_projection
from bandit.context import Candidate, Context, RequestContext, Vector
from bandit.decision import PolicyVersionId
from bandit.encoding import ArtworkRows, FeatureSpace
from bandit.features import FeatureSpec
from bandit.policies.compiled import CompiledPolicy
from bandit.policies.policy import Policy
from bandit.policies.slots import Slots
from bandit.policies.vowpal import (
    EngineSettings,
    LearningRow,
    Lessons,
    Trained,
    VowpalPolicy,
    engine_arguments,
    export_weights,
    own_start,
    train,
)
from bandit.sampling import draw, draw_each, draw_uniforms
from bandit.slate import Slate

TITLES, ARTWORKS, PAGES, BATCH_PAGES, LEARNED, ROUNDS = 40, 10, 50, 1000, 2000, 9
DIMENSIONS = 64
AT = datetime(2026, 1, 1, 20, tzinfo=UTC)
NAMES = [TitleId(f"title-{number}") for number in range(TITLES)]
Page = list[tuple[Context, Slate]]
VERSION = PolicyVersionId("squarecb-bench")


def run() -> list[dict[str, object]]:
    """Return decisions/s of pages and of batches over the peer's, medians of rounds in which each has its turn."""
    rng = np.random.default_rng(0)
    catalogue = _catalogue(rng)
    viewers = _unit(rng.normal(size=(PAGES, DIMENSIONS)))
    space = _space(catalogue, viewers)
    trained = _train(space, catalogue, viewers)
    pages = [_page(catalogue, viewer) for viewer in viewers]
    compiled, engine = _policies(space, trained)
    batch = _batch(catalogue, viewers)
    peer = _Peer(space, [_texts(space, page) for page in pages])
    measured: dict[str, tuple[Callable[[], object], int]] = {
        "peer": (peer.predict, PAGES),
        "decisions_page_ratio": (lambda: [compiled.page(page) for page in pages], PAGES),
        "decisions_page_ratio:drawn": (lambda: [_drawn(compiled, page) for page in pages], PAGES),
        "decisions_page_ratio:lists": (lambda: [compiled.page(_lists(page)) for page in pages], PAGES),
        "decisions_page_ratio:engine": (lambda: [engine.page(page) for page in pages], PAGES),
        "decisions_batch_per_s": (lambda: compiled.state(batch), BATCH_PAGES),
        "decisions_batch_per_s:drawn": (lambda: _drawn_batch(compiled, batch), BATCH_PAGES),
    }
    times: dict[str, list[float]] = {name: [] for name in measured}
    for _ in range(ROUNDS):
        for name, (decide, asked) in measured.items():
            times[name].append(_seconds(decide) / (asked * TITLES))
    speeds = {name: 1 / statistics.median(own) for name, own in times.items()}
    theirs = speeds.pop("peer")
    return [_result(name, ours, theirs, n=measured[name][1] * TITLES) for name, ours in speeds.items()]


def _seconds(decide: Callable[[], object]) -> float:
    """Seconds of this thread's processor time, so that what else runs on the machine counts less."""
    started = time.thread_time()
    decide()
    return time.thread_time() - started


def _policies(space: FeatureSpace, trained: Trained) -> tuple[CompiledPolicy, VowpalPolicy]:
    settings, digest = EngineSettings(), hashlib.sha256(trained.model).hexdigest()
    weights = export_weights(space, trained.model, examples=trained.examples)
    return (
        CompiledPolicy(space, weights, version=VERSION, digest=digest, exploration=settings.exploration()),
        VowpalPolicy(space, trained.model, version=VERSION, digest=digest, epsilon=settings.epsilon),
    )


def _result(name: str, ours: float, theirs: float, *, n: int) -> dict[str, object]:
    return {
        "name": name,
        "value": round(ours),
        "unit": "decisions/s",
        "peer": round(theirs),
        "ratio": round(ours / theirs, 2),
        "n": n,
    }


def _unit(vectors: np.ndarray) -> Vector:
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def _catalogue(rng: np.random.Generator) -> list[Slate]:
    vectors = _unit(rng.normal(size=(TITLES, ARTWORKS, 512)))
    return [
        Slate(
            Candidate(
                artwork=ArtworkId(f"a{artwork}"),
                image=ImageHash(hashlib.sha256(f"{title}/{artwork}".encode()).hexdigest()),
                vector=vectors[title, artwork],
            )
            for artwork in range(ARTWORKS)
        )
        for title in range(TITLES)
    ]


def _space(catalogue: list[Slate], viewers: Vector) -> FeatureSpace:
    artworks = [artwork for title in catalogue for artwork in title]
    vectors = np.stack([artwork.vector for artwork in artworks])
    return FeatureSpace(
        FeatureSpec(viewer_dimensions=DIMENSIONS, intent_dimensions=0, artwork_dimensions=DIMENSIONS - 1),
        artworks=fit_projection(vectors, dimensions=DIMENSIONS - 1, embedding_version="bench"),
        viewers=fit_projection(viewers, dimensions=DIMENSIONS, embedding_version="bench"),
        known=tuple(sorted(artwork.image[:16] for artwork in artworks)),
    )


def _page(catalogue: list[Slate], viewer: Vector) -> Page:
    request = RequestContext(at=AT, device="tv", row="trending", canvas="landscape")
    return [
        (Context(request=request, viewer_vector=viewer, position=position, score=0.9 - position / 100), artworks)
        for position, artworks in enumerate(catalogue)
    ]


def _train(space: FeatureSpace, catalogue: list[Slate], viewers: Vector) -> Trained:
    rng = np.random.default_rng(1)
    artworks = [artwork for title in catalogue for artwork in title]
    contexts = [space.context_rows([context for context, _ in _page(catalogue, viewer)]) for viewer in viewers]

    def row() -> LearningRow:
        title = int(rng.integers(TITLES))
        places = tuple(range(title * ARTWORKS, (title + 1) * ARTWORKS))
        reward = float(rng.random() < 0.1)
        return LearningRow(
            contexts[rng.integers(PAGES)][title], places, int(rng.integers(ARTWORKS)), reward, 1 / ARTWORKS
        )

    rows = [row() for _ in range(LEARNED)]
    return train(
        space,
        ArtworkRows(space.artwork_rows(np.stack([each.vector for each in artworks])), space.main_rows(artworks)),
        image_keys=[artwork.image[:16] for artwork in artworks],
        lessons=Lessons(lambda: rows, mean_reward=0.1),
        settings=EngineSettings(),
        progress=lambda _: None,
    )


def _texts(space: FeatureSpace, page: Page) -> list[list[str]]:
    """The lines of every slot, with the same features that ours computes."""
    rows = space.context_rows([context for context, _ in page])
    return [
        [f"shared |U {_numbers(row, first=1)}", *(_artwork_line(space, artwork) for artwork in artworks)]
        for row, (_, artworks) in zip(rows, page, strict=True)
    ]


def _artwork_line(space: FeatureSpace, artwork: Candidate) -> str:
    [place] = space.own_terms([artwork.image[:16]])[0]
    row = space.artwork_rows(artwork.vector[np.newaxis])[0]
    return f"|A {_numbers(row, first=0)} |I {own_start(space) + place}:1"


def _numbers(row: Vector, *, first: int) -> str:
    return " ".join(f"{index + first}:{value:.9g}" for index, value in enumerate(row) if value)


def _drawn(policy: Policy, page: Page) -> list[int]:
    numbers = draw_uniforms(NAMES, salt="salt", viewer=f"{0:032x}", window=20000)
    return [draw(stated.tolist(), number) for stated, number in zip(policy.page(page), numbers, strict=True)]


def _drawn_batch(policy: CompiledPolicy, batch: Slots) -> object:
    stated = policy.state(batch)
    keys = ((NAMES, f"{number:032x}") for number in range(BATCH_PAGES))
    numbers = [u for names, viewer in keys for u in draw_uniforms(names, salt="salt", viewer=viewer, window=20000)]
    return draw_each(stated.flat, numbers, bounds=stated.bounds)


def _lists(page: Page) -> list[tuple[Context, list[Candidate]]]:
    return [(context, [*slate]) for context, slate in page]


def _batch(catalogue: list[Slate], viewers: Vector) -> Slots:
    request = RequestContext(at=AT, device="tv", row="trending", canvas="landscape")
    requests = [Context(request=request, viewer_vector=viewers[number % PAGES]) for number in range(BATCH_PAGES)]
    positions = np.tile(np.arange(TITLES, dtype=np.float64), BATCH_PAGES)
    return Slots(
        requests=requests,
        request_of=np.repeat(np.arange(BATCH_PAGES), TITLES),
        positions=positions,
        scores=0.9 - positions / 100,
        slates=catalogue * BATCH_PAGES,
    )


class _Peer:
    """Vowpal Wabbit as its documentation has it used: one text a slot, parsed and predicted."""

    def __init__(self, space: FeatureSpace, pages: list[list[list[str]]]) -> None:
        self._workspace = vw.Workspace(engine_arguments(space, EngineSettings()))
        self._parser = vw.TextFormatParser(self._workspace)
        self._pages = pages

    def predict(self) -> None:
        for page in self._pages:
            for lines in page:
                self._workspace.predict_one([self._parser.parse_line(line) for line in lines])
