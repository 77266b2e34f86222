"""Long jobs: one worker does each, a killed one is taken over, what breaks is tried again, and short work goes on."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from api.dependencies.identity import has_died, new_name, spoken
from api.jobs.long_work import LongWork
from api.jobs.schedule import LONGEST_RETRY, is_due
from api.jobs.worker import Worker
from api.settings import Settings
from api.storage.database import reading, transaction
from api.storage.leases import JobStanding, RunState, plan, standings, take
from api.storage.pages import PageId
from api.storage.rewards import rewards_of
from tests.api.installation import Installation, an_outcome, decisions_of, settings_in
from tests.api.jobs.long_jobs import HOURLY, breaks, dies, job, long, quick, working
from tests.api.written import make_due


def told(home: Path) -> list[str]:
    path = home / "told"
    return path.read_text().split() if path.exists() else []


def stands(engine: Engine, name: str = "job") -> JobStanding:
    with reading(engine) as connection:
        return standings(connection)[name]


def until(condition: Callable[[], object], *, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)


def run_to_end(work: LongWork) -> JobStanding:
    assert work.step()
    until(work.step)
    return stands(work.engine)


def test_a_job_runs_in_another_process_and_leaves_its_result(home: Path) -> None:
    with working(home, job(quick)) as work:
        found = run_to_end(work)
        assert (found.state, found.result, found.memory, found.owner) == (RunState.DONE, "done", {"runs": 1}, None)
        assert found.next_at is not None
        assert abs(found.next_at - datetime.now(UTC) - HOURLY) < timedelta(minutes=1)
        assert not work.step()
        with transaction(work.engine) as connection:
            make_due(connection, "job")
        assert work.step_here()
        assert stands(work.engine).memory == {"runs": 2}


def test_two_workers_racing_do_each_job_once(home: Path) -> None:
    jobs = [job(quick, name) for name in ("one", "two", "three")]
    ready = threading.Barrier(4)

    def race() -> None:
        with working(home, *jobs) as work:
            ready.wait()
            while work.step_here():
                pass

    racers = [threading.Thread(target=race) for _ in range(4)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert told(home) == ["quick"] * 3


def test_what_breaks_is_tried_again_soon_and_ever_later(home: Path) -> None:
    with working(home, job(breaks)) as work:
        waits: list[timedelta] = []
        for _ in range(3):
            with transaction(work.engine) as connection:
                make_due(connection, "job")
            assert work.step_here()
            found = stands(work.engine)
            assert (found.state, found.result) == (RunState.FAILED, "ZeroDivisionError: no luck")
            assert found.next_at is not None
            waits.append(found.next_at - datetime.now(UTC))
        assert found.failures_in_a_row == 3
    assert [round(each.total_seconds(), -1) for each in waits] == [30, 60, 120]


@pytest.mark.slow
def test_a_process_that_dies_is_a_failure_and_the_worker_lives_on(home: Path) -> None:
    with working(home, job(dies)) as work:
        found = run_to_end(work)
        assert found.state is RunState.FAILED
        assert "ended with code -9" in (found.result or "")


def test_what_has_nothing_to_do_says_why_and_starts_no_process(home: Path) -> None:
    with working(home, job(dies, idle=lambda turn: "too few decisions")) as work:
        assert not work.step()
        found = stands(work.engine)
        assert (found.state, found.result) == (RunState.DONE, "too few decisions")


_TO_BE_KILLED = """
import sys, time
from pathlib import Path
from tests.api.jobs.long_jobs import job, long, working
with working(Path(sys.argv[1]), job(long)) as work:
    while True:
        work.step()
        time.sleep(0.02)
