"""The Python client of a serving layer: `select` a page, `report` outcomes. Never raises into a page render.

It knows the wire and nothing of Keyart's insides, so it can be copied into another code base as one file.
"""

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, fields
from types import TracebackType
from typing import Any, Self, cast

import httpx

logger = logging.getLogger(__name__)

DEFAULT_DEADLINE_SECONDS = 0.3
CONCURRENT_SELECTS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A title on the page: its position (from 0) and the title ranker's score, where there are such."""

    title: str
    position: int | None = None
    score: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The artwork to show for one title. `decision` is None where the caller's own default is shown."""

    title: str
    image: str | None
    artwork: str | None = None
    decision: str | None = None
    probability: float | None = None
    reason: str = "fallback"


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectedPage:
    """The answer to one `select`, in the order of the titles asked for. `error` says why it is made of defaults."""

    slots: tuple[Chosen, ...]
    page: str | None = None
    policy: str | None = None
    logged: bool = False
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedOutcome:
    """Something that happened to a decision. `event` makes a repeated report harmless; `at` is RFC 3339."""

    event: str
    decision: str
    kind: str
    at: str
    seconds: float | None = None
    of_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """What became of a report. `error` is set when it did not arrive or was refused whole; nothing is counted then."""

    accepted: int = 0
    duplicates: int = 0
    rejected: tuple[Mapping[str, str], ...] = field(default=())
    error: str | None = None


class KeyartClient:
    """A connection pool to one Keyart server.

    `deadline` is the number of seconds a `select` may take in all; `defaults` maps a title to the image URL
    that is shown when Keyart cannot answer in time. Both can be given for a single call.
    """

    def __init__(
        self,
        base_url: str,
        key: str | None = None,
        *,
        defaults: Mapping[str, str] | None = None,
        deadline: float = DEFAULT_DEADLINE_SECONDS,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        self._http = httpx.Client(base_url=base_url, headers=headers, transport=transport)
        self._defaults = dict(defaults or {})
        self._deadline = deadline
        # httpx bounds each step of a request; waiting on a future bounds the whole of it.
        self._waiting = ThreadPoolExecutor(CONCURRENT_SELECTS, thread_name_prefix="keyart-select")

    def select(
        self,
        viewer: str,
        titles: Sequence[Asked],
        *,
        context: Mapping[str, str] | None = None,
        defaults: Mapping[str, str] | None = None,
        deadline: float | None = None,
    ) -> SelectedPage:
        """Ask for one artwork a title. On any failure the page is made of `defaults`, and `error` says why."""
        try:
            asked = [_without_none(asdict(each)) for each in titles]
            body = {"viewer": viewer, "context": dict(context or {}), "titles": asked}
            return _selected(self._in_time(body, self._deadline if deadline is None else deadline))
        except Exception as error:
            # Whatever it was, a page must render: the caller is in the middle of one.
            logger.warning("select fell back to the caller's defaults: %s", error)
            fallback = {**self._defaults, **(defaults or {})}
            slots = tuple(Chosen(title=each.title, image=fallback.get(each.title)) for each in titles)
            return SelectedPage(slots=slots, error=str(error) or type(error).__name__)

    def report(self, outcomes: Sequence[ReportedOutcome], *, deadline: float = 5.0) -> Reported:
        """Send outcomes; safe to repeat with the same event ids until `error` is None."""
        try:
            rows = [_without_none(asdict(each)) for each in outcomes]
            answer = self._post("/v1/outcomes", {"outcomes": rows}, seconds=deadline)
            return Reported(
                accepted=answer["accepted"],
                duplicates=answer["duplicates"],
                rejected=tuple(answer["rejected"]),
            )
        except Exception as error:
            logger.warning("outcomes were not taken: %s", error)
            return Reported(error=str(error) or type(error).__name__)

    def close(self) -> None:
        """Close the pool; a request still under way is not waited for."""
        self._waiting.shutdown(wait=False, cancel_futures=True)
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _in_time(self, body: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        waiting = self._waiting.submit(self._post, "/v1/select", body, seconds=seconds)
        try:
            return waiting.result(timeout=seconds)
        finally:
            # A page that nobody waits for any more must not be decided and logged later.
            waiting.cancel()

    def _post(self, path: str, body: Mapping[str, Any], *, seconds: float) -> dict[str, Any]:
        answer = self._http.post(path, json=body, timeout=seconds)
        if answer.is_error:
            raise httpx.HTTPStatusError(_problem(answer), request=answer.request, response=answer)
        return cast(dict[str, Any], answer.json())


_SLOT_FIELDS = tuple(field.name for field in fields(Chosen))
"""What is read of a slot; a newer server may answer with more."""


def _selected(answer: Mapping[str, Any]) -> SelectedPage:
    slots = tuple(Chosen(**{name: slot[name] for name in _SLOT_FIELDS}) for slot in answer["slots"])
    return SelectedPage(slots=slots, page=answer["page"], policy=answer["policy"], logged=answer["logged"])


def _without_none(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if value is not None}


def _problem(answer: httpx.Response) -> str:
    try:
        problem = cast(dict[str, Any], answer.json())
    except ValueError:
        return f"HTTP {answer.status_code}"
    return f"HTTP {answer.status_code}: {problem.get('title', '')}: {problem.get('detail', '')}"
