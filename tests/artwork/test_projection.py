"""The projection: whitening, determinism, round trip, and what it refuses."""

import numpy as np
import pytest
from numpy.typing import NDArray

from artwork.projection import InvalidProjection, fit_projection, projection_from_arrays


def unit_vectors(count: int, width: int, *, seed: int = 0) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(count, width)) * np.linspace(3.0, 0.5, width)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def test_projected_fit_set_is_white_and_rows_have_rms_one() -> None:
    vectors = unit_vectors(400, 64)
    projected = fit_projection(vectors, dimensions=16, embedding_version="lite-1").project(vectors)
    assert projected.shape == (400, 16)
    assert projected.dtype == np.float32
    np.testing.assert_allclose(np.cov(projected.T, bias=True), np.eye(16), atol=1e-3)
    assert np.sqrt((projected**2).mean()) == pytest.approx(1.0, abs=1e-3)


def test_the_first_direction_is_the_widest() -> None:
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(300, 8)) * np.array([5, 1, 1, 1, 1, 1, 1, 1])
    projection = fit_projection(vectors, dimensions=1, embedding_version="v")
    assert abs(np.corrcoef(projection.project(vectors)[:, 0], vectors[:, 0])[0, 1]) > 0.99


def test_rows_in_another_order_give_the_same_projection() -> None:
    vectors = unit_vectors(100, 32)
    first = fit_projection(vectors, dimensions=8, embedding_version="v")
    second = fit_projection(vectors[::-1], dimensions=8, embedding_version="v")
    np.testing.assert_allclose(first.components, second.components, rtol=1e-3, atol=1e-3)
    assert (first.components[np.abs(first.components).argmax(axis=0), np.arange(8)] > 0).all()


def test_few_vectors_give_fewer_dimensions() -> None:
    assert fit_projection(unit_vectors(5, 32), dimensions=16, embedding_version="v").dimensions == 4


def test_arrays_carry_a_projection() -> None:
    vectors = unit_vectors(50, 16)
    projection = fit_projection(vectors, dimensions=4, embedding_version="keyart-lite-0123456789ab")
    again = projection_from_arrays(projection.to_arrays())
    assert again.embedding_version == "keyart-lite-0123456789ab"
    np.testing.assert_array_equal(again.project(vectors), projection.project(vectors))


def test_arrays_that_do_not_fit_are_refused() -> None:
    arrays = fit_projection(unit_vectors(50, 16), dimensions=4, embedding_version="v").to_arrays()
    with pytest.raises(InvalidProjection, match="lacks mean"):
        projection_from_arrays({name: part for name, part in arrays.items() if name != "mean"})
    with pytest.raises(InvalidProjection, match="do not fit"):
        projection_from_arrays({**arrays, "mean": arrays["mean"][:-1]})
    with pytest.raises(InvalidProjection, match="not finite"):
        projection_from_arrays({**arrays, "mean": arrays["mean"] * np.nan})


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (np.ones((1, 4)), "at least 2"),
        (np.ones((9, 4)), "are the same"),
        (np.ones(4), "shape"),
        (np.array([[0.0, np.nan], [1.0, 2.0]]), "not finite"),
    ],
)
def test_vectors_that_cannot_be_fitted_are_refused(vectors: NDArray[np.float64], message: str) -> None:
    with pytest.raises(InvalidProjection, match=message):
        fit_projection(vectors, dimensions=2, embedding_version="v")


def test_a_projection_of_no_dimensions_is_refused() -> None:
    with pytest.raises(InvalidProjection, match="at least 1"):
        fit_projection(unit_vectors(9, 4), dimensions=0, embedding_version="v")


def test_vectors_of_another_width_are_refused() -> None:
    projection = fit_projection(unit_vectors(50, 16), dimensions=4, embedding_version="v")
    with pytest.raises(InvalidProjection, match=r"not \(n, 16\)"):
        projection.project(np.ones((3, 8)))
