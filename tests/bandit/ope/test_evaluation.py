"""The evaluator: the wire object, the diagnostics, and every reason to refuse."""

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from bandit.ope.batch import Batch
from bandit.ope.estimators.catalogue import KINDS, allowed
from bandit.ope.estimators.ips import IPS
from bandit.ope.evaluation import Evaluation, Evaluator, Question, evaluate

MakeBatch = Callable[..., Batch]


def codes(evaluation: Evaluation) -> list[str]:
    return [refusal.code for refusal in evaluation.refusals]


def warned(evaluation: Evaluation) -> list[str]:
    return [warning["code"] for warning in evaluation.diagnostics["warnings"]]


def test_the_golden_vector_as_the_wire_object(golden: Batch) -> None:
    wire = json.loads(json.dumps(evaluate([golden]).to_json(), allow_nan=False))
    assert list(wire) == ["rows", "viewers", "estimates", "diagnostics", "refusals"]
    assert (wire["rows"], wire["viewers"], wire["refusals"]) == (12, None, [])
    ips, snips = wire["estimates"]
    assert ips["estimator"] == "ips"
    assert ips["value"] == pytest.approx(0.845833333333333, abs=1e-12)
    assert ips["interval"] == {
        "method": "normal",
        "low": pytest.approx(0.123218611759906, abs=1e-12),
        "high": pytest.approx(1.568448054906760, abs=1e-12),
        "level": 0.95,
    }
    assert (snips["estimator"], snips["value"]) == ("snips", pytest.approx(7 / 19, abs=1e-12))
    diagnostics = wire["diagnostics"]
    assert diagnostics["mean_weight"] == pytest.approx(2.295833333333333, abs=1e-12)
    assert diagnostics["effective_sample_size"] == pytest.approx(7.205738939184967, abs=1e-12)
    assert diagnostics["largest_weight"] == pytest.approx(7.0)
    assert diagnostics["take_fraction"] == pytest.approx(float(golden.target.mean()))
    assert diagnostics["baselines"]["logging"]["value"] == pytest.approx(0.5)
    assert diagnostics["baselines"]["uniform"] is None
    assert diagnostics["support"] is None
    assert {"replay_needs_uniform_log", "few_effective_rows", "heavy_weight"} <= set(warned(evaluate([golden])))


def test_parts_added_equal_the_whole_to_the_last_diagnostic(crowd: Batch) -> None:
    whole = evaluate([crowd]).to_json()
    early = np.arange(3000) < 1234
    first, second = Evaluator(), Evaluator()
    first.add(crowd.select(early))
    second.add(crowd.select(~early))
    assert flat((first + second).result().to_json()) == pytest.approx(flat(whole), abs=1e-12)
    assert flat(evaluate([crowd.select(early), crowd.select(~early)]).to_json()) == pytest.approx(
        flat(whole), abs=1e-12
    )


def flat(value: object, path: str = "") -> dict[str, float]:
    """Every number of a wire object by its path; texts by their hash."""
    if isinstance(value, dict):
        return {key: number for name, part in value.items() for key, number in flat(part, f"{path}.{name}").items()}
    if isinstance(value, list):
        return {
            key: number for place, part in enumerate(value) for key, number in flat(part, f"{path}.{place}").items()
        }
    return {path: float(value) if isinstance(value, int | float) else float(len(str(value)))}


def test_a_sound_log_gives_numbers_clustered_by_viewer(crowd: Batch) -> None:
    evaluation = evaluate([crowd], Question(level=0.9))
    assert not evaluation.refused
    assert (evaluation.rows, evaluation.viewers) == (3000, 200)
    snips = evaluation.estimate("snips")
    assert snips is not None
    assert (snips.interval.method, snips.interval.level) == ("cressie_read_clustered", 0.9)
    assert "viewer_clustered" in [each.method for each in snips.intervals]
    assert snips.interval.low < snips.value < snips.interval.high
    assert evaluation.estimate("replay") is None
    assert evaluation.diagnostics["design_effect"] > 1.2


