"""What is wrong with an installation is found by looking, since a worker that died raises no alarm."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api.dependencies.troubles import KINDS, LATE_AFTER, SILENT_AFTER, Look, last_sign, troubles_of
from api.storage.leases import JobStanding, RunState
from api.storage.tallies import Conservation

NOW = datetime(2026, 1, 2, 20, 0, tzinfo=UTC)
FIELDS = ("issued", "open", "rewarded", "defaulted", "unseen", "unlogged")
OUTCOMES = ("received", "matched", "waiting", "duplicate", "late", "rejected")
NOTHING = Conservation(**dict.fromkeys((*FIELDS, *OUTCOMES), 0))
HELD = JobStanding(job="join", owner="there/1", started_at=NOW, runs=1)


def look(*jobs: JobStanding, **more: Any) -> Look:
    return Look(jobs=jobs, **{"due_since": None, "uploads_since": None, "counts": NOTHING, **more})


def kinds(seen: Look, *, dead: bool = False) -> list[str]:
    return [each.kind for each in troubles_of(seen, now=NOW, died=lambda owner: dead)]


def ago(span: timedelta) -> datetime:
    return NOW - span


def ended(at: datetime, *, owner: str | None = None, **more: Any) -> JobStanding:
    return JobStanding(job="watch", owner=owner, ended_at=at, state=RunState.DONE, **more)


def test_a_new_installation_has_no_trouble_until_something_waits() -> None:
    assert kinds(look()) == []
    assert kinds(look(JobStanding(job="join"), uploads_since=NOW)) == ["no_worker"]
    assert kinds(look(due_since=NOW)) == ["no_worker"]


def test_a_worker_that_was_heard_of_lives() -> None:
    assert kinds(look(HELD, ended(ago(SILENT_AFTER), owner="there/1"))) == []


def test_a_worker_that_holds_on_and_says_nothing_is_no_worker() -> None:
    silent = ended(ago(SILENT_AFTER + timedelta(seconds=1)), owner="there/1")
    assert kinds(look(silent)) == ["no_worker"]
    found = troubles_of(look(silent), now=NOW, died=lambda owner: False)[0]
    assert "19:56 UTC" in found.message
    assert "keyart worker" in found.remedy


def test_a_worker_that_died_on_this_machine_is_known_at_once() -> None:
    held = [JobStanding(job=job, owner=f"there/boot/space/17/2/{job}", started_at=NOW) for job in ("join", "watch")]
    found = troubles_of(look(*held), now=NOW, died=lambda owner: True)
    assert [each.message for each in found] == ["The worker there (17) died, and no other one has taken over."]
    alive = JobStanding(job="watch", owner="there/2", started_at=NOW)
    assert [each.kind for each in troubles_of(look(HELD, alive), now=NOW, died="there/1".__eq__)] == []


def test_a_worker_that_cron_runs_now_and_then_is_given_more_time() -> None:
    assert kinds(look(ended(ago(LATE_AFTER)))) == []
    assert kinds(look(ended(ago(LATE_AFTER + timedelta(seconds=1))))) == ["no_worker"]


def test_what_a_wrong_clock_wrote_is_no_sign() -> None:
    ahead = ended(NOW + timedelta(days=365), owner="there/1")
    assert last_sign([ahead], now=NOW) is None
    assert last_sign([ahead, ended(ago(timedelta(hours=1)))], now=NOW) == ago(timedelta(hours=1))


def test_a_job_that_fails_is_told_with_its_reason() -> None:
    failing = JobStanding(
        job="export", ended_at=NOW, state=RunState.FAILED, result="no space", failures_in_a_row=3, next_at=NOW
    )
    found = troubles_of(look(failing), now=NOW)
    assert [(each.kind, each.subject) for each in found] == [("job_fails", "export")]
    assert "3 times in a row: no space" in found[0].message
    assert "20:00 UTC" in found[0].remedy


@pytest.mark.parametrize(("field", "kind"), [("due_since", "join_is_late"), ("uploads_since", "uploads_wait")])
def test_what_waits_for_long_is_told(field: str, kind: str) -> None:
    assert kinds(look(HELD, **{field: ago(LATE_AFTER)})) == []
    assert kinds(look(HELD, **{field: ago(LATE_AFTER + timedelta(seconds=1))})) == [kind]


def test_c5_counts_that_differ_come_first() -> None:
    lost = Conservation(**{**dict.fromkeys((*FIELDS, *OUTCOMES), 0), "issued": 3, "open": 1, "received": 1})
    found = troubles_of(look(HELD, counts=lost), now=NOW, died=lambda owner: True)
    assert [each.kind for each in found] == ["counts_differ", "no_worker"]
    assert "2 decisions and 1 outcomes" in found[0].message
    assert {each.kind for each in found} <= set(KINDS)
