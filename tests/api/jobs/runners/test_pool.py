"""A pool of processes answers in the order of its jobs, few of them at a time, and says when a process died."""

import os
import time
from collections.abc import Iterator

import pytest

from api.errors import BadInput, Unavailable
from api.jobs.runners.pool import process_pool


def _later_first(job: int) -> tuple[int, str | None]:
    time.sleep(0.05 if job == 0 else 0.0)
    return job, os.environ.get("OMP_NUM_THREADS")


def _refused(job: int) -> int:
    if job == 1:
        raise BadInput("This part is damaged.", "Write it again.")
    return job


def _dies(job: int) -> None:
    os._exit(9)


def test_answers_come_in_order_from_processes_of_one_thread_and_few_jobs_are_taken_ahead() -> None:
    taken: list[int] = []

    def jobs() -> Iterator[int]:
        for job in range(30):
            taken.append(job)
            yield job

    with process_pool(2) as pool:
        results = pool.run(_later_first, jobs())
        assert next(results) == (0, "1")
        assert len(taken) == 4
        assert list(results) == [(job, "1") for job in range(1, 30)]
    assert len(taken) == 30


def test_what_a_job_raises_is_raised_in_its_turn_with_its_remedy() -> None:
    with process_pool(1) as pool:
        results = pool.run(_refused, range(3))
        assert next(results) == 0
        with pytest.raises(BadInput, match="Write it again"):
            next(results)


def test_a_process_that_dies_is_told_with_the_remedy() -> None:
    with process_pool(1) as pool, pytest.raises(Unavailable, match="fewer --jobs"):
        list(pool.run(_dies, [0]))
