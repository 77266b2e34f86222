"""Drift: a logging policy that moves is told with how far, one that stands still is not."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from bandit.ope.batch import Batch
from bandit.ope.diagnosis.drift import Drift
from bandit.ope.evaluation import Evaluation, evaluate

MakeBatch = Callable[..., Batch]
DAY = 86_400_000_000
ROWS = 6000


def warned(evaluation: Evaluation) -> list[str]:
    return [warning["code"] for warning in evaluation.diagnostics["warnings"]]


def log(make_batch: MakeBatch, share: np.ndarray, *, seed: int = 2) -> Batch:
    """Ten days on which the first of two artworks is shown with probability `share` (n,), more or less."""
    rng = np.random.default_rng(seed)
    own = np.clip(share + rng.normal(scale=0.05, size=ROWS), 0.01, 0.99)
    logged = np.stack([own, 1 - own], axis=1)
    chosen = (rng.random(ROWS) >= own).astype(np.int64)
    at = (20_500 * DAY + np.linspace(0, 10 * DAY, ROWS)).astype(np.int64)
    return make_batch(logged, logged, chosen=chosen, reward=rng.random(ROWS), at=at)


def test_a_policy_that_moves_is_told_with_how_far(make_batch: MakeBatch) -> None:
    found = evaluate([log(make_batch, np.linspace(0.3, 0.7, ROWS))])
    drift = found.diagnostics["drift"]
    assert drift["days"] == pytest.approx(10.0)
    assert drift["total_variation"] == pytest.approx(0.4, abs=0.03)
    assert drift["worst"][0]["artwork"] in {"t/0", "t/1"}
    assert sorted([drift["worst"][0]["first"], drift["worst"][0]["last"]]) == pytest.approx([0.3, 0.7], abs=0.02)
    assert "logging_policy_drifts" in warned(found)


def test_a_policy_that_stands_still_is_not_warned_of(make_batch: MakeBatch) -> None:
    for seed in range(5):
        found = evaluate([log(make_batch, np.full(ROWS, 0.4), seed=seed)])
        assert found.diagnostics["drift"]["total_variation"] == pytest.approx(0.0, abs=0.003)
        assert "logging_policy_drifts" not in warned(found)


def test_a_probability_that_never_changes_moves_by_nothing_and_all_numbers_are_plain(make_batch: MakeBatch) -> None:
    logged = np.tile([1 / 3, 1 / 3, 1 / 3], (ROWS, 1))
    at = (20_500 * DAY + np.linspace(0, 9.9 * DAY, ROWS)).astype(np.int64)
    rng = np.random.default_rng(4)
    rows = make_batch(logged, logged, chosen=rng.integers(0, 3, ROWS), reward=rng.random(ROWS), at=at)
    parts = [rows.select(rng.random(ROWS) < share) for share in (0.1, 0.4, 0.7, 0.8, 0.9)]
    drift = evaluate(parts).diagnostics["drift"]
    assert (drift["total_variation"], drift["worst"]) == (0.0, [])
    assert type(drift["days"]) is float


def test_parts_in_any_order_give_the_same_trends(make_batch: MakeBatch) -> None:
    whole = log(make_batch, np.linspace(0.3, 0.7, ROWS))
    one, other, together = Drift(), Drift(), Drift()
    early = np.arange(ROWS) < 1500
    one.add(whole.select(early))
    other.add(whole.select(~early))
    together.add(whole)
    for parts in (one + other, other + one):
        assert parts.moved == pytest.approx(together.moved, abs=1e-12)
        for trend, expected in zip(parts.trends(), together.trends(), strict=True):
            assert (trend.first, trend.last) == pytest.approx((expected.first, expected.last), abs=1e-12)


def test_an_artwork_moves_over_its_own_days_only(make_batch: MakeBatch) -> None:
    whole = log(make_batch, np.linspace(0.3, 0.7, ROWS))
    assert whole.eligible is not None
    renamed = replace(whole.eligible, names=("new/0", "new/1"))
    late = replace(whole, eligible=renamed).select(np.arange(ROWS) >= 5000)
    drift = Drift()
    drift.add(late)
    assert {round(trend.first, 1) for trend in drift.trends()} == {0.6, 0.4}


def test_a_log_without_times_or_lists_has_no_drift(make_batch: MakeBatch, golden: Batch) -> None:
    timeless = replace(log(make_batch, np.full(ROWS, 0.4)), at=None)
    assert evaluate([timeless]).diagnostics["drift"] is None
    assert evaluate([golden]).diagnostics["drift"] is None
