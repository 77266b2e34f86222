"""Calibration: honest propensities average to 1, dishonest ones are found and named."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from bandit.ope.batch import Batch, Eligible
from bandit.ope.diagnosis.calibration import Calibration, Kind
from bandit.ope.diagnosis.draws import Draws, judge_draws
from bandit.ope.evaluation import evaluate
from bandit.ope.logged import Logged, Slates
from bandit.ope.stating import state

MakeBatch = Callable[..., Batch]


def calibration_of(*batches: Batch) -> Calibration:
    calibration = Calibration()
    for batch in batches:
        calibration.add(batch)
    return calibration


def test_one_artwork_by_hand() -> None:
    log = Eligible(
        starts=np.array([0, 2, 4, 5]),
        chosen=np.array([0, 3, 4]),
        artworks=np.array([0, 1, 0, 1, 2]),
        names=("film/a", "film/b", "series/a"),
        logged=np.array([0.5, 0.5, 0.8, 0.2, 1.0]),
        target=np.array([0.5, 0.5, 0.8, 0.2, 1.0]),
    )
    rows = Batch(propensity=log.logged[log.chosen], target=log.target[log.chosen], reward=np.ones(3), eligible=log)
    found = {one.name: one for one in calibration_of(rows).artworks()}
    assert found["film/a"].mean == pytest.approx((2 + 0) / 2)
    assert found["film/b"].mean == pytest.approx((0 + 5) / 2)
    assert found["film/b"].standard_error == pytest.approx(np.sqrt(1 + 4) / 2)
    assert (found["film/b"].drawn, found["film/b"].stated) == pytest.approx((1, 0.7))
    assert found["film/b"].spread == pytest.approx(np.sqrt(0.25 + 0.16))
    assert found["series/a"].deviation == 0.0
    by_range = calibration_of(rows).to_json()
    assert by_range is not None
    assert [one["range"] for one in by_range["by_propensity"]] == ["0.125 to 0.25", "0.5 to 1"]
    assert by_range["by_propensity"][0] == {
        "range": "0.125 to 0.25",
        "rows": 1,
        "stated": pytest.approx(0.2),
        "drawn": pytest.approx(1.0),
    }


def test_artworks_that_could_not_be_drawn_do_not_count(make_batch: MakeBatch) -> None:
    logged = np.tile([1.0, 0.0], (5, 1))
    log = make_batch(logged, logged, chosen=np.zeros(5, dtype=np.int64), reward=np.ones(5))
    assert [one.name for one in calibration_of(log).artworks()] == ["t/0"]


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


def judged(batch: Batch) -> Draws:
    found = judge_draws(calibration_of(batch).cells())
    assert found is not None
    return found


def adaptive(rows: int, *, seed: int = 3, favourite_by_viewer: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Draws of a policy that learns: it shows one of four artworks ever more; and its own probabilities (n, 4)."""
    rng = np.random.default_rng(seed)
    favourite = rng.integers(4, size=rows) if favourite_by_viewer else np.full(rows, 2)
    surety = np.linspace(0.0, 0.9, rows)[:, np.newaxis]
    true = (1 - surety) / 4 + surety * np.eye(4)[favourite]
    return (rng.random((rows, 1)) >= true.cumsum(axis=1)).sum(axis=1), true


def test_one_over_k_logged_for_an_adaptive_policy_is_named(make_batch: MakeBatch) -> None:
    chosen, true = adaptive(4000)
    reward = np.random.default_rng(1).random(4000)
    uniform = np.full((4000, 4), 0.25)
    (refusal,) = evaluate([make_batch(uniform, uniform, chosen=chosen, reward=reward)]).refusals
    assert (refusal.code, refusal.bad_input) == ("propensities_not_drawn_from", False)
    assert refusal.message.startswith("artwork t/2 was drawn 2")
    assert "state 1000" in refusal.message
    assert not evaluate([make_batch(true, uniform, chosen=chosen, reward=reward)]).refused


def test_it_is_named_also_where_every_artwork_is_drawn_equally_often(make_batch: MakeBatch) -> None:
    chosen, true = adaptive(4000, favourite_by_viewer=True)
    uniform = np.full((4000, 4), 0.25)
    log = make_batch(uniform, true, chosen=chosen, reward=np.random.default_rng(1).random(4000))
    found = judged(log)
    assert found.cells[0].kind is Kind.TARGET
    evaluation = evaluate([log])
    (refusal,) = [one for one in evaluation.refusals if one.code == "propensities_not_drawn_from"]
    assert refusal.message.startswith("what the target would show with a probability of 0.")


