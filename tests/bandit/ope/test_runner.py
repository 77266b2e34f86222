"""Results come in the order of the jobs, and are added up in it."""

from collections.abc import Iterator

import pytest

from bandit.ope.runner import Serial, added


def test_jobs_are_taken_one_by_one_and_answered_in_order() -> None:
    taken: list[int] = []

    def jobs() -> Iterator[int]:
        for job in range(3):
            taken.append(job)
            yield job

    results = Serial().run(lambda job: -job, jobs())
    assert taken == []
    assert next(results) == 0
    assert taken == [0]
    assert list(results) == [-1, -2]


def test_parts_are_added_from_the_left() -> None:
    assert added(iter(["a", "b", "c"])) == "abc"


def test_no_parts_add_up_to_nothing_that_could_be_told() -> None:
    with pytest.raises(ValueError, match="at least one"):
        added(list[str]())
