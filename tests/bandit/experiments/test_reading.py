"""Readings: parts add up to the whole, verdicts come in their order, and every kind of mistake is named."""

from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from bandit.experiments.cell_sums import CellSums, Seen
from bandit.experiments.judgement import Verdict
from bandit.experiments.reading import HOLD_BACK, ExperimentSums, read_experiment
from bandit.experiments.rules import ExperimentRules, Guardrail
from bandit.experiments.sample_ratio import sample_ratio
from bandit.experiments.variety import Variety
from tests.bandit.experiments.dealt_cells import TWO, Crowd, crowds, sums_of

RULES = ExperimentRules(smallest_lift=0.1)


def read(seed: int = 0, *, rules: ExperimentRules = RULES, **more: Any) -> Any:
    rng = np.random.default_rng(seed)
    people = crowds(rng, viewers=more.pop("viewers", 400), lift=more.pop("lift", 0.0))
    return read_experiment(sums_of(rng, people, before=20, **more), TWO, rules=rules)


def test_a_cell_that_plays_more_wins_and_one_that_plays_less_is_stopped() -> None:
    won = read(lift=0.2)
    assert (won.judged.verdict, won.judged.cell, won.judged.stops) == (Verdict.BETTER, "b", False)
    [reward, *guardrails] = won.comparisons
    assert reward.always_low > 0
    assert reward.lift_low < reward.lift < reward.lift_high
    assert [each.metric for each in guardrails] == ["completion", "abandonment", "diversity"]
    lost = read(lift=-0.2)
    assert (lost.judged.verdict, lost.judged.cell, lost.judged.stops) == (Verdict.HARM, "b", True)


def test_what_is_not_told_apart_goes_on_until_there_is_nothing_to_find() -> None:
    early = read(viewers=40)
    assert (early.judged.verdict, early.judged.stops) == (Verdict.OPEN, False)
    assert "times the viewers so far" in early.judged.remedy
    late = read(viewers=4000, rules=replace(RULES, guardrails=()))
    assert late.judged.verdict is Verdict.SAME
    none = read_experiment(ExperimentSums(), TWO, rules=RULES)
    assert (none.judged.verdict, none.comparisons) == (Verdict.OPEN, ())


def test_a_guardrail_that_is_harmed_stops_a_cell_that_wins() -> None:
    rng = np.random.default_rng(2)
    people = crowds(rng, lift=0.3)
    sums = ExperimentSums()
    people[0].visit(sums.cell("control"), rng, rows=10, titles=40)
    people[1].visit(sums.cell("b"), rng, rows=10, titles=4)  # everybody is led to the same four titles
    found = read_experiment(sums, TWO, rules=RULES)
    assert (found.judged.verdict, found.judged.cell) == (Verdict.HARM, "b")
    assert "diversity" in found.judged.message
    unwatched = read_experiment(sums, TWO, rules=replace(RULES, guardrails=(Guardrail.COMPLETION,)))
    assert unwatched.judged.verdict is Verdict.BETTER


def test_cells_out_of_ratio_viewers_astray_and_differing_twins_are_broken() -> None:
    rng = np.random.default_rng(3)
    people = crowds(rng, viewers=400)
    fewer = [people[0], Crowd(people[1].taste[:250], 400)]
    assert read_experiment(sums_of(rng, fewer), TWO, rules=RULES).judged.verdict is Verdict.BROKEN
    twice = [people[0], Crowd(people[1].taste, 399)]
    found = read_experiment(sums_of(rng, twice), TWO, rules=RULES)
    assert (found.crossed, found.judged.verdict) == (1, Verdict.BROKEN)
    astray = sums_of(rng, people)
    astray.misplaced = 3
    assert "3 viewers or decisions" in read_experiment(astray, TWO, rules=RULES).judged.message
    twins = replace(TWO, cells=(TWO.cells[0], replace(TWO.cells[1], policy=TWO.control.policy)))
    apart = read_experiment(sums_of(rng, crowds(rng, lift=0.3)), twins, rules=RULES)
    assert (apart.judged.verdict, apart.judged.stops) == (Verdict.BROKEN, True)
    assert "same policy" in apart.judged.message


