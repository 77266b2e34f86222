"""How a page is decided and made durable before its answer leaves (C1), once for an idempotency key (C2)."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from api.dependencies.services import Services
from api.errors import Conflict, KeyartError, RepeatedKey, StorageUnavailable, UnknownTitle
from api.homepage.artwork import TitlesWithoutArtwork, UnknownTitles, entries_of
from api.homepage.assemble import PageStamp, assemble_page, fallback_page
from api.homepage.catalogue import Catalogue
from api.homepage.experiment import DrawKey
from api.homepage.request import AskedTitle, House, KnownViewer, PageRequest
from api.storage.events import finished_titles
from api.storage.foundation import viewer_vector
from api.storage.pages import new_page_id, stored_answer
from artwork.catalog import TitleId
from bandit.context import RequestContext
from bandit.decision import Page, Slot
from bandit.policies.policy import Policy
from bandit.sampling import window_of
from foundation.events import ViewerId

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectCall:
    """A call for a page as it was sent: `viewer` is the raw id, `sent` the body, for telling two requests apart."""

    viewer: str
    context: RequestContext
    titles: tuple[AskedTitle, ...]
    idempotency_key: str | None
    sent: bytes


def select_page(services: Services, call: SelectCall) -> bytes:
    """Decide a page, make it durable and return the answer's bytes.

    A page that cannot be made durable within the time budget shows default artworks and says `logged: false`.

    Raises:
        UnknownTitle: titles were asked for that do not exist.
        Conflict: titles were asked for that have nothing to show.
        RepeatedKey: the idempotency key came with another request before.
    """
    with services.metrics.select_seconds.time():
        answered = _answered_before(services, call)
        if answered is not None:
            return answered
        try:
            return _decide(services, call)
        except RepeatedKey:
            # The same key came twice at once, and the other request was faster: its answer is the answer.
            answered = _answered_before(services, call)
            if answered is None:
                raise
            return answered


def _decide(services: Services, call: SelectCall) -> bytes:
    catalogue = _catalogue_for(services, call.titles)
    spoiled = [each.title for each in call.titles if catalogue.titles[each.title].spoilers]
    pseudonym = services.keys.pseudonym(call.viewer)
    policy = services.live.for_viewer(pseudonym)
    viewer = known_viewer(services, pseudonym, policy=policy, spoiled=spoiled)
    request = PageRequest(viewer=viewer, context=call.context, titles=call.titles)
    house = house_of(services)
    stamp = PageStamp(page=new_page_id(), at=datetime.now(UTC), key=draw_key(services, call.context.at))
    page = assemble_page(request, catalogue, policy=policy, stamp=stamp, house=house)
    answer = _answer(services, page, catalogue, logged=True)
    if services.log.append(
        page,
        idempotency_key=call.idempotency_key,
        request_digest=_digest(call),
        response=None if call.idempotency_key is None else answer,
        timeout=services.settings.select_budget_ms / 1000,
    ):
        _count(services, page, logged=True)
        services.shadow.offer(page, catalogue)
        return answer
    fallback = fallback_page(request, catalogue, stamp=stamp, house=house)
    _count(services, fallback, logged=False)
    return _answer(services, fallback, catalogue, logged=False)


def known_viewer(
    services: Services, viewer: ViewerId, *, policy: Policy, spoiled: Sequence[TitleId] = ()
) -> KnownViewer:
    """Look up the vector that `policy` has of a viewer, and which `spoiled` titles they have finished.

    Those are the ones with pictures that tell the end. Without the database a viewer is as good as new, and the page
    still renders (C8).
    """
    version = services.live.viewer_version_of(policy)
    if version is None and not spoiled:
        return KnownViewer(viewer=viewer)
    try:
        with services.reads.reading() as connection:
            vector = None if version is None else viewer_vector(connection, viewer, version=version)
            finished = finished_titles(connection, viewer, spoiled) if spoiled else frozenset[str]()
    except StorageUnavailable as error:
        logger.warning("what is known of viewers cannot be read: %s", error)
        return KnownViewer(viewer=viewer)
    known = frozenset(map(TitleId, finished))
    return KnownViewer(viewer=viewer, vector=vector, foundation_version=version, finished=known)


def house_of(services: Services) -> House:
    """What the settings say of all pages."""
    settings = services.settings
    return House(diversity=settings.page_diversity, maturity_limit=settings.maturity_limit)


def _catalogue_for(services: Services, asked: Sequence[AskedTitle]) -> Catalogue:
    """Return a catalogue that can show every asked title; what was put a moment ago is looked for once more."""
    try:
        entries_of(services.catalogue.current, asked)
    except LookupError:
        try:
            services.catalogue.refresh()
        except StorageUnavailable as error:
            logger.warning("the catalogue cannot be refreshed: %s", error)
    catalogue = services.catalogue.current
    try:
        entries_of(catalogue, asked)
    except UnknownTitles as error:
        raise _naming(
            UnknownTitle, "There is no title", error.titles, "Put it first: PUT /v1/titles/{title}."
        ) from error
    except TitlesWithoutArtwork as error:
        remedy = "Upload an image and let `keyart worker` embed it, or leave the title out."
        raise _naming(Conflict, "No artwork can be shown for", error.titles, remedy) from error
    return catalogue


def _naming(kind: type[KeyartError], said: str, titles: tuple[str, ...], remedy: str) -> KeyartError:
    return kind(f"{said} {', '.join(titles)}.", remedy)


def draw_key(services: Services, at: datetime) -> DrawKey:
    """The key of the draws of a page that is shown at `at`."""
    settings = services.settings
    return DrawKey(salt=settings.draw_salt, window=window_of(at, settings.sticky_seconds))


def _answered_before(services: Services, call: SelectCall) -> bytes | None:
    if call.idempotency_key is None:
        return None
    try:
        with services.reads.reading() as connection:
            known = stored_answer(connection, call.idempotency_key)
    except StorageUnavailable:
        return None
    if known is None:
        return None
    if known.request_digest != _digest(call):
        raise RepeatedKey("This Idempotency-Key came with another request before.", "Use a new key for a new request.")
    return known.response


def _digest(call: SelectCall) -> str:
    return hashlib.sha256(call.sent).hexdigest()


def _answer(services: Services, page: Page, catalogue: Catalogue, *, logged: bool) -> bytes:
    slots = [_slot(services, page, catalogue, index=index, logged=logged) for index in range(len(page.slots))]
    return msgspec.json.encode({"page": page.page, "policy": page.policy, "logged": logged, "slots": slots})


def _slot(services: Services, page: Page, catalogue: Catalogue, *, index: int, logged: bool) -> dict[str, object]:
    slot: Slot = page.slots[index]
    image = catalogue.titles[slot.title].candidates[slot.artwork].image
    return {
        "title": slot.title,
        "decision": services.keys.sign_decision(page.page, index, logged=logged),
        "artwork": slot.artwork,
        "image": image_address(services, image),
        "probability": slot.probability,
        "reason": slot.reason,
    }


def image_address(services: Services, image: str) -> str:
    """Where an image is read from: by its hash, so that it may be cached for ever."""
    return f"{services.settings.image_base_url}/images/{image}"


def _count(services: Services, page: Page, *, logged: bool) -> None:
    for slot in page.slots:
        services.metrics.decisions.labels(slot.reason, str(logged).lower()).inc()
