"""POST /v1/select: one artwork a title; every mistake is named, and a page always renders."""

import math
import time
from pathlib import Path
from typing import Any

import pytest

from api.storage.database import reading
from api.storage.pages import count_decisions
from tests.api.installation import AT, Installation, an_outcome, running, settings_in
from tests.api.problems import is_problem
from tests.stories.served import wait_until


def body(**changes: Any) -> dict[str, Any]:
    return {"viewer": "viewer-1", "titles": [{"title": "harbor"}], **changes}


def logged_pages(installation: Installation) -> int:
    with reading(installation.engine) as connection:
        return count_decisions(connection)[0]


def test_every_title_gets_one_artwork_with_its_probability(harbor: Installation) -> None:
    harbor.put_title("tundra", artworks=2)
    page = harbor.select("tundra", "harbor")
    assert [slot["title"] for slot in page["slots"]] == ["tundra", "harbor"]
    assert [slot["probability"] for slot in page["slots"]] == [1 / 2, 1 / 3]
    assert {slot["reason"] for slot in page["slots"]} == {"policy"}
    assert (page["policy"], page["logged"]) == ("uniform", True)
    assert page["slots"][0]["decision"].startswith(f"{page['page']}-00-")
    image = harbor.http.get(page["slots"][0]["image"])
    assert (image.status_code, image.headers["content-type"]) == (200, "image/png")


def test_a_viewer_keeps_an_artwork_for_a_window_and_viewers_differ(shared: Installation) -> None:
    first = [shared.select(viewer=f"v{number}")["slots"][0]["artwork"] for number in range(12)]
    again = [shared.select(viewer=f"v{number}")["slots"][0]["artwork"] for number in range(12)]
    assert first == again
    assert set(first) == {"a", "b", "c"}


def test_an_artwork_of_another_locale_is_not_eligible(harbor: Installation) -> None:
    harbor.http.put("/v1/titles/harbor/artworks/b", json={"locales": ["de"]})
    harbor.http.put("/v1/titles/harbor/artworks/c", json={"locales": ["fr", "de"]})
    harbor.services.refresh()
    assert harbor.select(context={"locale": "fr-CH"})["slots"][0]["probability"] == 1 / 2
    assert harbor.select(context={"locale": "en"})["slots"][0]["artwork"] == "a"


def test_the_whole_decision_can_be_read_back(harbor: Installation) -> None:
    page = harbor.select(context={"row": "top"})
    record = harbor.http.get(f"/v1/decisions/{page['slots'][0]['decision']}").json()
    assert record["viewer"] == harbor.keys.pseudonym("viewer-1")
    assert record["context"] == {
        "at": "2026-01-02T20:00:00Z",
        "device": "tv",
        "row": "top",
        "canvas": None,
        "locale": None,
    }
    assert [each["artwork"] for each in record["artworks"]] == ["a", "b", "c"]
    assert math.fsum(each["probability"] for each in record["artworks"]) == pytest.approx(1)
    assert (record["artwork"], record["probability"]) == (page["slots"][0]["artwork"], page["slots"][0]["probability"])
    assert record["embedding_version"] == "fake-000000000001"
    assert record["viewer_vector"] is None


