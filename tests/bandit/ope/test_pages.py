"""Page values against known truths: slots that mind their neighbours and slots that do not, pages cut anywhere."""

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from bandit.errors import InvalidExample
from bandit.ope.batch import Batch, Floats
from bandit.ope.evaluation import Evaluator, Question, evaluate
from bandit.ope.intervals.interval import NotEstimable
from bandit.ope.page_pieces import MOST_REMEMBERED
from bandit.ope.pages import MOST_POSITIONS, PageEvaluation, PageEvaluator

SLOTS, ARTWORKS = 4, 3
LOGGED = np.array([0.5, 0.3, 0.2])
TARGET = np.array([0.1, 0.2, 0.7])
BASELINE = np.array([0.4, 0.4, 0.2])
OWN = np.array([0.2, 0.3, 0.5])
STOLEN = np.array([0.0, 0.02, 0.12])
"""What an artwork takes from each of its neighbours: the third is loud."""


def page_log(seed: int, *, pages: int, loud: bool = False, viewers: int | None = None) -> Batch:
    """Pages of four slots, row after row. With `loud` artworks the rewards of a slot hang on its neighbours too."""
    rng = np.random.default_rng(seed)
    chosen = rng.choice(ARTWORKS, size=(pages, SLOTS), p=LOGGED)
    stolen = STOLEN[chosen] * loud
    rates = OWN[chosen] - (stolen.sum(axis=1, keepdims=True) - stolen)
    rewards = rates + rng.normal(size=rates.shape) * 0.1
    keys = np.arange(pages) if viewers is None else rng.integers(viewers, size=pages)
    return Batch(
        propensity=LOGGED[chosen].ravel(),
        target=TARGET[chosen].ravel(),
        baseline=BASELINE[chosen].ravel(),
        reward=rewards.ravel(),
        viewers=np.repeat(keys, SLOTS).astype(np.uint64),
        pages=np.repeat(np.arange(pages), SLOTS).astype(np.uint64) * np.uint64(7919),
        positions=np.tile(np.arange(SLOTS), pages),
    )


def truth(policy: Floats, *, loud: bool) -> float:
    """What a page of a policy earns: each slot its own, less what it takes from the three others."""
    return float(SLOTS * (policy @ OWN - loud * (SLOTS - 1) * (policy @ STOLEN)))


def over(*batches: Batch, baseline: bool = False) -> PageEvaluation:
    """The evaluation of these batches in one pass."""
    evaluator = PageEvaluator(baseline=baseline)
    for batch in batches:
        evaluator.add(batch)
    return evaluator.result()


def rows(batch: Batch, low: int, high: int) -> Batch:
    """The rows from `low` up to `high`."""
    places = np.arange(len(batch))
    return batch.select((places >= low) & (places < high))


def values(found: PageEvaluation) -> dict[str, float]:
    """The estimates by name."""
    return {estimate.estimator: estimate.value for estimate in found.estimates}


def test_two_pages_by_hand() -> None:
    log = Batch(
        propensity=np.array([0.5, 0.5, 0.25, 0.5, 0.5]),
        target=np.array([1.0, 0.5, 0.5, 0.25, 0.5]),
        reward=np.array([1.0, 0.0, 1.0, 1.0, 0.0]),
        pages=np.array([1, 1, 1, 2, 2], dtype=np.uint64),
    )
    found = over(log)
    # Weights 2, 1, 2 and 0.5, 1: the pages weigh 1 − 3 + 5 = 3 and 1 − 2 + 1.5 = 0.5, and earned 2 and 1.
    assert values(found)["page_pseudo_inverse"] == pytest.approx((3 * 2 + 0.5 * 1) / 2, abs=1e-12)
    assert values(found)["page_weighted_pseudo_inverse"] == pytest.approx(6.5 / 3.5, abs=1e-12)
    # SNIPS over slots is 4.5 / 6.5, and a page has 2.5 of them.
    assert values(found)["page_independent"] == pytest.approx(2.5 * 4.5 / 6.5, abs=1e-12)
    assert found.slots_per_page == 2.5
    assert found.logged.value == pytest.approx(1.5, abs=1e-12)
    assert found.effective_pages == pytest.approx(3.5**2 / 9.25, abs=1e-12)
    assert found.positions == ()


