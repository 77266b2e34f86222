"""Calibration: honest propensities average to 1, dishonest ones are found and named."""

from collections.abc import Callable

import numpy as np
import pytest

from bandit.ope.batch import Batch, Eligible
from bandit.ope.diagnosis.calibration import Calibration
from bandit.ope.evaluation import evaluate

MakeBatch = Callable[..., Batch]


def test_one_artwork_by_hand() -> None:
    log = Eligible(
        starts=np.array([0, 2, 4, 5]),
        chosen=np.array([0, 3, 4]),
        artworks=np.array([0, 1, 0, 1, 2]),
        names=("film/a", "film/b", "series/a"),
        logged=np.array([0.5, 0.5, 0.8, 0.2, 1.0]),
        target=np.array([0.5, 0.5, 0.8, 0.2, 1.0]),
    )
    calibration = Calibration()
    calibration.add(log)
    found = {one.artwork: one for one in calibration.artworks()}
    assert found["film/a"].mean == pytest.approx((2 + 0) / 2)
    assert found["film/b"].mean == pytest.approx((0 + 5) / 2)
    assert found["film/b"].standard_error == pytest.approx(np.sqrt(1 + 4) / 2)
    assert found["series/a"].deviation == 0.0


def test_artworks_that_could_not_be_drawn_do_not_count(make_batch: MakeBatch) -> None:
    logged = np.tile([1.0, 0.0], (5, 1))
    log = make_batch(logged, logged, chosen=np.zeros(5, dtype=np.int64), reward=np.ones(5))
    calibration = Calibration()
    calibration.add(log.eligible)
    assert [one.artwork for one in calibration.artworks()] == ["t/0"]


def test_honest_propensities_average_to_one(crowd: Batch) -> None:
    found = evaluate([crowd]).diagnostics["calibration"]
    assert found["artworks"] == 4
    assert found["mean"] == pytest.approx(1.0, abs=0.05)
    worst = found["worst"][0]
    assert abs(worst["mean"] - 1.0) < 4 * worst["standard_error"]


def test_dishonest_propensities_are_found_and_the_artwork_is_named(make_batch: MakeBatch) -> None:
    claimed, drawn = np.full((4000, 3), 1 / 3), np.array([0.2, 0.3, 0.5])
    chosen = np.random.default_rng(8).choice(3, size=4000, p=drawn)
    log = make_batch(claimed, claimed, chosen=chosen, reward=np.ones(4000))
    worst = evaluate([log]).diagnostics["calibration"]["worst"][0]
    assert worst["artwork"] == "t/2"
    assert worst["mean"] == pytest.approx(1.5, abs=0.1)
    assert worst["mean"] - 1.0 > 10 * worst["standard_error"]
