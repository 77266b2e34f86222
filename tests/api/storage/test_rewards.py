"""Outcomes and rewards: none lost, none counted twice (C3), and the log as rows to learn from."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from api.storage.database import reading, transaction
from api.storage.decision_log import DecisionLog
from api.storage.events import Added
from api.storage.outcomes import add_outcomes, count_outcomes, outcomes_of
from api.storage.pages import new_page_id
from api.storage.rewards import (
    RewardCount,
    count_by_definition,
    count_due,
    count_rewards,
    find_due,
    postpone,
    put_rewards,
    rewarded_decisions,
    rewards_of,
    settle,
    unchanged,
    valued_decisions,
)
from bandit.decision import Outcome, OutcomeKind, Page, PageId, Reward
from foundation.events import EventId

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


def _reward(page: PageId, slot: int, value: float) -> Reward:
    return Reward(page=page, slot=slot, definition=DEFINITION, value=value, final=True)


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
        due = find_due(connection, now=now)
        assert [each.page for each in due] == [page, other]
        assert find_due(connection, now=now - timedelta(seconds=1)) == []
        assert len(find_due(connection, now=now, limit=1)) == 1
        settle(connection, due)
        add_outcomes(connection, [_outcome(page, 0, now)], now=now)
        assert count_due(connection) == 0


def test_outcomes_that_come_while_a_page_is_valued_keep_it_due(engine: Engine, now: datetime) -> None:
    page, other = new_page_id(), new_page_id()
    with transaction(engine) as connection:
        add_outcomes(connection, [_outcome(page, 0, now), _outcome(other, 0, now)], now=now)
        taken = find_due(connection, now=now)
        add_outcomes(connection, [_outcome(page, 1, now)], now=now)
        settle(connection, taken)
        assert [each.page for each in find_due(connection, now=now)] == [page]
        settle(connection, [])


def test_a_postponed_page_waits_until_its_time_or_the_next_outcome(engine: Engine, now: datetime) -> None:
    page, later = new_page_id(), now + timedelta(hours=1)
    with transaction(engine) as connection:
        add_outcomes(connection, [_outcome(page, 0, now)], now=now)
        postpone(connection, [page], until=later)
        assert find_due(connection, now=now) == []
        assert len(find_due(connection, now=later)) == 1
        add_outcomes(connection, [_outcome(page, 1, now)], now=now)
        assert len(find_due(connection, now=now)) == 1


def test_of_two_workers_with_the_same_pages_only_the_first_writes(engine: Engine, now: datetime) -> None:
    pages = [new_page_id() for _ in range(4)]
    with transaction(engine) as connection:
        add_outcomes(connection, [_outcome(page, 0, now) for page in pages], now=now)
    with reading(engine) as connection:
        mine = theirs = find_due(connection, now=now)
    with transaction(engine) as connection:
        assert unchanged(connection, mine) == mine
        settle(connection, mine[:2])
        postpone(connection, [mine[2].page], until=now + timedelta(hours=1))
    with transaction(engine) as connection:  # touched again, it is due for the first time again
        add_outcomes(connection, [_outcome(pages[0], 1, now)], now=now + timedelta(microseconds=1))
        assert unchanged(connection, theirs) == theirs[3:]
        assert unchanged(connection, []) == []


def test_a_reward_is_replaced_by_a_later_one_of_the_same_definition(engine: Engine) -> None:
    page = new_page_id()
    with transaction(engine) as connection:
        put_rewards(connection, [_reward(page, 0, 0.25), _reward(page, 1, 1.0)])
        put_rewards(connection, [replace(_reward(page, 0, 0.75), final=False)])
        put_rewards(connection, [replace(_reward(page, 0, 0.5), definition="another/1")])
        assert rewards_of(connection, page) == [
            replace(_reward(page, 0, 0.5), definition="another/1"),
            replace(_reward(page, 0, 0.75), final=False),
            _reward(page, 1, 1.0),
        ]
        assert count_rewards(connection, DEFINITION) == (2, 0.875)
        assert count_rewards(connection, "unknown/1") == (0, 0.0)


@pytest.mark.parametrize("value", [-0.01, 1.01])
def test_the_database_itself_refuses_a_reward_out_of_range(engine: Engine, value: float) -> None:
    with pytest.raises(IntegrityError), transaction(engine) as connection:
        put_rewards(connection, [_reward(new_page_id(), 0, value)])


@pytest.fixture
def logged(engine: Engine, make_page: Callable[..., Page]) -> list[Page]:
    """Twenty-five logged pages of three slots; those with an odd number have rewards for slots 0 and 2."""
    log = DecisionLog(engine)
    made = [make_page(slots=3) for _ in range(25)]
    for page in made:
        assert log.append(page, timeout=10)
    log.close()
    with transaction(engine) as connection:
        put_rewards(connection, [_reward(page.page, slot, slot / 2) for page in made[1::2] for slot in (0, 2)])
        put_rewards(connection, [_reward(new_page_id(), 0, 1.0)])  # of a page that never came into the log
        put_rewards(connection, [replace(_reward(made[0].page, 0, 1.0), definition="another/1")])
    return made


def test_the_log_streams_as_rewarded_decisions(engine: Engine, logged: list[Page]) -> None:
    rows = list(rewarded_decisions(engine, definition=DEFINITION, batch=5))
    assert [(row.page, row.slot, row.reward) for row in rows] == [
        (page, slot, slot / 2) for page in logged[1::2] for slot in (0, 2)
    ]
    assert rows[0].decision == logged[1].slots[0]


def test_a_reward_that_may_still_change_is_no_row(engine: Engine, logged: list[Page]) -> None:
    open_ones = [_reward(logged[1].page, 0, 1.0), _reward(logged[3].page, 0, 1.0), _reward(logged[3].page, 2, 1.0)]
    with transaction(engine) as connection:
        put_rewards(connection, [replace(each, final=False) for each in open_ones])
    rows = [(row.page.page, row.slot) for row in rewarded_decisions(engine, definition=DEFINITION)]
    assert rows == [(logged[1].page, 2), *((page.page, slot) for page in logged[5::2] for slot in (0, 2))]


def test_rewards_that_may_still_rise_are_rows_where_they_are_asked_for(engine: Engine, logged: list[Page]) -> None:
    with transaction(engine) as connection:
        put_rewards(connection, [replace(_reward(logged[1].page, 0, 0.25), final=False)])
    asked = rewarded_decisions(engine, definition=DEFINITION, provisional=True, batch=3)
    rows = [(row.page.page, row.slot, row.reward) for row in asked]
    assert rows[0] == (logged[1].page, 0, 0.25)
    assert len(rows) == 24


def test_valued_decisions_carry_every_definition(engine: Engine, logged: list[Page]) -> None:
    with transaction(engine) as connection:
        put_rewards(connection, [replace(_reward(logged[1].page, 0, 1.0), definition="another/1")])
    rows = list(valued_decisions(engine, definition=DEFINITION))
    assert [dict(row.values) for row in rows[:2]] == [{DEFINITION: 0.0, "another/1": 1.0}, {DEFINITION: 1.0}]
    assert [(row.page.page, row.slot) for row in valued_decisions(engine, definition="another/1")] == [
        (logged[0].page, 0),
        (logged[1].page, 0),
    ]


def test_rewards_are_counted_by_definition(engine: Engine, logged: list[Page]) -> None:
    with transaction(engine) as connection:
        put_rewards(connection, [replace(_reward(logged[1].page, 0, 0.0), final=False)])
        found = count_by_definition(connection)
    assert found == [
        RewardCount(definition="another/1", rewards=1, provisional=0, mean=1.0),
        RewardCount(definition=DEFINITION, rewards=25, provisional=1, mean=13 / 25),
    ]


def test_rewarded_decisions_stop_at_a_watermark(engine: Engine, logged: list[Page]) -> None:
    bounded = rewarded_decisions(engine, definition=DEFINITION, since=logged[3].page, until=logged[20].page, batch=4)
    assert {row.page.page for row in bounded} == {page.page for page in logged[5:21:2]}


def test_decisions_without_reward_are_no_rows(engine: Engine, logged: list[Page]) -> None:
    assert list(rewarded_decisions(engine, definition="unknown/1")) == []
    with reading(engine) as connection:
        assert rewards_of(connection, logged[2].page) == []
