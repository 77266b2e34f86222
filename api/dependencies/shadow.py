"""What a shadow version would have stated: asked after pages were answered, for a share of them. Decides nothing."""

import logging
import queue
import threading
import time
from dataclasses import dataclass, replace

import numpy as np

from api.dependencies.breaker import GuardedReads
from api.dependencies.live_policy import LivePolicy
from api.homepage.catalogue import Catalogue
from api.storage.foundation import viewer_vector
from bandit.context import Candidate, Context, Vector
from bandit.decision import Page, PolicyVersionId, Reason, Slot
from bandit.policies.policy import Policy
from bandit.rows import context_again
from bandit.sampling import draw_uniform

logger = logging.getLogger(__name__)

_WAITING = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowFigures:
    """Sums over the slots that a shadow was asked about since this process started; `version` None: no shadow yet.

    `chosen` sums its probabilities of the artworks that were drawn, `distance` its total variation distances to what
    the live policy states, `seconds` is the time that it took. `failures` are pages that it could not state anything
    for, `dropped` pages that came too fast; `problem` is the last failure.
    """

    version: PolicyVersionId | None = None
    pages: int = 0
    slots: int = 0
    chosen: float = 0.0
    distance: float = 0.0
    seconds: float = 0.0
    failures: int = 0
    dropped: int = 0
    problem: str | None = None


class ShadowObserver:
    """Offers pages to the shadow version. Never raises, never waits, and holds a few pages at most."""

    def __init__(self, live: LivePolicy, reads: GuardedReads, *, share: float) -> None:
        """`share` of the pages is looked at, chosen by a hash of the page's id; `reads` is for viewers' vectors."""
        self._live = live
        self._reads = reads
        self._share = share
        self._pages: queue.Queue[tuple[Page, Catalogue] | None] = queue.Queue(_WAITING)
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._figures = ShadowFigures()
        self._thread = threading.Thread(target=self._run, name="keyart-shadow", daemon=True)
        self._thread.start()

    @property
    def watching(self) -> bool:
        """Whether there is a shadow to be asked."""
        return self._live.deciding.shadow is not None

    def offer(self, page: Page, catalogue: Catalogue) -> None:
        """Let the shadow, if there is one, be asked about a page that was just decided; returns at once."""
        if not self.watching or draw_uniform("shadow", page.page, "", 0) >= self._share:
            return
        try:
            if self._closed.is_set():
                raise queue.Full
            self._pages.put_nowait((page, catalogue))
        except queue.Full:
            with self._lock:
                self._figures = replace(self._figures, dropped=self._figures.dropped + 1)

    def figures(self) -> ShadowFigures:
        """The sums so far, of the shadow that was asked last."""
        with self._lock:
            return self._figures

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
            except Exception as error:
                # Whatever a shadow does is counted and harms no page; the thread goes on.
                logger.debug("the shadow failed", exc_info=True)
                self._add(ShadowFigures(failures=1, problem=str(error) or type(error).__name__))
            finally:
                self._pages.task_done()

    def _observe(self, page: Page, catalogue: Catalogue) -> None:
        deciding = self._live.deciding
        if deciding.shadow is None or page.policy != deciding.live.version:
            return
        with self._lock:
            if self._figures.version != deciding.shadow.version:
                self._figures = ShadowFigures(version=deciding.shadow.version)
        vector = self._vector(deciding.shadow, page)
        self._add(compared(deciding.shadow, deciding.live, page, catalogue=catalogue, vector=vector))

    def _vector(self, shadow: Policy, page: Page) -> Vector | None:
        """The viewer's vector in the version that the shadow understands, which may be newer than the live policy's."""
        if shadow.foundation_version in (None, page.foundation_version):
            return page.vector()
        with self._reads.reading() as connection:
            return viewer_vector(connection, page.viewer, version=shadow.foundation_version)

    def _add(self, more: ShadowFigures) -> None:
        with self._lock:
            sums = self._figures
            self._figures = replace(
                sums,
                pages=sums.pages + more.pages,
                slots=sums.slots + more.slots,
                chosen=sums.chosen + more.chosen,
                distance=sums.distance + more.distance,
                seconds=sums.seconds + more.seconds,
                failures=sums.failures + more.failures,
                problem=more.problem or sums.problem,
            )


def compared(shadow: Policy, live: Policy, page: Page, *, catalogue: Catalogue, vector: Vector | None) -> ShadowFigures:
    """Ask a shadow about the slots of a page that were drawn, and `live`, before guards, for comparison.

    `vector` is the viewer's in the shadow's foundation version.

    Raises:
        Exception: whatever the policy raises.
    """
    drawn = [slot for slot in page.slots if slot.reason is Reason.POLICY]
    offered = [_candidates(slot, catalogue) for slot in drawn]
    usual = live.page(
        [(_context(live, page, slot, page.vector()), own) for slot, own in zip(drawn, offered, strict=True)]
    )
    began = time.perf_counter()
    stated = shadow.page(
        [(_context(shadow, page, slot, vector), own) for slot, own in zip(drawn, offered, strict=True)]
    )
    seconds = time.perf_counter() - began
    return ShadowFigures(
        pages=1,
        slots=len(drawn),
        chosen=float(sum(own[slot.chosen] for own, slot in zip(stated, drawn, strict=True))),
        distance=float(sum(np.abs(own - other).sum() / 2 for own, other in zip(stated, usual, strict=True))),
        seconds=seconds,
    )


def _context(policy: Policy, page: Page, slot: Slot, vector: Vector | None) -> Context:
    """What a policy may look at for a logged slot, with the viewer's vector in its own version."""
    logged = context_again(page, slot, foundation=page.foundation_version, intent=policy.intent_version)
    return replace(logged, viewer_vector=vector if policy.foundation_version else None)


def _candidates(slot: Slot, catalogue: Catalogue) -> list[Candidate]:
    known = catalogue.titles[slot.title].candidates
    return [known[artwork] for artwork in slot.artworks]