def test_a_uniform_log_is_replayed_and_its_uniform_baseline_is_its_mean(crowd: Batch, make_batch: MakeBatch) -> None:
    rng = np.random.default_rng(0)
    logged, chosen = np.full((3000, 4), 0.25), rng.integers(4, size=3000)
    target = crowd.eligible.target.reshape(3000, 4) if crowd.eligible else logged
    evaluation = evaluate([make_batch(logged, target, chosen=chosen, reward=crowd.reward)])
    assert [one.estimator for one in evaluation.estimates] == ["replay", "ips", "snips"]
    baselines = evaluation.diagnostics["baselines"]
    assert baselines["uniform"]["value"] == pytest.approx(baselines["logging"]["value"], abs=1e-12)
    assert evaluation.diagnostics["take_fraction"] == pytest.approx(0.25, abs=0.01)


def test_the_uniform_baseline_weighs_the_log(crowd: Batch) -> None:
    by_hand = IPS()
    by_hand.add(replace(crowd, target=np.full(3000, 0.25)))
    baseline = evaluate([crowd]).diagnostics["baselines"]["uniform"]
    assert baseline["value"] == pytest.approx(by_hand.estimate(), abs=1e-12)
    assert baseline["interval"]["method"] == "viewer_clustered"


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("propensity", 0.0, "propensity_outside_unit"),
        ("propensity", 1.5, "propensity_outside_unit"),
        ("propensity", -0.5, "propensity_outside_unit"),
        ("propensity", np.nan, "propensity_outside_unit"),
        ("reward", np.nan, "reward_missing"),
        ("reward", np.inf, "reward_missing"),
        ("target", 1.5, "target_outside_unit"),
        ("target", np.nan, "target_outside_unit"),
    ],
)
def test_faulty_rows_are_named_and_no_number_is_given(golden: Batch, column: str, value: float, code: str) -> None:
    values = getattr(golden, column).copy()
    values[[4, 9]] = value
    evaluation = evaluate([golden, replace(golden, **{column: values})])
    assert codes(evaluation) == [code]
    assert evaluation.estimates == ()
    assert evaluation.rows == 24
    refusal = evaluation.refusals[0]
    assert refusal.rows == (16, 21)
    assert refusal.bad_input
    assert refusal.message.startswith("2 of 24 rows")
    assert refusal.remedy
    json.dumps(evaluation.to_json(), allow_nan=False)


def test_row_numbers_go_on_when_parts_are_added(golden: Batch) -> None:
    faulty = replace(golden, reward=np.full(12, np.nan))
    first, second = Evaluator(), Evaluator()
    first.add(golden)
    second.add(faulty)
    (refusal,) = (first + second).result().refusals
    assert refusal.rows == tuple(range(12, 22))
    assert "12 of 24" in refusal.message


@pytest.mark.parametrize("spoiled", ["target", "logged"])
def test_what_is_no_distribution_is_refused(make_batch: MakeBatch, spoiled: str) -> None:
    tables = {"logged": np.full((50, 2), 0.5), "target": np.full((50, 2), 0.5)}
    tables[spoiled][7] = [0.5, 0.6]
    log = make_batch(*tables.values(), chosen=np.zeros(50, dtype=np.int64), reward=np.ones(50))
    (refusal,) = evaluate([log]).refusals
    assert refusal.code == {"target": "target_not_a_distribution", "logged": "log_not_a_distribution"}[spoiled]
    assert refusal.rows == (7,)


def test_target_mass_on_artworks_that_were_never_logged_is_refused(make_batch: MakeBatch) -> None:
    logged, target = np.tile([0.6, 0.4, 0.0], (200, 1)), np.tile([0.5, 0.3, 0.2], (200, 1))
    log = make_batch(logged, target, chosen=np.arange(200) % 2, reward=np.arange(200) % 3 / 2)
    evaluation = evaluate([log])
    assert codes(evaluation) == ["unsupported_target"]
    assert evaluation.estimates == ()
    assert evaluation.diagnostics["support"]["unsupported_mass"] == pytest.approx(0.2)
    assert evaluation.diagnostics["baselines"]["uniform"] is None


def test_a_greedy_log_is_refused_even_when_only_the_shown_artworks_were_kept() -> None:
    greedy = Batch(propensity=np.ones(500), target=np.full(500, 1 / 8), reward=np.arange(500) % 2 / 1)
    evaluation = evaluate([greedy])
    assert evaluation.diagnostics["effective_sample_size"] == pytest.approx(500)
    assert codes(evaluation) == ["weights_below_one"]


