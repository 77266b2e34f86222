"""What looks like its neighbours becomes less probable, in proportion and never impossible."""

import numpy as np
import pytest

from bandit.diversity import REACH, SHARPNESS, InvalidDiversity, check_strength, diversified

CLOSE = np.array([1.0, 0.0, 0.0], dtype=np.float32)
LIKE = np.array([0.8, 0.6, 0.0], dtype=np.float32)
WIDE = np.array([0.0, 0.0, 1.0], dtype=np.float32)
STATED = np.array([0.6, 0.3, 0.1])


def test_odds_fall_with_the_cosine() -> None:
    found = diversified(STATED, [CLOSE, LIKE, WIDE], [CLOSE], strength=0.5)
    weights = STATED * np.exp(-SHARPNESS * 0.5 * np.array([1.0, 0.8, 0.0]))
    assert found == pytest.approx(weights / weights.sum(), rel=1e-6)
    assert found.sum() == pytest.approx(1.0, abs=1e-12)


def test_the_level_of_all_cosines_does_not_matter() -> None:
    """Where every candidate is as like the neighbours as the others, nothing changes."""
    assert diversified(STATED, [LIKE, LIKE, LIKE], [CLOSE], strength=1.0) == pytest.approx(STATED)


def test_only_the_slots_just_before_count() -> None:
    vectors = [CLOSE, LIKE, WIDE]
    near = diversified(STATED, vectors, [CLOSE] + [WIDE] * REACH, strength=0.5)
    assert np.array_equal(near, diversified(STATED, vectors, [WIDE] * REACH, strength=0.5))


@pytest.mark.parametrize(("shown", "strength"), [([], 1.0), ([CLOSE], 0.0)])
def test_without_neighbours_or_strength_nothing_changes(shown: list[np.ndarray], strength: float) -> None:
    assert diversified(STATED, [CLOSE, LIKE, WIDE], shown, strength=strength) is STATED


def test_what_cannot_be_shown_stays_so_and_what_can_stays_possible() -> None:
    stated = np.array([1.0, 0.0])
    found = diversified(stated, [CLOSE, WIDE], [CLOSE], strength=1.0)
    assert found.tolist() == [1.0, 0.0]
    assert (diversified(STATED, [CLOSE, -CLOSE, -CLOSE], [CLOSE], strength=1.0) > 0).all()


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_a_strength_outside_zero_to_one_is_refused(strength: float) -> None:
    with pytest.raises(InvalidDiversity, match="give 0"):
        check_strength(strength)
