"""/healthz, /readyz, /metrics and /openapi.json."""

import pytest

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
        is_problem(bare.ask("harbor"), 404, "unknown_title")


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
