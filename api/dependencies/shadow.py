"""What a shadow version would have stated: asked after pages were answered, for a share of them. Decides nothing."""

import logging
import queue
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
from sqlalchemy import Engine

from api.dependencies.breaker import GuardedReads
from api.dependencies.identity import new_name
from api.dependencies.live_policy import LivePolicy
from api.errors import StorageUnavailable
from api.homepage.catalogue import Catalogue
from api.settings import Settings
from api.storage.database import reading, transaction
from api.storage.foundation import viewer_vector
from api.storage.pages import decode_page
from api.storage.shadow_reports import ShadowReport, put_shadow_report, read_shadow_reports, total_of
from bandit.context import Candidate, Context, Vector
from bandit.decision import Page, PageId, Reason, Slot
from bandit.errors import InvalidProbabilities
from bandit.policies.policy import Policy, Probabilities
from bandit.rows import context_again
from bandit.sampling import check_distribution, draw_uniform
from bandit.shadowing import ShadowFigures

logger = logging.getLogger(__name__)

_WAITING = 64
TELL_EVERY_SECONDS = 5.0


class ShadowObserver:
    """Offers pages to the shadow version. Never raises, never waits, and holds a few pages at most."""

    def __init__(self, live: LivePolicy, reads: GuardedReads, *, engine: Engine, settings: Settings) -> None:
        """A share of the pages is looked at, chosen by a hash of the page's id; `reads` is for viewers' vectors.

        What all servers say is read and written by `engine`.
        """
        self._live = live
        self._reads = reads
        self._engine = engine
        self._share = settings.shadow_share
        self._budget = settings.select_budget_ms / 1000
        self._server = new_name()
        self._by = 0
        self._told_at = float("-inf")
        self._pages: queue.Queue[tuple[bytes, Catalogue] | None] = queue.Queue(_WAITING)
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._figures = ShadowFigures()
        self._thread = threading.Thread(target=self._run, name="keyart-shadow", daemon=True)
        self._thread.start()

    def offer(self, page: PageId, body: bytes, catalogue: Catalogue) -> None:
        """Let the shadow, if there is one, be asked about a page that was just logged as `body`; returns at once."""
        if self._live.deciding.shadow is None or draw_uniform("shadow", page, "", 0) >= self._share:
            return
        try:
            if self._closed.is_set():
                raise queue.Full
            self._pages.put_nowait((body, catalogue))
        except queue.Full:
            self._add(ShadowFigures(dropped=1))

    def figures(self) -> ShadowFigures:
        """The sums so far, of the shadow that was asked last."""
        with self._lock:
            return self._figures

    def of_all_servers(self, deployment: int) -> ShadowFigures:
        """What all servers say of the shadow that a deployment made one, this one up to this moment.

        Raises:
            StorageUnavailable: only this one could say.
        """
        with reading(self._engine) as connection:
            others = [each for each in read_shadow_reports(connection, deployment) if each.server != self._server]
        own = self._report()
        return total_of([*others, own] if own is not None and own.deployment == deployment else others)

    def refresh(self) -> None:
        """Write down what this server counted, now and then, while there is a shadow.

        Raises:
            StorageUnavailable: the next time makes up for it.
        """
        if time.monotonic() - self._told_at >= TELL_EVERY_SECONDS:
            self.tell()

    def tell(self) -> None:
        """Write down what this server counted, while there is a shadow; raises as `refresh` does."""
        report = self._report()
        if report is not None:
            with transaction(self._engine) as connection:
                put_shadow_report(connection, report)
            self._told_at = time.monotonic()

    def _report(self) -> ShadowReport | None:
        """What this server says of the shadow of now: what it counted, or that it cannot load it."""
        deciding = self._live.deciding
        if not deciding.shadow_by:
            return None
        with self._lock:
            figures = self._figures if self._by == deciding.shadow_by else ShadowFigures()
        if deciding.shadow is None:
            figures = replace(figures, unable=1, problem=deciding.shadow_problem)
        else:
            figures = replace(figures, version=deciding.shadow.version)
        return ShadowReport(deciding.shadow_by, self._server, figures, datetime.now(UTC))

    def settle(self) -> None:
        """Wait until all that was offered is looked at."""
        self._pages.join()

    def close(self) -> None:
        """End the thread; what was not looked at by then is left out. Closing twice is harmless."""
        if not self._closed.is_set():
            self._closed.set()
            self._pages.put(None)
            self._thread.join()

    def _run(self) -> None:
        while (offered := self._pages.get()) is not None and not self._closed.is_set():
            try:
                self._observe(*offered)
            except StorageUnavailable:  # the viewer's vector cannot be read: that says nothing of the shadow
                self._add(ShadowFigures(dropped=1))
            except Exception as error:
                # Whatever a shadow does is counted and harms no page; the thread goes on.
                logger.debug("the shadow failed", exc_info=True)
                self._add(ShadowFigures(failures=1, problem=str(error) or type(error).__name__))
            finally:
                self._pages.task_done()

    def _observe(self, body: bytes, catalogue: Catalogue) -> None:
        deciding, page = self._live.deciding, decode_page(body)
        if deciding.shadow is None or page.policy != deciding.live.version:
            return
        with self._lock:
            if (self._figures.version, self._by) != (deciding.shadow.version, deciding.shadow_by):
                self._figures, self._by = ShadowFigures(version=deciding.shadow.version), deciding.shadow_by
        vector = self._vector(deciding.shadow, page)
        found = compared(deciding.shadow, deciding.live, page, catalogue=catalogue, vector=vector)
        self._add(replace(found, slow=int(found.seconds > self._budget >= found.live_seconds)))

    def _vector(self, shadow: Policy, page: Page) -> Vector | None:
        """The viewer's vector in the version that the shadow understands, which may be newer than the live policy's."""
        if shadow.foundation_version in (None, page.foundation_version):
            return page.vector()
        with self._reads.reading() as connection:
            return viewer_vector(connection, page.viewer, version=shadow.foundation_version)

    def _add(self, more: ShadowFigures) -> None:
        with self._lock:
            self._figures += more


