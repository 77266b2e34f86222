"""Rows of numbers: one column a value, viewers of other versions as newcomers, damaged vectors refused."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from artwork.projection import InvalidProjection, fit_projection
from bandit.context import Context, Picture, RequestContext
from bandit.encoding import FeatureSpace, space_from_arrays, unwhitened
from bandit.errors import InvalidExample
from bandit.features import FeatureSpec


@pytest.fixture
def space(small_log: Any) -> FeatureSpace:
    pictures = np.stack([*small_log.vectors.values()])
    return FeatureSpace(
        FeatureSpec(viewer_dimensions=4, intent_dimensions=3, artwork_dimensions=5),
        artworks=fit_projection(pictures, dimensions=5, embedding_version="clip-1"),
        viewers=fit_projection(small_log.viewers, dimensions=4, embedding_version="viewers-1"),
        known=("aa", "bb", "cc"),
    )


def test_a_context_row_holds_the_viewer_and_one_column_a_choice(space: FeatureSpace, small_log: Any) -> None:
    [row] = space.context_rows([replace(small_log.context(3, position=4), score=1.0)])
    assert row[:4] == pytest.approx(space.viewers.project(small_log.viewers[3:4])[0])
    assert not row[4:7].any()
    numbers = {feature.name: row[start] for feature, start in space._starts if not feature.values}
    assert numbers == pytest.approx({"newcomer": 0.0, "position": 0.2, "score": 0.5})
    for feature, start in space._starts:
        if feature.values:
            expected = [float(n == feature.column(small_log.context(3).request)) for n in range(feature.width)]
            assert row[start : start + feature.width].tolist() == expected


def test_a_pages_rows_are_those_of_its_slots_one_by_one(space: FeatureSpace, small_log: Any) -> None:
    request = RequestContext(at=small_log.context(0).request.at, device="phone")
    vector = small_log.viewers[1]
    page = [Context(request=request, viewer_vector=vector, position=n, score=n / 3) for n in range(5)]
    page.insert(3, small_log.context(2))
    page.append(Context(request=request))
    together = space.context_rows(page)
    assert np.array_equal(together, np.concatenate([space.context_rows([context]) for context in page]))
    assert len(np.unique(together, axis=0)) == len(page)


def test_c12_a_viewer_vector_of_another_dimension_is_refused(space: FeatureSpace, small_log: Any) -> None:
    other = replace(small_log.context(0), viewer_vector=np.ones(5, dtype=np.float32))
    with pytest.raises(InvalidExample, match="viewers-1"):
        space.context_rows([other])


def test_c12_an_intent_is_projected_by_itself_and_in_its_own_version_only(small_log: Any, space: FeatureSpace) -> None:
    intents = np.roll(small_log.viewers, 1, axis=0)
    knowing = replace(space, intents=fit_projection(intents, dimensions=2, embedding_version="intents-1"))
    context = replace(small_log.context(3), intent_vector=intents[3])
    [row] = knowing.context_rows([context])
    assert row[:4] == pytest.approx(space.viewers.project(small_log.viewers[3:4])[0])
    assert row[4:6] == pytest.approx(knowing.intents.project(intents[3:4])[0])
    assert row[6] == 0.0
    for blind in (space.context_rows([context]), space.context_rows([small_log.context(3)])):
        assert not blind[0, 4:7].any()
    for broken in (np.ones(5), np.full(8, np.nan)):
        with pytest.raises(InvalidExample, match="intent"):
            knowing.context_rows([replace(context, intent_vector=broken.astype(np.float32))])


def test_a_page_whose_slots_differ_in_intent_alone_is_encoded_slot_by_slot(small_log: Any, space: FeatureSpace) -> None:
    fitted = fit_projection(small_log.viewers, dimensions=2, embedding_version="intents-1")
    knowing = replace(space, intents=fitted)
    shared = small_log.context(0)
    page = [shared, replace(shared, intent_vector=small_log.viewers[5]), shared]
    rows = knowing.context_rows(page)
    assert np.array_equal(rows[0], rows[2])
    assert not np.array_equal(rows[0], rows[1])


def test_a_space_without_viewers_treats_everyone_as_a_newcomer(space: FeatureSpace, small_log: Any) -> None:
    blind = FeatureSpace(space.spec, space.artworks)
    rows = blind.context_rows([small_log.context(0), replace(small_log.context(0), viewer_vector=None)])
    assert np.array_equal(rows[0], rows[1])


def test_numbers_that_are_not_finite_are_refused(space: FeatureSpace, small_log: Any) -> None:
    with pytest.raises(InvalidExample, match="viewer vector"):
        space.context_rows([replace(small_log.context(0), viewer_vector=np.full(8, np.nan, dtype=np.float32))])
    with pytest.raises(InvalidExample, match="score"):
        space.context_rows([replace(small_log.context(0), score=float("inf"))])
    with pytest.raises(InvalidProjection):
        space.artwork_rows(np.full((1, 12), np.nan, dtype=np.float32))


def test_c12_an_artwork_vector_of_another_dimension_is_refused(space: FeatureSpace) -> None:
    with pytest.raises(InvalidProjection, match="embedding version"):
        space.artwork_rows(np.ones((1, 13), dtype=np.float32))


def test_an_artwork_row_is_a_constant_and_the_projected_vector(space: FeatureSpace, small_log: Any) -> None:
    vectors = np.stack([*small_log.vectors.values()])
    rows = space.artwork_rows(vectors)
    assert rows.shape == (len(vectors), 6)
    assert (rows[:, 0] == 1.0).all()
    assert np.array_equal(rows[:, 1:], space.artworks.project(vectors))


def test_a_main_row_has_one_column_on_a_label_and_the_measures_as_they_are(space: FeatureSpace) -> None:
    vector = np.ones(12, dtype=np.float32)
    shown = Picture(vector=vector, labels={"people": "2", "light": "dark"}, measures={"warmth": -0.5, "edges": 1.0})
    [row] = space.main_rows([shown])
    groups = space.spec.main_groups
    people = next(look for look in space.spec.looks if look.name == "people")
    assert row[groups["people"].start + people.values.index("2")] == 1.0
    assert row[groups["light"]].sum() == 1.0
    assert (row[groups["warmth"]], row[groups["edges"]]) == (-0.5, 1.0)
    assert np.count_nonzero(row) == 4
    assert row.shape == (space.spec.main_width,)


def test_what_is_not_known_of_a_picture_counts_for_nothing(space: FeatureSpace) -> None:
    vector = np.ones(12, dtype=np.float32)
    strange = Picture(vector=vector, labels={"people": "17", "hair": "red"}, measures={"beauty": 1.0})
    assert not space.main_rows([strange, Picture(vector=vector)]).any()
    assert space.main_rows([]).shape == (0, space.spec.main_width)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_measure_that_is_not_finite_is_refused(space: FeatureSpace, value: float) -> None:
    broken = Picture(vector=np.ones(12, dtype=np.float32), measures={"warmth": value})
    with pytest.raises(InvalidExample, match="describe it again"):
        space.main_rows([broken])


def test_unwhitened_directions_spread_as_the_vectors_do_the_widest_by_one(space: FeatureSpace, small_log: Any) -> None:
    vectors = np.stack([*small_log.vectors.values()])
    whitened = space.artworks.project(vectors)
    spread_out = unwhitened(space.artworks).project(vectors)
    singular = np.linalg.svd(vectors - vectors.mean(axis=0), compute_uv=False)[:5]
    assert spread_out == pytest.approx(whitened * singular / singular[0], abs=1e-4)


def test_an_unknown_artwork_takes_the_mean_of_its_titles_known_ones(space: FeatureSpace) -> None:
    assert space.own_terms(["bb", "zz", "aa"]) == [(1,), (1, 0), (0,)]
    assert space.own_terms(["zz"]) == [()]


def test_a_space_survives_as_arrays(space: FeatureSpace, small_log: Any) -> None:
    for one in (space, FeatureSpace(space.spec, space.artworks)):
        again = space_from_arrays(one.spec, one.to_arrays())
        contexts = [small_log.context(n) for n in range(4)]
        assert np.array_equal(again.context_rows(contexts), one.context_rows(contexts))
        assert again.known == one.known
