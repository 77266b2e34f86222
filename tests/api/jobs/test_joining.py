"""Outcomes become rewards: in any order (C3), once each, in their window, and never out of nothing (C4)."""

import itertools
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from sqlalchemy import event, insert

from api.jobs.joining import ASK_AGAIN, PATIENCE, join_rewards, value_again
from api.security import Keys
from api.storage.database import open_engine, reading, transaction
from api.storage.due import NewPage, admit, count_due, mark_due
from api.storage.pages import encode_page, find_page, page_id_at
from api.storage.rewards import rewarded_decisions, rewards_of
from api.storage.tables import pages
from bandit.decision import DecisionId, PageId, Reward
from bandit.rewards import QUALITY_PLAY, REWARDS, TAKE, WATCH_SHARE, RewardWindows
from tests.api.installation import Installation, an_outcome, decisions_of


def rewards(installation: Installation, page: str, definition: str = QUALITY_PLAY) -> list[Reward]:
    with reading(installation.engine) as connection:
        return [each for each in rewards_of(connection, PageId(page)) if each.definition == definition]


def due(installation: Installation) -> int:
    with reading(installation.engine) as connection:
        return count_due(connection)


def test_an_outcome_is_worth_what_was_watched(harbor: Installation) -> None:
    page = harbor.select("harbor", "harbor")
    seen, played = decisions_of(page)
    harbor.report(an_outcome(seen, "seen"), an_outcome(played, "watched", seconds=6000.0))
    assert harbor.join() == 1
    assert [(each.slot, each.value, each.definition) for each in rewards(harbor, page["page"])] == [
        (0, 0.0, QUALITY_PLAY),
        (1, 1.0, QUALITY_PLAY),
    ]
    shown = harbor.http.get(f"/v1/decisions/{played}").json()["rewards"]
    assert shown == [{"definition": key, "value": 1.0, "final": True} for key in sorted(REWARDS)]
    assert harbor.join() == 0


def test_every_definition_values_every_decision_that_was_seen(harbor: Installation) -> None:
    page = harbor.select("harbor", "harbor", "harbor")
    seen, started, _ = decisions_of(page)
    harbor.report(an_outcome(seen, "seen"), an_outcome(started, "abandoned", seconds=60.0))
    harbor.join()
    valued = {key: [(each.slot, each.value) for each in rewards(harbor, page["page"], key)] for key in REWARDS}
    assert valued == {
        QUALITY_PLAY: [(0, 0.0), (1, 0.0)],
        TAKE: [(0, 0.0), (1, 1.0)],
        WATCH_SHARE: [(0, 0.0), (1, 0.01)],
    }


def test_the_length_of_the_title_counts_where_the_outcome_does_not_say_it(harbor: Installation) -> None:
    page = harbor.select()
    harbor.report(an_outcome(decisions_of(page)[0], "watched", seconds=3000.0, of_seconds=None))
    harbor.join()
    assert rewards(harbor, page["page"])[0].value == pytest.approx(0.75)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_any_order_and_any_repeat_give_the_same_reward(harbor: Installation, order: tuple[int, ...]) -> None:
    page = harbor.select()
    decided = decisions_of(page)[0]
    reports = [
        an_outcome(decided, "seen"),
        an_outcome(decided, "played", seconds=700.0),
        an_outcome(decided, "watched", seconds=4500.0),
    ]
    for place in order:
        harbor.report(reports[place])
        harbor.join()
        harbor.report(reports[place])
        harbor.join()
    assert [each.value for each in rewards(harbor, page["page"])] == [0.875]


def test_a_slot_that_was_not_seen_has_no_reward_and_is_no_row(harbor: Installation) -> None:
    page = harbor.select("harbor", "harbor", "harbor")
    harbor.report(an_outcome(decisions_of(page)[1], "seen"))
    harbor.join()
    assert [each.slot for each in rewards(harbor, page["page"])] == [1]
    assert [row.slot for row in rewarded_decisions(harbor.engine, definition=QUALITY_PLAY)] == [1]


def without_its_page(harbor: Installation) -> tuple[str, dict[str, object]]:
    """Take a page out of the log as if its commit were still to come; return a decision of it, and its row."""
    page = harbor.select()
    with transaction(harbor.engine) as connection:
        row = dict(connection.execute(pages.select().where(pages.c.page == page["page"])).mappings().one())
        connection.execute(pages.delete())
    return decisions_of(page)[0], row