"""


def test_a_worker_that_is_killed_is_taken_over_and_its_process_ends(home: Path) -> None:
    worker = subprocess.Popen([sys.executable, "-c", _TO_BE_KILLED, str(home)], cwd=Path(__file__).parents[3])
    until(lambda: told(home))
    abandoned = int(told(home)[0].removeprefix("begun-"))
    worker.kill()
    worker.wait()
    until(lambda: not Path(f"/proc/{abandoned}").exists())
    with working(home, job(long)) as heir:
        assert heir.step()  # its name tells that it died: nobody waits for the lease
        (home / "enough").touch()
        until(heir.step)
        assert stands(heir.engine).state is RunState.DONE
    assert [word.partition("-")[0] for word in told(home)] == ["begun", "begun", "ended"]


def test_a_worker_elsewhere_is_taken_over_when_its_beat_stands_still(home: Path) -> None:
    with working(home, job(quick), lease_seconds=0.6) as work:
        with transaction(work.engine) as connection:
            assert take(connection, standings(connection)["job"], owner="elsewhere", now=datetime.now(UTC))
        began = time.monotonic()
        assert not work.step_here()
        until(work.step_here)
        assert time.monotonic() - began > 0.5
    assert told(home) == ["quick"]


@pytest.mark.slow
def test_a_long_job_keeps_its_lease_and_one_that_lost_it_is_ended(home: Path) -> None:
    with working(home, job(long), lease_seconds=0.6) as work, working(home, job(long), lease_seconds=0.6) as other:
        assert work.step()
        until(lambda: told(home))
        end = time.monotonic() + 1.2
        while time.monotonic() < end:
            assert not other.step()
            time.sleep(0.05)
        with transaction(work.engine) as connection:
            assert take(connection, standings(connection)["job"], owner="thief", now=datetime.now(UTC))
        until(work.step)
        assert not Path(f"/proc/{told(home)[0].removeprefix('begun-')}").exists()
        assert stands(work.engine).owner == "thief"


def test_while_a_long_job_runs_outcomes_are_joined(harbor: Installation) -> None:
    worker = Worker(_without_model(harbor), jobs=[job(long)])
    try:
        worker.step()
        until(lambda: worker.step() or told(harbor.home))
        page = harbor.select()
        harbor.report(an_outcome(decisions_of(page)[0], "seen"))
        worker.step()
        with reading(harbor.engine) as connection:
            assert rewards_of(connection, PageId(page["page"]))
        assert told(harbor.home)[-1].startswith("begun")
    finally:
        worker.close()
    assert stands(harbor.engine).owner is None


def _without_model(installation: Installation) -> Settings:
    nowhere = str(installation.home / "nowhere.safetensors")
    return settings_in(installation.home, clip_model="ViT-B-32", clip_pretrained=nowhere)


def test_what_others_hold_is_theirs_until_they_let_go(harbor: Installation) -> None:
    settings = _without_model(harbor)
    first, second = Worker(settings, jobs=[]), Worker(settings, jobs=[], once=True)
    try:
        first.step()
        harbor.report(an_outcome(decisions_of(harbor.select())[0], "seen"))
        assert second.step()  # something waits, which the first will join
        first.step()
        assert not second.step()
    finally:
        first.close()
        second.close()
    assert stands(harbor.engine, "join").owner is None


def test_a_job_is_due_when_its_time_came_or_the_clock_was_set_back() -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)

    def due(next_at: datetime | None) -> bool:
        return is_due(JobStanding(job="job", next_at=next_at), every=timedelta(minutes=1), now=now)

    assert due(None)
    assert due(now - timedelta(seconds=1))
    assert not due(now + timedelta(seconds=30))
    assert due(now + LONGEST_RETRY + timedelta(days=1))


def test_names_tell_who_died() -> None:
    name = new_name()
    assert name != new_name()
    assert not has_died(name)
    assert str(os.getpid()) in spoken(name)
    parts = name.split("/")
    assert has_died("/".join([*parts[:-2], "1", parts[-1]]))  # another process had this number
    assert not has_died("/".join(["elsewhere", *parts[1:]]))
    assert not has_died("worker-1")


@pytest.mark.slow
def test_planning_is_harmless_while_a_job_is_held(home: Path) -> None:
    with working(home, job(quick)) as work, working(home, job(quick), job(quick, "more")):
        assert work.step_here()
        with transaction(work.engine) as connection:
            plan(connection, ["job"])
        assert stands(work.engine).runs == 1
