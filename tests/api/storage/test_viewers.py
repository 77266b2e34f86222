"""Events, histories and the vectors made of them: nothing counted twice, no event missed, no version mixed."""

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import Engine, delete, select

from api.errors import Conflict, UnknownVersion
from api.storage.columns import to_vector
from api.storage.database import reading, transaction
from api.storage.events import Added, add_events, count_events, count_viewers, histories, stale_viewers
from api.storage.foundation import (
    FoundationVersion,
    ViewerVector,
    add_foundation_version,
    find_foundation_version,
    live_foundation_version,
    put_title_vectors,
    put_viewer_vectors,
    set_live_foundation_version,
    some_viewer_vectors,
    viewer_vector,
)
from api.storage.tables import title_vectors, viewers
from foundation.events import Action, Event, EventId, ViewerId


def _viewer(number: int) -> ViewerId:
    return ViewerId(f"{number:032x}")


def _event(number: int, now: datetime, *, of: int = 3) -> Event:
    return Event(
        event=EventId(f"event-{number}"),
        viewer=_viewer(number % of),
        title=f"title-{number % 5}",
        action=Action.FINISH if number % 2 else Action.IMPRESSION,
        at=now + timedelta(microseconds=number * 7919 % 1009),
        device="tv",
        row=None if number % 3 else "top",
        seconds=12.5 * number,
        of_seconds=3600.0,
    )


@pytest.fixture
def version(now: datetime) -> FoundationVersion:
    """A version of the foundation model."""
    return FoundationVersion(
        version="viewers-1a2b3c4d5e6f",
        digest="d" * 64,
        config={"layers": 2},
        metrics={"ndcg_at_10": 0.25},
        created_at=now,
    )


def _add(engine: Engine, batch: Sequence[Event], now: datetime) -> Added:
    with transaction(engine) as connection:
        return add_events(connection, batch, now=now)


def test_events_are_taken_once_whatever_the_batches(engine: Engine, now: datetime) -> None:
    events = [_event(number, now) for number in range(1300)]
    assert _add(engine, events[:700], now) == Added(700, 0)
    assert _add(engine, events, now) == Added(600, 700)
    assert _add(engine, [events[0], events[0]], now) == Added(0, 2)
    assert _add(engine, [], now) == Added(0, 0)
    with reading(engine) as connection:
        assert count_events(connection) == 1300
        assert count_viewers(connection) == 3


def test_an_event_twice_in_one_batch_counts_once_and_the_first_stays(engine: Engine, now: datetime) -> None:
    first = _event(1, now)
    assert _add(engine, [first, replace(first, title="another")], now) == Added(1, 1)
    with reading(engine) as connection:
        assert list(histories(connection)) == [(first.viewer, [first])]


def test_histories_are_whole_in_time_order_and_one_a_viewer(engine: Engine, now: datetime) -> None:
    events = [_event(number, now, of=450) for number in range(1500)]
    random.Random(0).shuffle(events)
    _add(engine, events, now)
    with reading(engine) as connection:
        read = dict(histories(connection))
        some = dict(histories(connection, [_viewer(3), _viewer(3), _viewer(440), _viewer(9999)]))
    assert list(read) == sorted({event.viewer for event in events})
    for viewer, history in read.items():
        own = [event for event in events if event.viewer == viewer]
        assert history == sorted(own, key=lambda event: (event.at, event.event))
    assert some == {viewer: read[viewer] for viewer in (_viewer(3), _viewer(440))}


def test_a_viewer_is_stale_until_its_vector_knows_every_event(
    engine: Engine, now: datetime, version: FoundationVersion
) -> None:
    _add(engine, [_event(number, now) for number in range(9)], now)
    with transaction(engine) as connection:
        add_foundation_version(connection, version)
        counts = stale_viewers(connection, version.version)
        assert counts == {_viewer(number): 3 for number in range(3)}
        add_events(connection, [_event(9, now)], now=now)  # comes between the counts and the vectors
        vectors = [ViewerVector(viewer=viewer, vector=np.ones(2), events=count) for viewer, count in counts.items()]
        put_viewer_vectors(connection, version.version, vectors, now=now)
        assert stale_viewers(connection, version.version) == {_viewer(0): 4}
        assert stale_viewers(connection, "another version", limit=2) == {_viewer(0): 4, _viewer(1): 3}


