"""Spans say which route and which job, for how long and how it ended; nothing of what was sent."""

import json
import logging
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.dependencies.logs import JsonLines
from api.dependencies.traces import Traces, open_traces
from tests.api.installation import ADMIN_KEY, Installation, settings_in

CLOCKS_APART = 50_000_000
"""Nanoseconds: stages are timed by another clock than spans."""
WHY = "OpenTelemetry's SDK is not installed: pip install 'keyart[otel]'"
sdk = pytest.importorskip("opentelemetry.sdk.trace", reason=WHY)
export = pytest.importorskip("opentelemetry.sdk.trace.export", reason=WHY)
memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter", reason=WHY)


def collected() -> tuple[Traces, "memory.InMemorySpanExporter"]:
    """Traces, and where their spans end up."""
    exporter, provider = memory.InMemorySpanExporter(), sdk.TracerProvider()
    provider.add_span_processor(export.SimpleSpanProcessor(exporter))
    return Traces(provider), exporter


def test_requests_to_the_api_are_traced_without_what_was_sent(home: Path) -> None:
    traces, exporter = collected()
    settings = settings_in(home)
    with TestClient(create_app(settings, traces=traces), headers={"Authorization": f"Bearer {ADMIN_KEY}"}) as http:
        Installation(settings, http).put_title("harbor")
        trace = f"00-{'a' * 32}-{'b' * 16}-01"
        asked = {"viewer": "profile-17", "titles": [{"title": "harbor"}]}
        http.post("/v1/select", json=asked, headers={"traceparent": trace, "X-Request-Id": "r-1"})
        http.post("/v1/outcomes", json={"outcomes": [{"event": "profile-17"}]})
        http.get("/v1/titles/harbor")
        http.get("/healthz")
        http.get("/metrics")
        spans = exporter.get_finished_spans()
    assert [span.name for span in spans if not span.name.startswith("select ")] == [
        "POST /v1/select",
        "POST /v1/outcomes",
        "GET /v1/titles/{title}",
    ]
    first = next(span for span in spans if span.name == "POST /v1/select")
    assert f"{first.context.trace_id:032x}" == "a" * 32
    assert first.attributes["http.route"] == "/v1/select"
    assert first.attributes["http.response.status_code"] == 200
    assert first.attributes["keyart.request"] == "r-1"
    assert "profile-17" not in "".join(span.to_json() for span in spans)


def test_the_stages_of_a_page_stand_below_its_request(home: Path) -> None:
    """So one slow page tells what it waited for."""
    traces, exporter = collected()
    settings = settings_in(home)
    with TestClient(create_app(settings, traces=traces), headers={"Authorization": f"Bearer {ADMIN_KEY}"}) as http:
        Installation(settings, http).put_title("harbor")
        asked = {"viewer": "profile-17", "titles": [{"title": "harbor"}]}
        http.post("/v1/select", json=asked)
        http.post("/v1/select", json=asked, headers={"Idempotency-Key": "k"})
        spans = exporter.get_finished_spans()
    requests = [span for span in spans if span.name == "POST /v1/select"]
    assert len(requests) == 2
    for request in requests:
        stages = [span for span in spans if span.parent and span.parent.span_id == request.context.span_id]
        assert [span.name for span in stages] == ["select wait", "select decide", "select log"]
        assert [span.start_time for span in stages[1:]] == [span.end_time for span in stages[:-1]]
        assert request.start_time - CLOCKS_APART <= stages[0].start_time
        assert stages[-1].end_time <= request.end_time + CLOCKS_APART


def test_a_log_line_says_where_in_a_trace_it_was_written() -> None:
    traces, exporter = collected()
    with traces.span("job learn"):
        line = json.loads(JsonLines().format(logging.makeLogRecord({"msg": "x"})))
    span = exporter.get_finished_spans()[0]
    assert (line["trace"], line["span"]) == (f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}")
    assert "trace" not in json.loads(JsonLines().format(logging.makeLogRecord({"msg": "x"})))


def test_a_block_is_traced_and_its_failure_marked_without_its_message() -> None:
    traces, exporter = collected()
    with traces.span("job learn", rows=3):
        pass
    with pytest.raises(ValueError, match="profile-17"), traces.span("job export"):
        raise ValueError("profile-17")
    done, failed = exporter.get_finished_spans()
    assert (done.name, dict(done.attributes)) == ("job learn", {"rows": 3})
    assert (failed.name, dict(failed.attributes)) == ("job export", {"error.type": "ValueError"})
    assert "profile-17" not in failed.to_json()


def test_without_the_setting_nothing_is_traced(home: Path) -> None:
    traces = open_traces(settings_in(home))
    with traces.span("job learn"):
        traces.name_request("GET", "/healthz")
    assert traces.of_requests()["tracing"] is False
    traces.close()


def test_with_the_setting_spans_are_sent_to_a_collector(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason=WHY)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    traces = open_traces(settings_in(home, traces=True))
    assert traces.of_requests()["tracing"] is True
    traces.close()
