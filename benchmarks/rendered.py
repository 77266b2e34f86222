"""A World whose artworks are really drawn, and known through the CLIP vectors of their pixels.

What a picture shows (people, shot, setting, palette, light, expression) is the truth that viewers respond to; what
policies see is what keyart-lite makes of the pixels.
"""

import io
from functools import lru_cache

import numpy as np

from api.demo.truth import traits_of
from artwork.embedding import EmbedderConfig, load_embedder
from artwork.lite.genres import LOOKS, scenes_for_title
from artwork.lite.rendering.drawing import render
from artwork.lite.scene import Scene, random_title
from bandit.context import Picture, Vector
from bandit.simulator.random_world import WEAK, calibrated
from bandit.simulator.rehearsal import Rehearsal
from bandit.simulator.world import Floats, Nature, build_world

TITLES, ARTWORKS, VIEWERS = 40, 6, 2000
SIZE = (320, 180)


def rendered_rehearsal(seed: int) -> Rehearsal:
    """40 titles × 6 drawn artworks at the weak play rates; the pictures are the same for every seed."""
    traits, vectors = _drawn()
    rng = np.random.default_rng(seed)
    tastes = rng.normal(size=(VIEWERS, traits.shape[-1]))
    tastes /= np.linalg.norm(tastes, axis=1, keepdims=True)
    nature = Nature(appeal=rng.normal(scale=0.3, size=TITLES))
    world = calibrated(build_world(tastes, [*traits], nature=nature), WEAK)
    pictures = [[Picture(vector=vector) for vector in own] for own in vectors]
    return Rehearsal(world=world, viewers=tastes.astype("<f4"), pictures=pictures, seed=seed)


@lru_cache(maxsize=1)
def _drawn() -> tuple[Floats, Vector]:
    """Traits (titles, artworks, k), centred within titles, and CLIP vectors (titles, artworks, d)."""
    rng = np.random.default_rng(0)
    genres = sorted(LOOKS)
    scenes = [
        scene
        for title in range(TITLES)
        for scene in scenes_for_title(rng, random_title(rng), genres[title % len(genres)])[:ARTWORKS]
    ]
    embedder = load_embedder(EmbedderConfig(offline=True, threads=1))
    vectors = embedder.embed_images([_png(scene) for scene in scenes])
    traits = np.array([traits_of(scene) for scene in scenes]).reshape(TITLES, ARTWORKS, -1)
    return traits - traits.mean(axis=1, keepdims=True), vectors.reshape(TITLES, ARTWORKS, -1)


def _png(scene: Scene) -> bytes:
    data = io.BytesIO()
    render(scene, SIZE).save(data, "PNG")
    return data.getvalue()
