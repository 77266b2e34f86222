"""An A/A rehearsal finds as many differences as chance gives, and says which lift would be found."""

import numpy as np
import pytest

from bandit.experiments.cell_sums import CellSums
from bandit.experiments.rehearsal import rehearse
from tests.bandit.experiments.dealt_cells import crowds


def rehearsed(*, before: int) -> CellSums:
    rng = np.random.default_rng(1)
    sums = CellSums()
    [crowd, _] = crowds(rng, viewers=600)
    crowd.visit(sums, rng, rows=5)
    if before:
        crowd.visited(sums, rng, rows=before)
    return sums


def test_a_sound_log_gives_few_alarms_and_the_time_before_finds_smaller_lifts() -> None:
    [reward, completion, abandonment] = rehearse(rehearsed(before=20), splits=100, seed=2)
    assert [reward.metric, completion.metric, abandonment.metric] == ["reward", "completion", "abandonment"]
    assert reward.sound
    assert reward.alarms <= 0.12
    assert reward.smallest_lift < 0.8 * reward.without_before
    # 300 viewers a cell, whose means spread by about .35 around .4: 2.8 standard errors of the difference.
    assert reward.without_before == pytest.approx(2.8 * 0.35 * np.sqrt(2 / 300) / 0.4, rel=0.2)


def test_the_same_seed_gives_the_same_rehearsal_and_nothing_seen_gives_none() -> None:
    sums = rehearsed(before=0)
    assert rehearse(sums, splits=20, seed=3) == rehearse(sums, splits=20, seed=3)
    assert rehearse(CellSums(), splits=20, seed=3) == ()
