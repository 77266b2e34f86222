"""/v1/viewers: orders about single viewers over HTTP, with the raw id in the body."""

from typing import Any

import pytest

from api.jobs.erasing import erase_waiting
from api.storage.audit_log import list_entries
from api.storage.database import reading
from api.storage.erasure import open_erasures
from tests.api.installation import Installation, an_event
from tests.api.problems import is_problem


def test_an_erasure_is_ordered_followed_and_on_the_record(harbor: Installation) -> None:
    harbor.post_events(an_event("ada"))
    ordered = harbor.http.post("/v1/viewers:erase", json={"viewer": "ada"})
    assert ordered.status_code == 202
    number = ordered.json()["erasure"]
    assert harbor.http.get(f"/v1/erasures/{number}").json() == ordered.json()
    erase_waiting(harbor.engine, harbor.settings)
    told = harbor.http.get(f"/v1/erasures/{number}").json()
    assert (told["events"], told["pages"], told["export_rows"]) == (1, 0, 0)
    assert told["ended_at"] >= told["asked_at"]
    with reading(harbor.engine) as connection:
        entry = next(each for each in list_entries(connection) if each.action == "viewer.erase")
    assert entry.subject == f"erasure/{number}"
    assert harbor.keys.pseudonym("ada") not in str(entry)


def test_exclusions_are_ordered_listed_and_lifted(harbor: Installation) -> None:
    asked = {"viewer": "ada", "reason": "monitoring"}
    assert harbor.http.post("/v1/viewers:exclude", json=asked).json() == {"excluded": True}
    [told] = harbor.http.get("/v1/viewers:excluded").json()["excluded"]
    assert (told["viewer"], told["reason"]) == (harbor.keys.pseudonym("ada"), "monitoring")
    assert harbor.http.post("/v1/viewers:include", json={"viewer": "ada"}).json() == {"excluded": False}
    assert harbor.http.get("/v1/viewers:excluded").json() == {"excluded": [], "next": None}
    again = harbor.http.post("/v1/viewers:include", json={"viewer": "ada"})
    assert "excluded" in is_problem(again, 404, "not_found")["remedy"]


def test_orders_and_their_end_are_on_the_record_with_who_and_why(harbor: Installation) -> None:
    harbor.post_events(an_event("ada"))
    for order in ("exclude", "include", "erase"):
        sent = {"viewer": "ada", "reason": f"a letter said {order}"}
        assert harbor.http.post(f"/v1/viewers:{order}", json=sent).is_success
    erase_waiting(harbor.engine, harbor.settings)
    with reading(harbor.engine) as connection:
        end, erase, include, exclude = list_entries(connection, limit=4)
    assert [each.action for each in (exclude, include, erase)] == ["viewer.exclude", "viewer.include", "viewer.erase"]
    assert [each.reason for each in (exclude, include, erase)] == [
        "a letter said exclude",
        "a letter said include",
        "a letter said erase",
    ]
    assert (end.actor, end.action, end.subject) == ("keyart-worker", "erasure.end", erase.subject)
    assert end.after == {"pages": 0, "events": 1, "export_rows": 0}


@pytest.mark.parametrize("order", ["exclude", "include", "erase"])
def test_c11_a_reason_that_names_the_viewer_is_refused(harbor: Installation, order: str) -> None:
    sent = {"viewer": "ada@example.org", "reason": "ada@example.org is of the staff"}
    problem = is_problem(harbor.http.post(f"/v1/viewers:{order}", json=sent), 422, "bad_input")
    assert "ada" not in str(problem)
    with reading(harbor.engine) as connection:
        assert not open_erasures(connection)
        assert list_entries(connection) == []


def test_an_unknown_erasure_is_404(shared: Installation) -> None:
    is_problem(shared.http.get("/v1/erasures/77"), 404, "not_found")
    assert shared.http.get("/v1/erasures/none").status_code == 422


@pytest.mark.parametrize("route", ["erase", "exclude", "include"])
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"viewer": ""},
        {"viewer": 7},
        {"viewer": None},
        {"viewer": "a" * 257},
        {"viewer": "a\nb"},
        {"viewer": "ada", "unknown": 1},
        {"viewer": ["ada"]},
        [],
    ],
)
def test_what_is_no_viewer_is_refused_and_nothing_is_written(shared: Installation, route: str, body: Any) -> None:
    is_problem(shared.http.post(f"/v1/viewers:{route}", json=body), 422, "invalid_request")
    with reading(shared.engine) as connection:
        assert open_erasures(connection) == []
    assert shared.http.get("/v1/viewers:excluded").json() == {"excluded": [], "next": None}


@pytest.mark.parametrize("reason", ["", " ", "r" * 61, "a\nb", 5])
def test_a_reason_that_fits_no_column_is_refused(shared: Installation, reason: object) -> None:
    answer = shared.http.post("/v1/viewers:exclude", json={"viewer": "ada", "reason": reason})
    is_problem(answer, 422, "bad_input" if reason == " " else "invalid_request")
