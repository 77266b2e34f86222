"""What a serving layer asks of Keyart and reports to it, and how answers are read. Knows the wire, and sends nothing.

It goes beside `client.py` and `async_client.py`, which send.
"""

import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

LEARNED_TITLES = 100_000


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

    `status` is that of the refusal, 422 also where the outcomes cannot even be sent; `retry_after`, seconds, is set
    where the server says when to come back.
    """

    accepted: int = 0
    duplicates: int = 0
    rejected: tuple[Mapping[str, str], ...] = ()
    error: str | None = None
    status: int | None = None
    retry_after: float | None = None


class Unsendable(Exception):
    """What was asked or reported is no JSON that Keyart takes, as a NaN is none: it was not sent."""


class UnreadableAnswer(Exception):
    """The server answered with something else than what was asked for."""


class ServerRefused(Exception):
    """The server answered with an error. `retry_after`, seconds, is set where it says so: then nothing was written.

    `titles` are those that it does not know or cannot show, if it refused the page for them.
    """

    def __init__(self, status: int, data: bytes, *, retry_after: str = "") -> None:
        problem = _problem(data)
        told = f": {problem['title']}: {problem['detail']}" if {"title", "detail"} <= problem.keys() else ""
        super().__init__(f"HTTP {status}{told}")
        self.status = status
        self.retry_after = float(retry_after) if retry_after.isdecimal() else None
        named = problem.get("titles")
        self.titles = frozenset(map(str, cast(list[object], named) if isinstance(named, list) else []))


class Defaults:
    """What a title shows when Keyart cannot say: what the caller named, then what earlier answers showed as a default.

    Safe to use from any thread.
    """

    def __init__(self, named: Mapping[str, str] | None = None) -> None:
        self._named = dict(named or {})
        self._learned: dict[str, str] = {}

    def learn(self, slot: Chosen) -> None:
        """Remember a title's default. What a policy chose may be for another locale, or give away an ending."""
        known = slot.title in self._learned or len(self._learned) < LEARNED_TITLES
        if slot.image and slot.reason in ("default", "fallback") and known:
            self._learned[slot.title] = slot.image

    def page(self, asked: AskedPage, own: Mapping[str, str], *, why: str = "") -> SelectedPage:
        """The page without Keyart; `own` goes before what else is known."""
        return SelectedPage(slots=tuple(self._slot(each.title, own) for each in asked.titles), error=why or None)

    def _slot(self, title: str, own: Mapping[str, str]) -> Chosen:
        known = (own.get(title), self._named.get(title), self._learned.get(title))
        return Chosen(title=title, image=next((image for image in known if image), None))


def asked_page(
    viewer: str, titles: Sequence[Asked | str], *, context: Mapping[str, str] | None, idempotency_key: str | None
) -> AskedPage:
    """A page of `titles`; a bare name is a title without position and score.

    Raises:
        Unsendable: they are no titles.
    """
    try:
        asked = tuple(each if isinstance(each, Asked) else Asked(title=str(each)) for each in titles)
    except TypeError as error:
        raise Unsendable(f"these are no titles: {error}") from error
    return AskedPage(viewer=viewer, titles=asked, context=context or {}, idempotency_key=idempotency_key)


def without(asked: Sequence[AskedPage], unknown: Collection[str]) -> list[AskedPage]:
    """The same pages without some titles; those of which nothing is left are left out."""
    kept = [replace(page, titles=[each for each in page.titles if each.title not in unknown]) for page in asked]
    return [page for page in kept if page.titles]


def body_of(asked: Sequence[AskedPage], *, batch: bool) -> str:
    """The request's body.

    Raises:
        Unsendable: it cannot be written as JSON.
    """
    pages: list[dict[str, Any]] = []
    for each in asked:
        titles = [_present(title) for title in each.titles]
        pages.append({"viewer": each.viewer, "context": dict(each.context), "titles": titles})
        if batch and each.idempotency_key is not None:
            pages[-1]["idempotency_key"] = each.idempotency_key
    return _json({"requests": pages} if batch else pages[0])


def report_of(outcomes: Sequence[ReportedOutcome]) -> str:
    """The body of a report. Raises as `body_of` does."""
    return _json({"outcomes": [_present(each) for each in outcomes]})


def read_pages(answer: object, asked: Sequence[AskedPage], *, batch: bool) -> list[SelectedPage]:
    """The pages of an answer, of each the slots that can be used, in the answer's order.

    Raises:
        UnreadableAnswer: it is not one page for each that was asked for.
    """
    answers = _named(answer, "pages", list) if batch else [answer]
    if len(answers) != len(asked):
        raise UnreadableAnswer(f"the answer has {len(answers)} pages, {len(asked)} were asked for")
    return [_read_page(each) for each in answers]


def read_report(answer: object) -> Reported:
    """What became of a report.

    Raises:
        UnreadableAnswer: the answer does not say it.
    """
    rejected: list[Any] = _named(answer, "rejected", list)
    counts = {name: _named(answer, name, int) for name in ("accepted", "duplicates")}
    refusals = tuple(cast(dict[str, str], each) for each in rejected if isinstance(each, dict))
    return Reported(**counts, rejected=refusals)


def filled(found: SelectedPage, defaults: SelectedPage) -> SelectedPage:
    """The page in the order of its titles, each shown as it was chosen, or else by its default."""
    chosen: dict[str, list[Chosen]] = {}
    for slot in found.slots:
        chosen.setdefault(slot.title, []).append(slot)
    slots = tuple(chosen[each.title].pop(0) if chosen.get(each.title) else each for each in defaults.slots)
    missing = sum(slot.artwork is None for slot in slots)
    if missing == len(slots):
        return replace(defaults, error="the answer has none of the titles that were asked for")
    return replace(found, slots=slots, error=f"the answer lacks {missing} of {len(slots)} titles" if missing else None)


def _read_page(answer: object) -> SelectedPage:
    slots, logged = _named(answer, "slots", list), _named(answer, "logged", bool)
    read = (_read_slot(slot, logged=logged) for slot in slots)
    page, policy = (_named(answer, name, str) for name in ("page", "policy"))
    return SelectedPage(slots=tuple(each for each in read if each), page=page, policy=policy, logged=logged)


def _read_slot(slot: Any, *, logged: bool) -> Chosen | None:
    """One slot; None where it lacks what a page is rendered from."""
    told = cast(dict[str, Any], slot) if isinstance(slot, dict) else {}
    named = {name: told.get(name) for name in ("title", "artwork", "image", "reason")}
    if not all(isinstance(each, str) and each for each in named.values()):
        return None
    decision = told.get("decision")
    return Chosen(
        **{name: str(each) for name, each in named.items()},
        decision=decision if logged and isinstance(decision, str) and decision else None,
        probability=_number(told.get("probability")),
    )


def _number(told: object) -> float | None:
    return float(told) if isinstance(told, int | float) and math.isfinite(told) else None


def _named(answer: object, name: str, kind: type[Any]) -> Any:
    found = cast(dict[str, Any], answer).get(name) if isinstance(answer, dict) else None
    if not isinstance(found, kind):
        raise UnreadableAnswer(f"the answer has no {name}")
    return found


def _present(record: Asked | ReportedOutcome) -> dict[str, Any]:
    return {name: value for name in record.__slots__ if (value := getattr(record, name)) is not None}


def _json(body: object) -> str:
    try:
        return json.dumps(body, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise Unsendable(f"this cannot be sent: {error}") from error


def _problem(data: bytes) -> dict[str, Any]:
    try:
        problem = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return cast(dict[str, Any], problem) if isinstance(problem, dict) else {}