@pytest.mark.parametrize(
    ("sent", "where"),
    [
        (body(context={"mood": "blue"}), "context.mood"),
        (body(mood="blue"), "mood"),
        (body(titles=[{"title": "harbor", "score": "high"}]), "titles.0.score"),
        (body(titles=[{"title": "harbor", "position": -1}]), "titles.0.position"),
        (body(titles=[]), "titles"),
        (body(titles=[{"title": "harbor"}] * 101), "titles"),
        (body(titles=[{"title": "../harbor"}]), "titles.0.title"),
        (body(titles="harbor"), "titles"),
        (body(viewer=""), "viewer"),
        (body(viewer=7), "viewer"),
        (body(viewer="a\nb"), "viewer"),
        (body(viewer="v" * 257), "viewer"),
        (body(context={"at": "yesterday"}), "context.at"),
        (body(context={"at": "2026-01-02T20:00:00"}), "context.at"),
        (body(context={"at": 2026}), "context.at"),
        (body(context={"at": "1767225600.5"}), "context.at"),
        (body(context={"device": ""}), "context.device"),
        ({"titles": [{"title": "harbor"}]}, "viewer"),
        ([], "body"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_logged(shared: Installation, sent: Any, where: str) -> None:
    before = logged_pages(shared)
    problem = is_problem(shared.http.post("/v1/select", json=sent), 422, "invalid_request")
    assert where in [each["where"] for each in problem["errors"]]
    assert problem["remedy"]
    assert logged_pages(shared) == before


@pytest.mark.parametrize("score", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_score_that_is_no_number_is_refused(shared: Installation, score: str) -> None:
    sent = f'{{"viewer": "v", "titles": [{{"title": "harbor", "score": {score}}}]}}'
    answer = shared.http.post("/v1/select", content=sent, headers={"Content-Type": "application/json"})
    problem = is_problem(answer, 422, "invalid_request")
    assert problem["errors"][0]["where"] == "titles.0.score"


@pytest.mark.parametrize("sent", [b"", b"{", b"\xff\xfe", b"null", b'{"viewer": "\\ud800", "titles": []}'])
def test_a_body_that_is_no_json_is_refused(shared: Installation, sent: bytes) -> None:
    answer = shared.http.post("/v1/select", content=sent, headers={"Content-Type": "application/json"})
    is_problem(answer, 422, "invalid_request")


def test_unknown_titles_are_all_named(shared: Installation) -> None:
    problem = is_problem(shared.ask("harbor", "nowhere", "neither"), 404, "unknown_title")
    assert "nowhere" in problem["detail"]
    assert "neither" in problem["detail"]
    assert "PUT /v1/titles" in problem["remedy"]


def test_a_title_without_any_artwork_is_a_conflict(shared: Installation) -> None:
    shared.http.put("/v1/titles/bare", json={"name": "Bare"})
    problem = is_problem(shared.ask("harbor", "bare"), 409, "conflict")
    assert "bare" in problem["detail"]
    assert "Upload an image" in problem["remedy"]


def test_an_artwork_with_no_image_yet_is_not_eligible(harbor: Installation) -> None:
    harbor.http.put("/v1/titles/harbor/artworks/z", json={"label": "to come"})
    harbor.services.refresh()
    assert harbor.select()["slots"][0]["probability"] == 1 / 3
    harbor.http.put("/v1/titles/tundra", json={"name": "Tundra"})
    harbor.http.put("/v1/titles/tundra/artworks/a", json={})
    is_problem(harbor.ask("tundra"), 409, "conflict")


def test_a_title_put_a_moment_ago_is_found_without_waiting_for_a_refresh(harbor: Installation) -> None:
    harbor.put_title("tundra")
    harbor.http.put("/v1/titles/late", json={"name": "Late"})
    is_problem(harbor.ask("late"), 409, "conflict")


def test_a_locked_database_shows_default_artworks_in_time_and_says_so(harbor: Installation) -> None:
    harbor.impatient()
    harbor.http.put("/v1/titles/harbor/artworks/c", json={"default": True})
    harbor.services.refresh()
    with harbor.locked():
        began = time.monotonic()
        page = harbor.select()
        assert time.monotonic() - began < 2
    assert (page["logged"], page["policy"]) == (False, "default")
    assert [(slot["artwork"], slot["probability"], slot["reason"]) for slot in page["slots"]] == [
        ("c", 1.0, "fallback")
    ]
    decision = page["slots"][0]["decision"]
    refused = harbor.report(an_outcome(decision))
    assert (refused["accepted"], len(refused["rejected"])) == (0, 1)
    assert "logged: false" in refused["rejected"][0]["reason"]
    is_problem(harbor.http.get(f"/v1/decisions/{decision}"), 404, "unknown_decision")
    wait_until(lambda: harbor.select()["logged"], within=30)  # the log rests for a second after a failure
    assert logged_pages(harbor) == 1


def test_a_page_is_answered_within_its_budget_while_the_writer_waits_for_a_lock(home: Path) -> None:
    with running(settings_in(home, select_budget_ms=50)) as installation:
        installation.put_title("harbor")
        installation.impatient(10)
        with installation.locked():
            began = time.monotonic()
            assert installation.select()["logged"] is False
            assert time.monotonic() - began < 5
        wait_until(lambda: installation.select(at=AT)["logged"], within=30)
        wait_until(lambda: logged_pages(installation) == 1, within=30)


def test_without_a_database_the_catalogue_in_memory_still_makes_pages(harbor: Installation) -> None:
    harbor.impatient()
    for name in ("keyart.db", "keyart.db-wal", "keyart.db-shm"):
        (harbor.home / name).unlink(missing_ok=True)
    harbor.engine.dispose()
    page = harbor.select()
    assert (page["logged"], page["slots"][0]["artwork"]) == (False, "a")
