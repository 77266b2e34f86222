"""Many decisions valued at once are worth what each is worth by itself, to the bit."""

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bandit.decision import Outcome, OutcomeKind, PageId
from bandit.rewards import PLAYS, REWARDS, RewardWindows, values_of
from bandit.valuing import DEFINITIONS, OutcomeColumns, SlotState, value_decisions
from foundation.events import EventId

SECONDS = st.none() | st.floats(0, 20_000) | st.sampled_from([0.0, 119.0, 120.0, 540.0, 5400.0])
TOLD = st.lists(st.tuples(st.integers(0, 4), st.sampled_from(OutcomeKind), SECONDS, SECONDS), max_size=12)


def columns_of(told: list[tuple[int, OutcomeKind, float | None, float | None]]) -> OutcomeColumns:
    return OutcomeColumns(
        decision=np.array([each[0] for each in told], np.int64),
        played=np.array([each[1] in PLAYS for each in told], np.bool_),
        seconds=np.array([each[2] for each in told], np.float64),
        of_seconds=np.array([each[3] for each in told], np.float64),
    )


@settings(deadline=None)
@example(told=[(0, OutcomeKind.PLAYED, 1e308, 5e-324)], runtimes=[None] * 5)
@given(told=TOLD, runtimes=st.lists(st.none() | st.floats(1, 10_000), min_size=5, max_size=5))
def test_values_and_states_are_those_of_single_decisions(
    told: list[tuple[int, OutcomeKind, float | None, float | None]], runtimes: list[float | None]
) -> None:
    lengths = np.array(runtimes, np.float64)
    found = value_decisions(columns_of(told), count=5, runtimes=lambda decisions: lengths[decisions])
    at = datetime(2026, 1, 1, tzinfo=UTC)
    values = dict(zip(found.played.tolist(), found.values.tolist(), strict=True))
    for decision in range(5):
        own = [
            Outcome(
                event=EventId("e"), page=PageId("0" * 32), slot=0, kind=kind, at=at, seconds=seconds, of_seconds=whole
            )
            for number, kind, seconds, whole in told
            if number == decision
        ]
        expected = values_of(own, runtime_seconds=runtimes[decision])
        if decision in values:
            assert found.states[decision] == SlotState.REWARDED
            assert dict(zip(DEFINITIONS, values[decision], strict=True)) == expected
        else:
            assert expected == ({} if found.states[decision] == SlotState.UNSEEN else dict.fromkeys(DEFINITIONS, 0.0))


@pytest.mark.parametrize("definition", REWARDS.values(), ids=lambda each: each.key)
@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf, -1.0, 0.0])
def test_broken_durations_are_worth_the_same_in_both_forms(definition: object, broken: float) -> None:
    worth, worths = definition.worth, definition.worths  # type: ignore[attr-defined]
    for seconds, whole in ((broken, 6000.0), (600.0, broken), (broken, broken)):
        assert worths(np.array([seconds]), np.array([whole])).tolist() == [worth(seconds, whole)]


def test_nothing_told_is_nothing_seen() -> None:
    found = value_decisions(columns_of([]), count=3, runtimes=lambda decisions: np.zeros(len(decisions)))
    assert found.states.tolist() == [SlotState.UNSEEN] * 3
    assert found.values.shape == (0, len(DEFINITIONS))


def test_windows_are_told_by_the_kind_of_row() -> None:
    hour, at = timedelta(hours=1), datetime(2026, 1, 1, tzinfo=UTC)
    windows = RewardWindows(hour, {"hero": 3 * hour, "search": timedelta(0)})
    assert [windows.of(row) for row in (None, "list", "hero")] == [hour, hour, 3 * hour]
    assert (windows.ends(at, "hero"), windows.ends(at, "search")) == (at + 3 * hour, None)
    assert windows.longest == 3 * hour
    assert RewardWindows().ends(at, None) is None
