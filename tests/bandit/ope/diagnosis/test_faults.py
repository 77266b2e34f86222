"""Faults of a log as a whole: decisions that come twice, artworks that were not eligible, two embedding versions."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from bandit.ope.batch import EMBEDDING_VERSION, Batch, Labels
from bandit.ope.diagnosis.faults import Refusal, RowFaults
from bandit.ope.diagnosis.repeats import Repeats
from bandit.ope.evaluation import evaluate

MakeBatch = Callable[..., Batch]


def refusals(*batches: Batch) -> list[Refusal]:
    faults = RowFaults()
    for batch in batches:
        faults.add(batch)
    return faults.refusals()


def with_ids(batch: Batch, *ids: int) -> Batch:
    return replace(batch, decisions=np.array(ids, dtype=np.uint64))


def test_repeated_decisions_are_named_with_the_rows_they_repeat(golden: Batch) -> None:
    ids = [*range(10), 3, 7]
    (refusal,) = refusals(with_ids(golden, *ids))
    assert (refusal.code, refusal.rows, refusal.bad_input) == ("duplicated_decisions", (3, 7, 10, 11), True)
    assert refusal.message == "2 of 12 rows repeat the decision of an earlier row"
    assert evaluate([with_ids(golden, *ids)]).estimates == ()
    assert refusals(with_ids(golden, *range(12))) == []


def test_repeats_across_batches_and_parts_are_found(golden: Batch) -> None:
    first, second = with_ids(golden, *range(12)), with_ids(golden, *range(11, 23))
    one, other = RowFaults(), RowFaults()
    one.add(first)
    other.add(second)
    assert (one + other).refusals() == refusals(first, second)
    assert (one + other).refusals()[0].rows == (11, 12)
    (thrice,) = (one + other + one).refusals()
    assert thrice.message.startswith("13 of 36 rows")


def test_a_log_given_twice_is_found_in_bounded_memory_whatever_its_parts() -> None:
    keys = np.random.default_rng(4).integers(1 << 62, size=40_000).astype(np.uint64)
    log = np.concatenate([keys, keys])
    whole = Repeats(most=1000)
    whole.add(log, numbers=np.arange(len(log)))
    parted = Repeats(most=1000)
    for start in range(0, len(log), 7000):
        part = Repeats(most=1000)
        keys_of_part = log[start : start + 7000]
        part.add(keys_of_part, numbers=np.arange(len(keys_of_part)))
        parted = parted.following(part, later=start)
    found = whole.found(named=10)
    assert found == parted.found(named=10)
    assert found is not None
    assert found.share <= 1000 / 40_000 * 2
    assert found.count == pytest.approx(40_000, rel=0.15)
    assert len(found.rows) == 10
    assert {log[row] for row in found.rows[:5]} == {log[row] for row in found.rows[5:]}


def test_one_repeat_among_many_that_are_remembered_is_found() -> None:
    keys = np.arange(200_000, dtype=np.uint64)
    keys[150_000] = 17
    repeats = Repeats()
    for start in range(0, len(keys), 30_000):
        part = keys[start : start + 30_000]
        repeats.add(part, numbers=np.arange(start, start + len(part)))
    found = repeats.found(named=10)
    assert found is not None
    assert (found.count, found.rows, found.share) == (1, (17, 150_000), 1.0)


def test_an_artwork_that_was_not_eligible_is_named(make_batch: MakeBatch) -> None:
    half = np.full((6, 2), 0.5)
    log = make_batch(half, half, chosen=np.array([0, 1, 0, 1, 0, 1]), reward=np.arange(6) / 5)
    assert log.eligible is not None
    chosen = log.eligible.chosen.copy()
    chosen[[2, 5]] = -1, 12
    (refusal,) = evaluate([replace(log, eligible=replace(log.eligible, chosen=chosen))]).refusals
    assert (refusal.code, refusal.rows, refusal.bad_input) == ("unknown_artwork", (2, 5), True)


def test_two_embedding_versions_are_refused_with_the_rows_they_begin_in(golden: Batch) -> None:
    def told(*versions: int) -> Batch:
        labels = Labels(codes=np.array(versions), names=("clip-a", "clip-b"))
        return replace(golden, labels={EMBEDDING_VERSION: labels})

    assert refusals(told(*[1] * 12), told(*[1] * 12)) == []
    (refusal,) = refusals(told(*[1] * 12), told(*[1] * 4, *[0] * 8))
    assert (refusal.code, refusal.rows, refusal.bad_input) == ("embedding_versions_mixed", (0, 16), True)
    assert "clip-b from row 0, clip-a from row 16" in refusal.message
    one, other = RowFaults(), RowFaults()
    one.add(told(*[1] * 12))
    other.add(told(*[0] * 12))
    assert (one + other).refusals()[0].rows == (0, 12)
