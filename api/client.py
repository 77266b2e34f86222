"""The Python client of a serving layer: `select` a page, `report` outcomes. Never raises into a page render.

It knows the wire and nothing of Keyart's insides, so it can be copied into another code base as one file; needs httpx.
`outcome_queue.py` goes beside it where outcomes are to be reported in the background.
"""

import json
import logging
import os
import secrets
import threading
import time
import weakref
from collections import ChainMap, Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self

import httpx

logger = logging.getLogger(__name__)

BUDGET_SHARE = 0.8
"""Share of the time left that the server is told it may use; the rest is for the way there and back."""
KEEP_SECONDS = 4.0  # less than uvicorn's 5: it must not close a connection in the moment of its next use
LEARNED_TITLES = 100_000
LONGEST_PAUSE_SECONDS = 5.0
_UNREACHED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)  # nothing was sent
_CHANCE = secrets.SystemRandom()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A title on the page: its position (from 0) and the title ranker's score, where there are such."""

    title: str
    position: int | None = None
    score: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedPage:
    """What a page is decided from. Asked for again with the same idempotency key, it is not decided twice."""

    viewer: str
    titles: Sequence[Asked]
    context: Mapping[str, str] = field(default_factory=dict[str, str])
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The artwork to show for one title. `decision` is None where nothing was logged: report nothing of it then."""

    title: str
    image: str | None
    artwork: str | None = None
    decision: str | None = None
    probability: float | None = None
    reason: str = "fallback"


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectedPage:
    """The answer to one page, in the order of its titles. `error` says why slots show the client's defaults."""

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
    """What became of a report. `error` is set when it did not arrive or was refused whole; nothing is counted then.

    `status` is that of the refusal; `retry_after`, seconds, is set where the server says when to come back.
    """

    accepted: int = 0
    duplicates: int = 0
    rejected: tuple[Mapping[str, str], ...] = ()
    error: str | None = None
    status: int | None = None
    retry_after: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientOptions:
    """How a client behaves; times in seconds.

    A request is repeated at most `retries` times, and only where that is safe. After `failures` failed pages in a row
    none is asked for during about `pause`, which doubles until the server is back.
    """

    connections: int = 64
    retries: int = 2
    failures: int = 5
    pause: float = 1.0


class ServerRefused(Exception):
    """The server answered with an error. `retry_after`, seconds, is set where it says so: then nothing was written."""

    def __init__(self, answer: httpx.Response, data: bytes) -> None:
        super().__init__(f"HTTP {answer.status_code}{_problem(data)}")
        self.status, after = answer.status_code, answer.headers.get("Retry-After", "")
        self.retry_after = float(after) if after.isdigit() else None


class _Breaker:
    """Tells whether to ask at all: after failures in a row not for a while, and then not until a look went well."""

    def __init__(self, options: ClientOptions) -> None:
        self._options, self._lock = options, threading.Lock()
        self._failures, self._pause, self._until = 0, options.pause, 0.0

    def asks(self, look: Callable[[], bool]) -> bool:
        """Tell whether to ask now. After a pause `look` runs beside: no page waits for a server that is down."""
        with self._lock:
            if self._failures < self._options.failures:
                return True
            if time.monotonic() >= self._until:
                self._wait_longer()
                threading.Thread(target=self._try, args=(look,), name="keyart-look", daemon=True).start()
            return False

    def note(self, *, well: bool) -> None:
        with self._lock:
            self._failures = 0 if well else self._failures + 1
            if well:
                self._pause = self._options.pause
            elif self._failures == self._options.failures:
                self._wait_longer()

    def _try(self, look: Callable[[], bool]) -> None:
        if look():
            with self._lock:
                self._failures = self._options.failures - 1  # one more page that fails is enough to pause again

    def _wait_longer(self) -> None:
        self._until = time.monotonic() + self._pause * _CHANCE.uniform(0.5, 1.0)
        self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)


