"""How the pages of several calls are decided together: what is looked up for them, who decides, what is logged.

Knows no HTTP and no waiting: `desk.py` gathers the calls and makes the pages durable before they are answered (C1).
"""

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import repeat

from sqlalchemy import Connection

from api.dependencies.answers import Housed, RecentAnswers, Remembered, answer_of, request_digest
from api.dependencies.breaker import GuardedReads
from api.dependencies.catalogue import CatalogueMirror
from api.dependencies.issued import Issued, issued_of
from api.dependencies.ladder import Ladder
from api.dependencies.live_policy import LivePolicy, Ruling
from api.dependencies.shedding import keep_probability
from api.errors import Conflict, KeyartError, RepeatedKey, StorageUnavailable, UnknownTitle
from api.homepage.artwork import TitlesWithoutArtwork, UnknownTitles, entries_of
from api.homepage.assemble import PageOrder, PageStamp, assemble_each, assemble_pages
from api.homepage.catalogue import Catalogue
from api.homepage.experiment import DrawKey
from api.homepage.request import AskedTitle, House, KnownViewer, PageRequest
from api.security import Keys
from api.settings import Settings
from api.storage.decision_log import DecisionLog, LogEntry
from api.storage.events import finished_titles
from api.storage.foundation import vectors_of_viewers
from api.storage.pages import StoredAnswer, new_page_id, stored_answers
from artwork.catalog import TitleId
from bandit.canary import in_canary
from bandit.context import RequestContext, Vector
from bandit.decision import Page, PageId
from bandit.policies.policy import Policy
from bandit.sampling import draw_uniform, window_of
from foundation.events import ViewerId

logger = logging.getLogger(__name__)

