"""The queue: every job is done, by one worker at a time, and one that cannot be done ends."""

import threading
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine

from api.storage.database import transaction
from api.storage.jobs import (
    FIRST_DELAY,
    MOST_ATTEMPTS,
    Job,
    JobState,
    claim,
    complete,
    count_jobs,
    count_unfinished,
    enqueue,
    fail,
    forget_done,
    give_up,
    keys_in_hand,
)

LEASE = timedelta(seconds=30)


def _claim(connection: Connection, now: datetime, owner: str = "worker") -> Job:
    job = claim(connection, owner=owner, now=now, lease=LEASE)
    assert job is not None
    return job


def test_a_job_is_claimed_with_its_payload_and_done_once(engine: Engine, now: datetime) -> None:
    with transaction(engine) as connection:
        assert enqueue(connection, "embed", key="a", now=now, payload={"image": "a"})
        job = _claim(connection, now)
        assert (job.kind, job.key, job.payload, job.attempt) == ("embed", "a", {"image": "a"}, 1)
        assert claim(connection, owner="other", now=now, lease=LEASE) is None
        assert complete(connection, job, now=now)
        assert not complete(connection, job, now=now)
        assert count_jobs(connection) == {("embed", JobState.DONE): 1}
        assert count_unfinished(connection) == 0


def test_what_a_clock_that_was_ahead_wrote_is_due_and_can_be_taken_over(engine: Engine, now: datetime) -> None:
    years = timedelta(days=3650)
    with transaction(engine) as connection:
        enqueue(connection, "embed", key="a", now=now + years)
        assert _claim(connection, now + years).attempt == 1
        assert _claim(connection, now).attempt == 2
        assert claim(connection, owner="other", now=now, lease=LEASE) is None
        enqueue(connection, "embed", key="b", now=now + years)
        assert _claim(connection, now).key == "b"


def test_the_oldest_due_job_comes_first_and_kinds_can_be_chosen(engine: Engine, now: datetime) -> None:
    with transaction(engine) as connection:
        enqueue(connection, "learn", key="later", now=now + timedelta(seconds=2))
        enqueue(connection, "embed", key="second", now=now + timedelta(seconds=1))
        enqueue(connection, "embed", key="first", now=now)
        later = now + timedelta(seconds=5)
        chosen = claim(connection, owner="worker", now=later, lease=LEASE, kinds=["learn"])
        assert chosen is not None
        assert [chosen.key, _claim(connection, later).key, _claim(connection, later).key] == [
            "later",
            "first",
            "second",
        ]


def test_a_key_waits_once_but_may_wait_while_it_runs(engine: Engine, now: datetime) -> None:
    with transaction(engine) as connection:
        assert enqueue(connection, "embed", key="a", now=now)
        assert not enqueue(connection, "embed", key="a", now=now)
        assert enqueue(connection, "learn", key="a", now=now)
        _claim(connection, now)
        assert enqueue(connection, "embed", key="a", now=now)
        assert count_unfinished(connection, "embed") == 2


def test_a_job_of_a_dead_worker_is_taken_over_when_its_lease_runs_out(engine: Engine, now: datetime) -> None:
    with transaction(engine) as connection:
        enqueue(connection, "embed", key="a", now=now)
        lost = _claim(connection, now, "dead")
        assert claim(connection, owner="heir", now=now + LEASE - timedelta(seconds=1), lease=LEASE) is None
        taken = _claim(connection, now + LEASE, "heir")
        assert (taken.job, taken.attempt) == (lost.job, 2)
        assert not complete(connection, lost, now=now + LEASE)
        assert fail(connection, lost, error="too late", now=now) is not JobState.DONE
        assert complete(connection, taken, now=now + LEASE)


def test_a_failed_job_waits_longer_each_time_and_then_ends(engine: Engine, now: datetime) -> None:
    with transaction(engine) as connection:
        enqueue(connection, "embed", key="a", now=now)
        for attempt in range(1, MOST_ATTEMPTS):
            assert fail(connection, _claim(connection, now), error="no model", now=now) is JobState.WAITING
            delay = FIRST_DELAY * 2 ** (attempt - 1)
            assert claim(connection, owner="worker", now=now + delay * 0.99, lease=LEASE) is None
            now += delay
        assert fail(connection, _claim(connection, now), error="no model", now=now) is JobState.FAILED
        assert count_jobs(connection) == {("embed", JobState.FAILED): 1}
        assert enqueue(connection, "embed", key="a", now=now), "a failed job does not stand in the way of a new one"