def test_batches_with_viewers_in_common_do_not_wait_for_ever(engine: Engine, now: datetime) -> None:
    batches = [[_event(number, now, of=20) for number in range(start, start + 200)] for start in range(0, 400, 50)]
    for number, batch in enumerate(batches):
        random.Random(number).shuffle(batch)
    with ThreadPoolExecutor(len(batches)) as pool:
        added = list(pool.map(lambda batch: _add(engine, batch, now), batches))
    assert sum(each.accepted for each in added) == 550
    with reading(engine) as connection:
        assert count_events(connection) == sum(len(history) for _, history in histories(connection)) == 550


def test_removing_a_viewer_removes_what_is_known_of_it(
    engine: Engine, now: datetime, version: FoundationVersion
) -> None:
    _add(engine, [_event(number, now) for number in range(6)], now)
    with transaction(engine) as connection:
        add_foundation_version(connection, version)
        vector = ViewerVector(viewer=_viewer(1), vector=np.ones(2), events=2)
        put_viewer_vectors(connection, version.version, [vector], now=now)
        connection.execute(delete(viewers).where(viewers.c.viewer == _viewer(1)))
        assert viewer_vector(connection, _viewer(1), version=version.version) is None
        assert [viewer for viewer, _ in histories(connection)] == [_viewer(0), _viewer(2)]


def test_viewer_vectors_belong_to_a_version(engine: Engine, now: datetime, version: FoundationVersion) -> None:
    _add(engine, [_event(number, now) for number in range(3)], now)
    later = replace(version, version="viewers-ffffffffffff", created_at=now + timedelta(days=1))
    first, second = np.array([0.6, 0.8], dtype=np.float32), np.array([-1, 0], dtype=np.float32)
    with transaction(engine) as connection:
        add_foundation_version(connection, version)
        add_foundation_version(connection, later)
        for vector in (second, first):
            one = ViewerVector(viewer=_viewer(0), vector=vector, events=1)
            put_viewer_vectors(connection, version.version, [one], now=now)
        found = viewer_vector(connection, _viewer(0), version=version.version)
        assert viewer_vector(connection, _viewer(0), version=later.version) is None
        assert viewer_vector(connection, _viewer(1), version=version.version) is None
        assert some_viewer_vectors(connection, version.version, limit=9).keys() == {_viewer(0)}
    np.testing.assert_array_equal(found, first)


def test_the_live_foundation_version_is_one(engine: Engine, version: FoundationVersion) -> None:
    later = replace(version, version="viewers-ffffffffffff")
    with transaction(engine) as connection:
        add_foundation_version(connection, version)
        add_foundation_version(connection, later)
        assert live_foundation_version(connection) is None
        set_live_foundation_version(connection, version.version)
        assert live_foundation_version(connection) == version
        set_live_foundation_version(connection, later.version)
        assert live_foundation_version(connection) == later
        with pytest.raises(UnknownVersion):
            set_live_foundation_version(connection, "unknown")


def test_a_version_is_added_once_and_never_becomes_another_model(engine: Engine, version: FoundationVersion) -> None:
    with transaction(engine) as connection:
        add_foundation_version(connection, version)
        add_foundation_version(connection, version)
        with pytest.raises(Conflict, match="another model"):
            add_foundation_version(connection, replace(version, digest="e" * 64))
        assert find_foundation_version(connection, version.version) == version


def test_title_vectors_come_back(engine: Engine, version: FoundationVersion) -> None:
    with transaction(engine) as connection:
        add_foundation_version(connection, version)
        put_title_vectors(connection, version.version, {"heat": np.ones(2), "alien": np.zeros(2)})
        put_title_vectors(connection, version.version, {"heat": np.full(2, 2.0)})
        found = {row.title: to_vector(row.vector).tolist() for row in connection.execute(select(title_vectors))}
    assert found == {"heat": [2.0, 2.0], "alien": [0.0, 0.0]}