HOLD_BACK_SALT = "hold-back"
DECIDING_SHARE = 0.5
"""The part of a page's time budget that deciding may take; the other is for logging it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectCall:
    """A call for a page: `viewer` is the raw id, `budget` how long its answer may take, in seconds.

    `at_given` tells that the time of the context is the caller's, not the clock's.
    """

    viewer: str
    context: RequestContext
    titles: tuple[AskedTitle, ...]
    budget: float
    at_given: bool = True
    idempotency_key: str | None = None

    def digest(self) -> str:
        """Tell two calls apart by what they say, however it was spelled."""
        at = self.context.at if self.at_given else None
        context = self.context
        asked = [(each.title, each.position, each.score) for each in self.titles]
        return request_digest((self.viewer, at, context.device, context.row, context.canvas, context.locale, asked))


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """The open parts that pages are decided with."""

    settings: Settings
    keys: Keys
    log: DecisionLog
    reads: GuardedReads
    catalogue: CatalogueMirror
    live: LivePolicy
    ladder: Ladder = field(default_factory=Ladder)
    recent: RecentAnswers = field(default_factory=RecentAnswers)


@dataclass(frozen=True, slots=True)
class Decided:
    """What is left of a page that was decided: what is counted of it, its answer and, if it is to be logged, its entry.

    `catalogue` is the one that it was decided from.
    """

    issued: Issued
    catalogue: Catalogue
    answer: bytes
    entry: LogEntry | None


Result = Decided | bytes | KeyartError
"""What became of a call: a new page, the bytes that were answered before, or why it is refused."""


@dataclass(slots=True)
class _Asked:
    """A call while its page is being decided."""

    call: SelectCall
    viewer: ViewerId
    catalogue: Catalogue
    ruling: Ruling
    kept: float = 1.0
    result: Result | None = None
    spoiled: list[TitleId] = field(default_factory=list[TitleId])

    @property
    def policy(self) -> Policy:
        """The policy that is asked first."""
        return self.ruling.steps[0].policy


@dataclass(slots=True)
class _Known:
    """What was looked up for a group of calls."""

    answers: Mapping[str, StoredAnswer] = field(default_factory=dict[str, StoredAnswer])
    vectors: dict[str, dict[ViewerId, Vector]] = field(default_factory=dict[str, dict[ViewerId, Vector]])
    finished: dict[int, frozenset[TitleId]] = field(default_factory=dict[int, frozenset[TitleId]])


def decide_calls(serving: Serving, calls: Sequence[SelectCall], *, late: Sequence[float] = ()) -> list[Result]:
    """Decide the pages of several calls; each gets what it would get alone. What a call did wrong is its own result.

    `late` is the part of its budget that each call waited; under overload pages are shed by it (`shedding.py`).
    """
    catalogue = serving.catalogue.current
    if catalogue.remembered:
        return _answered_again(serving, calls)
    asked = [_asked(serving, call, catalogue) for call in calls]
    known = _look_up(serving, [each for each in asked if each.result is None])
    for each in asked:
        each.result = each.result or _answered_before(serving, each.call, known)
    load = serving.log.load()
    for each, waited in zip(asked, late or repeat(0.0), strict=False):
        each.kept = keep_probability(load, waited)
        if each.result is None and each.kept < 1.0 and draw_uniform("shed", new_page_id(), "", 0) >= each.kept:
            each.result = unlogged(serving, each.call)
    chosen = [each for each in asked if each.result is None]
    for each, decided in zip(chosen, _decide(serving, chosen, known), strict=True):
        each.result = decided
    return [each.result for each in asked if each.result is not None]


def repeated_key() -> RepeatedKey:
    """The refusal of a key that came with another request."""
    return RepeatedKey("This Idempotency-Key came with another request before.", "Use a new key for a new request.")


def unlogged(serving: Serving, call: SelectCall, *, withdrawn: PageId | None = None) -> Result:
    """Answer default artworks with `logged: false`: nothing is looked up and nothing can be waited for.

    `withdrawn` is the page that was decided for the call, and which the log could not take in time.
    """
    catalogue = serving.catalogue.current
    try:
        entries_of(catalogue, call.titles)
    except LookupError as error:
        return _refusal(error)
    viewer = KnownViewer(viewer=serving.keys.pseudonym(call.viewer))
    key = call.idempotency_key
    own_page = new_page_id() if key is None else serving.keys.unlogged_page(key, call.digest())
    stamp = PageStamp(page=own_page, at=datetime.now(UTC), key=draw_key(serving, call.context.at))
    request = PageRequest(viewer=viewer, context=call.context, titles=call.titles)
    order = PageOrder(request=request, stamp=stamp)
    [page] = assemble_pages([order], catalogue, house=house_of(serving))
    answer = _answer(serving, page, catalogue, logged=False)
    if call.idempotency_key is not None:
        own = Remembered(call.digest(), answer, logged=False, withdrawn=withdrawn)
        first = serving.recent.keep(call.idempotency_key, own)
        if first is not own:  # answered before, by this server: its time was up before that was found out
            return first.answer if first.digest == own.digest else repeated_key()
    return Decided(issued_of(page), catalogue, answer, None)


def answer_again(serving: Serving, call: SelectCall) -> Result:
    """Answer a call whose key another request was faster with; default artworks where that answer cannot be read."""
    [result] = _answered_again(serving, [call])
    return result


def _answered_again(serving: Serving, calls: Sequence[SelectCall]) -> list[Result]:
    """What was answered under the calls' keys, as far as that can be read, and default artworks for the others."""
    known = _Known()
    try:
        known = _answers_under(serving, calls)
    except StorageUnavailable as error:
        logger.warning("what was answered before cannot be read: %s", error)
    return [_answered_before(serving, call, known) or unlogged(serving, call) for call in calls]


def _answers_under(serving: Serving, calls: Sequence[SelectCall]) -> _Known:
    """What was answered under the calls' keys before. Raises StorageUnavailable where that cannot be read."""
    keys = _keys_of(calls)
    if not keys:
        return _Known()
    with serving.reads.reading() as connection:
        return _Known(answers=stored_answers(connection, keys))


def _keys_of(calls: Iterable[SelectCall]) -> list[str]:
    return [call.idempotency_key for call in calls if call.idempotency_key is not None]