def test_a_job_that_no_try_helps_ends_at_once(engine: Engine, now: datetime) -> None:
    with transaction(engine) as connection:
        enqueue(connection, "embed", key="a", now=now)
        assert fail(connection, _claim(connection, now), error="broken", now=now, retry=False) is JobState.FAILED


def test_a_failed_job_makes_way_for_one_that_waits_for_the_same(engine: Engine, now: datetime) -> None:
    with transaction(engine) as connection:
        enqueue(connection, "embed", key="a", now=now)
        job = _claim(connection, now)
        enqueue(connection, "embed", key="a", now=now)
        assert fail(connection, job, error="no model", now=now) is JobState.FAILED
        assert _claim(connection, now).job != job.job


def test_a_job_that_kills_its_workers_is_given_up(engine: Engine, now: datetime) -> None:
    with transaction(engine) as connection:
        enqueue(connection, "embed", key="killer", now=now)
        for _ in range(MOST_ATTEMPTS):
            assert give_up(connection, "embed", now=now) == []
            _claim(connection, now)
            now += LEASE
        assert claim(connection, owner="worker", now=now, lease=LEASE) is None
        assert give_up(connection, "learn", now=now) == []
        assert give_up(connection, "embed", now=now) == ["killer"]
        assert count_jobs(connection) == {("embed", JobState.FAILED): 1}


def test_jobs_that_were_tried_can_be_left_out(engine: Engine, now: datetime) -> None:
    with transaction(engine) as connection:
        enqueue(connection, "embed", key="tried", now=now)
        fail(connection, _claim(connection, now), error="no model", now=now)
        enqueue(connection, "embed", key="fresh", now=now + timedelta(hours=1))
        later = now + timedelta(hours=2)
        chosen = claim(connection, owner="worker", now=later, lease=LEASE, untried=True)
        assert chosen is not None
        assert chosen.key == "fresh"
        assert claim(connection, owner="worker", now=later, lease=LEASE, untried=True) is None


def test_keys_in_hand_are_unfinished_or_failed_lately(engine: Engine, now: datetime) -> None:
    with transaction(engine) as connection:
        for key in ("done", "failed", "running", "waiting"):
            enqueue(connection, "embed", key=key, now=now)
        complete(connection, _claim(connection, now), now=now)
        fail(connection, _claim(connection, now), error="broken", now=now, retry=False)
        _claim(connection, now)
        assert keys_in_hand(connection, "embed", since=now) == {"failed", "running", "waiting"}
        assert keys_in_hand(connection, "embed", since=now + timedelta(seconds=1)) == {"running", "waiting"}
        assert keys_in_hand(connection, "learn", since=now) == set()


def test_done_jobs_are_forgotten_and_failed_ones_kept(engine: Engine, now: datetime) -> None:
    with transaction(engine) as connection:
        for key in ("done", "failed", "waiting"):
            enqueue(connection, "embed", key=key, now=now)
        complete(connection, _claim(connection, now), now=now)
        fail(connection, _claim(connection, now), error="broken", now=now, retry=False)
        assert forget_done(connection, before=now) == 0
        assert forget_done(connection, before=now + timedelta(seconds=1)) == 1
        assert count_jobs(connection) == {("embed", JobState.FAILED): 1, ("embed", JobState.WAITING): 1}


def test_racing_workers_do_each_job_once(engine: Engine, now: datetime) -> None:
    with transaction(engine) as connection:
        for number in range(40):
            enqueue(connection, "embed", key=str(number), now=now)
    done: list[str] = []

    def work(owner: str) -> None:
        while True:
            with transaction(engine) as connection:
                job = claim(connection, owner=owner, now=now, lease=LEASE)
            if job is None:
                return
            with transaction(engine) as connection:
                assert complete(connection, job, now=now)
            done.append(job.key)

    workers = [threading.Thread(target=work, args=(f"worker-{number}",)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(done, key=int) == [str(number) for number in range(40)]


@pytest.mark.parametrize("payload", [None, {}, {"nested": {"list": [1, 2.5, None, "ä"]}}])
def test_payloads_come_back(engine: Engine, now: datetime, payload: dict[str, object] | None) -> None:
    with transaction(engine) as connection:
        enqueue(connection, "embed", key="a", now=now, payload=payload)
        assert _claim(connection, now).payload == (payload or {})
