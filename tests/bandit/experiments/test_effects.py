"""Effects are those of the viewers' means; the time before narrows and does not move them; looking often is safe."""

import math

import numpy as np
import pytest

from bandit.experiments.cell_sums import Column
from bandit.experiments.effects import COMPLETION, DECISIONS_A_VIEWER, REWARD, effect
from tests.bandit.experiments.dealt_cells import crowds, sums_of

SEEDS = range(60)


def pieces(seed: int, *, lift: float = 0.0, before: int = 0, viewers: int = 300) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    sums = sums_of(rng, crowds(rng, viewers=viewers, lift=lift), before=before)
    return [each.pieces() for each in sums.cells.values()]


def test_without_a_time_before_it_is_the_difference_of_means_clustered_by_viewer() -> None:
    control, treated = pieces(1, lift=0.1)
    found = effect(control, treated, REWARD)
    assert found is not None
    means = [part[:, Column.REWARD].sum() / part[:, Column.DECISIONS].sum() for part in (control, treated)]
    # Every viewer has five rows, so the mean is that of the viewers' means, and the error theirs.
    spreads = [(part[:, Column.REWARD] / 5).std(ddof=1) / math.sqrt(len(part)) for part in (control, treated)]
    assert found.difference == pytest.approx(means[1] - means[0])
    assert found.error == pytest.approx(math.hypot(*spreads))
    assert (found.control, found.value) == (pytest.approx(means[0]), pytest.approx(means[1]))
    assert found.lift == pytest.approx(means[1] / means[0] - 1)
    assert found.reduction == 0.0
    assert found.at_one_look(0.95).low < found.difference < found.at_one_look(0.95).high
    assert found.p_value < 1e-3
    engaged = effect(control, treated, DECISIONS_A_VIEWER)
    assert engaged is not None
    assert (engaged.value, engaged.difference) == (5.0, 0.0)


def test_the_time_before_takes_off_variance_and_leaves_the_difference_where_it_is() -> None:
    plain, adjusted = [], []
    for seed in SEEDS:
        control, treated = pieces(seed, lift=0.05, before=20)
        one, other = effect(control, treated, REWARD, adjusted=False), effect(control, treated, REWARD)
        assert one is not None
        assert other is not None
        assert other.reduction > 0.4
        assert other.error < one.error
        plain.append(one.difference)
        adjusted.append(other.difference)
    assert np.std(adjusted) < 0.75 * np.std(plain)
    assert np.mean(adjusted) == pytest.approx(0.05, abs=0.006)


@pytest.mark.slow
def test_the_adjusted_interval_holds_the_truth_as_often_as_it_says() -> None:
    held = 0
    for seed in range(200):
        control, treated = pieces(1000 + seed, before=20, viewers=150)
        found = effect(control, treated, REWARD)
        assert found is not None
        bounds = found.at_one_look(0.95)
        held += bounds.low <= 0 <= bounds.high
    assert held >= 0.91 * 200


@pytest.mark.slow
def test_looking_a_hundred_times_finds_a_difference_of_nothing_in_few_runs() -> None:
    once, always = 0, 0
    for seed in range(100):
        rng = np.random.default_rng(5000 + seed)
        people = crowds(rng, viewers=60)
        sums = sums_of(rng, people, rows=1)
        looks = []
        for look in range(100):
            if look % 20 == 19:  # new viewers come, and the old ones come again
                for crowd, more in zip(people, crowds(rng, viewers=30), strict=True):
                    more = type(more)(more.taste, crowd.first + 10_000 * (look + 1))
                    more.visit(sums.cell("control" if crowd is people[0] else "b"), rng)
            for cell, crowd in zip(("control", "b"), people, strict=True):
                crowd.visit(sums.cell(cell), rng)
            found = effect(*[each.pieces() for each in sums.cells.values()], REWARD)
            assert found is not None
            looks.append((found.at_one_look(0.95), found.at_all_looks(0.05, smallest=0.05)))
        once += any(one.low > 0 or one.high < 0 for one, _ in looks)
        always += any(one.low > 0 or one.high < 0 for _, one in looks)
    assert always <= 5
    assert once > 2 * max(always, 5)


def test_a_cell_without_plays_has_no_completion_and_few_viewers_prove_nothing() -> None:
    control, treated = pieces(3)
    quiet = treated.copy()
    quiet[:, Column.PLAYS] = 0.0
    assert effect(control, quiet, COMPLETION) is None
    assert effect(control, treated[:1], REWARD) is None
    few = effect(control[:10], treated[:10], REWARD)
    assert few is not None
    assert (few.at_one_look(0.95).low, few.at_all_looks(0.05, smallest=0.01).high) == (-math.inf, math.inf)
    assert math.isnan(few.p_value)
