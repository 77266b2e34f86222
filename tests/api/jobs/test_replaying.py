"""The log can be learned from under another window, late outcomes and all, while the stored rewards stay."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from api.errors import Conflict
from api.jobs.learning import LearnOrder, learn_version
from api.jobs.replaying import replayed_decisions
from api.storage.rewards import valued_decisions
from bandit.errors import EmptyLog, IncompatibleModel
from bandit.rewards import QUALITY_PLAY, RewardWindows
from tests.api.cli.command import Command
from tests.api.installation import Installation, settings_in
from tests.api.learned import Learned
from tests.contracts.joined import WINDOW, JoinedLog, a_page, an_outcome, joined_log


@pytest.fixture
def log(prepared_home: Path) -> Iterator[JoinedLog]:
    """Two pages, of which one was watched after the window, joined."""
    with joined_log(prepared_home) as lent:
        lent.log(a_page(0), a_page(1), a_page(2))
        lent.tell(an_outcome(0, 0, "seen"), an_outcome(0, 0, "late", minutes=90, seconds=6000.0))
        lent.tell(an_outcome(1, 2, "in time", seconds=900.0))
        lent.join(after=3 * WINDOW)
        yield lent


def values(log: JoinedLog, window: timedelta) -> list[tuple[str, int, float]]:
    replayed = replayed_decisions(log.engine, windows=RewardWindows(window), now=log.now)
    return [(each.page.page, each.slot, each.values[QUALITY_PLAY]) for each in replayed]


def test_under_the_same_window_a_replay_is_what_is_stored(log: JoinedLog) -> None:
    stored = list(valued_decisions(log.engine, definition=QUALITY_PLAY))
    replayed = list(replayed_decisions(log.engine, windows=log.windows, now=log.now))
    assert [(each.page, each.slot, dict(each.values)) for each in replayed] == [
        (each.page, each.slot, dict(each.values)) for each in stored
    ]


def test_under_a_longer_window_late_outcomes_count_and_nothing_stored_changes(log: JoinedLog) -> None:
    before = (log.rewards(0, 1, 2), log.conservation())
    assert values(log, 2 * WINDOW)[0] == (a_page(0).page, 0, 1.0)
    assert values(log, timedelta(0)) == values(log, 2 * WINDOW)
    assert values(log, 4 * WINDOW) == [], "these windows are open"
    assert (log.rewards(0, 1, 2), log.conservation()) == before


def test_c9_a_version_replayed_under_the_window_of_the_stored_rewards_is_the_same(
    ready: Installation, learned: Learned
) -> None:
    waiting = settings_in(ready.home, reward_window_seconds=172_800)
    with pytest.raises(EmptyLog):
        learn_version(ready.engine, ready.blobs, settings=waiting)
    order = LearnOrder(window=timedelta(0))
    replayed = learn_version(ready.engine, ready.blobs, settings=waiting, order=order).manifest
    assert (replayed.digest, replayed.window_seconds) == (learned.manifest.digest, 0)


def test_a_replayed_version_is_never_gone_on_from(ready: Installation) -> None:
    order = LearnOrder(window=timedelta(0), reward="take/1")
    replayed = learn_version(ready.engine, ready.blobs, settings=ready.settings, order=order).manifest
    for changed, error in ((LearnOrder(window=timedelta(0), onward=True), Conflict), (None, IncompatibleModel)):
        again = changed or LearnOrder(onward=True, start=replayed.version, reward="take/1")
        with pytest.raises(error, match="window"):
            learn_version(ready.engine, ready.blobs, settings=ready.settings, order=again)


def test_the_command_takes_a_window(learned_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keyart = Command(capsys)
    told = keyart("learn", "--window", 0, "--reward", "take/1", "--home", learned_home, "--json").json()
    assert told["window_seconds"] == 0
    assert "window" in keyart("learn", "--window", 5, "--onward", "--home", learned_home).refusal()
