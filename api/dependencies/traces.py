"""OpenTelemetry, where it is asked for: traces of requests and jobs. Knows no route and no job.

Without `KEYART_TRACES=1` nothing of it is loaded. With it, spans go where the standard variables say, such as
`OTEL_EXPORTER_OTLP_ENDPOINT`. Spans of requests are the framework's own: named by method and route, without bodies.
"""

import importlib
import sys
import time
from collections.abc import Generator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from typing import Any

from api.dependencies.request_ids import request_id
from api.dependencies.stages import Stage, noted
from api.errors import BadSettings
from api.settings import Settings

TRACED = "/v1/"
"""Only the API: probes would bury the rest, and the console's addresses may hold what a person looked for."""

OFF: Mapping[str, Any] = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}


class Traces:
    """Where spans go. Made at start and closed at the end, so that the last ones are sent."""

    def __init__(self, provider: Any | None) -> None:
        """`provider` is a `TracerProvider` of OpenTelemetry's SDK, None for no traces."""
        self._provider = provider
        self._tracer: Any = None if provider is None else provider.get_tracer("keyart")
        api = None if provider is None else importlib.import_module("opentelemetry.trace")
        self._current = None if api is None else api.get_current_span

    @property
    def wanted(self) -> bool:
        """Whether anybody takes them."""
        return self._provider is not None

    def of_requests(self) -> dict[str, Any]:
        """What the framework needs to trace requests: no bodies, no values, no messages of errors."""
        if self._provider is None:
            return dict(OFF)
        on = {"tracing": True, "operation_spans": False, "tracer_provider": self._provider, "exclude": _is_left_out}
        return {**OFF, **on}

    def name_request(self, method: str, route: str) -> None:
        """Name the span of the request that is being answered: not every one was taken by a route of the framework."""
        if self._current is not None:
            span = self._current()
            span.update_name(f"{method} {route}")
            span.set_attribute("http.route", route)
            span.set_attribute("keyart.request", request_id() or "")
            self._add_stages(noted())

    def _add_stages(self, stages: Sequence[Stage]) -> None:
        """Spans below the request's, made once it is answered: see `api.dependencies.stages`."""
        ahead = time.time_ns() - int(time.perf_counter() * 1e9)
        for stage in stages:
            span = self._tracer.start_span(stage.name, start_time=ahead + int(stage.began * 1e9))
            span.end(ahead + int(stage.ended * 1e9))

    @contextmanager
    def span(self, name: str, **attributes: str | int | float) -> Generator[None]:
        """Trace what the block does, under a name without ids; a failure is marked by its kind, not by its message."""
        if self._tracer is None:
            yield
            return
        with self._tracer.start_as_current_span(
            name, attributes=attributes, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield
            except BaseException as error:
                span.set_attribute("error.type", type(error).__name__)
                raise

    def close(self) -> None:
        """Send what was not sent yet."""
        if self._provider is not None:
            self._provider.shutdown()


def open_traces(settings: Settings) -> Traces:
    """Return traces as the settings say.

    Raises:
        BadSettings: they are asked for, and the packages are not there.
    """
    if not settings.traces:
        return Traces(None)
    try:
        sdk = importlib.import_module("opentelemetry.sdk.trace")
        export = importlib.import_module("opentelemetry.sdk.trace.export")
        otlp = importlib.import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
        resources = importlib.import_module("opentelemetry.sdk.resources")
    except ModuleNotFoundError as error:
        raise BadSettings("KEYART_TRACES is set and OpenTelemetry is not there.", _INSTALL) from error
    # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES, where they are set, win over the name.
    named = resources.Resource({"service.name": "keyart"}).merge(resources.OTELResourceDetector().detect())
    provider = sdk.TracerProvider(resource=named)
    provider.add_span_processor(export.BatchSpanProcessor(otlp.OTLPSpanExporter()))
    return Traces(provider)


def trace_ids() -> dict[str, str]:
    """The ids of the trace and the span that this code runs in, as log lines carry them; nothing without traces."""
    api = sys.modules.get("opentelemetry.trace")
    if api is None:  # nobody asked for traces, so nothing of it is loaded
        return {}
    span = api.get_current_span().get_span_context()
    return {"trace": f"{span.trace_id:032x}", "span": f"{span.span_id:016x}"} if span.is_valid else {}


_INSTALL = "Install it: pip install 'keyart[otel]'."


def _is_left_out(scope: MutableMapping[str, Any]) -> bool:
    return not scope["path"].startswith(TRACED)