@pytest.mark.parametrize("cuts", [(1, 2, 3), (4, 8), (5, 1997, 1999, 3001), tuple(range(0, 4000, 501))])
def test_pages_cut_anywhere_are_whole_again(cuts: tuple[int, ...]) -> None:
    log = page_log(1, pages=1000, loud=True, viewers=150)
    whole = over(log, baseline=True).to_json()
    edges = sorted({0, *cuts, len(log)})
    pieces = [rows(log, low, high) for low, high in pairwise(edges)]
    parts = [PageEvaluator(baseline=True) for _ in pieces]
    for part, piece in zip(parts, pieces, strict=True):
        part.add(piece)
    backwards = parts[-1]
    for part in reversed(parts[:-1]):
        backwards = part + backwards
    for again in (
        over(*pieces, baseline=True),
        backwards.result(),
        (PageEvaluator(baseline=True) + backwards).result(),
    ):
        assert flat(again.to_json()) == pytest.approx(flat(whole), abs=1e-12)


def flat(found: object) -> list[float]:
    """All numbers of a JSON object, in order."""
    if isinstance(found, dict):
        return [number for key in sorted(found) for number in flat(found[key])]
    if isinstance(found, list):
        return [number for one in found for number in flat(one)]
    return [float(found)] if isinstance(found, int | float) else []


def test_a_result_can_be_read_again_and_again() -> None:
    log = page_log(2, pages=100)
    evaluator = PageEvaluator()
    evaluator.add(rows(log, 0, 201))
    first = evaluator.result()
    assert evaluator.result().to_json() == first.to_json()
    evaluator.add(rows(log, 201, 400))
    assert flat(evaluator.result().to_json()) == pytest.approx(flat(over(log).to_json()), abs=1e-12)


@pytest.mark.parametrize("loud", [False, True])
def test_the_intervals_hold_the_truth_where_their_assumption_does(loud: bool) -> None:
    held = dict.fromkeys(["page_independent", "page_pseudo_inverse", "page_weighted_pseudo_inverse"], 0)
    for seed in range(60):
        for estimate in over(page_log(seed, pages=400, loud=loud)).estimates:
            interval = estimate.interval
            held[estimate.estimator] += interval.low <= truth(TARGET, loud=loud) <= interval.high
    assert held["page_pseudo_inverse"] >= 54
    assert held["page_weighted_pseudo_inverse"] >= 54
    if loud:
        assert held["page_independent"] == 0
    else:
        assert held["page_independent"] >= 54


def test_differences_are_paired_and_hold_the_truth() -> None:
    log = page_log(5, pages=4000, loud=True)
    found = over(log, baseline=True)
    less = truth(TARGET, loud=True) - truth(BASELINE, loud=True)
    by_name = {difference.estimator: difference for difference in found.differences}
    assert set(by_name) == set(values(found))
    inverse = by_name["page_weighted_pseudo_inverse"].interval
    assert inverse.low <= less <= inverse.high
    same = over(replace(log, baseline=log.target), baseline=True)
    assert all(abs(difference.value) <= 1e-12 for difference in same.differences)
    assert all(difference.interval.high <= 1e-9 for difference in same.differences)
    assert over(log).differences == ()


def test_positions_are_valued_one_by_one_and_the_far_ones_together() -> None:
    log = page_log(6, pages=3000)
    found = over(log, baseline=True)
    assert [position.position for position in found.positions] == [0, 1, 2, 3]
    assert [position.rows for position in found.positions] == [3000] * 4
    for position in found.positions:
        assert position.estimate.interval.low <= TARGET @ OWN <= position.estimate.interval.high
        assert position.difference is not None
    far = over(replace(log, positions=log.positions + MOST_POSITIONS if log.positions is not None else None))
    assert [(position.position, position.rows) for position in far.positions] == [(MOST_POSITIONS, 12000)]


