"""Logs that were shed under load by a known probability: rows count 1 / kept, and the traffic's value comes out."""

from dataclasses import replace

import numpy as np
import pytest

from bandit.ope.batch import Batch, Eligible
from bandit.ope.evaluation import Evaluation, Question, evaluate

ARTWORKS = 3
TARGET = np.array([0.6, 0.3, 0.1])


def traffic(rows: int = 60_000, seed: int = 7) -> Batch:
    """A day whose busy evening, a quarter of the viewers' decisions, plays thrice as often as the rest."""
    rng = np.random.default_rng(seed)
    busy = np.arange(rows) % 4 == 0
    logged = rng.dirichlet(np.full(ARTWORKS, 4.0), size=rows) * 0.85 + 0.05
    chosen = (rng.random((rows, 1)) * logged.sum(1)[:, None] >= logged.cumsum(axis=1)).sum(axis=1)
    played = rng.random(rows) < np.array([0.1, 0.2, 0.3])[chosen] * np.where(busy, 2.4, 0.8)
    starts = np.arange(rows + 1) * ARTWORKS
    eligible = Eligible(
        starts=starts,
        chosen=starts[:-1] + chosen,
        artworks=np.tile(np.arange(ARTWORKS), rows),
        names=("a", "b", "c"),
        logged=logged.ravel(),
        target=np.tile(TARGET, rows),
    )
    return Batch(
        propensity=logged[np.arange(rows), chosen],
        target=TARGET[chosen],
        reward=played.astype(np.float64),
        viewers=rng.integers(0, rows // 10, rows).astype(np.uint64),
        eligible=eligible,
        kept=np.where(busy, 0.25, 1.0),
    )


def shed(whole: Batch, seed: int = 8) -> Batch:
    assert whole.kept is not None
    return whole.select(np.random.default_rng(seed).random(len(whole)) < whole.kept)


def told(found: Evaluation) -> dict[str, float]:
    support, calibration = found.diagnostics["support"], found.diagnostics["calibration"]
    logging = found.diagnostics["baselines"]["logging"]
    return {
        **{each.estimator: each.value for each in found.estimates},
        **{name: found.diagnostics[name] for name in ("mean_weight", "take_fraction")},
        "logging": logging["value"],
        "below": support["below_floor_mass"],
        "calibration": calibration["mean"],
    }


def test_a_shed_log_gives_the_value_of_all_traffic() -> None:
    everything = replace(traffic(), kept=None)
    asked = Question(floor=0.1)
    whole, part = evaluate([everything], asked), evaluate([shed(traffic())], asked)
    assert told(part) == pytest.approx(told(whole), rel=0.02, abs=0.004)
    snips, own = whole.estimate("snips"), part.estimate("snips")
    assert snips is not None
    assert own is not None
    assert own.interval.low < snips.value < own.interval.high
    naive = evaluate([replace(shed(traffic()), kept=None)]).estimate("snips")
    assert naive is not None
    assert naive.interval.high < snips.value, "rows that count alike forget the evening that was shed"


def test_the_interval_of_a_shed_log_covers_the_value_as_often_as_it_says() -> None:
    truth = (0.6 * 0.1 + 0.3 * 0.2 + 0.1 * 0.3) * (0.25 * 2.4 + 0.75 * 0.8)
    held = 0
    for seed in range(40):
        found = evaluate([shed(traffic(6_000, seed=100 + seed), seed=seed)]).estimate("ips")
        assert found is not None
        held += found.interval.low < truth < found.interval.high
    assert held >= 35


def test_a_row_that_stands_for_four_counts_like_four_rows() -> None:
    some = traffic(2_000)
    assert some.kept is not None
    copies = np.repeat(np.arange(len(some)), np.round(1.0 / some.kept).astype(int))
    repeated = Batch(propensity=some.propensity[copies], target=some.target[copies], reward=some.reward[copies])
    weighted = evaluate([replace(some, eligible=None, viewers=None)])
    values = {each.estimator: each.value for each in evaluate([repeated]).estimates}
    assert {each.estimator: each.value for each in weighted.estimates} == pytest.approx(values, rel=1e-12)
    of_copies, of_rows = evaluate([repeated]).diagnostics, weighted.diagnostics
    for name in ("mean_weight", "take_fraction"):
        assert of_rows[name] == pytest.approx(of_copies[name], rel=1e-12)
    assert of_rows["effective_sample_size"] < of_copies["effective_sample_size"], "copies are no new evidence"


def test_where_everything_was_kept_nothing_changes() -> None:
    some = traffic(3_000)
    told_so, silent = evaluate([replace(some, kept=np.ones(len(some)))]), evaluate([replace(some, kept=None)])
    assert told_so == silent


def test_parts_of_a_shed_log_add_up_to_the_whole() -> None:
    part = shed(traffic(5_000))
    first = np.arange(len(part)) < 1_000
    apart = evaluate([part.select(first), part.select(~first)])
    assert told(apart) == pytest.approx(told(evaluate([part])), rel=1e-12)


@pytest.mark.parametrize("kept", [0.0, -0.5, 1.5, np.nan])
def test_a_share_that_is_none_is_refused(kept: float) -> None:
    some = traffic(100)
    wrong = np.ones(100)
    wrong[7] = kept
    found = evaluate([replace(some, kept=wrong)])
    assert [(each.code, each.rows) for each in found.refusals] == [("kept_outside_unit", (7,))]
