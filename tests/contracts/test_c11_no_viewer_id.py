"""C11: a viewer's id is never stored: no file of the installation, no log line and no metric holds it."""

import logging
from pathlib import Path

import pytest

from api.jobs.exporting import export_log
from tests.api.installation import Installation, an_event, an_outcome, decisions_of
from tests.api.problems import is_problem

VIEWER = "ada.sund@example.org"


def files_with(folder: Path, needle: bytes) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and needle in path.read_bytes()]


def test_c11_no_file_log_line_or_metric_holds_a_viewers_id(
    harbor: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        harbor.post_events(an_event(VIEWER), an_event(VIEWER, title="nowhere"))
        harbor.ask(viewer=VIEWER, key="k1")
        page = harbor.select(viewer=VIEWER)
        is_problem(harbor.ask("nowhere", viewer=VIEWER), 404, "unknown_title")
        harbor.report(an_outcome(decisions_of(page)[0]))
        harbor.impatient()
        with harbor.locked():
            harbor.ask(viewer=VIEWER)
            refused = harbor.http.post("/v1/events", json={"events": [an_event(VIEWER)]})
        harbor.join()
        export_log(harbor.engine, harbor.home / "log")
    names = {path.name for path in harbor.home.rglob("*")}
    assert {"keyart.db", "keyart.db-wal"} <= names
    pseudonym = harbor.keys.pseudonym(VIEWER)
    assert files_with(harbor.home, pseudonym.encode()), "the search itself must find what is stored"
    for needle in (VIEWER, VIEWER.split("@")[0]):
        assert files_with(harbor.home, needle.encode()) == []
        assert needle not in caplog.text
        assert needle not in harbor.http.get("/metrics").text
        assert needle not in refused.text


def test_c11_another_secret_gives_another_pseudonym(harbor: Installation, learned_home: Path) -> None:
    (learned_home / "secret.key").write_text("quite another secret of another place\n")
    other = Installation(harbor.settings.model_copy(update={"home": learned_home}), harbor.http)
    assert other.keys.pseudonym(VIEWER) != harbor.keys.pseudonym(VIEWER)