def test_probabilities_that_were_not_drawn_from_value_no_policy_at_all(make_batch: MakeBatch) -> None:
    chosen, true = adaptive(4000)
    uniform, reward = np.full((4000, 4), 0.25), np.random.default_rng(1).random(4000)
    for stated, refused in ((uniform, True), (true, False)):
        found = evaluate([make_batch(stated, true, chosen=chosen, reward=reward)])
        assert found.refused is refused
        assert (found.diagnostics["baselines"]["uniform"] is None) is refused
        assert found.diagnostics["baselines"]["logging"]["value"] == pytest.approx(reward.mean())


def test_a_log_that_only_names_what_it_was_drawn_from_is_tested_too(make_batch: MakeBatch) -> None:
    chosen, _ = adaptive(4000)
    uniform = np.full((4000, 4), 0.25)
    log = make_batch(uniform, uniform, chosen=chosen, reward=np.random.default_rng(1).random(4000))
    assert log.eligible is not None
    unstated = replace(log.eligible, target=np.full(16_000, np.nan))
    found = evaluate([replace(log, eligible=None, drawn_from=unstated)])
    assert [refusal.code for refusal in found.refusals] == ["propensities_not_drawn_from"]


def sticky(seed: int, viewers: int = 150, rows: int = 20) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Viewers who keep what was drawn for them once: probabilities (n, 3), draws (n,), viewers (n,)."""
    rng = np.random.default_rng(seed)
    own = rng.dirichlet(np.ones(3) * 1.5, viewers)
    drawn = (rng.random((viewers, 1)) >= own.cumsum(axis=1)).sum(axis=1)
    return np.repeat(own, rows, axis=0), np.repeat(drawn, rows), np.repeat(np.arange(viewers), rows).astype(np.uint64)


def test_draws_that_repeat_within_a_viewer_are_no_deviation(make_batch: MakeBatch) -> None:
    by_viewer = by_row = 0
    for seed in range(60):
        logged, chosen, viewers = sticky(seed)
        log = make_batch(logged, logged[::-1], chosen=chosen, reward=np.ones(3000), viewers=viewers)
        by_viewer += judged(log).p_value < 0.05
        by_row += judged(replace(log, viewers=None)).p_value < 0.05
    assert by_viewer <= 6
    assert by_row > 30, "the caution is needed"


def test_honest_draws_are_seldom_doubted(make_batch: MakeBatch) -> None:
    doubted = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        logged = rng.dirichlet(np.ones(5), 500)
        chosen = (rng.random((500, 1)) >= logged.cumsum(axis=1)).sum(axis=1).clip(max=4)
        doubted += judged(make_batch(logged, logged[::-1], chosen=chosen, reward=np.ones(500))).p_value < 0.05
    assert doubted <= 10


def test_small_errors_are_warned_of_and_the_number_stands(make_batch: MakeBatch) -> None:
    rng = np.random.default_rng(5)
    logged = np.full((100_000, 2), 0.5)
    chosen = (rng.random(100_000) < 0.51).astype(np.int64)
    found = evaluate([make_batch(logged, logged, chosen=chosen, reward=rng.random(100_000))])
    assert not found.refused
    assert "propensities_off" in [warning["code"] for warning in found.diagnostics["warnings"]]
    test = found.diagnostics["calibration"]["test"]
    assert test["p_value"] < 1e-3
    assert test["moved_share"] == pytest.approx(0.01, abs=0.004)


def test_parts_added_equal_the_whole(crowd: Batch) -> None:
    early = np.arange(3000) < 1234
    parts = calibration_of(crowd.select(early)) + calibration_of(crowd.select(~early))
    whole = {(one.kind, one.name): one for one in calibration_of(crowd).cells()}
    for one in parts.cells():
        expected = whole[one.kind, one.name]
        assert (one.rows, one.degrees) == (expected.rows, expected.degrees)
        assert (one.drawn, one.stated, one.spread) == pytest.approx(
            (expected.drawn, expected.stated, expected.spread), abs=1e-9
        )


def test_a_log_that_lists_its_artworks_and_claims_one_over_k_is_tested_too() -> None:
    chosen, true = adaptive(4000)

    def logged(propensity: np.ndarray) -> Batch:
        slates = Slates(
            starts=np.arange(4001) * 4,
            chosen=np.arange(4000) * 4 + chosen,
            artworks=np.tile(np.arange(4), 4000),
            names=("a", "b", "c", "d"),
        )
        rewards = np.random.default_rng(1).random(4000)
        stated = {"target_propensity": np.full(4000, 0.25)}
        rows = Logged(numbers=np.arange(4000), propensity=propensity, reward=rewards, slates=slates, stated=stated)
        return state(rows).settled()

    claimed = evaluate([logged(np.full(4000, 0.25))])
    assert [refusal.code for refusal in claimed.refusals] == ["propensities_not_drawn_from"]
    honest = evaluate([logged(true[np.arange(4000), chosen])])
    assert not honest.refused
    assert honest.diagnostics["calibration"] is None
