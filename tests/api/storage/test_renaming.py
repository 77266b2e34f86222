"""Another pseudonym: history, vectors and exclusions move over whole; pages keep what they were drawn with."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
from sqlalchemy import Engine

from api.jobs.carrying import carry_over, is_to_be_carried
from api.key_ring import Secret
from api.security import Keys
from api.storage.database import reading, transaction
from api.storage.events import add_events, count_viewers, histories, stale_viewers
from api.storage.exclusions import exclude_viewers, excluded_viewers, include_viewers
from api.storage.foundation import (
    FoundationVersion,
    ViewerVector,
    add_foundation_version,
    put_viewer_vectors,
    viewer_vector,
)
from foundation.events import Action, Event, EventId, ViewerId

NOW = datetime(2026, 3, 1, tzinfo=UTC)
OLD, NEW = Keys(b"the first secret here"), Keys(b"the first secret here", Secret(b"the second secret", NOW))
VERSION = "viewers-1"


def event(keys: Keys, viewer: str, number: int) -> Event:
    at = NOW + timedelta(minutes=number)
    return Event(
        event=EventId(f"{viewer}{number}"), viewer=keys.pseudonym(viewer), title="t", action=Action.PLAY, at=at
    )


def add(engine: Engine, events: Sequence[Event]) -> None:
    with transaction(engine) as connection:
        add_events(connection, events, now=NOW)


def put_vector(engine: Engine, viewer: ViewerId, events: int) -> None:
    version = FoundationVersion(version=VERSION, digest="0" * 64, config={}, metrics={}, created_at=NOW)
    with transaction(engine) as connection:
        add_foundation_version(connection, version)
        vector = ViewerVector(viewer=viewer, vector=np.array([events, 1.0], dtype=np.float32), events=events)
        put_viewer_vectors(connection, VERSION, [vector], now=NOW)


def carry(engine: Engine) -> int:
    carried = 0
    while more := carry_over(engine, NEW):
        carried += more
    return carried


def test_everything_is_carried_over_and_nobody_twice(engine: Engine) -> None:
    add(engine, [event(OLD, f"v{viewer}", number) for viewer in range(120) for number in range(2)])
    put_vector(engine, OLD.pseudonym("v7"), events=2)
    assert carry(engine) == 120
    assert carry(engine) == 0
    with reading(engine) as connection:
        found = dict(histories(connection))
        assert set(found) == {NEW.pseudonym(f"v{viewer}") for viewer in range(120)}
        assert {len(each) for each in found.values()} == {2}
        assert count_viewers(connection) == 120
        vector = viewer_vector(connection, NEW.pseudonym("v7"), version=VERSION)
        assert NEW.pseudonym("v7") not in stale_viewers(connection, VERSION)
    assert vector is not None
    assert vector.tolist() == [2.0, 1.0]


def test_who_came_under_both_names_is_one_viewer_again(engine: Engine) -> None:
    """A server that was restarted knows the new name, one that was not the old one."""
    add(engine, [event(OLD, "ada", 1), event(NEW, "ada", 2), event(OLD, "ada", 3)])
    put_vector(engine, OLD.pseudonym("ada"), events=2)
    put_vector(engine, NEW.pseudonym("ada"), events=1)
    assert carry(engine) == 1
    with reading(engine) as connection:
        [(viewer, own)] = histories(connection)
        assert (viewer, len(own)) == (NEW.pseudonym("ada"), 3)
        assert stale_viewers(connection, VERSION) == {viewer: 3}, (
            "the vector that knew one of three events is made anew"
        )


def test_who_is_left_out_stays_so_under_both_names_until_included(engine: Engine) -> None:
    with transaction(engine) as connection:
        exclude_viewers(connection, [OLD.pseudonym("robot")], reason="internal", actor="cli:op", now=NOW)
    with reading(engine) as connection:
        assert is_to_be_carried(connection, NEW), "who is left out need never have had an event"
    carry(engine)
    with reading(engine) as connection:
        assert not is_to_be_carried(connection, NEW)
    with transaction(engine) as connection:
        both = NEW.pseudonyms("robot")
        assert excluded_viewers(connection) == dict.fromkeys(both, "internal")
        assert include_viewers(connection, both) == 2
    carry(engine)
    with reading(engine) as connection:
        assert excluded_viewers(connection) == {}


def test_without_a_second_secret_there_is_nothing_to_do(engine: Engine) -> None:
    add(engine, [event(OLD, "ada", 1)])
    assert carry_over(engine, OLD) == 0
