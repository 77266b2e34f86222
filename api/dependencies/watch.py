"""Every request over HTTP: given an id, counted and timed by its route. Pure ASGI, and knows no route.

A route is named by its template (`/v1/titles/{title}`), never by the path that was sent: a label for every path would
be one more series for every id, and log lines would hold what a caller wrote into an address.
"""

import logging
import time
from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.dependencies.logs import FIELDS
from api.dependencies.request_ids import HEADER, begin_request
from api.dependencies.stages import begin_stages

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
UNMATCHED = "unmatched"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

access = logging.getLogger("keyart.access")


class RequestFigures:
    """Requests by method, route and status, and the seconds they took.

    `in_progress` is a plain number, since the loop alone changes it.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "keyart_http_requests", "Requests answered.", ["method", "route", "status"], registry=registry
        )
        self.seconds = Histogram(
            "keyart_http_request_seconds",
            "Seconds from a request's first byte to its answer's last.",
            ["method", "route"],
            buckets=BUCKETS,
            registry=registry,
        )
        self.in_progress = 0
        under_way = Gauge("keyart_http_requests_in_progress", "Requests that are being answered.", registry=registry)
        under_way.set_function(lambda: self.in_progress)
        self._known: dict[tuple[str, str, int], tuple[Any, Any]] = {}

    def add(self, method: str, route: str, *, status: int, seconds: float) -> None:
        """Count one request."""
        key = (method, route, status)
        known = self._known.get(key)
        if known is None:
            known = (self.requests.labels(method, route, str(status)), self.seconds.labels(method, route))
            self._known[key] = known
        known[0].inc()
        known[1].observe(seconds)


_NO_SNIFFING = (b"x-content-type-options", b"nosniff")
"""Said of every answer: what is no page must not be taken for one, whatever is in it."""


class Watch:
    """The middleware. `figures` and `leaving` are asked for at each request, for the lifespan makes them later."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        figures: Callable[[], RequestFigures],
        leaving: Callable[[], bool],
        name_span: Callable[[str, str], None],
        traced: bool = False,
        log_access: bool,
    ) -> None:
        """`leaving` tells whether the server is about to end: answers then close their connection.

        `name_span` is told method and route of each request, for its trace; `traced` tells that its stages are wanted.
        """
        self._app = app
        self._figures = figures
        self._leaving = leaving
        self._name_span = name_span
        self._traced = traced
        self._log_access = log_access
        self._templates: dict[Any, str] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        sent = None
        for name, value in scope["headers"]:
            if name == HEADER:
                sent = value
        request = begin_request(sent).encode()
        if self._traced:
            begin_stages()
        figures = self._figures()
        status = 500

        async def answered(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._finish_headers(message, request)
                self._name_span(scope["method"], self._template(scope))
            await send(message)

        figures.in_progress += 1
        try:
            await self._app(scope, receive, answered)
        finally:
            figures.in_progress -= 1
            self._count(scope, figures, status=status, seconds=time.perf_counter() - began)

    def _finish_headers(self, message: Message, request: bytes) -> None:
        headers = message["headers"] = [*message.get("headers", ())]
        if (HEADER, request) not in headers:  # problems carry it already
            headers.append((HEADER, request))
        headers.append(_NO_SNIFFING)
        if self._leaving():
            headers.append((b"connection", b"close"))

    def _count(self, scope: Scope, figures: RequestFigures, *, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "other"
        route = self._template(scope)
        figures.add(method, route, status=status, seconds=seconds)
        if self._log_access:
            fields = {"method": method, "route": route, "status": status, "ms": round(1000 * seconds, 2)}
            access.info("%s %s %s %.2f ms", method, route, status, 1000 * seconds, extra={FIELDS: fields})

    def _template(self, scope: Scope) -> str:
        endpoint = scope.get("endpoint")
        if endpoint is None:
            return UNMATCHED
        known = self._templates.get(endpoint)
        if known is None:
            known = self._templates[endpoint] = template_of(scope)
        return known


def template_of(scope: Scope) -> str:
    """The template of the route that took a request, with what it is mounted under."""
    path: str = scope["path"]
    if "app_root_path" in scope:  # something mounted, such as a folder of files
        return scope["root_path"].removeprefix(scope["app_root_path"])
    route = scope.get("route")
    if route is None:
        return UNMATCHED if scope.get("path_params") else path
    own: str = route.path
    # A router's route knows nothing of the prefix it is included under, which has no parameters.
    prefix = path.split("/")[: path.count("/") - own.count("/") + 1]
    return "/".join(prefix) + own if prefix[1:] else own
