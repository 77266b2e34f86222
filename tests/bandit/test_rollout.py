"""A canary is promoted or ended by what both sides earned, and many looks err as rarely as one."""

import numpy as np
import pytest

from bandit.looks import Looks
from bandit.observed import RewardSums
from bandit.rollout import CanaryRules, Fate, judge_canary

RULES = CanaryRules(looks=Looks(first=1000))


def earned(rate: float, rows: int, *, seed: int, side: str = "canary") -> RewardSums:
    """Rows of viewers who come five times each and whose tastes differ."""
    rng = np.random.default_rng((seed, len(side)))
    sums = RewardSums()
    for viewer in range(rows // 5):
        own = rate * rng.uniform(0.5, 1.5)
        for _ in range(5):
            sums.add(f"{side}-{viewer}", float(rng.random() < own))
    return sums


def fate(canary: float, live: float, *, rows: int, seed: int = 0, looked: int = 0) -> Fate:
    verdict = judge_canary(
        earned(canary, rows, seed=seed), earned(live, 4 * rows, seed=seed, side="live"), looked=looked, rules=RULES
    )
    return verdict.fate


def test_before_enough_is_rewarded_it_serves_on() -> None:
    verdict = judge_canary(earned(0.4, 995, seed=0), earned(0.2, 4000, seed=0, side="live"), looked=0, rules=RULES)
    assert verdict.fate is Fate.SERVE_ON
    assert "1,000 rewarded decisions" in verdict.reason
    assert verdict.look is None


def test_better_is_promoted_and_worse_is_ended() -> None:
    assert fate(0.3, 0.2, rows=1000) is Fate.PROMOTE
    assert fate(0.1, 0.2, rows=1000) is Fate.END


def test_what_was_looked_at_waits_for_twice_as_much() -> None:
    assert fate(0.3, 0.2, rows=1900, looked=1) is Fate.SERVE_ON
    assert fate(0.3, 0.2, rows=2000, looked=1) is Fate.PROMOTE


def test_about_as_good_takes_longer_and_what_stays_unknown_ends() -> None:
    assert fate(0.2, 0.2, rows=1000) is Fate.SERVE_ON
    last = CanaryRules(looks=Looks(first=1000), most_looks=1)
    sides = earned(0.2, 1000, seed=0), earned(0.2, 4000, seed=0, side="live")
    verdict = judge_canary(*sides, looked=0, rules=last)
    assert verdict.fate is Fate.END
    assert "could not be shown" in verdict.reason


@pytest.mark.parametrize("seed", range(3))
def test_a_harmful_canary_is_never_promoted_however_often_one_looks(seed: int) -> None:
    canary, live = RewardSums(), RewardSums()
    looked = 0
    for step in range(8):
        canary += earned(0.17, 1000, seed=100 * seed + step)
        live += earned(0.2, 1000, seed=100 * seed + step, side="live")
        verdict = judge_canary(canary, live, looked=looked, rules=RULES)
        looked = looked if verdict.look is None else verdict.look + 1
        assert verdict.fate is not Fate.PROMOTE
        if verdict.fate is Fate.END:
            break


def test_sums_add_up() -> None:
    whole, one, other = RewardSums(), RewardSums(), RewardSums()
    for number in range(200):
        for sums in (whole, one if number % 2 else other):
            sums.add(f"viewer-{number % 40}", (number % 7) / 7, weight=1 + number % 3)
    assert (one + other).spread().mean == pytest.approx(whole.spread().mean, abs=1e-12)
    assert (one + other).spread().error == pytest.approx(whole.spread().error, abs=1e-12)


def test_looks_share_one_chance_to_err() -> None:
    looks = Looks(first=100, alpha=0.05)
    assert [looks.rows_at(look) for look in range(4)] == [100, 200, 400, 800]
    assert [looks.latest(rows) for rows in (0, 99, 100, 199, 200, 900)] == [-1, -1, 0, 0, 1, 3]
    assert sum(1 - looks.level(look) for look in range(50)) <= 0.05