def test_an_outcome_before_its_decision_waits_for_it(harbor: Installation) -> None:
    decided, row = without_its_page(harbor)
    now = datetime.now(UTC)
    assert harbor.report(an_outcome(decided, "watched", seconds=6000.0))["accepted"] == 1
    assert harbor.join(now=now + timedelta(seconds=1)) == 1
    assert due(harbor) == 1
    assert harbor.join(now=now + timedelta(seconds=2)) == 0
    with transaction(harbor.engine) as connection:
        connection.execute(pages.insert(), row)
    assert harbor.join(now=now + timedelta(seconds=2) + ASK_AGAIN) == 1
    assert [each.value for each in rewards(harbor, str(row["page"]))] == [1.0]
    assert due(harbor) == 0


def test_an_outcome_whose_decision_never_came_is_let_go_after_a_day_and_kept(harbor: Installation) -> None:
    decided, _ = without_its_page(harbor)
    harbor.report(an_outcome(decided, "seen"))
    harbor.join(now=datetime.now(UTC) + PATIENCE + timedelta(seconds=1))
    assert due(harbor) == 0
    assert harbor.report(an_outcome(decided, "seen"))["accepted"] == 1


def test_an_outcome_after_the_window_is_kept_and_not_counted_and_another_window_counts_it(harbor: Installation) -> None:
    page = harbor.select()
    decided = decisions_of(page)[0]
    with reading(harbor.engine) as connection:
        shown_at = find_page(connection, PageId(page["page"])).at
    in_time = (shown_at + timedelta(minutes=5)).isoformat()
    late = (shown_at + timedelta(hours=2)).isoformat()
    harbor.report(
        an_outcome(decided, "played", seconds=700.0, at=in_time),
        an_outcome(decided, "watched", seconds=6000.0, at=late),
    )
    harbor.join(window=timedelta(hours=1), now=shown_at + timedelta(minutes=10))
    early = rewards(harbor, page["page"])[0]
    assert (early.value, early.final) == (pytest.approx(0.5 + 0.5 * 700 / 6000), False)
    assert harbor.join(window=timedelta(hours=1), now=shown_at + timedelta(minutes=11)) == 0
    assert harbor.join(window=timedelta(hours=1), now=shown_at + timedelta(hours=3)) == 1
    final = rewards(harbor, page["page"])[0]
    assert (final.value, final.final) == (early.value, True)
    assert due(harbor) == 0
    harbor.report(an_outcome(decided, "seen", at=late))
    harbor.join(window=timedelta(hours=4), now=shown_at + timedelta(hours=5))
    assert rewards(harbor, page["page"])[0].value == 1.0


def test_a_provisional_reward_rises_with_what_comes_in_time_even_when_it_is_reported_late(harbor: Installation) -> None:
    page, hour = harbor.select(), timedelta(hours=1)
    decided = decisions_of(page)[0]
    with reading(harbor.engine) as connection:
        shown_at = find_page(connection, PageId(page["page"])).at
    told: list[tuple[float, bool]] = []
    for minutes, seconds in ((1, 700.0), (30, 3000.0)):
        at = shown_at + timedelta(minutes=minutes)
        harbor.report(an_outcome(decided, "watched", seconds=seconds, at=at.isoformat()))
        harbor.join(window=hour, now=at)
        told += [(each.value, each.final) for each in rewards(harbor, page["page"])]
    assert told == [(pytest.approx(0.5 + 0.35 / 6), False), (0.75, False)]
    assert list(rewarded_decisions(harbor.engine, definition=QUALITY_PLAY)) == []
    open_ones = rewarded_decisions(harbor.engine, definition=QUALITY_PLAY, provisional=True)
    assert [row.reward for row in open_ones] == [0.75]
    harbor.join(window=hour, now=shown_at + 2 * hour)
    assert [(each.value, each.final) for each in rewards(harbor, page["page"])] == [(0.75, True)]
    in_time = (shown_at + timedelta(minutes=59)).isoformat()
    harbor.report(an_outcome(decided, "watched", seconds=6000.0, at=in_time))
    harbor.join(window=hour, now=shown_at + 3 * hour)
    assert [(each.value, each.final) for each in rewards(harbor, page["page"])] == [(1.0, True)]


