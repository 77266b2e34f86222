"""How a page of the console is rendered: templates, words for numbers and times, and what its browser may load.

Knows no figure and no form. Every page is whole without script; with it, parts of some pages refresh themselves.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from fastapi import Request, Response
from fastapi.templating import Jinja2Templates
from markupsafe import Markup, escape

from api.credentials import Principal
from api.dependencies.permissions import PERMISSIONS
from api.dependencies.services import Services
from api.report.numbers import NOT_KNOWN, count
from api.report.rendering import FILTERS as REPORT_FILTERS
from api.report.rendering import TEMPLATES as REPORT_TEMPLATES

SECURITY = {
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_PAGES = (
    ("/console", "Overview"),
    ("/console/versions", "Versions"),
    ("/console/forecasts", "Forecasts"),
    ("/console/experiments", "Experiments"),
    ("/console/explorer", "Explorer"),
    ("/gallery", "Gallery"),
)


def utc(at: datetime | None) -> str:
    """A moment as people read it, to the minute."""
    return NOT_KNOWN if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def iso(at: datetime | None) -> str:
    """A moment as programs read it, for `datetime` attributes."""
    return "" if at is None else at.astimezone(UTC).isoformat(timespec="seconds")


def lasting(span: timedelta | float | None) -> str:
    """A length of time in the largest unit that says enough."""
    if span is None:
        return NOT_KNOWN
    seconds = span.total_seconds() if isinstance(span, timedelta) else span
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def rate(number: float | None) -> str:
    """A number with about three digits that count."""
    if number is None:
        return NOT_KNOWN
    return count(number) if number >= 100 else f"{number:.1f}" if number >= 10 else f"{number:.2f}"


def reward(value: float | None) -> str:
    """A reward in [0, 1]."""
    return NOT_KNOWN if value is None else f"{value:.4f}"


def coded(text: str) -> Markup:
    """A sentence as HTML: what stands between backticks, as in a terminal's lines, is set as code."""
    return Markup(re.sub("`([^`]*)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 (escaped before)


templates = Jinja2Templates(directory=[Path(__file__).parent / "templates", REPORT_TEMPLATES])
for _word in (*REPORT_FILTERS, utc, iso, lasting, rate, reward, coded):
    templates.env.filters[_word.__name__] = _word


def rendered(
    request: Request,
    services: Services,
    template: str,
    context: Mapping[str, Any],
    *,
    status: int = 200,
    scripts: bool = True,
) -> Response:
    """Render one page or part of a page under a policy that lets no foreign or inline script or style run."""
    known = {**frame_of(request, services), **context}
    headers = {**SECURITY, "Content-Security-Policy": content_policy(services, scripts=scripts)}
    return templates.TemplateResponse(request, template, known, status_code=status, headers=headers)


def frame_of(request: Request, services: Services) -> dict[str, Any]:
    """What the frame of a page shows: the pages that its reader may open, who that is, and what is live."""
    principal = cast(Principal | None, getattr(request.state, "principal", None))
    known = principal if principal is not None and principal.scopes else None
    return {
        "path": request.url.path,
        "account": known,
        "menu": [each for each in _PAGES if known and known.may(PERMISSIONS[("GET", each[0])] or frozenset())],
        "policy": services.live.current.version if known else None,
    }


def content_policy(services: Services, *, scripts: bool) -> str:
    """What a browser may load: this server's own files, and images from where they are served."""
    images = f"'self' {services.settings.image_base_url}".strip()
    own = "script-src 'self'; connect-src 'self'; " if scripts else ""
    return (
        f"default-src 'none'; img-src {images}; style-src 'self'; {own}"
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
