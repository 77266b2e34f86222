"""Weights: their histogram, the rows that carry most, the share at the floor, and what is said of them."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from bandit.ope.batch import Batch
from bandit.ope.diagnosis.heaviest import EDGES, WeightHistogram
from bandit.ope.evaluation import Evaluation, Evaluator, evaluate

MakeBatch = Callable[..., Batch]


def warned(evaluation: Evaluation) -> dict[str, str]:
    return {warning["code"]: warning["message"] for warning in evaluation.diagnostics["warnings"]}


def floored() -> Batch:
    """10,000 rows of a log with one probability that was cut at 1e-6, valued for uniform over 46 artworks."""
    rng = np.random.default_rng(3)
    propensity = rng.choice([0.01, 0.02, 0.03], size=10_000)
    propensity[8409] = 1e-6
    reward = (rng.random(10_000) < 0.05).astype(np.float64)
    reward[8409] = 0.0
    return Batch(propensity=propensity, target=np.full(10_000, 1 / 46), reward=reward)


def test_the_histogram_counts_every_decision_once_by_its_weight() -> None:
    weights = np.array([0.0, 1e-9, 2.0**-6, 0.9, 1.0, 1.5, 2.0, 700.0, 1e6])
    log = Batch(propensity=np.full(9, 1e-7), target=weights * 1e-7, reward=np.ones(9), kept=np.full(9, 0.5))
    histogram = WeightHistogram()
    histogram.add(replace(log, propensity=np.full(9, 2.0**-20), target=weights * 2.0**-20))
    expected = np.histogram(np.minimum(weights, 1000.0), bins=EDGES)[0] * 2.0
    assert histogram.counts.tolist() == expected.tolist()
    assert (histogram + histogram).counts.sum() == 36.0
    assert len(histogram.to_json()["edges"]) == len(histogram.to_json()["counts"]) + 1


def test_a_floored_probability_is_named_with_its_row() -> None:
    evaluation = evaluate([floored()])
    messages = warned(evaluation)
    assert messages["heavy_weight"].startswith("row 8409, logged with 1e-06, carries 6")
    assert messages["weight_at_floor"].startswith("1 of 10000 rows were logged with less than 0.001 and carry 6")
    assert evaluation.diagnostics["at_floor"]["rows_at_smallest"] == 1
    assert evaluation.diagnostics["at_floor"]["share_of_rows"] == pytest.approx(1e-4)
    heaviest = evaluation.diagnostics["largest_weights"]
    assert [heaviest[0]["row"], len(heaviest)] == [8409, 5]
    assert all(warning["remedy"] for warning in evaluation.diagnostics["warnings"])


def test_a_log_without_such_rows_is_not_warned_of(crowd: Batch) -> None:
    assert not {"heavy_weight", "weight_at_floor"} & set(warned(evaluate([crowd])))


def test_rows_are_numbered_through_the_whole_log_whatever_its_parts() -> None:
    log, rows = floored(), np.arange(10_000)
    parts = [log.select((rows >= low) & (rows < low + 2500)) for low in range(0, 10_000, 2500)]
    whole = evaluate([log]).diagnostics
    assert evaluate(parts).diagnostics["largest_weights"] == whole["largest_weights"]
    evaluator = Evaluator()
    for part in parts:
        other = Evaluator()
        other.add(part)
        evaluator = evaluator + other
    found = evaluator.result().diagnostics
    for name in ("largest_weights", "weight_histogram", "at_floor"):
        assert found[name] == whole[name]


def test_rewards_below_zero_count_by_their_size(crowd: Batch) -> None:
    signed = replace(crowd, reward=np.where(crowd.reward > 0, 1.0, -0.5))
    earned = crowd.weights * np.abs(signed.reward)
    told = evaluate([signed]).diagnostics["rewarded_effective_sample_size"]
    assert told == pytest.approx(earned.sum() ** 2 / (earned @ earned), rel=1e-12)


def test_a_target_that_two_rewards_speak_for_is_refused() -> None:
    reward = np.zeros(4000)
    reward[[17, 3017]] = 1.0
    log = Batch(propensity=np.full(4000, 0.5), target=np.full(4000, 0.5), reward=reward)
    (refusal,) = evaluate([log]).refusals
    assert (refusal.code, refusal.bad_input) == ("too_few_rewarded_rows", False)
    assert "rests on 2.0 effective rows" in refusal.message
    reward[[1, 2, 3]] = 1.0
    assert not evaluate([log]).refused


def test_rows_that_the_log_could_not_show_are_numbered(make_batch: MakeBatch) -> None:
    logged, target = np.tile([0.6, 0.4, 0.0], (60, 1)), np.tile([0.5, 0.5, 0.0], (60, 1))
    target[[31, 47]] = [0.5, 0.0, 0.5]
    log = make_batch(logged, target, chosen=np.arange(60) % 2, reward=np.arange(60) % 3 / 2)
    first = np.arange(60) < 40
    (refusal,) = evaluate([log.select(first), log.select(~first)]).refusals
    assert (refusal.code, refusal.rows, refusal.bad_input) == ("unsupported_target", (31, 47), False)
