"""Jobs of the schedule: one holder at a time, whatever clocks do; taken over from a holder that died."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine

from api.storage.database import reading, transaction
from api.storage.leases import (
    Ended,
    JobStanding,
    Lease,
    RunState,
    Vigil,
    beat,
    bring_forward,
    end,
    holds,
    plan,
    remember,
    standings,
    take,
)


@dataclass
class Clock:
    """A monotonic clock that a test moves."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def planned(engine: Engine) -> Engine:
    with transaction(engine) as connection:
        plan(connection, ["learn", "join"])
    return engine


def seen(engine: Engine, job: str = "learn") -> JobStanding:
    with reading(engine) as connection:
        return standings(connection)[job]


def taken(engine: Engine, owner: str, now: datetime) -> Lease:
    with transaction(engine) as connection:
        lease = take(connection, seen(engine), owner=owner, now=now)
    assert lease is not None
    return lease


def done(now: datetime, **changes: object) -> Ended:
    ended = Ended(state=RunState.DONE, result="all well", at=now, next_at=now + timedelta(hours=1))
    return replace(ended, **changes)  # type: ignore[arg-type]


def test_what_is_remembered_in_the_middle_of_a_run_is_the_holders_alone(planned: Engine, now: datetime) -> None:
    lost = taken(planned, "first", now)
    heir = taken(planned, "second", now)
    with transaction(planned) as connection:
        assert not remember(connection, lost, {"version": "lost"})
        assert remember(connection, heir, {"version": "kept"})
    assert (seen(planned).memory, seen(planned).owner) == ({"version": "kept"}, "second")


def test_a_job_is_brought_forward_and_no_other(planned: Engine, now: datetime) -> None:
    with transaction(planned) as connection:
        for job in ("learn", "join"):
            lease = take(connection, standings(connection)[job], owner="one", now=now)
            assert lease is not None
            assert end(connection, lease, done(now))
        bring_forward(connection, ["learn"])
    assert (seen(planned).next_at, seen(planned, "join").next_at) == (None, now + timedelta(hours=1))


def test_of_many_workers_that_saw_a_job_free_one_gets_it(planned: Engine, now: datetime) -> None:
    free = seen(planned)

    def try_to_take(number: int) -> bool:
        with transaction(planned) as connection:
            return take(connection, free, owner=f"worker-{number}", now=now) is not None

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(try_to_take, range(8))) == 1


def test_planning_again_changes_nothing(planned: Engine, now: datetime) -> None:
    lease = taken(planned, "one", now)
    with transaction(planned) as connection:
        plan(connection, ["learn", "watch"])
        assert holds(connection, lease)
        assert set(standings(connection)) == {"join", "learn", "watch"}


def test_a_run_leaves_its_end_its_memory_and_when_it_is_next(planned: Engine, now: datetime) -> None:
    lease = taken(planned, "one", now)
    with transaction(planned) as connection:
        assert end(connection, lease, done(now, memory={"version": "squarecb-1"}))
    lease = taken(planned, "one", now)
    with transaction(planned) as connection:
        assert end(connection, lease, done(now, state=RunState.FAILED, result="disk full"))
    found = seen(planned)
    assert (found.owner, found.state, found.result) == (None, RunState.FAILED, "disk full")
    assert (found.memory, found.runs, found.failures_in_a_row) == ({"version": "squarecb-1"}, 2, 1)
    assert found.next_at == now + timedelta(hours=1)


def test_a_holder_that_beats_is_left_alone_however_long_its_run(planned: Engine, now: datetime) -> None:
    clock = Clock()
    vigil = Vigil(clock=clock, lease_seconds=30)
    lease = taken(planned, "one", now)
    for _ in range(20):
        assert not vigil.is_free(seen(planned))
        clock.now += 25
        with transaction(planned) as connection:
            assert beat(connection, lease)


def test_a_holder_that_died_is_taken_over_and_can_do_no_harm_later(planned: Engine, now: datetime) -> None:
    clock = Clock()
    vigil = Vigil(clock=clock, lease_seconds=30)
    dead = taken(planned, "one", now)
    assert not vigil.is_free(seen(planned))
    clock.now += 29
    assert not vigil.is_free(seen(planned))
    clock.now += 1
    assert vigil.is_free(seen(planned))
    heir = taken(planned, "two", now)
    with transaction(planned) as connection:
        assert not beat(connection, dead)
        assert not holds(connection, dead)
        assert not end(connection, dead, done(now))
        assert holds(connection, heir)
    assert seen(planned).owner == "two"


def test_a_wall_clock_that_jumps_takes_no_job_from_a_worker_that_lives(planned: Engine, now: datetime) -> None:
    clock = Clock()
    vigil = Vigil(clock=clock, lease_seconds=30)
    taken(planned, "one", now - timedelta(days=400))
    assert not vigil.is_free(seen(planned))
    taken(planned, "two", now + timedelta(days=400))
    clock.now += 10
    assert not vigil.is_free(seen(planned))
