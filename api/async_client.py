"""The Python client for asyncio: `select` a page, `report` outcomes. Never raises into a page render.

It knows the wire and nothing of Keyart's insides, so it can be copied into another code base, `client_pages.py` and
`client_breaker.py` beside it; needs httpx.
"""

import asyncio
import json
import logging
import random
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import httpx

from api.client_breaker import Breaker
from api.client_pages import (
    Asked,
    AskedPage,
    Defaults,
    Reported,
    ReportedOutcome,
    SelectedPage,
    ServerRefused,
    UnreadableAnswer,
    Unsendable,
    asked_page,
    body_of,
    filled,
    read_pages,
    read_report,
    report_of,
    without,
)

logger = logging.getLogger(__name__)

BUDGET_SHARE = 0.8
"""Share of the time left that the server is told it may use; the rest is for the way there and back."""
KEEP_SECONDS = 4.0  # less than uvicorn's 5: it must not close a connection in the moment of its next use
LARGEST_ANSWER = 16 * 1024 * 1024
UNKNOWN_SECONDS = 10.0
"""How long a title that the server does not know is not asked for: it may be put at any time."""
_UNREACHED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)  # nothing was sent


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


class AsyncKeyartClient:
    """A connection pool to one Keyart server, for one event loop.

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
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._options = options or ClientOptions()
        self.defaults, self.deadline = Defaults(defaults), deadline
        many = self._options.connections
        # httpx's own queue loses a connection where it is handed to a request that is cancelled in the same moment.
        self._room = asyncio.Semaphore(many)
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=many, keepalive_expiry=KEEP_SECONDS)
        headers = {"User-Agent": "keyart-client"} | ({} if key is None else {"Authorization": f"Bearer {key}"})
        trusted = httpx.create_ssl_context()  # once: it takes some 30 milliseconds
        self._connect = partial(httpx.AsyncClient, base_url=base_url, headers=headers, limits=limits, verify=trusted)
        self._own_transport = transport is not None
        self._pool = _Pool(self._connect(transport=transport))
        self._closing = set[asyncio.Task[None]]()
        self._chance = random.SystemRandom()
        self._breaker = Breaker(failures=self._options.failures, pause=self._options.pause, chance=self._chance)
        self._counts, self._unknown = Counter[str](), dict[str, float]()
        self._looking: asyncio.Task[None] | None = None

    async def select(
        self,
        viewer: str,
        titles: Sequence[Asked | str],
        *,
        context: Mapping[str, str] | None = None,
        defaults: Mapping[str, str] | None = None,
        deadline: float | None = None,
        idempotency_key: str | None = None,
    ) -> SelectedPage:
        """Ask for one artwork a title. On any failure the page is made of `defaults`, and `error` says why.

        With an idempotency key a failed request is repeated while there is time; the server keeps such an answer.
        """
        try:
            page = asked_page(viewer, titles, context=context, idempotency_key=idempotency_key)
        except Unsendable as error:
            return SelectedPage(slots=(), error=str(error))
        return (await self.render([page], self.deadline if deadline is None else deadline, defaults=defaults))[0]

    async def select_batch(
        self, pages: Sequence[AskedPage], *, defaults: Mapping[str, str] | None = None, deadline: float = 30.0
    ) -> list[SelectedPage]:
        """Ask for the pages of many viewers beforehand: at most 500, of 5,000 titles in all. Fails as `select` does."""
        return await self.render(pages, deadline, defaults=defaults, batch=True)

    async def report(self, outcomes: Sequence[ReportedOutcome], *, deadline: float = 5.0) -> Reported:
        """Send outcomes; safe to repeat with the same event ids until `error` is None."""
        try:
            body, until = report_of(outcomes), time.monotonic() + deadline
            async with asyncio.timeout(deadline):
                return read_report(await self._post("/v1/outcomes", body, until=until, again=True))
        except Exception as error:
            return not_reported(error, deadline)

    async def render(
        self, asked: Sequence[AskedPage], seconds: float, *, defaults: Mapping[str, str] | None, batch: bool = False
    ) -> list[SelectedPage]:
        """The pages, within the time and whatever happens: of Keyart's choice or of defaults."""
        if not any(page.titles for page in asked):
            return self.give_up(asked, "no titles were asked for", defaults=defaults, counted=None)
        if not self._breaker.asks:
            self._look_if_due()
            return self.give_up(asked, "Keyart did not answer lately", defaults=defaults, counted="skipped")
        try:
            async with asyncio.timeout(seconds):
                pages = await self._ask(asked, until=time.monotonic() + seconds, batch=batch)
            shown = [self._shown(page, each, defaults or {}) for page, each in zip(pages, asked, strict=True)]
            if all(page.page is None for page in shown):
                raise UnreadableAnswer(shown[0].error)
        except Exception as error:
            # Whatever it was, a page must render: the caller is in the middle of one.
            if not isinstance(error, Unsendable):  # which says nothing of the server
                self._breaker.note(time.monotonic(), well=isinstance(error, ServerRefused) and error.status < 500)
            return self.give_up(asked, _said(error, seconds), defaults=defaults)
        self._breaker.note(time.monotonic(), well=True)
        self._counts["answered"] += len(asked)
        return shown

    def give_up(
        self,
        asked: Sequence[AskedPage],
        why: str,
        *,
        defaults: Mapping[str, str] | None,
        counted: str | None = "failed",
    ) -> list[SelectedPage]:
        """The pages without Keyart."""
        if counted == "failed":
            logger.warning("select fell back to the client's defaults: %s", why)
        if counted is not None:
            self._counts[counted] += len(asked)
        return [self.defaults.page(each, defaults or {}, why=why) for each in asked]

    def counts(self) -> dict[str, int]:
        """What happened since the client was made.

        Every page is one of `answered`, `failed` (it shows defaults) and `skipped` (the same, for the server was known
        to be down, and was not waited for); `retried` counts requests.
        """
        return {name: self._counts[name] for name in ("answered", "failed", "skipped", "retried")}

    async def close(self) -> None:
        """Close the pool; a request still under way is not waited for."""
        if self._looking is not None:
            self._looking.cancel()
        await asyncio.gather(self._pool.http.aclose(), *self._closing, return_exceptions=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _shown(self, page: SelectedPage, asked: AskedPage, defaults: Mapping[str, str]) -> SelectedPage:
        for slot in page.slots:
            self.defaults.learn(slot)
        return filled(page, self.defaults.page(asked, defaults))

    async def _ask(self, asked: Sequence[AskedPage], *, until: float, batch: bool) -> list[SelectedPage]:
        """Ask for the pages without the titles that the server does not know; a refusal may name more of them."""
        now = time.monotonic()
        unknown = {title for title, since in self._unknown.items() if now < since + UNKNOWN_SECONDS}
        wanted = without(asked, unknown)
        if not wanted:
            raise Unsendable("Keyart knows none of the titles that were asked for")
        try:
            found = await self._answered(wanted, until=until, batch=batch)
        except ServerRefused as error:
            wanted = without(wanted, error.titles)
            if not error.titles or not wanted:
                raise
            self._note_unknown(error.titles, now)
            self._counts["retried"] += 1
            unknown |= error.titles
            found = await self._answered(wanted, until=until, batch=batch)
        left, nothing = iter(found), SelectedPage(slots=())
        return [next(left) if any(each.title not in unknown for each in page.titles) else nothing for page in asked]

    def _note_unknown(self, titles: Iterable[str], now: float) -> None:
        self._unknown = {title: since for title, since in self._unknown.items() if now < since + UNKNOWN_SECONDS}
        self._unknown |= dict.fromkeys(titles, now)

    async def _answered(self, asked: Sequence[AskedPage], *, until: float, batch: bool) -> list[SelectedPage]:
        keys = [each.idempotency_key for each in asked]
        path, key = "/v1/select" + ":batch" * batch, None if batch else keys[0]
        answer = await self._post(path, body_of(asked, batch=batch), until=until, key=key, again=None not in keys)
        return read_pages(answer, asked, batch=batch)

    def _look_if_due(self) -> None:
        if self._breaker.looks(time.monotonic()):
            self._looking = asyncio.create_task(self._look())

    async def _look(self) -> None:
        """Look whether the server is back, beside the pages: none waits for a server that is down."""
        try:
            async with asyncio.timeout(self.deadline):
                alive = (await self._pool.http.get("/healthz", timeout=self.deadline)).status_code < 500
        except (httpx.HTTPError, TimeoutError):
            return
        if alive:
            self._breaker.came_back()

    async def _post(self, path: str, body: str, *, until: float, key: str | None = None, again: bool) -> Any:
        """Post within the time; `again` tells that a repeated request does nothing twice."""
        attempt = 0
        while True:
            try:
                return await self._send(path, body, until=until, key=key)
            except (ServerRefused, httpx.TransportError) as error:
                pause = self._pause(error, attempt, again=again)
                if pause is None or attempt >= self._options.retries or time.monotonic() + pause >= until:
                    raise
            attempt += 1
            self._counts["retried"] += 1
            await asyncio.sleep(pause)

    async def _send(self, path: str, body: str, *, until: float, key: str | None) -> Any:
        async with self._room:
            pool = self._pool
            pool.busy += 1
            try:
                return await self._sent(pool.http, path, body, until=until, key=key)
            except asyncio.CancelledError:
                pool.cancelled += 1
                raise
            finally:
                pool.busy -= 1
                self._renew(pool)

    def _renew(self, pool: "_Pool") -> None:
        """Go on with new connections where many requests were cancelled; close the old when the last is through."""
        if pool is self._pool and pool.cancelled >= self._options.connections and not self._own_transport:
            self._pool = _Pool(self._connect())
        if pool is not self._pool and not pool.busy:
            closing = asyncio.create_task(pool.http.aclose())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def _sent(self, http: httpx.AsyncClient, path: str, body: str, *, until: float, key: str | None) -> Any:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time was up before the request was sent")
        budget = str(max(1, int(1000 * BUDGET_SHARE * left)))
        headers = {"Content-Type": "application/json", "Keyart-Time-Budget": budget}
        headers |= {} if key is None else {"Idempotency-Key": key}
        data = bytearray()
        async with http.stream("POST", path, content=body, headers=headers, timeout=left) as answer:
            async for chunk in answer.aiter_bytes():
                data += chunk
                if len(data) > LARGEST_ANSWER:
                    raise UnreadableAnswer(f"the answer is larger than {LARGEST_ANSWER} bytes")
        if not answer.is_success:
            raise ServerRefused(answer.status_code, bytes(data), retry_after=answer.headers.get("Retry-After", ""))
        return json.loads(data)

    def _pause(self, error: Exception, attempt: int, *, again: bool) -> float | None:
        """Seconds until the next attempt, with full jitter; None where another could do the same thing twice."""
        pause = self._chance.uniform(0, 0.02 * 2**attempt)
        if not isinstance(error, ServerRefused):
            return pause if again or isinstance(error, _UNREACHED) else None
        untaken = error.status in (429, 503) and error.retry_after is not None
        return max(error.retry_after or 0.0, pause) if untaken or (again and error.status >= 500) else None


class _Pool:
    """Connections, how many requests use them, and how many were cancelled: httpx may lose the connection of such."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http, self.busy, self.cancelled = http, 0, 0


def not_reported(error: Exception, seconds: float) -> Reported:
    """What is said of outcomes that did not arrive."""
    why = _said(error, seconds)
    logger.warning("outcomes were not taken: %s", why)
    if isinstance(error, ServerRefused):
        return Reported(error=why, status=error.status, retry_after=error.retry_after)
    return Reported(error=why, status=422 if isinstance(error, Unsendable) else None)


def _said(error: Exception, seconds: float) -> str:
    nameless = f"no answer within {seconds} s" if isinstance(error, TimeoutError) else type(error).__name__
    return str(error) or nameless
