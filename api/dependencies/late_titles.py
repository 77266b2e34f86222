"""Titles that a page asks for and the mirror cannot show yet: looked for in the database, away from who decides pages.

One look serves all who wait for it. So a title that nobody knows, or a database that does not answer, costs the page
that asked, and pages of known titles nothing.
"""

import asyncio
import time
from collections.abc import Callable, Sequence

from api.dependencies.catalogue import CatalogueMirror
from api.errors import StorageUnavailable
from artwork.catalog import TitleId

LOOKING_SHARE = 0.5
"""The part of a page's time budget that looking may take; the other is for deciding and logging it."""
REST_SECONDS = 1.0


class LateTitles:
    """Used on the event loop of the server."""

    def __init__(self, mirror: CatalogueMirror, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._mirror = mirror
        self._clock = clock
        self._look: asyncio.Task[None] | None = None
        self._rests_until = 0.0

    async def look_for(self, titles: Sequence[TitleId], *, budget: float) -> float:
        """Wait until the mirror shows the titles or has read all that there is; return what is left of the budget.

        Raises:
            StorageUnavailable: some cannot be shown, and the database did not say in time whether that is all.
        """
        if not self._mirror.current.lacks(titles):
            return budget
        began = self._clock()
        try:
            async with asyncio.timeout(budget * LOOKING_SHARE):
                await self._looked(titles)
        except (TimeoutError, StorageUnavailable) as error:
            lacking = self._mirror.current.lacks(titles)
            if lacking:
                raise StorageUnavailable(
                    f"This server cannot show {', '.join(lacking)}, and the database does not say if that changed.",
                    "Leave them out, or try again once the database answers.",
                ) from error
        return max(0.0, budget - (self._clock() - began))

    async def _looked(self, titles: Sequence[TitleId]) -> None:
        """Look once more where the first look was begun before the titles may have been put."""
        if await self._one_look() and self._mirror.current.lacks(titles):
            await self._one_look()

    async def _one_look(self) -> bool:
        """Wait for a look, and tell whether it was under way already."""
        if self._clock() < self._rests_until:
            raise StorageUnavailable("The database did not answer a moment ago.", "Try again in a second.")
        joined = self._look is not None and not self._look.done()
        if self._look is None or not joined:
            self._look = asyncio.create_task(asyncio.to_thread(self._mirror.refresh))
            self._look.add_done_callback(self._done)
        await asyncio.shield(self._look)
        return joined

    def _done(self, look: asyncio.Task[None]) -> None:
        if not look.cancelled() and look.exception() is not None:
            self._rests_until = self._clock() + REST_SECONDS
