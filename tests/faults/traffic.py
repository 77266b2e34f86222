"""Page views at a fixed rate, with outcomes, events and repeated keys behind them; keeps the caller's book of it all.

Open loop: every page has a time to be sent, and its latency counts from then, so a server that stalls cannot make its
callers wait politely and look quick. Knows what a valid page is, not what goes wrong.
"""

import http.client
import json
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any, Protocol, Self

from api.client import Asked, KeyartClient
from tests.faults.figures import ALLOWANCE_MS
from tests.faults.ledger import Ledger
from tests.faults.server import ADMIN_KEY, BUDGET_MS
from tests.stories.served import wait_until

Pictures = Mapping[str, Mapping[str, str]]
"""The active artworks of every title, each with the first digits of its image's hash."""

IN_TIME = (BUDGET_MS + ALLOWANCE_MS) / 1000
PATIENCE = 10.0
"""How long a caller waits for an answer before it counts as none, in seconds."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What one page view came to; `slots` are (title, artwork, image, decision) in the order they were asked for."""

    page: str | None
    logged: bool
    slots: Sequence[tuple[str, str | None, str | None, str | None]]


@dataclass(frozen=True)
class View:
    """One page view: seconds from when it was to be sent to its answer, and whether it showed what it must."""

    due: float
    seconds: float
    rendered: bool
    logged: bool

    @property
    def in_budget(self) -> bool:
        """It showed a valid artwork of every title, in time."""
        return self.rendered and self.seconds <= IN_TIME


class PageSource(Protocol):
    """Where a page comes from."""

    def page(self, body: Mapping[str, Any], key: str | None) -> Shown | None:
        """Return what is shown, None where nothing is."""
        ...


class Wire:
    """One connection to the server, opened again when it broke."""

    def __init__(self, port: int, book: Ledger) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        self._book = book

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def post(self, path: str, body: bytes, *, key: str | None = None) -> bytes | None:
        """Return the body of a 200 answer, None for anything else."""
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {ADMIN_KEY}"}
        try:
            self._http.request("POST", path, body, headers | ({"Idempotency-Key": key} if key else {}))
            answer = self._http.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            self._http.close()
            return None
        if answer.status != 200:
            self._book.refusals[answer.status] += 1
        return content if answer.status == 200 else None

    def page(self, body: Mapping[str, Any], key: str | None) -> Shown | None:
        """Ask for a page, and keep what an idempotency key was answered."""
        sent = json.dumps(body).encode()
        content = self.post("/v1/select", sent, key=key)
        if content is None:
            if key is not None:
                self._book.unanswered_keys[key] = sent
            return None
        answer = json.loads(content)
        if key is not None and answer["logged"]:
            self._book.answered(key, sent, content)
        slots = [(slot["title"], slot["artwork"], slot["image"], slot["decision"]) for slot in answer["slots"]]
        return Shown(page=answer["page"], logged=answer["logged"], slots=slots)


class ThroughClient:
    """The page as a caller of `api.client` shows it: with its own default pictures where no answer comes in time."""

    def __init__(self, client: KeyartClient) -> None:
        self._client = client

    def page(self, body: Mapping[str, Any], key: str | None) -> Shown | None:
        """Ask for a page through the client; keys are not its business."""
        asked = [Asked(title=each["title"]) for each in body["titles"]]
        found = self._client.select(body["viewer"], asked, context=body["context"])
        slots = [(slot.title, slot.artwork, slot.image, slot.decision) for slot in found.slots]
        return Shown(page=found.page, logged=found.logged, slots=slots)


class Ending:
    """When callers stop. What was due before, and is late since the server stalled, is still sent and counted."""

    def __init__(self) -> None:
        self._come, self._at = threading.Event(), float("inf")

    def come(self) -> None:
        """Let nothing be sent that is due from now on."""
        self._at = time.monotonic()
        self._come.set()

    def comes_before(self, due: float) -> bool:
        """Wait until something is due, and tell whether the end came first."""
        self._come.wait(max(0.0, due - time.monotonic()))
        return due > self._at


