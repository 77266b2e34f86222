"""C2: the same idempotency key gives the same answer, byte for byte, also after a restart (see tests/api/routes)."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import update

from api.dependencies.catalogue_lines import catalogue_from, lines_of
from api.dependencies.pages import SelectCall
from api.errors import StorageUnavailable
from api.homepage.request import AskedTitle
from api.storage.database import open_engine, transaction
from api.storage.pages import stored_answers
from api.storage.repeats import KEPT, Repeat, keep_answers
from api.storage.tables import pages
from artwork.catalog import TitleId
from bandit.context import RequestContext
from tests.api.installation import AT, running, settings_in
from tests.stories.served import wait_until


def test_c2_the_answer_of_a_key_outlives_the_server(home: Path) -> None:
    with running(settings_in(home)) as first:
        first.put_title("harbor")
        answered = first.ask(key="k1").content
    with running(settings_in(home)) as second:
        assert second.ask(key="k1").content == answered


def test_c2_a_key_that_a_server_of_an_older_keyart_answered_is_answered_alike(home: Path) -> None:
    """While servers are replaced one by one, a retry may meet either; an older one writes plain digests."""
    with running(settings_in(home)) as server:
        server.put_title("harbor")
        answered = server.ask(key="k1").content
        asked = AskedTitle(title=TitleId("harbor"), position=0)
        context = RequestContext(at=AT, device="tv")
        call = SelectCall(viewer="viewer-1", context=context, titles=(asked,), budget=1.0)
        with transaction(server.engine) as connection:
            connection.execute(update(pages).values(request_digest=call.digest()))
    with running(settings_in(home)) as server:
        assert server.ask(key="k1").content == answered
        assert server.ask(key="k1", viewer="another").status_code == 422


def test_c2_a_server_that_shows_what_it_remembers_still_gives_the_answer_of_a_key(home: Path) -> None:
    """The database may be back before the catalogue was read from it."""
    with running(settings_in(home)) as server:
        server.put_title("harbor")
        answered = server.ask(key="k1").content
        remembered = catalogue_from(lines_of(server.services.catalogue.current))
    with running(settings_in(home, refresh_seconds=600)) as server:
        server.services.catalogue.current = remembered
        assert server.ask(key="k1").content == answered
        assert server.ask(key="k1", viewer="another").status_code == 422
        assert server.ask(key="k2").json()["logged"] is False


def test_c2_what_was_logged_under_a_key_outlives_what_was_answered_while_it_could_not_be_read(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> Any:
        raise StorageUnavailable("The database cannot be reached.", "Try again.")

    with running(settings_in(home)) as server:
        server.put_title("harbor")
        answered = server.ask(key="k1").content
        remembered = catalogue_from(lines_of(server.services.catalogue.current))
    with running(settings_in(home, refresh_seconds=600)) as server, monkeypatch.context() as patched:
        patched.setattr("api.dependencies.pages.stored_answers", away)
        server.services.catalogue.current = remembered
        assert server.ask(key="k1").json()["logged"] is False
        patched.undo()

        def is_given_again() -> bool:
            server.services.refresh()
            return server.ask(key="k1").content == answered

        wait_until(is_given_again, within=10)  # a database that did not answer is left alone for a second
    with running(settings_in(home)) as server:
        assert server.ask(key="k1").content == answered


def test_c2_an_answer_that_was_not_logged_is_given_again_by_every_server(home: Path) -> None:
    """Also after a restart, and when the database is back: it is written down as soon as that can be."""
    with running(settings_in(home, select_budget_ms=200)) as first, running(settings_in(home)) as second:
        first.put_title("harbor")
        first.impatient()
        with first.locked():
            answered = first.ask(key="k1").content
        assert msgspec.json.decode(answered)["logged"] is False
        first.services.refresh()
        assert second.ask(key="k1").content == answered
        assert second.ask(key="k1", viewer="another").status_code == 422
        assert first.ask(key="k1").content == answered
        assert second.ask(key="k2").json()["logged"] is True
    with running(settings_in(home)) as third:
        assert third.ask(key="k1").content == answered


def test_c2_servers_that_cannot_log_answer_alike_without_a_word_to_each_other(home: Path) -> None:
    with running(settings_in(home, select_budget_ms=200)) as first, running(settings_in(home)) as second:
        first.put_title("harbor")
        second.services.refresh()
        for each in (first, second):
            each.services.log.close()
        answers = {each.ask(key="k1").content for each in (first, second)}
        assert len(answers) == 1
        others = [first.ask(key="k2"), first.ask("harbor", "harbor", key="k3"), first.ask(), second.ask()]
        assert len({answer.content for answer in others} | answers) == 5


def test_c2_answers_that_were_never_logged_are_forgotten_after_a_day(home: Path) -> None:
    engine, now = open_engine(settings_in(home).database_url), datetime.now(UTC)
    answer = Repeat(digest="0" * 64, status=200, body=b"{}")
    with transaction(engine) as connection:
        keep_answers(connection, {"old": answer}, now=now - KEPT)
        keep_answers(connection, {"new": answer, "old": answer}, now=now + timedelta(seconds=1))
        assert stored_answers(connection, ["old", "new", "none"]).keys() == {"old", "new"}
        keep_answers(connection, {}, now=now + KEPT + timedelta(seconds=2))
        assert stored_answers(connection, ["old", "new"]) == {}
    engine.dispose()