def test_the_logging_policy_as_target_earns_what_was_earned() -> None:
    log = page_log(7, pages=500, loud=True)
    found = over(replace(log, target=log.propensity))
    assert list(values(found).values()) == pytest.approx([found.logged.value] * 3, abs=1e-12)
    assert found.effective_pages == pytest.approx(500)


def test_a_constant_reward_is_returned_without_width() -> None:
    log = page_log(8, pages=300)
    found = over(replace(log, reward=np.full(len(log), 0.25)))
    for estimate in found.estimates:
        if estimate.estimator != "page_pseudo_inverse":
            assert estimate.value == pytest.approx(1.0, abs=1e-12)
            assert estimate.interval.high - estimate.interval.low <= 1e-9


def test_pages_that_stand_for_three_count_three_times() -> None:
    log = page_log(9, pages=300, loud=True)
    thinned = replace(log, kept=np.where(np.arange(len(log)) < 400, 1 / 3, 1.0))
    keys = log.pages
    assert keys is not None
    again = [replace(rows(log, 0, 400), pages=keys[:400] + np.uint64(1 + copy)) for copy in range(3)]
    assert values(over(thinned)) == pytest.approx(values(over(*again, rows(log, 400, 1200))), abs=1e-12)


def test_without_viewers_slots_hang_together_by_page() -> None:
    log = replace(page_log(10, pages=300, loud=True), viewers=None)
    slots = over(log).estimates[0].interval
    as_viewers = over(replace(log, viewers=log.pages)).estimates[0].interval
    alone = over(replace(log, viewers=np.arange(len(log), dtype=np.uint64))).estimates[0].interval
    assert (slots.low, slots.high) == (as_viewers.low, as_viewers.high)
    assert (slots.low, slots.high) != pytest.approx((alone.low, alone.high), rel=1e-3)


def test_a_page_that_comes_again_is_refused() -> None:
    log = page_log(11, pages=50)
    evaluator = PageEvaluator()
    evaluator.add(log)
    with pytest.raises(InvalidExample, match="sort the log"):
        evaluator.add(rows(log, 40, 44))
    one, two = PageEvaluator(), PageEvaluator()
    one.add(log)
    two.add(log)
    with pytest.raises(InvalidExample, match="side by side"):
        _ = one + two


def test_pages_that_come_again_are_noticed_in_a_long_log_too() -> None:
    count = MOST_REMEMBERED * 3
    keys = np.random.default_rng(3).permutation(np.arange(count, dtype=np.uint64)) + np.uint64(10)
    ones = np.ones(count)
    log = Batch(propensity=ones, target=ones, reward=ones, pages=keys)
    evaluator = PageEvaluator()
    evaluator.add(log)
    with pytest.raises(InvalidExample, match="come again"):
        evaluator.add(rows(log, 1, 1000))


def test_what_is_missing_is_named() -> None:
    log = page_log(12, pages=30)
    with pytest.raises(InvalidExample, match="map the log's column"):
        over(replace(log, pages=None))
    with pytest.raises(NotEstimable, match="no page to go by"):
        PageEvaluator().result()
    assert over(replace(log, positions=None)).positions == ()


def test_few_effective_pages_are_warned_of_and_json_is_plain() -> None:
    few = over(page_log(13, pages=30), baseline=True).to_json()
    assert [warning["code"] for warning in few["warnings"]] == ["few_effective_pages"]
    assert over(page_log(13, pages=3000)).to_json()["warnings"] == []
    assert json.loads(json.dumps(few, allow_nan=False)) == few


def test_an_evaluation_tells_pages_where_it_is_asked_to() -> None:
    log = page_log(14, pages=400, viewers=90)
    asked = Question(pages=True, baseline=True)
    whole = evaluate([log], asked).to_json()
    assert whole["page"] == over(log, baseline=True).to_json()
    assert "page" not in evaluate([log]).to_json()
    first, second = Evaluator(asked), Evaluator(asked)
    first.add(rows(log, 0, 801))
    second.add(rows(log, 801, 1600))
    assert flat((first + second).result().to_json()["page"]) == pytest.approx(flat(whole["page"]), abs=1e-12)
    refused = evaluate([replace(log, reward=np.zeros(len(log)))], asked)
    assert refused.refused
    assert refused.page is None