def check_calls(serving: Serving, calls: Sequence[SelectCall]) -> None:
    """Refuse calls of which one would be refused, before any of them is decided.

    Raises:
        KeyartError: one asks for what does not exist, or repeats a key with another request; it is named by its place.
        StorageUnavailable: what was answered under their keys cannot be read.
    """
    catalogue = serving.catalogue.current
    known = _answers_under(serving, calls)
    before = [_asked(serving, call, catalogue).result or _answered_before(serving, call, known) for call in calls]
    refused = {place: each for place, each in enumerate(before) if isinstance(each, KeyartError)}
    for place, first in refused.items():
        error = type(first)(f"requests.{place}: {first.message}", first.remedy)
        error.titles = tuple(dict.fromkeys(title for each in refused.values() for title in each.titles))
        raise error


def house_of(housed: Housed) -> House:
    """What the settings say of all pages."""
    settings = housed.settings
    return House(diversity=settings.page_diversity, maturity_limit=settings.maturity_limit)


def draw_key(housed: Housed, at: datetime) -> DrawKey:
    """The key of the draws of a page that is shown at `at`."""
    settings = housed.settings
    return DrawKey(salt=settings.draw_salt, window=window_of(at, settings.sticky_seconds))


def is_held_back(housed: Housed, viewer: ViewerId) -> bool:
    """Whether a viewer is of those who always get default artworks: the same ones for as long as the share stays."""
    share = housed.settings.hold_back
    return share > 0 and in_canary(viewer, share=share, salt=HOLD_BACK_SALT)


def _asked(serving: Serving, call: SelectCall, catalogue: Catalogue) -> _Asked:
    viewer = serving.keys.pseudonym(call.viewer)
    asked = _Asked(call, viewer, catalogue, serving.live.deciding.ruling_for(viewer))
    try:
        entries = entries_of(catalogue, call.titles)
    except LookupError as error:
        asked.result = _refusal(error)
    else:
        asked.spoiled = [entry.title.title for entry in entries if entry.spoilers]
    return asked


def _refusal(error: LookupError) -> KeyartError:
    if isinstance(error, UnknownTitles):
        names, remedy = ", ".join(error.titles), "Put it first: PUT /v1/titles/{title}."
        refused: KeyartError = UnknownTitle(f"There is no title {names}.", remedy)
    elif isinstance(error, TitlesWithoutArtwork):
        remedy = "Upload an image and wait until a worker made it `active`, or leave the title out."
        refused = Conflict(f"No artwork can be shown for {', '.join(error.titles)}.", remedy)
    else:
        raise error
    refused.titles = tuple(error.titles)
    return refused


def _look_up(serving: Serving, asked: Sequence[_Asked]) -> _Known:
    """Read what is known of the viewers, and what was answered under the keys before, in one go.

    Without the database viewers are as good as new, and the pages still render (C8).
    """
    known = _Known()
    keys = _keys_of(each.call for each in asked)
    viewers: dict[str, set[ViewerId]] = {}
    for each in asked:
        version = serving.live.viewer_version_of(each.policy)
        if version is not None:
            viewers.setdefault(version, set()).add(each.viewer)
    if not keys and not viewers and not any(each.spoiled for each in asked):
        return known
    try:
        with serving.reads.reading() as connection:
            known.answers = stored_answers(connection, keys) if keys else {}
            for version, own in viewers.items():
                known.vectors[version] = vectors_of_viewers(connection, sorted(own), version=version)
            known.finished = {id(each): _finished(connection, each) for each in asked if each.spoiled}
    except StorageUnavailable as error:
        logger.warning("what is known of viewers cannot be read: %s", error)
    return known


def _finished(connection: Connection, asked: _Asked) -> frozenset[TitleId]:
    return frozenset(map(TitleId, finished_titles(connection, asked.viewer, asked.spoiled)))


