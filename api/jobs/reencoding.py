"""Logged pages as another foundation version would have seen their viewers. Knows no policy and no reward.

A new foundation version has vectors of its own, and the log holds those of the old one. What a viewer's vector would
have been is a function of the events before the page, so it is computed again: neither learning nor evaluation has to
wait for a log in the new version.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import islice

import msgspec
import numpy as np
from sqlalchemy import Engine

from api.storage.blobs import BlobStore
from api.storage.database import reading
from api.storage.events import histories
from api.storage.foundation import find_foundation_version
from bandit.decision import Page, PageId, RewardedDecision
from foundation.checkpoint import from_bytes
from foundation.encoder import encode_viewers
from foundation.events import Event
from foundation.trained import Foundation

ROWS_AT_ONCE = 5_000


class Reencoder:
    """Puts pages into one foundation version; opens its model only when a page is not in it already."""

    def __init__(self, engine: Engine, blobs: BlobStore, *, version: str) -> None:
        self._engine = engine
        self._blobs = blobs
        self._version = version

    def rows(self, rows: Iterable[RewardedDecision]) -> Iterator[RewardedDecision]:
        """Yield the same rows, in the same order, with viewer vectors in this version; holds 5,000 rows at a time.

        Raises:
            UnknownVersion: the version was never trained here.
            DamagedFile, MissingFile, DamagedCheckpoint: its bytes are not what was written.
        """
        remaining = iter(rows)
        while part := list(islice(remaining, ROWS_AT_ONCE)):
            known = self._pages({row.page.page: row.page for row in part})
            yield from (RewardedDecision(known[row.page.page], row.slot, row.reward) for row in part)

    def _pages(self, pages: dict[PageId, Page]) -> dict[PageId, Page]:
        others = [page for page in pages.values() if page.foundation_version != self._version]
        if not others:
            return pages
        with reading(self._engine) as connection:
            known = dict(histories(connection, {page.viewer for page in others}))
        before = [(page, _before(page, known.get(page.viewer, []))) for page in others]
        strangers = {page.page: self._with(page, None) for page, history in before if not history}
        return {**pages, **strangers, **self._encoded([(page, history) for page, history in before if history])}

    def _encoded(self, met: Sequence[tuple[Page, list[Event]]]) -> dict[PageId, Page]:
        if not met:
            return {}
        vectors = encode_viewers(self._foundation, [history for _, history in met]).astype(np.dtype("<f4"))
        return {page.page: self._with(page, vectors[row].tobytes()) for row, (page, _) in enumerate(met)}

    def _with(self, page: Page, vector: bytes | None) -> Page:
        return msgspec.structs.replace(page, viewer_vector=vector, foundation_version=self._version)

    @cached_property
    def _foundation(self) -> Foundation:
        with reading(self._engine) as connection:
            version = find_foundation_version(connection, self._version)
        return from_bytes(self._blobs.get_model(version.digest))


def _before(page: Page, history: Sequence[Event]) -> list[Event]:
    """What was known of the viewer when the page was decided: nothing that came later may be learned from."""
    return [event for event in history if event.at < page.at]