def test_everything_can_be_valued_again_under_another_window(harbor: Installation) -> None:
    pages_shown = [harbor.select() for _ in range(3)]
    with reading(harbor.engine) as connection:
        shown_at = find_page(connection, PageId(pages_shown[-1]["page"])).at
    late = (shown_at + timedelta(hours=2)).isoformat()
    for page in pages_shown:
        harbor.report(an_outcome(decisions_of(page)[0], "seen"))
    harbor.report(an_outcome(decisions_of(pages_shown[0])[0], "watched", seconds=6000.0, at=late))
    now = shown_at + timedelta(days=1)
    harbor.join(window=timedelta(hours=1), now=now)
    assert [rewards(harbor, page["page"])[0].value for page in pages_shown] == [0.0, 0.0, 0.0]
    assert value_again(harbor.engine, now=now, since=PageId(pages_shown[1]["page"])) == 1
    assert value_again(harbor.engine, now=now) == 3
    assert harbor.join(window=timedelta(hours=4), now=now) == 3
    assert [rewards(harbor, page["page"])[0].value for page in pages_shown] == [1.0, 0.0, 0.0]
    assert due(harbor) == 0


def test_an_outcome_of_a_slot_that_the_page_does_not_have_harms_nothing(harbor: Installation) -> None:
    page = harbor.select()
    keys: Keys = harbor.keys
    beyond: DecisionId = keys.sign_decision(PageId(page["page"]), 7)
    harbor.report(an_outcome(beyond, "watched"), an_outcome(decisions_of(page)[0], "seen"))
    assert harbor.join() == 1
    assert [each.slot for each in rewards(harbor, page["page"])] == [0]


def test_the_write_lock_is_not_held_while_pages_and_outcomes_are_read(harbor: Installation) -> None:
    harbor.report(an_outcome(decisions_of(harbor.select())[0], "seen"))
    engine, said = open_engine(harbor.settings.database_url), list[str]()
    event.listen(engine, "before_cursor_execute", lambda *told: said.append(told[2]))
    assert join_rewards(engine, windows=RewardWindows(), now=datetime.now(UTC)) == 1
    engine.dispose()
    reads = [number for number, statement in enumerate(said) if " FROM pages" in statement.replace("\n", " ")]
    assert reads
    assert max(reads) < said.index("BEGIN IMMEDIATE")


def test_a_slower_worker_does_not_write_over_what_another_valued_meanwhile(harbor: Installation) -> None:
    page = harbor.select()
    decided = decisions_of(page)[0]
    harbor.report(an_outcome(decided, "seen"))
    slow = open_engine(harbor.settings.database_url)

    def overtake(_: object) -> None:
        harbor.report(an_outcome(decided, "watched", seconds=6000.0))
        harbor.join()
        harbor.report(an_outcome(decided, "seen"))  # due once more, as it was when the slow one read

    event.listen(slow, "commit", overtake, once=True)
    assert join_rewards(slow, windows=RewardWindows(), now=datetime.now(UTC)) == 1
    slow.dispose()
    assert [each.value for each in rewards(harbor, page["page"])] == [1.0]
    assert due(harbor) == 1


def test_pages_of_the_future_wait_like_others(harbor: Installation) -> None:
    page = page_id_at(datetime.now(UTC) + timedelta(hours=1))
    harbor.report(an_outcome(harbor.keys.sign_decision(page, 0), "seen"))
    assert harbor.join() == 1
    assert due(harbor) == 1


def test_c3_what_came_while_the_clock_was_years_ahead_counts_once_it_is_set_right(harbor: Installation) -> None:
    """A page of that time is looked at once a window, not for ever."""
    years, window = timedelta(days=3650), timedelta(hours=1)
    page = harbor.select()
    harbor.report(an_outcome(decisions_of(page)[0], "watched", seconds=6000.0))
    with transaction(harbor.engine) as connection:
        mark_due(connection, [PageId(page["page"])], now=datetime.now(UTC) + years)
        found = find_page(connection, PageId(page["page"]))
        later = page_id_at(found.at + years)
        row = {"page": later, "at": found.at + years, "viewer": found.viewer, "policy": found.policy, "slots": 1}
        body = encode_page(msgspec.structs.replace(found, page=later, at=found.at + years))
        connection.execute(insert(pages).values(**row, embedding_version=found.embedding_version, body=body))
        admit(connection, [NewPage(later, found.at + years, 1)])
    assert harbor.join(window=window) == 2
    assert [each.value for each in rewards(harbor, page["page"])] == [1.0]
    assert harbor.join(window=window) == 0
    assert harbor.join(window=window, now=datetime.now(UTC) + window) == 2