def _answered_before(serving: Serving, call: SelectCall, known: _Known) -> Result | None:
    """What was answered under the call's key, from memory or from the log (C2)."""
    key = call.idempotency_key
    if key is None:
        return None
    recent, digest = serving.recent.find(key), call.digest()
    if recent is not None:
        return recent.answer if recent.digest == digest else repeated_key()
    stored = known.answers.get(key)
    if stored is None:
        return None
    # unsealed: by a server of an older Keyart that is still up beside this one
    known_as = (None, serving.keys.sealed(digest), digest)
    return stored.response if stored.request_digest in known_as else repeated_key()


def _decide(serving: Serving, asked: Sequence[_Asked], known: _Known) -> list[Decided]:
    if not asked:
        return []
    catalogue = asked[0].catalogue
    orders = [_order(serving, each, known) for each in asked]
    budget = max(serving.settings.select_budget_ms / 1000, min(each.call.budget for each in asked))
    own: dict[int, list[int]] = {}
    for place, order in enumerate(orders):
        own.setdefault(id(order.steps[0].policy) if order.steps else 0, []).append(place)
    decided: dict[int, Decided] = {}
    for places in own.values():
        alike = [(asked[place].call, orders[place]) for place in places]
        decided.update(zip(places, _assembled(serving, alike, catalogue, budget=budget), strict=True))
    return [decided[place] for place in range(len(asked))]


def _assembled(
    serving: Serving, work: Sequence[tuple[SelectCall, PageOrder]], catalogue: Catalogue, *, budget: float
) -> list[Decided]:
    """Decide pages that one policy is asked for first, and tell the ladder how it did.

    By the installation's own time budget: a caller who is in a hurry says nothing of a policy that all others share.
    """
    calls, orders = zip(*work, strict=True)
    began = time.monotonic()
    pages = assemble_each(
        orders,
        catalogue,
        make=lambda place, page: _to_be_logged(serving, calls[place], page, catalogue),
        house=house_of(serving),
        failed=serving.ladder.failed,
    )
    took = time.monotonic() - began
    if orders[0].steps:
        policy = orders[0].steps[0].policy
        if took > budget * DECIDING_SHARE:
            serving.ladder.failed(policy, TimeoutError(f"{len(pages)} pages took {took:.3f} s"))
        elif any(page.issued.policy == policy.version for page in pages):
            serving.ladder.decided(policy.version)
    return pages


def _order(serving: Serving, asked: _Asked, known: _Known) -> PageOrder:
    held_back = is_held_back(serving, asked.viewer)
    version = serving.live.viewer_version_of(asked.policy)
    viewer = KnownViewer(
        viewer=asked.viewer,
        vector=known.vectors.get(version, {}).get(asked.viewer) if version else None,
        foundation_version=version if version in known.vectors else None,
        finished=known.finished.get(id(asked), frozenset()),
    )
    return PageOrder(
        request=PageRequest(viewer=viewer, context=asked.call.context, titles=asked.call.titles),
        stamp=_stamp(serving, asked.call, kept=asked.kept),
        steps=() if held_back else serving.ladder.climb(asked.ruling.steps),
        hold_back=held_back,
        cell=None if held_back else asked.ruling.cell,
    )


def _stamp(serving: Serving, call: SelectCall, *, kept: float) -> PageStamp:
    key = draw_key(serving, call.context.at)
    return PageStamp(page=new_page_id(), at=datetime.now(UTC), key=key, kept=kept)


def _to_be_logged(serving: Serving, call: SelectCall, page: Page, catalogue: Catalogue) -> Decided:
    answer = _answer(serving, page, catalogue, logged=True)
    key = call.idempotency_key
    if key is None:
        entry = LogEntry(page)
    else:
        digest = serving.keys.sealed(call.digest())
        entry = LogEntry(page, idempotency_key=key, request_digest=digest, response=answer)
    return Decided(issued_of(page), catalogue, answer, entry)


def _answer(serving: Serving, page: Page, catalogue: Catalogue, *, logged: bool) -> bytes:
    images = serving.settings.image_base_url
    return answer_of(page, catalogue, keys=serving.keys, images=images, logged=logged)