def compared(shadow: Policy, live: Policy, page: Page, *, catalogue: Catalogue, vector: Vector | None) -> ShadowFigures:
    """Ask a shadow about the slots of a page that were drawn, and `live`, before guards, for comparison.

    `vector` is the viewer's in the shadow's foundation version.

    Raises:
        InvalidProbabilities: what it states is no distribution over a slot's artworks.
        Exception: whatever the policy raises.
    """
    drawn = [slot for slot in page.slots if slot.reason is Reason.POLICY]
    offered = [_candidates(slot, catalogue) for slot in drawn]
    began = time.perf_counter()
    usual = live.page(
        [(_context(live, page, slot, page.vector()), own) for slot, own in zip(drawn, offered, strict=True)]
    )
    turned = time.perf_counter()
    stated = shadow.page(
        [(_context(shadow, page, slot, vector), own) for slot, own in zip(drawn, offered, strict=True)]
    )
    seconds = time.perf_counter() - turned
    for own, slot in zip(stated, drawn, strict=True):
        _check_stated(own, slot)
    return ShadowFigures(
        pages=1,
        slots=len(drawn),
        chosen=float(sum(own[slot.chosen] for own, slot in zip(stated, drawn, strict=True))),
        distance=float(sum(np.abs(own - other).sum() / 2 for own, other in zip(stated, usual, strict=True))),
        seconds=seconds,
        live_seconds=turned - began,
    )


def _check_stated(stated: Probabilities, slot: Slot) -> None:
    if len(stated) != len(slot.artworks):
        raise InvalidProbabilities(
            f"{len(stated)} probabilities were stated for {len(slot.artworks)} artworks: retire the policy version"
        )
    check_distribution(stated.tolist())


def _context(policy: Policy, page: Page, slot: Slot, vector: Vector | None) -> Context:
    """What a policy may look at for a logged slot, with the viewer's vector in its own version."""
    logged = context_again(page, slot, foundation=page.foundation_version, intent=policy.intent_version)
    return replace(logged, viewer_vector=vector if policy.foundation_version else None)


def _candidates(slot: Slot, catalogue: Catalogue) -> list[Candidate]:
    known = catalogue.titles[slot.title].candidates
    return [known[artwork] for artwork in slot.artworks]
