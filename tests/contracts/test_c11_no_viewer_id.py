"""C11: a viewer's id is never stored: no file of the installation, no log line and no metric holds it."""

import logging
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from httpx import Response

from api.dependencies.permissions import PERMISSIONS
from api.jobs.erasing import erase_waiting
from api.jobs.exporting import export_log
from api.storage.database import reading
from api.storage.events import count_viewers
from api.storage.pages import count_decisions
from tests.api.cli.command import Command
from tests.api.installation import Installation, an_event, an_outcome, decisions_of, running, settings_in, unit_vector
from tests.api.problems import is_problem

VIEWER = "ada.sund@example.org"
OTHER = "grace@example.org"


def files_with(folder: Path, needle: str) -> list[Path]:
    """The files that hold a text: as they are, and what Parquet files say once they are decompressed."""
    return [path for path in folder.rglob("*") if path.is_file() and holds(path, needle)]


def holds(path: Path, needle: str) -> bool:
    if needle.encode() in path.read_bytes():
        return True
    return path.suffix == ".parquet" and any(
        needle in str(column.to_pylist()) for column in pq.read_table(path).itercolumns()
    )


def fill(harbor: Installation, viewer: str) -> None:
    """All that a viewer can leave behind: events, a vector, pages with and without a key, outcomes, an export."""
    harbor.post_events(an_event(viewer), an_event(viewer, title="nowhere"))
    harbor.know_viewers({viewer: unit_vector(viewer)})
    harbor.ask(viewer=viewer, key=f"key of {harbor.keys.pseudonym(viewer)[:6]}")
    for decision in decisions_of(harbor.select(viewer=viewer)):
        harbor.report(an_outcome(decision), an_outcome(decision, "seen"))
    harbor.http.post("/v1/viewers:exclude", json={"viewer": viewer})
    harbor.join()
    export_log(harbor.engine, harbor.home / "exports")


def test_c11_no_file_log_line_or_metric_holds_a_viewers_id(
    harbor: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        fill(harbor, VIEWER)
        is_problem(harbor.ask("nowhere", viewer=VIEWER), 404, "unknown_title")
        harbor.impatient()
        with harbor.locked():
            harbor.ask(viewer=VIEWER)
            refused = harbor.http.post("/v1/events", json={"events": [an_event(VIEWER)]})
    names = {path.name for path in harbor.home.rglob("*")}
    assert {"keyart.db", "keyart.db-wal"} <= names
    pseudonym = harbor.keys.pseudonym(VIEWER)
    found = files_with(harbor.home, pseudonym)
    assert {path.suffix for path in found} >= {".parquet"}, "the search itself must find what is stored"
    for needle in (VIEWER, VIEWER.split("@")[0]):
        assert files_with(harbor.home, needle) == []
        assert needle not in caplog.text
        assert needle not in harbor.http.get("/metrics").text
        assert needle not in refused.text


def answers(harbor: Installation) -> list[Response]:
    """Every route there is, asked with the id where it does not belong, and where it does."""
    asked: list[Response] = []
    body = {"viewer": VIEWER, "context": {"device": VIEWER * 2}, "titles": [{"title": "harbor"}], "reason": ""}
    events = {"events": [an_event(VIEWER, seconds=-1.0), {"viewer": VIEWER}]}
    for method, path in PERMISSIONS:
        address = path.replace("{title}", "harbor").replace("{artwork}", "a")
        asked.append(harbor.http.request(method, address, params={"viewer": VIEWER}))
        if method != "GET":
            asked += [harbor.http.request(method, address, json=each) for each in (body, events, [VIEWER], VIEWER)]
            asked.append(harbor.http.request(method, address, content=f'{{"viewer": "{VIEWER}"'))
    return asked


def test_c11_no_route_answers_or_logs_a_viewers_id(harbor: Installation, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="api"), caplog.at_level(logging.DEBUG, logger="sqlalchemy"):
        asked = answers(harbor)
    assert {each.status_code for each in asked} >= {200, 404, 422}
    assert [each for each in asked if VIEWER in each.text] == []
    assert VIEWER not in caplog.text
    assert VIEWER not in harbor.http.get("/metrics").text
    assert files_with(harbor.home, VIEWER) == []


def test_c11_after_an_erasure_no_file_holds_the_pseudonym(harbor: Installation) -> None:
    for viewer in (VIEWER, OTHER):
        fill(harbor, viewer)
    pseudonym, other = harbor.keys.pseudonym(VIEWER), harbor.keys.pseudonym(OTHER)
    assert files_with(harbor.home, pseudonym)
    ordered = harbor.http.post("/v1/viewers:erase", json={"viewer": VIEWER})
    assert (ordered.status_code, ordered.json()["ended_at"]) == (202, None)
    [ended] = erase_waiting(harbor.engine, harbor.settings)
    assert (ended.pages, ended.events, ended.export_rows) == (2, 1, 1)
    assert files_with(harbor.home, pseudonym) == []
    assert {path.suffix for path in files_with(harbor.home, other)} >= {".parquet", ".db"}
    told = harbor.http.get(f"/v1/erasures/{ended.erasure}").json()
    assert told["ended_at"] is not None
    assert pseudonym not in str(told)


def test_c11_an_erased_viewer_starts_anew(harbor: Installation) -> None:
    fill(harbor, VIEWER)
    harbor.http.post("/v1/viewers:erase", json={"viewer": VIEWER})
    erase_waiting(harbor.engine, harbor.settings)
    record = harbor.http.get(f"/v1/decisions/{decisions_of(harbor.select(viewer=VIEWER))[0]}").json()
    assert record["viewer"] == harbor.keys.pseudonym(VIEWER)
    harbor.post_events(an_event(VIEWER))
    with reading(harbor.engine) as connection:
        assert (count_viewers(connection), count_decisions(connection)[0]) == (1, 1)


def test_c11_an_erasure_finds_a_viewer_under_every_secret_of_the_ring(
    harbor: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    keyart = Command(capsys)
    fill(harbor, VIEWER)
    assert keyart("secret", "rotate", "--home", harbor.home).code == 0
    with running(settings_in(harbor.home)) as restarted:
        fill(restarted, VIEWER)
        both = restarted.keys.pseudonyms(VIEWER)
        assert all(files_with(harbor.home, each) for each in both)
        told = keyart("viewer", "erase", VIEWER, "--home", harbor.home, "--json").json()
    assert [each["pages"] for each in told["erasures"]] == [4]
    assert [path for each in both for path in files_with(harbor.home, each)] == []


def test_c11_a_server_that_knows_no_newer_secret_yet_orders_an_erasure_of_all_names(
    harbor: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(harbor, VIEWER)
    assert Command(capsys)("secret", "rotate", "--home", harbor.home).code == 0
    assert harbor.http.post("/v1/viewers:erase", json={"viewer": VIEWER}).status_code == 202
    both = harbor.keys.pseudonyms(VIEWER)
    assert all(files_with(harbor.home, each) for each in both)
    erase_waiting(harbor.engine, harbor.settings)
    assert [path for each in both for path in files_with(harbor.home, each)] == []


def test_c11_another_secret_gives_another_pseudonym(harbor: Installation, learned_home: Path) -> None:
    (learned_home / "secret.key").write_text("quite another secret of another place\n")
    other = Installation(harbor.settings.model_copy(update={"home": learned_home}), harbor.http)
    assert other.keys.pseudonym(VIEWER) != harbor.keys.pseudonym(VIEWER)
