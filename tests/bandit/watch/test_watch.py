"""Each watch finds the policy that misbehaves, soon; and none of them speaks against a healthy one in many looks."""

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec
import numpy as np
import pytest

from bandit.decision import Page, Reason, Rung
from bandit.looks import Looks
from bandit.sampling import draw
from bandit.watch.calibration import CalibrationWatch
from bandit.watch.detector import EDetector
from bandit.watch.entropy import EntropyWatch, entropy
from bandit.watch.fallbacks import FallbackWatch
from bandit.watch.shortfall import Forecast, ShortfallWatch
from tests.bandit.watch.recent_log import ARTWORKS, RecentLog

A_LOOK = 30
"""Pages between two looks."""


class PageWatch(Protocol):
    def add(self, pages: Sequence[Page]) -> None: ...
    def look(self) -> str | None: ...


def looks_until_alarm(watch: PageWatch, log: RecentLog, *, most: int, first: int = 0) -> tuple[int, str] | None:
    """The number of the look that raised an alarm and what it said, None if none of `most` did."""
    for number in range(most):
        watch.add([*log.pages(A_LOOK, first=first + number * A_LOOK)])
        told = watch.look()
        if told is not None:
            return number, told
    return None


def draws_the_best(stated: Sequence[float], number: float) -> int:
    """What C6 is there against: probabilities are logged, and the likeliest artwork is shown all the same."""
    return int(np.argmax(stated))


def draws_one_too_often(stated: Sequence[float], number: float) -> int:
    """A subtle one: artwork a gets a little of what is the others'."""
    return 0 if number > 0.9 else draw(stated, number)


WATCHES: dict[str, Callable[[], PageWatch]] = {
    "calibration": CalibrationWatch,
    "fallbacks": lambda: FallbackWatch(most=0.05),
    "entropy": lambda: EntropyWatch(reference=0.8),
}


@pytest.mark.parametrize("name", WATCHES)
def test_nothing_is_said_against_a_healthy_log_in_many_looks(name: str) -> None:
    for seed in range(2):
        assert looks_until_alarm(WATCHES[name](), RecentLog(seed=seed, falling=0.02), most=40) is None


@pytest.mark.parametrize(("drawing", "within"), [(draws_the_best, 10), (draws_one_too_often, 60)])
def test_calibration_finds_draws_that_are_not_those_of_the_log(drawing: Callable[..., int], within: int) -> None:
    found = looks_until_alarm(CalibrationWatch(), RecentLog(drawing=drawing), most=within)
    assert found is not None
    assert "not 1" in found[1]


def test_calibration_finds_a_change_after_a_long_healthy_time() -> None:
    watch = CalibrationWatch()
    assert looks_until_alarm(watch, RecentLog(), most=60) is None
    assert looks_until_alarm(watch, RecentLog(drawing=draws_the_best), most=10, first=1800) is not None


def test_a_draw_that_was_logged_as_impossible_is_an_alarm_at_once() -> None:
    impossible = RecentLog(falling=1.0)
    [page] = impossible.pages(1)
    drawn = page.slots[0]
    forged = [_replaced(page, chosen=1, reason="policy")]
    watch = CalibrationWatch()
    watch.add(forged)
    assert "probability of 0" in (watch.look() or "")
    assert drawn.probabilities[1] == 0.0


def test_a_viewer_who_comes_back_counts_once_a_window() -> None:
    """One viewer's page, reloaded a thousand times, is one draw; counted each time it would be an alarm."""
    [page] = RecentLog(sharpness=3).pages(1)
    watch = CalibrationWatch()
    for _ in range(50):
        watch.add([page] * 20)
        assert watch.look() is None


def test_calibration_remembers_draws_in_bounded_memory() -> None:
    watch = CalibrationWatch(remembered=50)
    assert looks_until_alarm(watch, RecentLog(), most=20) is None
    assert len(watch._drawn.seen) <= 50
    assert looks_until_alarm(watch, RecentLog(drawing=draws_the_best), most=80, first=600) is not None


def test_fallbacks_are_found_and_a_short_burst_is_forgiven() -> None:
    found = looks_until_alarm(FallbackWatch(most=0.05), RecentLog(falling=0.5), most=10)
    assert found is not None
    assert "slots fell back" in found[1]
    burst = FallbackWatch(most=0.05)
    burst.add([*RecentLog(falling=1.0).pages(15)])
    assert burst.look() is None
    assert looks_until_alarm(burst, RecentLog(falling=0.01), most=40, first=30) is None


def test_the_hold_back_is_no_fall_back() -> None:
    held = [_replaced(page, rung=Rung.HOLD_BACK) for page in RecentLog(falling=1.0).pages(300)]
    watch = FallbackWatch(most=0.05)
    watch.add(held)
    assert watch.look() is None


def test_an_entropy_that_collapses_is_found() -> None:
    found = looks_until_alarm(EntropyWatch(reference=0.8), RecentLog(sharpness=40), most=30)
    assert found is not None
    assert "mean entropy" in found[1]
    assert looks_until_alarm(EntropyWatch(reference=0.8), RecentLog(sharpness=0), most=30) is None


def test_entropy_is_one_for_chance_and_zero_for_certainty() -> None:
    assert entropy([0.25] * len(ARTWORKS)) == pytest.approx(1.0)
    assert entropy([1.0, 0.0]) == 0.0


def rewards_alarm(rate: float, *, seed: int = 0, pages: int = 3000) -> str | None:
    """Looks after every fifty pages at a version whose evaluation foretold .19 to .21; `rate` is what it earns."""
    watch = ShortfallWatch(Forecast(0.19, 0.21, 0.95), looks=Looks(first=500, alpha=0.001))
    log = RecentLog(seed=seed)
    for first in range(0, pages, 50):
        watch.add(log.rewarded(50, first=first, rate=rate))
        told = watch.look()
        if told is not None:
            return told
    return None


def test_a_reward_below_the_forecast_is_found() -> None:
    assert "foretold 0.1900 to 0.2100" in (rewards_alarm(0.1) or "")


def test_a_reward_that_is_as_foretold_is_left_alone_in_many_looks() -> None:
    assert [rewards_alarm(0.2, seed=seed, pages=1000) for seed in range(3)] == [None] * 3


def test_few_rewards_are_no_ground() -> None:
    assert rewards_alarm(0.0, pages=50) is None


def test_an_e_detector_waits_as_long_as_it_says() -> None:
    """Fair coins: over 200 runs of 100 looks, an alarm that may come once in 1,000 looks comes in a tenth at most."""
    rng = np.random.default_rng(3)
    odds = np.array([0.5, 2.0])
    alarms = 0
    for _ in range(200):
        detector = EDetector(patience=1000)
        for _ in range(100):
            hits = rng.binomial(50, 0.3)
            log_e = hits * np.log(odds) - 50 * np.log1p((odds - 1) * 0.3)
            if detector.look("", log_e):
                alarms += 1
                break
    assert alarms <= 20


def _replaced(page: Page, *, rung: Rung | None = None, chosen: int | None = None, reason: str | None = None) -> Page:
    slots = page.slots
    if chosen is not None:
        slots = tuple(msgspec.structs.replace(slot, chosen=chosen, reason=Reason(reason)) for slot in slots)
    return msgspec.structs.replace(page, rung=rung or page.rung, slots=slots)
