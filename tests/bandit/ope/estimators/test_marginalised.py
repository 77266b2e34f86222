"""MIPS: an artwork stands for those that look like it."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from bandit.errors import InvalidExample
from bandit.ope.batch import Batch
from bandit.ope.estimators.ips import IPS
from bandit.ope.estimators.marginalised import MIPS
from bandit.ope.likeness import likeness, with_likeness


def estimate(batch: Batch, *, sharpness: float | None = None) -> float:
    """What MIPS says of the batch."""
    estimator = MIPS(sharpness)
    estimator.add(batch)
    return estimator.estimate()


@pytest.fixture
def plain(crowd: Batch) -> Batch:
    """The crowd without likeness, names and all else as they are."""
    assert crowd.eligible is not None
    return replace(crowd, eligible=replace(crowd.eligible, likeness=None))


def ips(batch: Batch) -> float:
    """What IPS says of the batch."""
    estimator = IPS()
    estimator.add(batch)
    return estimator.estimate()


def test_one_hot_vectors_make_it_ips(plain: Batch) -> None:
    # exp(cos − 1) of what is orthogonal is 1/e; a likeness of 0 is what an unknown vector has, or no sharpness at all.
    assert estimate(with_likeness(plain, {}), sharpness=1.0) == pytest.approx(ips(plain), abs=1e-12)
    one_hot = {f"t/{index}": np.eye(4)[index] for index in range(4)}
    assert estimate(with_likeness(plain, one_hot), sharpness=math.inf) == pytest.approx(ips(plain), abs=1e-12)
    assert estimate(with_likeness(plain, one_hot), sharpness=100.0) == pytest.approx(ips(plain), abs=1e-12)


def test_artworks_that_look_the_same_are_one(plain: Batch) -> None:
    twins = {"t/0": [1.0, 2.0], "t/1": [2.0, 4.0], "t/2": [0.0, 1.0], "t/3": [0.0, 3.0]}
    assert plain.eligible is not None
    logged, target = plain.eligible.logged.reshape(-1, 4), plain.eligible.target.reshape(-1, 4)
    chosen = plain.eligible.chosen - plain.eligible.starts[:-1]
    pair = 2 * (chosen // 2)
    rows = np.arange(len(plain))
    weights = (target[rows, pair] + target[rows, pair + 1]) / (logged[rows, pair] + logged[rows, pair + 1])
    by_hand = float(np.mean(weights * plain.reward))
    assert estimate(with_likeness(plain, twins), sharpness=math.inf) == pytest.approx(by_hand, abs=1e-12)


def test_likeness_falls_with_the_angle(plain: Batch) -> None:
    vectors = {"t/0": [1.0, 0.0], "t/1": [1.0, 1.0], "t/2": [0.0, 5.0], "t/3": [-1.0, 0.0]}
    assert plain.eligible is not None
    alike = likeness(plain.eligible, vectors).reshape(-1, 4)
    first = alike[plain.eligible.chosen == plain.eligible.starts[:-1]][0]
    assert first == pytest.approx(np.exp([0.0, math.sqrt(0.5) - 1, -1.0, -2.0]), abs=1e-10)


def test_what_has_no_vector_is_like_itself_only(plain: Batch) -> None:
    assert plain.eligible is not None
    alike = likeness(plain.eligible, {"t/0": [1.0, 0.0], "t/1": [1.0, 0.0], "t/2": [0.0, 0.0]}).reshape(-1, 4)
    chosen = plain.eligible.chosen - plain.eligible.starts[:-1]
    assert alike[chosen == 3][0].tolist() == [0.0, 0.0, 0.0, 1.0]
    assert alike[chosen == 2][0].tolist() == [0.0, 0.0, 1.0, 0.0]
    assert alike[chosen == 0][0].tolist() == [1.0, 1.0, 0.0, 0.0]


def test_looks_that_tell_all_make_it_nearer_to_the_truth_than_ips(make_batch: Callable[..., Batch]) -> None:
    """Eight artworks of two looks: what is earned depends on the look alone."""
    errors: dict[str, list[float]] = {"ips": [], "mips": []}
    for seed in range(30):
        batch, truth = _two_looks(seed, make_batch)
        errors["ips"].append((ips(batch) - truth) ** 2)
        errors["mips"].append((estimate(batch) - truth) ** 2)
    assert np.mean(errors["mips"]) < 0.5 * np.mean(errors["ips"])


def _two_looks(seed: int, make_batch: Callable[..., Batch]) -> tuple[Batch, float]:
    rng = np.random.default_rng(seed)
    logged = np.tile(np.array([0.3, 0.3, 0.15, 0.15, 0.04, 0.03, 0.02, 0.01]), (1000, 1))
    target = np.tile(logged[0][::-1], (1000, 1))
    chosen = rng.choice(8, size=1000, p=logged[0])
    rates = np.where(np.arange(8) % 2, 0.4, 0.2)
    reward = (rng.random(1000) < rates[chosen]).astype(np.float64)
    batch = make_batch(logged, target, chosen=chosen, reward=reward)
    looks = {f"t/{index}": [1.0, 0.0] if index % 2 else [0.0, 1.0] for index in range(8)}
    return with_likeness(batch, looks), float(target[0] @ rates)


def test_vectors_that_cannot_be_compared_are_refused(plain: Batch) -> None:
    with pytest.raises(InvalidExample, match="one embedding version"):
        with_likeness(plain, {"t/0": [1.0], "t/1": [1.0, 2.0]})
    with pytest.raises(InvalidExample, match="not finite"):
        with_likeness(plain, {"t/0": [math.nan, 1.0]})
    assert with_likeness(replace(plain, eligible=None), {}).eligible is None
