"""Outcomes and rewards: none lost, none counted twice (C3), and the log as rows to learn from."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import Engine

from api.storage.database import reading, transaction
from api.storage.decision_log import DecisionLog
from api.storage.due import FIRST_LOOK, count_due, find_due, postpone, settle, unchanged
from api.storage.events import Added
from api.storage.outcomes import add_outcomes, count_outcomes, outcomes_of, stored_outcomes
from api.storage.pages import new_page_id
from api.storage.rewards import (
    PageRewards,
    RewardCount,
    RewardsBody,
    changes_of,
    count_by_definition,
    count_rewards,
    find_rewards,
    put_rewards,
    rewarded_decisions,
    rewards_of,
    valued_decisions,
)
from api.storage.tallies import tally
from bandit.decision import Outcome, OutcomeKind, Page, PageId, Reward
from bandit.valuing import SlotState
from foundation.events import EventId
from tests.api.written import append

DEFINITION = "quality_play/1"


def _outcome(page: PageId, number: int, now: datetime) -> Outcome:
    return Outcome(
        event=EventId(f"event-{number}"),
        page=page,
        slot=number % 2,
        kind=OutcomeKind.WATCHED if number % 3 else OutcomeKind.SEEN,
        at=now + timedelta(seconds=number),
        seconds=600.5,
        of_seconds=None,
    )


def _rewards(
    page: PageId,
    slots: Mapping[int, float | None],
    *,
    definitions: tuple[str, ...] = (DEFINITION,),
    final: bool = True,
    revision: int = 1,
) -> PageRewards:
    """A page of three slots; those named were seen, and those with a value played."""
    states = bytearray(3)
    for slot, value in slots.items():
        states[slot] = SlotState.DEFAULTED if value is None else SlotState.REWARDED
    values = np.array([[value] * len(definitions) for value in slots.values() if value is not None], dtype="<f8")
    body = RewardsBody(definitions, bytes(states), values.tobytes())
    return PageRewards(page, final, body, matched=len(slots), late=0, rejected=0, revision=revision)


def test_c3_outcomes_are_taken_once_in_any_order_and_before_their_page(engine: Engine, now: datetime) -> None:
    page = new_page_id()
    batch = [_outcome(page, number, now) for number in range(700)]
    with transaction(engine) as connection:
        assert add_outcomes(connection, batch[:400], now=now) == Added(400, 0)
        assert add_outcomes(connection, batch[::-1], now=now) == Added(300, 400)
        assert add_outcomes(connection, [*batch[:1], *batch[:1]], now=now) == Added(0, 2)
        assert add_outcomes(connection, [], now=now) == Added(0, 0)
        assert outcomes_of(connection, [page, new_page_id()]) == {page: batch}
        assert count_outcomes(connection) == 700


def test_an_event_id_counts_once_for_each_decision(engine: Engine, now: datetime) -> None:
    one = _outcome(new_page_id(), 0, now)
    others = [one, replace(one, slot=1), replace(one, page=new_page_id())]
    with transaction(engine) as connection:
        assert add_outcomes(connection, others, now=now) == Added(3, 0)


def test_new_outcomes_make_their_pages_due_and_repeated_ones_do_not(engine: Engine, now: datetime) -> None:
    page, other = new_page_id(), new_page_id()
    with transaction(engine) as connection:
        add_outcomes(connection, [_outcome(page, 0, now), _outcome(other, 0, now), _outcome(page, 1, now)], now=now)
        due = find_due(connection, now=now, limit=9)
        assert [each.page for each in due] == [page, other]
        assert find_due(connection, now=now - timedelta(seconds=1), limit=9) == []
        assert len(find_due(connection, now=now, limit=1)) == 1
        settle(connection, [each.page for each in due])
        add_outcomes(connection, [_outcome(page, 0, now)], now=now)
        assert count_due(connection) == 0


def test_outcomes_that_come_while_a_page_is_valued_are_noticed(engine: Engine, now: datetime) -> None:
    page, other = new_page_id(), new_page_id()
    with transaction(engine) as connection:
        add_outcomes(connection, [_outcome(page, 0, now), _outcome(other, 0, now)], now=now)
        taken = find_due(connection, now=now, limit=9)
        add_outcomes(connection, [_outcome(page, 1, now)], now=now)
        assert [each.page for each in unchanged(connection, taken)] == [other]


def test_a_postponed_page_waits_until_its_time_or_the_next_outcome(engine: Engine, now: datetime) -> None:
    page, later = new_page_id(), now + timedelta(hours=1)
    with transaction(engine) as connection:
        add_outcomes(connection, [_outcome(page, 0, now)], now=now)
        postpone(connection, {page: later})
        assert find_due(connection, now=now, limit=9) == []
        assert len(find_due(connection, now=later, limit=9)) == 1
        add_outcomes(connection, [_outcome(page, 1, now)], now=now)
        assert len(find_due(connection, now=now, limit=9)) == 1


def test_a_page_that_was_touched_while_a_clock_was_ahead_is_due_when_it_is_set_right(
    engine: Engine, now: datetime
) -> None:
    years, day, window = timedelta(days=3650), timedelta(days=1), timedelta(hours=1)
    ahead, behind, planned = new_page_id(), new_page_id(), new_page_id()
    with transaction(engine) as connection:
        add_outcomes(connection, [_outcome(ahead, 0, now)], now=now + years)
        add_outcomes(connection, [_outcome(behind, 0, now)], now=now - years)
        add_outcomes(connection, [_outcome(planned, 0, now)], now=now)
        postpone(connection, {planned: now + window})
        assert [each.page for each in find_due(connection, now=now, limit=9, longest=window)] == [behind, ahead]
        assert [each.page for each in find_due(connection, now=now, limit=1, longest=window)] == [behind]
        assert [each.page for each in find_due(connection, now=now, limit=9, longest=years + day)] == [behind]


def test_of_two_workers_with_the_same_pages_only_the_first_writes(engine: Engine, now: datetime) -> None:
    pages = [new_page_id() for _ in range(4)]
    with transaction(engine) as connection:
        add_outcomes(connection, [_outcome(page, 0, now) for page in pages], now=now)
    with reading(engine) as connection:
        mine = theirs = find_due(connection, now=now, limit=9)
    with transaction(engine) as connection:
        assert unchanged(connection, mine) == mine
        settle(connection, [each.page for each in mine[:2]])
        postpone(connection, {mine[2].page: now + timedelta(hours=1)})
    with transaction(engine) as connection:  # touched again, it is due for the first time again
        add_outcomes(connection, [_outcome(pages[0], 1, now)], now=now + timedelta(microseconds=1))
        assert unchanged(connection, theirs) == theirs[3:]
        assert unchanged(connection, []) == []


def test_outcomes_are_read_as_columns_as_they_were_told(engine: Engine, now: datetime) -> None:
    pages = [new_page_id() for _ in range(3)]
    told = [_outcome(page, number, now) for page in pages[1:] for number in range(5)]
    with transaction(engine) as connection:
        add_outcomes(connection, [replace(each, seconds=None) if each.slot else each for each in told], now=now)
        found = stored_outcomes(connection, pages)
        nothing = stored_outcomes(connection, pages[:1])
    rows = zip(found.page, found.slot, found.played, found.at, found.seconds, strict=True)
    assert sorted((*map(int, row[:4]), None if np.isnan(row[4]) else row[4]) for row in rows) == sorted(
        (
            pages.index(each.page),
            each.slot,
            int(each.kind is OutcomeKind.WATCHED),
            round(each.at.timestamp() * 1e6),
            None if each.slot else each.seconds,
        )
        for each in told
    )
    assert np.isnan(found.of_seconds).all()
    assert len(nothing.page) == len(nothing.at) == 0


def test_the_rewards_of_a_page_are_replaced_as_a_whole(engine: Engine) -> None:
    page = new_page_id()
    second = _rewards(page, {0: 0.75, 1: None}, definitions=(DEFINITION, "another/1"), final=False, revision=2)
    with transaction(engine) as connection:
        put_rewards(connection, [_rewards(page, {0: 0.25, 2: 1.0}), _rewards(new_page_id(), {1: 0.5})])
        put_rewards(connection, [second])
        put_rewards(connection, [])
        assert find_rewards(connection, [page, new_page_id()]) == {page: second}
        assert rewards_of(connection, page) == [
            Reward(page=page, slot=slot, definition=definition, value=value, final=False)
            for slot, value in ((0, 0.75), (1, 0.0))
            for definition in ("another/1", DEFINITION)
        ]
        assert (second.slots, second.rewarded, second.defaulted) == (3, 1, 1)


@pytest.fixture
def logged(engine: Engine, make_page: Callable[..., Page]) -> list[Page]:
    """Twenty-five logged pages of three slots; those with an odd number have rewards for slots 0 and 2."""
    log = DecisionLog(engine)
    made = [make_page(slots=3) for _ in range(25)]
    for page in made:
        assert append(log, page, timeout=10)
    log.close()
    with transaction(engine) as connection:
        put_rewards(connection, [_rewards(page.page, {0: None, 2: 1.0}) for page in made[1::2]])
        put_rewards(connection, [_rewards(page.page, {}) for page in made[2::2]])
        put_rewards(connection, [_rewards(new_page_id(), {0: 1.0})])  # of a page that never came into the log
        put_rewards(connection, [_rewards(made[0].page, {0: 1.0}, definitions=("another/1",))])
    return made


def test_a_logged_page_is_due_a_minute_after_its_decision(engine: Engine, logged: list[Page], now: datetime) -> None:
    with reading(engine) as connection:
        assert count_due(connection, now=now) == 0
        assert count_due(connection) == len(logged)
        due = find_due(connection, now=now + FIRST_LOOK, limit=100)
    assert [each.page for each in due] == [page.page for page in logged]


def test_the_log_streams_as_rewarded_decisions(engine: Engine, logged: list[Page]) -> None:
    rows = list(rewarded_decisions(engine, definition=DEFINITION, batch=5))
    assert [(row.page, row.slot, row.reward) for row in rows] == [
        (page, slot, slot / 2) for page in logged[1::2] for slot in (0, 2)
    ]
    assert rows[0].decision == logged[1].slots[0]


def test_a_reward_that_may_still_change_is_a_row_only_where_it_is_asked_for(engine: Engine, logged: list[Page]) -> None:
    with transaction(engine) as connection:
        put_rewards(connection, [_rewards(logged[3].page, {0: 0.5, 2: 1.0}, final=False)])
    rows = [(row.page.page, row.slot) for row in rewarded_decisions(engine, definition=DEFINITION)]
    assert rows == [(page.page, slot) for page in (logged[1], *logged[5::2]) for slot in (0, 2)]
    asked = rewarded_decisions(engine, definition=DEFINITION, provisional=True, batch=3)
    assert len([*asked]) == 24


def test_valued_decisions_carry_every_definition(engine: Engine, logged: list[Page]) -> None:
    with transaction(engine) as connection:
        put_rewards(connection, [_rewards(logged[1].page, {0: 1.0}, definitions=(DEFINITION, "another/1"))])
    rows = list(valued_decisions(engine, definition=DEFINITION))
    assert [dict(row.values) for row in rows[:2]] == [{DEFINITION: 1.0, "another/1": 1.0}, {DEFINITION: 0.0}]
    assert [(row.page.page, row.slot) for row in valued_decisions(engine, definition="another/1")] == [
        (logged[0].page, 0),
        (logged[1].page, 0),
    ]


def test_rewards_are_counted_by_what_changed(engine: Engine) -> None:
    first = _rewards(new_page_id(), {0: 0.5, 1: None}, final=False)
    other = _rewards(new_page_id(), {2: 1.0}, definitions=("another/1",))
    with transaction(engine) as connection:
        tally(connection, changes_of([], [first, other]))
    with transaction(engine) as connection:
        tally(connection, changes_of([first], [replace(first, final=True)]))
        tally(connection, changes_of([other], []))
    with transaction(engine) as connection:
        assert count_by_definition(connection) == [
            RewardCount(definition=DEFINITION, rewards=2, provisional=0, mean=0.25)
        ]
        assert count_rewards(connection, DEFINITION) == (2, 0.25)
        assert count_rewards(connection, "unknown/1") == (0, None)


def test_rewarded_decisions_stop_at_a_watermark(engine: Engine, logged: list[Page]) -> None:
    bounded = rewarded_decisions(engine, definition=DEFINITION, since=logged[3].page, until=logged[20].page, batch=4)
    assert {row.page.page for row in bounded} == {page.page for page in logged[5:21:2]}


def test_decisions_without_reward_are_no_rows(engine: Engine, logged: list[Page]) -> None:
    assert list(rewarded_decisions(engine, definition="unknown/1")) == []
    with reading(engine) as connection:
        assert rewards_of(connection, logged[2].page) == []
