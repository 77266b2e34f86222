"""C11: who holds the database alone can neither read viewers' ids in it nor try them against what it holds."""

from pathlib import Path
from typing import Any

from sqlalchemy import select, update

from api.dependencies.pages import SelectCall
from api.homepage.request import AskedTitle
from api.storage.database import reading, transaction
from api.storage.events import count_events
from api.storage.tables import events, pages
from artwork.catalog import TitleId
from bandit.context import RequestContext
from tests.api.installation import AT, Installation, an_event, running
from tests.api.problems import is_problem

VIEWER = "ada.sund@example.org"


def stored(harbor: Installation, column: Any) -> list[Any]:
    with reading(harbor.engine) as connection:
        return list(connection.scalars(select(column)))


def files_with(folder: Path, needle: str) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file() and needle.encode() in path.read_bytes()]


def test_c11_a_guess_of_a_viewer_cannot_be_tried_against_the_digest_of_their_request(harbor: Installation) -> None:
    harbor.ask(viewer=VIEWER, key="one")
    guess = SelectCall(
        viewer=VIEWER,
        context=RequestContext(at=AT, device="tv"),
        titles=(AskedTitle(title=TitleId("harbor"), position=0),),
        budget=1.0,
    )
    assert stored(harbor, pages.c.request_digest) == [harbor.keys.sealed(guess.digest())]
    assert guess.digest() not in stored(harbor, pages.c.request_digest)


def test_c2_a_key_is_known_after_a_restart_by_its_sealed_request(harbor: Installation) -> None:
    first = harbor.ask(viewer=VIEWER, key="one")
    with running(harbor.settings) as restarted:
        assert restarted.ask(viewer=VIEWER, key="one").content == first.content
        is_problem(restarted.ask(viewer="another", key="one"), 422, "repeated_key")


def test_c2_a_page_whose_digest_a_migration_forgot_is_answered_again(harbor: Installation) -> None:
    first = harbor.ask(viewer=VIEWER, key="one")
    with transaction(harbor.engine) as connection:
        connection.execute(update(pages).values(request_digest=None))
    with running(harbor.settings) as restarted:
        assert restarted.ask(viewer=VIEWER, key="one").content == first.content


def test_c11_ids_of_callers_that_hold_a_viewers_id_are_kept_keyed(harbor: Installation) -> None:
    event = an_event(VIEWER, event=f"{VIEWER}/play/1")
    assert harbor.post_events(event)["accepted"] == 1
    assert harbor.post_events(event)["duplicates"] == 1
    first = harbor.ask(viewer=VIEWER, key=f"page of {VIEWER}")
    assert harbor.ask(viewer=VIEWER, key=f"page of {VIEWER}").content == first.content
    request = {"viewer": VIEWER, "titles": [{"title": "harbor"}], "idempotency_key": f"batch of {VIEWER}"}
    for _ in range(2):
        assert harbor.http.post("/v1/select:batch", json={"requests": [request]}).status_code == 200
    with reading(harbor.engine) as connection:
        assert count_events(connection) == 1
    assert len(stored(harbor, pages.c.page)) == 2
    assert files_with(harbor.home, VIEWER) == []


def test_c11_ids_of_callers_are_otherwise_kept_as_they_are_sent(harbor: Installation) -> None:
    harbor.post_events(an_event("7", event="play-17"))
    harbor.ask(viewer="7", key="page-17")
    assert stored(harbor, events.c.event) == ["play-17"]
    assert stored(harbor, pages.c.idempotency_key) == ["page-17"]