def test_propensities_of_another_policy_than_the_one_that_drew_are_named(crowd: Batch) -> None:
    peaked = np.tile([0.85, 0.05, 0.05, 0.05], (3000, 1))
    chosen = (np.random.default_rng(3).random((3000, 1)) >= peaked.cumsum(axis=1)).sum(axis=1)
    target = peaked[np.arange(3000), chosen]
    claimed = Batch(propensity=np.full(3000, 0.25), target=target, reward=crowd.reward)
    assert codes(evaluate([claimed])) == ["weights_above_one"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"reward": np.zeros(3000)}, "no_rewards"),
        ({"reward": np.ones(3000)}, "only_rewards"),
        ({"viewers": np.zeros(3000, dtype=np.uint64)}, "one_viewer"),
    ],
)
def test_logs_that_hold_nothing_are_bad_input(crowd: Batch, change: dict[str, np.ndarray], code: str) -> None:
    (refusal,) = evaluate([replace(crowd, **change)]).refusals
    assert (refusal.code, refusal.bad_input, refusal.rows) == (code, True, tuple(range(10)))


def test_logs_that_are_sound_but_say_nothing_of_the_target_are_no_bad_input(crowd: Batch) -> None:
    (elsewhere,) = evaluate([replace(crowd, target=np.zeros(3000), eligible=None)]).refusals
    assert (elsewhere.code, elsewhere.bad_input) == ("no_overlap", False)
    unseen = replace(crowd, target=np.where(crowd.reward > 0, 0.0, crowd.target), eligible=None)
    (unrewarded,) = evaluate([unseen]).refusals
    assert (unrewarded.code, unrewarded.bad_input) == ("no_rewards_of_target", False)


def test_a_constant_reward_inside_the_range_is_a_value(crowd: Batch) -> None:
    snips = evaluate([replace(crowd, reward=np.full(3000, 0.4))]).estimate("snips")
    assert snips is not None
    assert snips.interval.low == pytest.approx(0.4, abs=1e-12)
    assert snips.interval.high == pytest.approx(0.4, abs=1e-12)


def test_an_empty_log_and_a_single_row_are_refused(golden: Batch) -> None:
    nothing = golden.select(np.zeros(12, dtype=np.bool_))
    for empty in ([], [nothing], [nothing, nothing]):
        evaluation = evaluate(empty)
        assert codes(evaluation) == ["no_rows"]
        json.dumps(evaluation.to_json(), allow_nan=False)
    assert codes(evaluate([golden.select(np.arange(12) == 0)])) == ["one_row"]


def test_target_mass_that_was_rarely_logged_is_warned_of(make_batch: MakeBatch) -> None:
    logged, target = np.tile([0.9995, 0.0005], (4000, 1)), np.tile([0.95, 0.05], (4000, 1))
    chosen = (np.arange(4000) % 2000 == 0).astype(np.int64)
    evaluation = evaluate([make_batch(logged, target, chosen=chosen, reward=np.arange(4000) % 2 / 1)])
    assert not evaluation.refused
    assert "mass_below_floor" in warned(evaluation)
    assert evaluation.diagnostics["support"]["below_floor_mass"] == pytest.approx(0.05)


def test_estimators_that_the_rewards_are_nothing_for_are_left_out(crowd: Batch) -> None:
    question = Question(estimators=allowed(predicted=True, likeness=True))
    told = {estimate.estimator for estimate in evaluate([crowd], question).estimates}
    assert told == {kind.name for kind in KINDS} - {"replay"}
    below_zero = evaluate([replace(crowd, reward=crowd.reward - 0.5)], question)
    assert {estimate.estimator for estimate in below_zero.estimates} == told - {"log_smoothing", "ix"}
    chosen = {estimate.estimator: estimate.chosen for estimate in evaluate([crowd], question).estimates}
    assert {name for name, picked in chosen.items() if picked} == {
        "clipped_ips", "switch_dr", "dros", "mips", "log_smoothing", "ix"
    }  # fmt: skip
