"""Decisions a second in process, against plain Vowpal Wabbit on the same pages. Run by `make bench`.

Ours is everything from contexts and artworks to the drawn one: features, probabilities, keyed draw. The peer is
`vowpal_wabbit_next` with the same arguments: parse a slot's text, predict. Its text is made beforehand and not counted.
"""

import hashlib
import statistics
import time
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
from bandit.sampling import draw, draw_uniform

TITLES, ARTWORKS, PAGES, LEARNED, ROUNDS = 40, 6, 100, 2000, 7
AT = datetime(2026, 1, 1, 20, tzinfo=UTC)
Page = list[tuple[Context, list[Candidate]]]


def run() -> list[dict[str, object]]:
    """Return the one measurement, `decisions_page_ratio`: our decisions/s over the peer's, medians of one run."""
    rng = np.random.default_rng(0)
    catalogue = _catalogue(rng)
    viewers = _unit(rng.normal(size=(PAGES, 32)))
    space = _space(catalogue, viewers)
    trained = _train(space, catalogue, viewers)
    pages = [_page(catalogue, viewer) for viewer in viewers]
    texts = [_texts(space, page) for page in pages]
    version, digest = PolicyVersionId("squarecb-bench"), hashlib.sha256(trained.model).hexdigest()
    settings = EngineSettings()
    compiled = CompiledPolicy(
        space,
        export_weights(space, trained.model),
        version=version,
        digest=digest,
        exploration=settings.exploration(trained.examples),
    )
    engine = VowpalPolicy(space, trained.model, version=version, digest=digest, epsilon=settings.epsilon)
    peer = vw.Workspace(engine_arguments(space, settings))
    parser = vw.TextFormatParser(peer)
    times: dict[str, list[float]] = {"compiled": [], "engine": [], "peer": []}
    for _ in range(ROUNDS):
        times["compiled"].append(_decide(compiled, pages))
        times["engine"].append(_decide(engine, pages))
        times["peer"].append(_parse_and_predict(peer, parser, texts))
    decisions = PAGES * TITLES
    ours, asked, theirs = (decisions / statistics.median(times[name]) for name in ("compiled", "engine", "peer"))
    return [
        _result("decisions_page_ratio", ours, theirs, n=decisions),
        _result("decisions_page_ratio:engine", asked, theirs, n=decisions),
    ]


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


def _catalogue(rng: np.random.Generator) -> list[list[Candidate]]:
    vectors = _unit(rng.normal(size=(TITLES, ARTWORKS, 512)))
    return [
        [
            Candidate(
                artwork=ArtworkId(f"a{artwork}"),
                image=ImageHash(hashlib.sha256(f"{title}/{artwork}".encode()).hexdigest()),
                vector=vectors[title, artwork],
            )
            for artwork in range(ARTWORKS)
        ]
        for title in range(TITLES)
    ]


def _space(catalogue: list[list[Candidate]], viewers: Vector) -> FeatureSpace:
    artworks = [artwork for title in catalogue for artwork in title]
    vectors = np.stack([artwork.vector for artwork in artworks])
    return FeatureSpace(
        FeatureSpec(),
        artworks=fit_projection(vectors, dimensions=16, embedding_version="bench"),
        viewers=fit_projection(viewers, dimensions=16, embedding_version="bench"),
        known=tuple(sorted(artwork.image[:16] for artwork in artworks)),
    )


def _page(catalogue: list[list[Candidate]], viewer: Vector) -> Page:
    request = RequestContext(at=AT, device="tv", row="trending", canvas="landscape")
    return [
        (Context(request=request, viewer_vector=viewer, position=position, score=0.9 - position / 100), artworks)
        for position, artworks in enumerate(catalogue)
    ]


def _train(space: FeatureSpace, catalogue: list[list[Candidate]], viewers: Vector) -> Trained:
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
        [f"shared |U {_numbers(row)}", *(_artwork_line(space, artwork) for artwork in artworks)]
        for row, (_, artworks) in zip(rows, page, strict=True)
    ]


def _artwork_line(space: FeatureSpace, artwork: Candidate) -> str:
    [place] = space.own_terms([artwork.image[:16]])[0]
    row = space.artwork_rows(artwork.vector[np.newaxis])[0]
    return f"|A {_numbers(row)} |I {own_start(space) + place}:1"


def _numbers(row: Vector) -> str:
    return " ".join(f"{index + 1}:{value:.6g}" for index, value in enumerate(row) if value)


def _decide(policy: Policy, pages: list[Page]) -> float:
    started = time.perf_counter()
    for number, page in enumerate(pages):
        for title, probabilities in enumerate(policy.page(page)):
            draw(probabilities.tolist(), draw_uniform("salt", f"{number:032x}", TitleId(f"title-{title}"), 20000))
    return time.perf_counter() - started


def _parse_and_predict(peer: vw.Workspace, parser: vw.TextFormatParser, texts: list[list[list[str]]]) -> float:
    started = time.perf_counter()
    for page in texts:
        for lines in page:
            peer.predict_one([parser.parse_line(line) for line in lines])
    return time.perf_counter() - started
