"""The Python client of a serving layer: `select` a page, `report` outcomes. Never raises into a page render.

It knows nothing of Keyart's insides: what it asks is in `async_client.py`, which it waits for. `outcome_queue.py` goes
beside it where outcomes are to be reported in the background.
"""

import os
import weakref
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Self

import httpx

from api.async_client import AsyncKeyartClient, ClientOptions, not_reported
from api.client_loop import LoopThread
from api.client_pages import (
    Asked,
    AskedPage,
    Chosen,
    Reported,
    ReportedOutcome,
    SelectedPage,
    Unsendable,
    asked_page,
)

__all__ = [
    "Asked",
    "AskedPage",
    "Chosen",
    "ClientOptions",
    "KeyartClient",
    "Reported",
    "ReportedOutcome",
    "SelectedPage",
]

GRACE_SECONDS = 0.05
"""The loop's own deadline comes first; this one is for a loop that does not get to run."""


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
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._make = partial(
            AsyncKeyartClient,
            base_url,
            key,
            defaults=defaults,
            deadline=deadline,
            options=options,
            transport=transport,
        )
        self._open()
        os.register_at_fork(after_in_child=partial(_open_again, weakref.ref(self)))

    def _open(self) -> None:
        self._keyart, self._thread = self._make(), LoopThread("keyart-client")
        self._closer = weakref.finalize(self, self._thread.close, self._keyart.close)
        self._closer.atexit = False  # outcomes may still have to leave

    def _open_again(self) -> None:
        """In a forked child: the parent's sockets, threads and locks are of no use here, what was learned is."""
        self._closer.detach()
        parents = (self._keyart, self._thread)
        self._open()
        self._keyart.defaults = parents[0].defaults
        _PARENTS.append(parents)

    def select(
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
        return self._render([page], self._keyart.deadline if deadline is None else deadline, defaults=defaults)[0]

    def select_batch(
        self, pages: Sequence[AskedPage], *, defaults: Mapping[str, str] | None = None, deadline: float = 30.0
    ) -> list[SelectedPage]:
        """Ask for the pages of many viewers beforehand: at most 500, of 5,000 titles in all. Fails as `select` does."""
        return self._render(pages, deadline, defaults=defaults, batch=True)

    def report(self, outcomes: Sequence[ReportedOutcome], *, deadline: float = 5.0) -> Reported:
        """Send outcomes; safe to repeat with the same event ids until `error` is None."""
        try:
            work = partial(self._keyart.report, outcomes, deadline=deadline)
            return self._thread.run(work, seconds=deadline + GRACE_SECONDS)
        except Exception as error:
            return not_reported(error, deadline)

    def counts(self) -> dict[str, int]:
        """What happened since the client was made.

        Every page is one of `answered`, `failed` (it shows defaults) and `skipped` (the same, for the server was known
        to be down, and was not waited for); `retried` counts requests.
        """
        return self._keyart.counts()

    def close(self) -> None:
        """Close the pool; a request still under way is not waited for."""
        self._closer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _render(
        self, asked: Sequence[AskedPage], seconds: float, *, defaults: Mapping[str, str] | None, batch: bool = False
    ) -> list[SelectedPage]:
        try:
            work = partial(self._keyart.render, asked, seconds, defaults=defaults, batch=batch)
            return self._thread.run(work, seconds=seconds + GRACE_SECONDS)
        except Exception as error:
            why = str(error) or f"no answer within {seconds} s"
            return self._keyart.give_up(asked, why, defaults=defaults)


_PARENTS: list[object] = []
"""Never freed: a loop that a child lets go of would take the parent's sockets out of the selector that both share."""


def _open_again(reference: "weakref.ref[KeyartClient]") -> None:
    client = reference()
    if client is not None:
        client._open_again()  # pyright: ignore[reportPrivateUsage]