def test_parts_add_up_to_the_whole() -> None:
    rng = np.random.default_rng(4)
    people = crowds(rng, viewers=100, lift=0.1)
    parts = [sums_of(np.random.default_rng(seed), people, before=3) for seed in (5, 6)]
    whole = ExperimentSums()
    for seed in (5, 6):
        again = np.random.default_rng(seed)
        for cell, crowd in zip(("control", "b"), people, strict=True):
            crowd.visit(whole.cell(cell), again, rows=5)
            crowd.visited(whole.cell(cell), again, rows=3)
    both, one = parts[0] + parts[1], whole
    for name, sums in one.cells.items():
        np.testing.assert_allclose(both.cells[name].pieces(), sums.pieces(), rtol=1e-12)
    read_both, read_one = (read_experiment(each, TWO, rules=RULES).to_json() for each in (both, one))
    assert read_both["comparisons"][0]["difference"] == pytest.approx(
        read_one["comparisons"][0]["difference"], rel=1e-12
    )


def test_those_held_back_are_told_beside_without_their_time_before_and_without_a_verdict() -> None:
    rng = np.random.default_rng(7)
    people = crowds(rng)
    sums = sums_of(rng, people, before=10)
    Crowd(people[0].taste * 0.3, 10_000).visit(sums.cell(HOLD_BACK), rng, rows=5)
    found = read_experiment(sums, TWO, rules=RULES)
    assert found.judged.verdict is not Verdict.HARM
    last = found.comparisons[-1]
    assert (last.cell, last.reduction, last.always_high < 0) == (HOLD_BACK, 0.0, True)
    assert msgspec.json.encode(found.to_json())


def test_the_time_before_of_viewers_who_are_not_there_is_left_out() -> None:
    sums = CellSums()
    nobody = np.array([5], dtype=np.uint64)
    sums.add_before(nobody, reward=np.ones(1), stands_for=np.ones(1))
    assert len(sums.pieces()) == 0
    seen = {name: np.ones(1) for name in ("stands_for", "reward", "play", "watched", "earnest")}
    sums.add(Seen(viewers=np.array([6], dtype=np.uint64), titles=["harbor"], **seen))
    sums.add_before(nobody, reward=np.ones(1), stands_for=np.ones(1))
    assert sums.pieces()[:, 5].sum() == 0.0
    sums.add_before(np.array([6], dtype=np.uint64), reward=np.ones(1), stands_for=np.full(1, 2.0))
    assert sums.pieces()[0].tolist() == [1, 1, 1, 1, 0, 2, 2, 1]


def test_a_ratio_that_may_be_looked_at_every_hour_seldom_cries_wolf_and_finds_a_real_loss() -> None:
    rng, alarms, once = np.random.default_rng(8), 0, 0
    for _ in range(300):
        counts = np.cumsum(rng.binomial(100, 0.5, size=100))
        found = [sample_ratio([int(n), 100 * (look + 1) - int(n)], [0.5, 0.5]) for look, n in enumerate(counts)]
        alarms += any(each.mismatch for each in found)
        once += any(each.p_value < 0.05 for each in found)
    assert alarms <= 2
    assert once > 100
    assert sample_ratio([48_500, 51_500], [0.5, 0.5]).mismatch
    assert sample_ratio([0, 0], [0.5, 0.5]).p_value == 1.0


def test_the_effective_number_of_titles_is_that_of_plays_spread_evenly() -> None:
    rng = np.random.default_rng(9)
    variety = Variety()
    viewers = rng.integers(2**60, size=20_000).astype(np.uint64)
    titles = [f"title-{number}" for number in rng.integers(8, size=20_000)]
    variety.add(titles, viewers=viewers, plays=np.ones(20_000))
    found = variety.effective_titles()
    assert found is not None
    assert found.number == pytest.approx(8.0, rel=0.01)
    assert abs(found.log - np.log(8.0)) < 4 * found.error + 1e-3
    # One viewer who plays one title all day long takes nothing from the variety of the others.
    variety.add(["title-0"] * 5, viewers=np.full(5, 3, dtype=np.uint64), plays=np.ones(5))
    assert Variety().effective_titles() is None
