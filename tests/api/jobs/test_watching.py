"""The watch takes a misbehaving version off, once, says why, and leaves a healthy one alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import chain, count, islice, repeat
from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine

from api.dependencies.promotion import Order, promote
from api.errors import StorageUnavailable
from api.jobs.most_played import count_most_played
from api.jobs.scene import WATCH_ACTOR
from api.jobs.trusted import Measure
from api.jobs.watching import CALIBRATION, ENTROPY, FALLBACK, QUIET_FOR, SHORTFALL, Watcher
from api.storage.alarms import open_alarms
from api.storage.database import reading, transaction
from api.storage.evaluations import StoredEvaluation, add_evaluation, latest_evaluation
from api.storage.evidence import put_evidence, read_evidence
from api.storage.pages import decided_at, page_id_at
from api.storage.policies import list_deployments, standing
from api.storage.stages import Stage
from bandit.decision import CellLabel, Page, PolicyVersionId
from bandit.policies.uniform import UNIFORM
from bandit.sampling import draw_uniform
from foundation.events import ViewerId
from tests.api.installation import Installation, settings_in
from tests.api.jobs.simulated import log_pages, placed, report_outcomes
from tests.api.learned import Learned
from tests.bandit.watch.recent_log import START, RecentLog

A_LOOK = timedelta(minutes=1)


def draws_the_best(stated: Sequence[float], number: float) -> int:
    """Whatever is logged, the likeliest artwork is shown."""
    return max(range(len(stated)), key=stated.__getitem__)


BROKEN = RecentLog(drawing=draws_the_best)


@dataclass
class Watched:
    """An installation whose recent log a test writes, look by look."""

    installation: Installation
    version: PolicyVersionId
    watcher: Watcher
    now: datetime
    minutes: int = 0

    @property
    def engine(self) -> Engine:
        return self.installation.engine

    def put_on_stage(self, version: str | None = None, *, stage: Stage = Stage.LIVE) -> None:
        order = Order(actor="ops", reason="a test", at=self.now, stage=stage, force=True)
        order = replace(order, share=0.5 if stage is Stage.CANARY else None)
        promote(self.engine, self.installation.blobs, version=PolicyVersionId(version or self.version), order=order)

    def look(
        self, log: RecentLog | None, *, by: str | None = None, times: int = 1, cell: CellLabel | None = None
    ) -> list[str]:
        """Let a minute pass, decided by a version (else the learned one) in a cell, and look; so many times."""
        said: list[str] = []
        for _ in range(times):
            pages = [] if log is None else log.pages(60, first=60 * self.minutes)
            shift = self.now - START - timedelta(minutes=self.minutes)
            decided = placed(pages, policy=PolicyVersionId(by or self.version), shift=shift)
            own = [msgspec.structs.replace(page, cell=cell) for page in decided]
            if own:
                log_pages(self.engine, own)
            self.now += A_LOOK
            self.minutes += 1
            said.append(self.watcher.look(self.now + timedelta(seconds=6)))
        return said

    def live(self) -> str:
        with reading(self.engine) as connection:
            return standing(connection).live

    def canary(self) -> str | None:
        with reading(self.engine) as connection:
            now = standing(connection)
        return now.canary.version if now.canary else None

    def alarms(self) -> list[tuple[str, str]]:
        with reading(self.engine) as connection:
            return [(each.kind, each.subject) for each in open_alarms(connection)]

    def taken_back(self) -> list[str | None]:
        with reading(self.engine) as connection:
            return [each.rolled_back for each in list_deployments(connection) if each.actor == WATCH_ACTOR]


@pytest.fixture
def watched(ready: Installation, learned: Learned) -> Watched:
    return _watched(ready, learned)


def _watched(ready: Installation, learned: Learned, **settings: Any) -> Watched:
    watcher = Watcher(settings_in(ready.home, **settings), ready.engine, ready.blobs)
    began = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=3)
    return Watched(ready, learned.manifest.version, watcher, began)


def test_what_falls_back_in_a_cell_of_an_experiment_is_not_charged_to_what_is_live(watched: Watched) -> None:
    watched.put_on_stage()
    failing = RecentLog(falling=0.5)
    watched.look(failing, times=10, cell=CellLabel("warm/b"))
    assert (watched.live(), watched.alarms()) == (watched.version, [])
    watched.look(failing, times=10)
    assert FALLBACK in dict(watched.alarms())


def test_a_healthy_version_is_left_alone_in_many_looks(watched: Watched) -> None:
    watched.put_on_stage()
    said = watched.look(RecentLog(falling=0.01), times=10)
    assert all("nothing speaks against" in each for each in said)
    assert (watched.live(), watched.alarms()) == (watched.version, [])


def test_a_look_that_failed_is_made_up_for_by_the_next(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> list[Page]:
        raise StorageUnavailable("The database cannot be reached.", "Try again.")

    watched.put_on_stage()
    with monkeypatch.context() as patched:
        patched.setattr("api.jobs.watching.newest_pages", away)
        with pytest.raises(StorageUnavailable):
            watched.look(RecentLog())
    [said] = watched.look(None)
    assert said.startswith("60 new pages")


@pytest.mark.parametrize(
    ("kind", "log"), [(CALIBRATION, BROKEN), (FALLBACK, RecentLog(falling=0.6)), (ENTROPY, RecentLog(sharpness=60))]
)
def test_a_misbehaving_version_is_rolled_back_with_the_reason(watched: Watched, kind: str, log: RecentLog) -> None:
    _foretell(watched, entropy=0.9)
    watched.put_on_stage()
    said = watched.look(log, times=15)
    assert watched.live() == UNIFORM
    assert (kind, watched.version) in watched.alarms()
    assert watched.taken_back() == [watched.version]
    with reading(watched.engine) as connection:
        latest = list_deployments(connection)[0]
    assert latest.actor == WATCH_ACTOR
    assert latest.reason.startswith(f"{kind}: ")
    assert any("rolled back" in each for each in said)


def test_a_reward_below_the_forecast_is_rolled_back(watched: Watched) -> None:
    _foretell(watched, low=0.55, high=0.65)
    watched.put_on_stage()
    log = RecentLog(viewers=200)
    began = watched.now
    pages = [*placed(log.pages(300), policy=watched.version, shift=began - START)]
    log_pages(watched.engine, pages)
    report_outcomes(watched.engine, pages, played=_plays(0.3), now=began + timedelta(minutes=30))
    watched.watcher.look(began + timedelta(minutes=50))
    assert watched.live() == watched.version  # plays of the last hour may still come
    watched.watcher.look(began + timedelta(hours=2))
    assert watched.live() == UNIFORM
    assert watched.alarms() == [(SHORTFALL, watched.version)]


def test_a_reward_that_is_as_foretold_is_no_alarm(watched: Watched) -> None:
    _foretell(watched, low=0.28, high=0.32)
    watched.put_on_stage()
    pages = [*placed(RecentLog(viewers=200).pages(300), policy=watched.version, shift=watched.now - START)]
    log_pages(watched.engine, pages)
    report_outcomes(watched.engine, pages, played=_plays(0.3), now=watched.now + timedelta(minutes=30))
    watched.watcher.look(watched.now + timedelta(hours=2))
    assert (watched.live(), watched.alarms()) == (watched.version, [])


def test_whose_rows_do_not_count_cannot_talk_a_version_off_the_stage(watched: Watched) -> None:
    """A script that sees everything and plays nothing would pull the mean reward below the forecast."""
    _foretell(watched, low=0.28, high=0.32)
    watched.put_on_stage()
    pages = [*placed(RecentLog(viewers=200).pages(300), policy=watched.version, shift=watched.now - START)]
    script = ViewerId("f" * 32)
    honest, lying = pages[:100], [msgspec.structs.replace(page, viewer=script) for page in pages[100:]]
    log_pages(watched.engine, [*honest, *lying])
    played = chain(islice(_plays(0.3), sum(len(page.slots) for page in honest)), repeat(False))
    report_outcomes(watched.engine, [*honest, *lying], played=played, now=watched.now + timedelta(minutes=30))
    watched.watcher.look(watched.now + timedelta(hours=2))
    assert (watched.live(), watched.alarms()) == (watched.version, [])


@pytest.mark.slow
def test_what_somebody_puts_on_stage_again_is_theirs(watched: Watched) -> None:
    watched.put_on_stage()
    watched.look(BROKEN, times=10)
    assert watched.live() == UNIFORM
    watched.put_on_stage()
    said = watched.look(BROKEN, times=10)
    assert watched.live() == watched.version
    assert watched.taken_back() == [watched.version]
    assert any("theirs to take off" in each for each in said)


def test_told_to_alarm_only_it_takes_nothing_back(ready: Installation, learned: Learned) -> None:
    watched = _watched(ready, learned, watch="alarm")
    watched.put_on_stage()
    said = watched.look(BROKEN, times=10)
    assert watched.live() == watched.version
    assert watched.alarms() == [(CALIBRATION, watched.version)]
    assert any("KEYART_WATCH=alarm" in each for each in said)


def test_a_canary_is_ended_and_the_live_version_stays(watched: Watched) -> None:
    watched.put_on_stage(stage=Stage.CANARY)
    watched.look(BROKEN, times=10)
    assert (watched.live(), watched.canary()) == (UNIFORM, None)
    assert watched.taken_back() == [watched.version]


@pytest.mark.slow
def test_a_live_version_is_taken_off_and_the_canary_stays(watched: Watched) -> None:
    watched.put_on_stage()
    watched.put_on_stage("default", stage=Stage.CANARY)
    watched.look(BROKEN, times=10)
    assert (watched.live(), watched.canary()) == (UNIFORM, "default")


def test_after_one_roll_back_another_version_is_left_for_a_day(watched: Watched) -> None:
    """Two versions in a day: then it is not the version, and taking one after the other off helps nobody."""
    other = count_most_played(watched.engine, watched.installation.blobs, measure=Measure(), now=datetime.now(UTC))
    watched.put_on_stage(other)
    watched.put_on_stage()
    watched.look(BROKEN, times=10)
    assert watched.live() == other
    said = watched.look(BROKEN, by=other, times=10)
    assert watched.live() == other
    assert any("not be the version's fault" in each for each in said)


@pytest.mark.slow
def test_a_built_in_policy_is_an_alarm_only(watched: Watched) -> None:
    said = watched.look(BROKEN, by=UNIFORM, times=10)
    assert watched.live() == UNIFORM
    assert any("built in" in each for each in said)


@pytest.mark.slow
def test_an_alarm_that_is_not_raised_again_is_over_after_a_day(watched: Watched) -> None:
    watched.put_on_stage()
    watched.look(BROKEN, times=10)
    assert watched.alarms() == [(CALIBRATION, watched.version)]
    watched.watcher.look(watched.now + QUIET_FOR + timedelta(minutes=1))
    assert watched.alarms() == []


@pytest.mark.slow
def test_a_watcher_that_takes_over_begins_with_the_last_hour(watched: Watched) -> None:
    watched.put_on_stage()
    pages = [*placed(BROKEN.pages(600), policy=watched.version, shift=watched.now - START)]
    log_pages(watched.engine, pages)
    heir = Watcher(watched.watcher.settings, watched.engine, watched.installation.blobs)
    assert "rolled back" in heir.look(watched.now + timedelta(minutes=11))


def test_what_was_seen_survives_the_worker_and_not_the_stage(watched: Watched) -> None:
    """The heir begins two hours later, so the last hour tells it nothing."""
    watched.put_on_stage()
    watched.look(RecentLog(falling=0.3), times=1)
    watched.watcher.keep(watched.now)
    seen = _kept(watched)
    assert seen is not None
    watched.now += timedelta(hours=2)
    watched.watcher = Watcher(watched.watcher.settings, watched.engine, watched.installation.blobs)
    assert "0 new pages" in watched.look(None)[0]
    assert _kept(watched) == seen
    watched.put_on_stage("default")
    watched.watcher.keep(watched.now)
    watched.look(None)
    watched.watcher.keep(watched.now)
    assert _kept(watched) is None


@pytest.mark.parametrize("restarted", [False, True])
def test_a_clock_that_was_ahead_blinds_the_watch_no_longer_than_it_is(watched: Watched, *, restarted: bool) -> None:
    watched.put_on_stage()
    ahead = watched.now + timedelta(days=365)
    watched.watcher.look(ahead)
    watched.watcher.keep(ahead)
    if restarted:
        watched.watcher = Watcher(watched.watcher.settings, watched.engine, watched.installation.blobs)
    watched.look(BROKEN, times=10)
    assert watched.live() == UNIFORM
    watched.watcher.keep(watched.now)
    with reading(watched.engine) as connection:
        kept = read_evidence(connection, UNIFORM)
    assert kept is not None
    assert decided_at(kept.until) <= watched.now + A_LOOK


def test_evidence_that_another_keyart_kept_is_gathered_anew(watched: Watched) -> None:
    watched.put_on_stage()
    watched.look(RecentLog())
    watched.watcher.keep(watched.now)
    with transaction(watched.engine) as connection:
        kept = read_evidence(connection, watched.version)
        assert kept is not None
        put_evidence(connection, replace(kept, until=page_id_at(decided_at(kept.until) + A_LOOK), seen=b"other"))
    watched.watcher = Watcher(watched.watcher.settings, watched.engine, watched.installation.blobs)
    assert "nothing speaks against" in watched.look(RecentLog())[0]


def _kept(watched: Watched) -> bytes | None:
    with reading(watched.engine) as connection:
        found = read_evidence(connection, watched.version)
    return None if found is None else found.seen


def _plays(rate: float) -> Iterator[bool]:
    return (draw_uniform("play", str(number), "", 0) < rate for number in count())


def _foretell(watched: Watched, **changes: Any) -> None:
    """Let the newest evaluation of the version say something else."""
    with transaction(watched.engine) as connection:
        known = latest_evaluation(connection, watched.version)
        assert known is not None
        add_evaluation(connection, StoredEvaluation(known.at, replace(known.result, **changes)))
