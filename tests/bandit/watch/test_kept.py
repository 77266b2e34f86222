"""Evidence that is kept and gone on from is that of a watch that never ended."""

from collections.abc import Callable, Sequence

import pytest

from bandit.decision import Page
from bandit.watch.calibration import CalibrationWatch
from bandit.watch.entropy import EntropyWatch
from bandit.watch.fallbacks import FallbackWatch
from tests.bandit.watch.recent_log import RecentLog

PAGES_A_LOOK = 2
Watch = CalibrationWatch | EntropyWatch | FallbackWatch


def draws_the_best(stated: Sequence[float], number: float) -> int:
    return max(range(len(stated)), key=stated.__getitem__)


def parts(log: RecentLog, *, looks: int) -> list[list[Page]]:
    pages = [*log.pages(PAGES_A_LOOK * looks)]
    return [pages[start : start + PAGES_A_LOOK] for start in range(0, len(pages), PAGES_A_LOOK)]


def looks_until_alarm(watch: Watch, looks: list[list[Page]]) -> int:
    for number, pages in enumerate(looks):
        watch.add(pages)
        if watch.look() is not None:
            return number
    raise AssertionError("no alarm")


@pytest.mark.parametrize(
    ("begin", "log"),
    [
        (CalibrationWatch, RecentLog(drawing=draws_the_best)),
        (lambda: FallbackWatch(most=0.05), RecentLog(falling=0.3)),
        (lambda: EntropyWatch(reference=0.9), RecentLog(sharpness=60)),
    ],
)
def test_whoever_goes_on_is_as_near_to_an_alarm_as_who_was_before(begin: Callable[[], Watch], log: RecentLog) -> None:
    looks = parts(log, looks=200)
    whole = looks_until_alarm(begin(), looks)
    assert whole > 1
    first = begin()
    for pages in looks[:whole]:
        first.add(pages)
        assert first.look() is None
    heir = begin()
    heir.go_on(first.kept())
    assert heir.kept() == first.kept()
    assert looks_until_alarm(heir, looks[whole:]) == 0
    assert looks_until_alarm(begin(), looks[whole:]) > 0


def test_evidence_against_another_reference_says_nothing() -> None:
    entropy, fallbacks = EntropyWatch(reference=0.9), FallbackWatch(most=0.05)
    for pages in parts(RecentLog(sharpness=60), looks=2):
        entropy.add(pages)
        fallbacks.add(pages)
        entropy.look()
        fallbacks.look()
    other, less = EntropyWatch(reference=0.5), FallbackWatch(most=0.5)
    before = other.kept(), less.kept()
    other.go_on(entropy.kept())
    less.go_on(fallbacks.kept())
    assert (other.kept(), less.kept()) == before
