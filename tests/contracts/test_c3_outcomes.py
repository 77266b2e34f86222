"""C3: no outcome lost, none counted twice; any order, repeats, before their decision or late."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.jobs.joining import value_again
from bandit.decision import Outcome
from bandit.rewards import QUALITY_PLAY, RewardWindows, values_of
from tests.contracts.joined import SLOTS, WINDOW, JoinedLog, a_page, an_outcome, joined_log

PAGES = 2
EACH = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def log(prepared_home: Path) -> Iterator[JoinedLog]:
    with joined_log(prepared_home) as lent:
        yield lent


@st.composite
def outcomes(draw: st.DrawFn) -> list[Outcome]:
    """Different outcomes of two pages: early and late ones, seen and played ones, some of a slot that there is not."""
    told: list[Outcome] = []
    for number in range(draw(st.integers(1, 8))):
        page, slot = draw(st.integers(0, PAGES - 1)), draw(st.integers(0, SLOTS))
        seconds = draw(st.none() | st.sampled_from([0.0, 300.0, 900.0, 6000.0]))
        told.append(an_outcome(page, slot, f"e{number}", minutes=draw(st.sampled_from([0, 59, 61])), seconds=seconds))
    return told


def expected(told: Sequence[Outcome], number: int) -> dict[int, float]:
    """What a page's slots are worth, one outcome after the other, by the definitions themselves."""
    page = a_page(number)
    found: dict[int, float] = {}
    for slot in range(SLOTS):
        in_time = [each for each in told if (each.page, each.slot) == (page.page, slot) and each.at <= page.at + WINDOW]
        if in_time:
            found[slot] = values_of(in_time, runtime_seconds=None)[QUALITY_PLAY]
    return found


@EACH
@given(told=outcomes(), shuffled=st.randoms(use_true_random=False), repeats=st.integers(1, 3), data=st.data())
def test_c3_neither_order_nor_repeats_nor_the_moment_of_joining_change_a_reward(
    prepared_home: Path, told: list[Outcome], shuffled: "st.Random", repeats: int, data: st.DataObject
) -> None:
    sent = told * repeats
    shuffled.shuffle(sent)
    logged_at = data.draw(st.integers(0, len(sent)))
    with joined_log(prepared_home) as log:
        for place, each in enumerate([*sent, None]):
            if place == logged_at:
                log.log(*(a_page(number) for number in range(PAGES)))
            if each is not None:
                log.tell(each)
            if data.draw(st.booleans()):
                log.join(after=timedelta(minutes=data.draw(st.sampled_from([0, 2, 70]))))
        log.join(after=timedelta(hours=2))
        assert [log.values(number, QUALITY_PLAY) for number in range(PAGES)] == [
            expected(told, number) for number in range(PAGES)
        ]
        found = log.conservation()
        assert (found.open, found.waiting) == (0, 0)
        assert found.received == len(sent)
        assert found.duplicate == len(sent) - len(told)


def test_c3_a_late_outcome_is_kept_and_not_counted_until_another_window_counts_it(log: JoinedLog) -> None:
    log.log(a_page(0))
    log.tell(an_outcome(0, 0, "seen"), an_outcome(0, 0, "late", minutes=90, seconds=6000.0))
    log.join(after=timedelta(hours=3))
    assert log.values(0, QUALITY_PLAY) == {0: 0.0}
    assert (log.conservation().matched, log.conservation().late) == (1, 1)
    log.windows = RewardWindows(2 * WINDOW)
    assert value_again(log.engine, now=log.now) == 1
    log.join()
    assert log.values(0, QUALITY_PLAY) == {0: 1.0}
    assert (log.conservation().matched, log.conservation().late) == (2, 0)
    assert [known and known.revision for known in log.rewards(0)] == [2]


def test_c3_each_surface_has_its_own_window(log: JoinedLog) -> None:
    log.windows = RewardWindows(WINDOW, {"hero": 3 * WINDOW, "search": timedelta(0)})
    log.log(a_page(0), a_page(1, row="hero"), a_page(2, row="search"), a_page(3, row="list"))
    log.tell(*(an_outcome(number, 0, "late", minutes=90, seconds=6000.0) for number in range(4)))
    log.join(after=timedelta(hours=2))
    assert [log.values(number, QUALITY_PLAY) for number in range(4)] == [{}, {0: 1.0}, {0: 1.0}, {}]
    assert [known and known.final for known in log.rewards(0, 1, 2, 3)] == [True, False, True, True]
    log.join(after=timedelta(hours=2))
    assert [known and known.final for known in log.rewards(1)] == [True]