class KeyartClient:
    """A connection pool to one Keyart server, for all threads of a process; a forked child opens its own.

    `deadline` is the number of seconds a `select` may take in all; `defaults` maps a title to the image URL that is
    shown when Keyart cannot answer in time. Both can be given for a single call. For titles that `defaults` lacks, the
    client remembers the default artworks that earlier answers showed.
    """

    def __init__(
        self,
        base_url: str,
        key: str | None = None,
        *,
        defaults: Mapping[str, str] | None = None,
        deadline: float = 0.3,
        options: ClientOptions | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._defaults, self._deadline = dict(defaults or {}), deadline
        self._options = options or ClientOptions()
        self._learned: dict[str, str] = {}
        many = self._options.connections
        limits = httpx.Limits(max_connections=many, max_keepalive_connections=many, keepalive_expiry=KEEP_SECONDS)
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        self._connect = partial(httpx.Client, base_url=base_url, headers=headers, limits=limits, transport=transport)
        self._open()
        os.register_at_fork(after_in_child=partial(_open_again, weakref.ref(self)))

    def _open(self) -> None:
        self._http, self._breaker = self._connect(), _Breaker(self._options)
        self._counts, self._counting = Counter[str](), threading.Lock()
        # httpx bounds each step of a request; waiting on a future bounds the whole of it.
        self._waiting = ThreadPoolExecutor(self._options.connections, thread_name_prefix="keyart-client")

    def select(
        self,
        viewer: str,
        titles: Sequence[Asked],
        *,
        context: Mapping[str, str] | None = None,
        defaults: Mapping[str, str] | None = None,
        deadline: float | None = None,
        idempotency_key: str | None = None,
    ) -> SelectedPage:
        """Ask for one artwork a title. On any failure the page is made of `defaults`, and `error` says why.

        With an idempotency key a failed request is repeated while there is time; the server keeps such an answer.
        """
        page = AskedPage(viewer=viewer, titles=titles, context=context or {}, idempotency_key=idempotency_key)
        return self._pages([page], self._deadline if deadline is None else deadline, defaults=defaults)[0]

    def select_batch(
        self, pages: Sequence[AskedPage], *, defaults: Mapping[str, str] | None = None, deadline: float = 30.0
    ) -> list[SelectedPage]:
        """Ask for the pages of many viewers beforehand: at most 500, of 5,000 titles in all. Fails as `select` does."""
        return self._pages(pages, deadline, defaults=defaults, batch=True)

    def report(self, outcomes: Sequence[ReportedOutcome], *, deadline: float = 5.0) -> Reported:
        """Send outcomes; safe to repeat with the same event ids until `error` is None."""
        try:
            body = json.dumps({"outcomes": [_present(each) for each in outcomes]}, allow_nan=False)
            answer = self._post("/v1/outcomes", body, until=time.monotonic() + deadline, again=True)
            rejected = tuple(answer["rejected"])
            return Reported(accepted=answer["accepted"], duplicates=answer["duplicates"], rejected=rejected)
        except Exception as error:
            logger.warning("outcomes were not taken: %s", error)
            status, after = getattr(error, "status", None), getattr(error, "retry_after", None)
            return Reported(error=str(error) or type(error).__name__, status=status, retry_after=after)

    def counts(self) -> dict[str, int]:
        """What happened since the client was made.

        Every page is one of `answered`, `failed` (it shows defaults) and `skipped` (the same, for the server was known
        to be down, and was not waited for); `retried` counts requests.
        """
        with self._counting:
            return {name: self._counts[name] for name in ("answered", "failed", "skipped", "retried")}

    def close(self) -> None:
        """Close the pool; a request still under way is not waited for."""
        self._waiting.shutdown(wait=False, cancel_futures=True)
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _count(self, name: str, number: int = 1) -> None:
        with self._counting:
            self._counts[name] += number

    def _pages(
        self, asked: Sequence[AskedPage], seconds: float, *, defaults: Mapping[str, str] | None, batch: bool = False
    ) -> list[SelectedPage]:
        known = ChainMap(dict(defaults or {}), self._defaults, self._learned)
        if not self._breaker.asks(self._is_alive):
            self._count("skipped", len(asked))
            return [_default_page(each, known, "Keyart did not answer lately and is not asked") for each in asked]
        try:
            pages = self._ask(asked, known, until=time.monotonic() + seconds, batch=batch)
        except Exception as error:
            # Whatever it was, a page must render: the caller is in the middle of one.
            nameless = f"no answer within {seconds} s" if isinstance(error, TimeoutError) else type(error).__name__
            why = str(error) or nameless
            logger.warning("select fell back to the client's defaults: %s", why)
            self._count("failed", len(asked))
            return [_default_page(each, known, why) for each in asked]
        self._count("answered", len(asked))
        return pages

    def _ask(
        self, asked: Sequence[AskedPage], known: Mapping[str, str], *, until: float, batch: bool
    ) -> list[SelectedPage]:
        path, keys = "/v1/select" + ":batch" * batch, [each.idempotency_key for each in asked]
        key, again, body = None if batch else keys[0], None not in keys, _body(asked, batch=batch)
        waiting = self._waiting.submit(self._post, path, body, until=until, key=key, again=again)
        try:
            answer = waiting.result(timeout=until - time.monotonic())
            answers = answer["pages"] if batch else [answer]
            pages = [self._page(one, each, known) for one, each in zip(answers, asked, strict=True)]
        except Exception as error:
            self._breaker.note(well=isinstance(error, ServerRefused) and error.status < 500)
            raise
        finally:
            # A page that nobody waits for any more must not be decided and logged later.
            waiting.cancel()
        self._breaker.note(well=True)
        return pages

    def _page(self, answer: Mapping[str, Any], asked: AskedPage, known: Mapping[str, str]) -> SelectedPage:
        chosen: dict[str, list[Chosen]] = {}
        for slot in answer["slots"]:
            if (one := _chosen(slot, logged=answer["logged"])) is not None:
                chosen.setdefault(one.title, []).append(one)
                self._learn(one)
        defaults = _default_page(asked, known, "").slots
        slots = tuple(chosen[each.title].pop(0) if chosen.get(each.title) else each for each in defaults)
        missing = sum(slot.artwork is None for slot in slots)
        if missing == len(slots):
            raise ValueError("the answer has none of the titles that were asked for")
        error = f"the answer lacks {missing} of {len(slots)} titles" if missing else None
        named = {name: answer[name] for name in ("page", "policy", "logged")}
        return SelectedPage(slots=slots, error=error, **named)

    def _learn(self, slot: Chosen) -> None:
        """Remember a title's default. What a policy chose may be for another locale, or give away an ending."""
        known = slot.title in self._learned or len(self._learned) < LEARNED_TITLES
        if slot.image and slot.reason in ("default", "fallback") and known:
            self._learned[slot.title] = slot.image

    def _is_alive(self) -> bool:
        try:
            return self._http.get("/healthz", timeout=self._deadline).status_code < 500
        except httpx.HTTPError:
            return False

    def _post(self, path: str, body: str, *, until: float, key: str | None = None, again: bool) -> Any:
        """Post within the time; `again` tells that a repeated request does nothing twice."""
        attempt = 0
        while True:
            try:
                return self._send(path, body, until=until, key=key)
            except (ServerRefused, httpx.TransportError) as error:
                pause = _pause(error, attempt, again=again)
                if pause is None or attempt >= self._options.retries or time.monotonic() + pause >= until:
                    raise
            attempt += 1
            self._count("retried")
            time.sleep(pause)

    def _send(self, path: str, body: str, *, until: float, key: str | None) -> Any:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time was up before the request was sent")
        budget = str(max(1, int(1000 * BUDGET_SHARE * left)))
        headers = {"Content-Type": "application/json", "Keyart-Time-Budget": budget}
        headers |= {} if key is None else {"Idempotency-Key": key}
        data = bytearray()
        with self._http.stream("POST", path, content=body, headers=headers, timeout=left) as answer:
            for chunk in answer.iter_bytes():
                data += chunk
                if time.monotonic() > until:
                    raise TimeoutError("the answer came too slowly")
        if not answer.is_success:
            raise ServerRefused(answer, bytes(data))
        return json.loads(data)


def _body(asked: Sequence[AskedPage], *, batch: bool) -> str:
    pages: list[dict[str, Any]] = []
    for each in asked:
        titles = [_present(title) for title in each.titles]
        pages.append({"viewer": each.viewer, "context": dict(each.context), "titles": titles})
        if batch and each.idempotency_key is not None:
            pages[-1]["idempotency_key"] = each.idempotency_key
    return json.dumps({"requests": pages} if batch else pages[0], allow_nan=False)


def _default_page(asked: AskedPage, known: Mapping[str, str], why: str) -> SelectedPage:
    slots = tuple(Chosen(title=each.title, image=known.get(each.title)) for each in asked.titles)
    return SelectedPage(slots=slots, error=why)


def _present(record: Asked | ReportedOutcome) -> dict[str, Any]:
    return {name: value for name in record.__slots__ if (value := getattr(record, name)) is not None}


def _chosen(slot: Mapping[str, Any], *, logged: bool) -> Chosen | None:
    decision = slot.get("decision") if logged else None
    named: dict[str, Any] = {name: slot.get(name) for name in ("title", "artwork", "image", "reason")}
    if not all(isinstance(each, str) and each for each in named.values()):
        return None
    return Chosen(decision=decision, probability=slot.get("probability"), **named)


def _pause(error: Exception, attempt: int, *, again: bool) -> float | None:
    """Seconds until the next attempt, with full jitter; None where another could do the same thing twice."""
    pause = _CHANCE.uniform(0, 0.02 * 2**attempt)
    if not isinstance(error, ServerRefused):
        return pause if again or isinstance(error, _UNREACHED) else None
    untaken = error.status in (429, 503) and error.retry_after is not None
    return max(error.retry_after or 0.0, pause) if untaken or (again and error.status >= 500) else None


def _problem(data: bytes) -> str:
    try:
        problem = json.loads(data)
        return f": {problem['title']}: {problem['detail']}"
    except (ValueError, TypeError, KeyError):
        return ""


def _open_again(reference: "weakref.ref[KeyartClient]") -> None:
    """In a forked child: the parent's sockets, threads and locks are of no use here."""
    client = reference()
    if client is not None:
        client._open()  # pyright: ignore[reportPrivateUsage]
