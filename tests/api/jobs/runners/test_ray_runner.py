"""Ray answers as the pool of processes does: in order, few jobs at a time, and with the job's own errors."""

import os
import sys
import time
from collections.abc import Generator, Iterator

import pytest

from api.errors import BadInput, Unavailable
from api.jobs.runners.ray_runner import RayRunner, ray_runner


@pytest.fixture(scope="module")
def runner() -> Generator[RayRunner]:
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'keyart[ray]'")
    with ray_runner(cores=2) as running:
        yield running


def _later_first(job: int) -> int:
    time.sleep(0.05 if job == 0 else 0.0)
    return job


def _refused(job: int) -> int:
    if job == 1:
        raise BadInput("This part is damaged.", "Write it again.")
    return job


def _dies(job: int) -> None:
    os._exit(9)


@pytest.mark.slow
def test_answers_come_in_order_and_few_jobs_are_taken_ahead(runner: RayRunner) -> None:
    taken: list[int] = []

    def jobs() -> Iterator[int]:
        for job in range(30):
            taken.append(job)
            yield job

    results = runner.run(_later_first, jobs())
    assert next(results) == 0
    assert len(taken) == 4
    assert list(results) == list(range(1, 30))
    assert len(taken) == 30


@pytest.mark.slow
def test_what_a_job_raises_is_raised_in_its_turn_with_its_remedy(runner: RayRunner) -> None:
    results = runner.run(_refused, range(3))
    assert next(results) == 0
    with pytest.raises(BadInput, match="Write it again"):
        next(results)


@pytest.mark.slow
def test_a_machine_that_is_lost_is_told_with_the_remedy(runner: RayRunner) -> None:
    with pytest.raises(Unavailable, match="memory"):
        list(runner.run(_dies, [0]))


@pytest.mark.slow
def test_a_cluster_that_is_connected_already_is_used_and_kept(runner: RayRunner) -> None:
    with ray_runner() as again:
        assert list(again.run(_later_first, [1])) == [1]
    assert list(runner.run(_later_first, [2])) == [2]


def test_without_ray_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(BadInput, match=r"keyart\[ray\]"), ray_runner():
        pass
