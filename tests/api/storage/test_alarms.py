"""Alarms: open once, renewed, cleared, and kept."""

from datetime import datetime, timedelta

from sqlalchemy import Engine, select

from api.storage.alarms import clear_alarm, open_alarms, raise_alarm
from api.storage.database import reading, transaction
from api.storage.operations_tables import alarms


def test_an_alarm_is_open_once_and_renewed(engine: Engine, now: datetime) -> None:
    later = now + timedelta(minutes=1)
    with transaction(engine) as connection:
        assert raise_alarm(connection, kind="calibration", subject="squarecb-1", message="off", now=now)
        assert not raise_alarm(connection, kind="calibration", subject="squarecb-1", message="far off", now=later)
        assert raise_alarm(connection, kind="calibration", subject="squarecb-2", message="off", now=later)
    with reading(engine) as connection:
        second, first = open_alarms(connection)
    assert (second.subject, first.subject) == ("squarecb-2", "squarecb-1")
    assert (first.message, first.raised_at, first.renewed_at) == ("far off", now, later)


def test_a_cleared_alarm_is_kept_and_may_be_raised_anew(engine: Engine, now: datetime) -> None:
    with transaction(engine) as connection:
        raise_alarm(connection, kind="jump", subject="title", message="one", now=now)
        assert clear_alarm(connection, kind="jump", subject="title", now=now)
        assert not clear_alarm(connection, kind="jump", subject="title", now=now)
        assert open_alarms(connection) == []
        assert raise_alarm(connection, kind="jump", subject="title", message="two", now=now)
        assert sorted(connection.scalars(select(alarms.c.message))) == ["one", "two"]
        assert [each.message for each in open_alarms(connection)] == ["two"]
