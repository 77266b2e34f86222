"""What servers say of a shadow is summed over them, of one deployment; what the watch saw is kept where it is newer."""

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Engine

from api.storage.database import transaction
from api.storage.evidence import Evidence, forget_evidence, put_evidence, read_evidence
from api.storage.pages import page_id_at
from api.storage.policies import standing
from api.storage.shadow_reports import ShadowReport, put_shadow_report, read_shadow_reports, total_of
from api.storage.stages import Stage
from bandit.shadowing import ShadowFigures
from tests.api.storage.test_forecasts import A, deployed

FIGURES = ShadowFigures(version=A, pages=3, slots=6, chosen=1.5, distance=0.6, seconds=0.1, live_seconds=0.2, slow=1)


def test_reports_of_all_servers_are_summed_and_those_of_earlier_shadows_forgotten(
    engine: Engine, now: datetime
) -> None:
    number, _ = deployed(engine, now, Stage.SHADOW)
    with transaction(engine) as connection:
        assert standing(connection).shadow_by == number
        for server in ("one", "two", "one"):
            put_shadow_report(connection, ShadowReport(number, server, FIGURES, now))
        read = read_shadow_reports(connection, number)
        assert {each.server: each.figures for each in read} == {"one": FIGURES, "two": FIGURES}
        assert total_of(read) == FIGURES + FIGURES
    later, _ = deployed(engine, now, Stage.LIVE)
    with transaction(engine) as connection:
        put_shadow_report(connection, ShadowReport(later, "one", FIGURES, now))
        assert read_shadow_reports(connection, number) == []


def test_a_server_that_cannot_load_a_shadow_counts_while_it_is_heard_of(now: datetime) -> None:
    unable = ShadowReport(1, "one", ShadowFigures(unable=1, problem="damaged"), now)
    fine = ShadowReport(1, "two", FIGURES, now + timedelta(seconds=5))
    assert total_of([unable, fine]) == replace(FIGURES, unable=1, problem="damaged")
    assert total_of([unable, replace(fine, told_at=now + timedelta(minutes=2))]).unable == 0
    assert total_of([]) == ShadowFigures()


def test_older_evidence_never_takes_the_place_of_newer(engine: Engine, now: datetime) -> None:
    newer = Evidence(version=A, until=page_id_at(now), seen=b"\x00more", at=now)
    older = replace(newer, until=page_id_at(now - timedelta(minutes=1)), seen=b"less")
    clock_was_ahead = replace(older, until=page_id_at(now + timedelta(days=365)))
    with transaction(engine) as connection:
        put_evidence(connection, clock_was_ahead)
        put_evidence(connection, older)
        put_evidence(connection, newer)
        put_evidence(connection, older)
        assert read_evidence(connection, A) == newer
        forget_evidence(connection, but=[A])
        assert read_evidence(connection, A) == newer
        forget_evidence(connection, but=[])
        assert read_evidence(connection, A) is None