@dataclass(kw_only=True)
class Traffic:
    """`rate` page views a second by `callers` threads. Every `keyed`-th page has an idempotency key, sometimes an old
    one; a logged page is followed by outcomes, and now and then by an event."""

    port: int
    pictures: Pictures
    book: Ledger
    rate: float = 40.0
    callers: int = 24
    keyed: int = 3
    client: KeyartClient | None = None
    name: str = "v"
    views: list[View] = field(default_factory=list)

    @contextmanager
    def flowing(self) -> Generator[None]:
        """Send pages while the block runs; those that were due before its end are still sent, and waited for."""
        ending, numbers, began = Ending(), count(), time.monotonic()
        threads = [threading.Thread(target=self._call, args=(numbers, began, ending)) for _ in range(self.callers)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            ending.come()
            for thread in threads:
                thread.join()

    def run(self, seconds: float) -> None:
        """Send pages for a while."""
        with self.flowing():
            time.sleep(seconds)

    def pages_in_budget(self) -> int:
        """How many pages showed a valid artwork of every title in time."""
        return sum(view.in_budget for view in self.views)

    def logged_since(self, moment: float) -> int:
        """How many pages that were due after a moment of the monotonic clock are in the log."""
        return sum(view.logged and view.due > moment for view in self.views)

    def logs_again(self, pages: int = 30, *, within: float = 60) -> None:
        """Wait until so many pages that are due from now on are in the log; call it while pages flow."""
        now = time.monotonic()
        wait_until(lambda: self.logged_since(now) >= pages, within=within)

    def unrendered(self) -> list[View]:
        """The pages that showed nothing, or not what was asked for."""
        return [view for view in self.views if not view.rendered]

    def _call(self, numbers: "count[int]", began: float, ending: Ending) -> None:
        with Wire(self.port, self.book) as wire:
            while True:
                number = next(numbers)
                due = began + number / self.rate
                if ending.comes_before(due):
                    return
                self._view(wire, number, due)

    def _view(self, wire: Wire, number: int, due: float) -> None:
        source: PageSource = wire if self.client is None else ThroughClient(self.client)
        body, key = self._asked(number)
        shown = source.page(body, key)
        seconds = time.monotonic() - due
        rendered = shown is not None and self._valid(body, shown)
        self.views.append(View(due, seconds, rendered, shown is not None and shown.logged))
        if shown is not None and shown.page is not None:
            self._follow(wire, number, shown, body["viewer"])

    def _asked(self, number: int) -> tuple[dict[str, Any], str | None]:
        """Every other keyed page repeats the one before it, with the same key and body."""
        key = None
        if self.client is None and number % self.keyed == 0:
            number -= number % (2 * self.keyed)
            key = f"{self.name}-key-{self.book.epoch}-{number}"
        titles = [{"title": title} for title in self.pictures]
        viewer = f"{self.name}-{number % 97}"
        return {"viewer": viewer, "context": {"device": "tv"}, "titles": titles}, key

    def _valid(self, body: Mapping[str, Any], shown: Shown) -> bool:
        """Every title that was asked for, in order, with the picture of one of its active artworks."""
        if [slot[0] for slot in shown.slots] != [each["title"] for each in body["titles"]]:
            return False
        return all(self._pictured(title, artwork, image) for title, artwork, image, _ in shown.slots)

    def _pictured(self, title: str, artwork: str | None, image: str | None) -> bool:
        known = self.pictures[title]
        digits = (image or "").rpartition("/")[2]
        return any(digits.startswith(each) for name, each in known.items() if artwork in (None, name))

    def _follow(self, wire: Wire, number: int, shown: Shown, viewer: str) -> None:
        decisions = [slot[3] for slot in shown.slots if slot[3] is not None]
        assert shown.page is not None
        if not shown.logged:
            self.book.unlogged.add(shown.page)
            return
        self.book.shown(shown.page, [str(slot[1]) for slot in shown.slots])
        rows = [outcome for slot, decision in enumerate(decisions) for outcome in outcomes_of(decision, slot + number)]
        self._report(wire, shown.page, decisions, rows)
        if number % 5 == 0:
            self._post_event(wire, number, viewer)

    def _report(self, wire: Wire, page: str, decisions: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
        slots = {decision: slot for slot, decision in enumerate(decisions)}
        told = [(page, slots[row["decision"]], row["event"]) for row in rows]
        sent = json.dumps({"outcomes": rows}).encode()
        content = wire.post("/v1/outcomes", sent)
        if content is None:
            self.book.unanswered.append((sent, told))
        else:
            self.book.taken(told, json.loads(content)["rejected"])

    def _post_event(self, wire: Wire, number: int, viewer: str) -> None:
        event, title = f"{self.name}-event-{self.book.epoch}-{number}", next(iter(self.pictures))
        row = {"event": event, "viewer": viewer, "title": title, "action": "play", "at": _now(), "seconds": 60.0}
        content = wire.post("/v1/events", json.dumps({"events": [row]}).encode())
        if content is None:
            return
        if rejected := json.loads(content)["rejected"]:  # by a clock: what was rejected was not acknowledged
            self.book.rejected.extend(each["reason"] for each in rejected)
        else:
            self.book.events.add(event)


def outcomes_of(decision: str, number: int) -> list[dict[str, Any]]:
    """What becomes of a decision: most are seen, some of those are played, some of those are reported twice."""
    if number % 4 == 3:
        return []
    seen = {"event": f"{decision}-seen", "decision": decision, "kind": "seen", "at": _now()}
    if number % 4 != 0:
        return [seen]
    played = {**seen, "event": f"{decision}-played", "kind": "played", "seconds": 2000.0, "of_seconds": 6000.0}
    return [seen, played, played] if number % 8 == 0 else [seen, played]


def _now() -> str:
    return datetime.now(UTC).isoformat()
