"""The engine behind its door: what it learns, that numbers mean what text would, and that threads may share it."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import vowpal_wabbit_next as vw

from artwork.projection import fit_projection
from bandit.context import Context
from bandit.encoding import ArtworkRows, FeatureSpace
from bandit.errors import InvalidExample
from bandit.features import FeatureSpec
from bandit.policies.vowpal import (
    EngineSettings,
    LearningRow,
    Lessons,
    crossed_index,
    engine_arguments,
    main_start,
    own_start,
    train,
)


@pytest.fixture(scope="module")
def space(small_log: Any) -> FeatureSpace:
    return FeatureSpace(
        FeatureSpec(viewer_dimensions=4, artwork_dimensions=3),
        artworks=fit_projection(np.stack([*small_log.vectors.values()]), dimensions=3, embedding_version="clip-1"),
        viewers=fit_projection(small_log.viewers, dimensions=4, embedding_version="viewers-1"),
        known=tuple(sorted(small_log.vectors)),
    )


def test_every_weight_has_a_place_of_its_own(space: FeatureSpace) -> None:
    contexts, artworks = np.arange(space.spec.context_width), np.arange(space.spec.artwork_width)
    crossed = crossed_index(contexts[:, None], artworks[None])
    main = main_start(space) + np.arange(space.spec.main_width)
    own = own_start(space) + np.arange(len(space.known))
    places = np.concatenate([artworks, crossed.ravel(), main, own])
    bits = int(engine_arguments(space, EngineSettings())[-4])
    assert len(np.unique(places)) == len(places)
    assert places.max() < 1 << bits


def test_the_widest_spec_still_has_places_of_its_own(space: FeatureSpace) -> None:
    widest = replace(space.spec, viewer_dimensions=64, intent_dimensions=64, artwork_dimensions=63)
    wide = FeatureSpace(widest, space.artworks)
    crossed = crossed_index(np.arange(wide.spec.context_width)[:, None], np.arange(wide.spec.artwork_width)[None])
    places = np.concatenate([np.arange(64), crossed.ravel()])
    assert len(np.unique(places)) == len(places)
    assert places.max() < main_start(wide)


def test_examples_built_from_numbers_learn_what_the_same_text_would(space: FeatureSpace, small_log: Any) -> None:
    keys = sorted(small_log.vectors)
    shown = [small_log.pictures[key] for key in keys]
    table = ArtworkRows(space.artwork_rows(np.stack([each.vector for each in shown])), space.main_rows(shown))
    rows = [
        LearningRow(
            context=space.context_rows([Context(request=row.page.request, viewer_vector=row.page.vector())])[0],
            artworks=tuple(keys.index(key) for key in row.decision.images),
            chosen=row.decision.chosen,
            reward=row.reward,
            probability=row.decision.probability,
        )
        for row in small_log.rows[:300]
    ]
    settings = EngineSettings(passes=2)
    lessons = Lessons(lambda: rows, mean_reward=1.0)  # the constant starts at 0, as the peer's does
    trained = train(space, table, image_keys=keys, lessons=lessons, settings=settings, progress=lambda _: None)
    peer = vw.Workspace(engine_arguments(space, settings))
    parser = vw.TextFormatParser(peer)
    for row in [*rows, *rows]:
        lines = [f"shared |U {' '.join(f'{n + 1}:{value}' for n, value in enumerate(row.context) if value)}"]
        for index, place in enumerate(row.artworks):
            label = f"0:{1 - row.reward}:{row.probability} " if index == row.chosen else ""
            vector = " ".join(f"{n}:{value}" for n, value in enumerate(table.crossed[place]))
            main = " ".join(f"{main_start(space) + n}:{value}" for n, value in enumerate(table.main[place]) if value)
            lines.append(f"{label}|A {vector} |M {main} |I {own_start(space) + place}:1")
        peer.learn_one([parser.parse_line(line) for line in lines])
    ours = vw.Workspace(["--quiet"], model_data=trained.model).weights()[:, 0, 0]
    theirs = peer.weights()[:, 0, 0]
    # text adds each namespace's hash to its indices, so the places differ and the values do not
    assert np.sort(ours[ours != 0]) == pytest.approx(np.sort(theirs[theirs != 0]), abs=1e-5)
    assert trained.examples == 600


def test_more_artworks_than_the_engine_holds_are_refused(space: FeatureSpace) -> None:
    class Endless(tuple[str, ...]):
        def __len__(self) -> int:
            return 1 << 25

    with pytest.raises(InvalidExample, match="own_term"):
        engine_arguments(FeatureSpace(space.spec, space.artworks, known=Endless()), EngineSettings())
