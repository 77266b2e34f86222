"""/healthz, /readyz, /metrics and /openapi.json."""

import pytest
from anyio import fail_after, run, to_thread
from httpx import ASGITransport, AsyncClient
from sqlalchemy import text

from api.storage.database import transaction
from tests.api.installation import Installation, an_event, an_outcome, running, settings_in
from tests.api.problems import is_problem

WIRE = {
    "/v1/titles": {"get"},
    "/v1/titles/{title}": {"get", "put"},
    "/v1/titles/{title}/artworks": {"get"},
    "/v1/titles/{title}/artworks/{artwork}": {"get", "put"},
    "/v1/titles/{title}/artworks/{artwork}/image": {"put"},
    "/v1/titles/{title}/artworks/{artwork}:pause": {"post"},
    "/v1/titles/{title}/artworks/{artwork}:resume": {"post"},
    "/v1/titles/{title}/artworks/{artwork}:retire": {"post"},
    "/v1/titles/{title}/guards": {"get", "post"},
    "/v1/titles/{title}/guards/{guard}:lift": {"post"},
    "/v1/events": {"post"},
    "/v1/select": {"post"},
    "/v1/outcomes": {"post"},
    "/v1/decisions/{decision}": {"get"},
    "/v1/policies": {"get"},
    "/v1/policies/{version}": {"get"},
    "/v1/policies/{version}:promote": {"post"},
    "/v1/policies/{version}:retire": {"post"},
    "/v1/policies:rollback": {"post"},
    "/images/{sha256}": {"get"},
    "/healthz": {"get"},
    "/readyz": {"get"},
    "/metrics": {"get"},
}


def test_the_process_lives_and_can_serve(shared: Installation) -> None:
    assert shared.http.get("/healthz").json() == {"status": "alive"}
    ready = shared.http.get("/readyz").json()
    assert ready == {"status": "ready", "policy": "uniform", "titles": 1, "problems": {}}


def test_a_database_without_tables_is_not_ready_but_the_process_lives(tmp_path_factory: pytest.TempPathFactory) -> None:
    with running(settings_in(tmp_path_factory.mktemp("bare"))) as bare:
        assert bare.http.get("/healthz").status_code == 200
        problem = is_problem(bare.http.get("/readyz"), 503, "storage_unavailable")
        assert "keyart migrate" in problem["remedy"]
        is_problem(bare.ask("harbor"), 503, "storage_unavailable")


def test_what_was_wrong_a_moment_ago_is_told_with_its_remedy(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Also while the breaker is open: an operator is told why, not that it was tried."""
    with running(settings_in(tmp_path_factory.mktemp("bare"))) as bare:
        for _ in range(2):
            assert "keyart migrate" in is_problem(bare.http.get("/readyz"), 503, "storage_unavailable")["remedy"]


def test_c8_without_its_database_a_server_is_ready_for_pages(harbor: Installation) -> None:
    assert harbor.http.get("/readyz?for=pages").json()["status"] == "ready"
    with transaction(harbor.engine) as connection:
        connection.execute(text("ALTER TABLE deployments RENAME TO lost"))
    is_problem(harbor.http.get("/readyz"), 503, "storage_unavailable")
    answer = harbor.http.get("/readyz?for=pages").json()
    assert (answer["status"], answer["titles"]) == ("degraded", 1)
    assert "keyart migrate" in answer["problems"]["database"]
    is_problem(harbor.http.get("/readyz?for=tea"), 422, "invalid_request")


def test_a_server_that_knows_no_title_is_ready_for_nothing(tmp_path_factory: pytest.TempPathFactory) -> None:
    with running(settings_in(tmp_path_factory.mktemp("bare"))) as bare:
        is_problem(bare.http.get("/readyz?for=pages"), 503, "storage_unavailable")


def test_probes_are_answered_while_every_thread_waits(shared: Installation) -> None:
    """As they do while a database swallows what it is sent: the process lives, and must not be restarted for it."""

    async def asked() -> list[int]:
        threads = to_thread.current_default_thread_limiter()
        threads.total_tokens = 1
        async with threads, AsyncClient(transport=ASGITransport(shared.http.app), base_url="http://keyart") as http:
            with fail_after(20):
                return [(await http.get(path)).status_code for path in ("/healthz", "/readyz", "/metrics")]

    assert run(asked) == [200, 200, 200]


def test_what_happens_is_counted(harbor: Installation) -> None:
    harbor.post_events(an_event(), an_event(title="nowhere"))
    page = harbor.select()
    outcome = an_outcome(page["slots"][0]["decision"])
    harbor.report(outcome, an_outcome("forged"))
    harbor.report(outcome)
    answer = harbor.http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    for line in (
        'keyart_decisions_total{logged="true",reason="policy"} 1.0',
        'keyart_outcomes_total{fate="accepted"} 1.0',
        'keyart_outcomes_total{fate="duplicate"} 1.0',
        'keyart_outcomes_total{fate="rejected"} 1.0',
        'keyart_events_total{fate="accepted"} 1.0',
        'keyart_events_total{fate="rejected"} 1.0',
        'keyart_http_request_seconds_count{method="POST",route="/v1/select"} 1.0',
        'keyart_pages_total{logged="true",rung="live"} 1.0',
    ):
        assert line in answer.text.splitlines()


def test_the_description_lists_what_callers_rely_on(shared: Installation) -> None:
    paths = shared.http.get("/openapi.json").json()["paths"]
    assert [path for path, methods in WIRE.items() if methods - set(paths.get(path, ()))] == []
