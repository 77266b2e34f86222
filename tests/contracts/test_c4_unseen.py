"""C4: not seen is not zero. Without exposure a decision has no reward and is no row; once seen it has the default."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet
import pytest

from api.jobs.exporting import export_log
from api.storage.rewards import rewarded_decisions
from bandit.rewards import REWARDS
from bandit.valuing import SlotState
from tests.contracts.joined import WINDOW, JoinedLog, a_page, an_outcome, joined_log


@pytest.fixture
def log(prepared_home: Path) -> Iterator[JoinedLog]:
    with joined_log(prepared_home) as lent:
        yield lent


@pytest.mark.parametrize("definition", REWARDS)
def test_c4_only_what_was_seen_is_a_row_and_not_played_is_zero(log: JoinedLog, tmp_path: Path, definition: str) -> None:
    log.log(a_page(0), a_page(1))
    log.tell(an_outcome(0, 1, "seen"), an_outcome(0, 2, "played", seconds=6000.0))
    log.join(after=2 * WINDOW)
    assert log.values(0, definition) == {1: 0.0, 2: 1.0}
    rows = [(row.page.page, row.slot, row.reward) for row in rewarded_decisions(log.engine, definition=definition)]
    assert rows == [(a_page(0).page, 1, 0.0), (a_page(0).page, 2, 1.0)]
    export_log(log.engine, tmp_path / "log", reward=definition)
    assert pyarrow.parquet.read_table(tmp_path / "log")["reward"].to_pylist() == [0.0, 1.0]


def test_c4_a_page_that_nothing_came_for_is_settled_unseen_when_its_window_ends(log: JoinedLog) -> None:
    log.log(a_page(0))
    log.join(after=timedelta(minutes=5))
    assert [known and (known.final, [*known.body.states]) for known in log.rewards(0)] == [(False, [0, 0, 0])]
    assert log.conservation().open == 3
    log.join(after=WINDOW)
    [known] = log.rewards(0)
    assert known is not None
    assert known.final
    assert {*known.body.states} == {SlotState.UNSEEN}
    assert (log.conservation().open, log.conservation().unseen) == (0, 3)


def test_c4_what_happened_after_the_window_shows_nothing_in_it(log: JoinedLog) -> None:
    log.log(a_page(0))
    log.tell(an_outcome(0, 0, "late", minutes=61, seconds=6000.0))
    log.join(after=2 * WINDOW)
    assert log.values(0, "take/1") == {}
    assert (log.conservation().unseen, log.conservation().late) == (3, 1)
