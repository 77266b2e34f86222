"""How often keys and addresses may ask. Counted by this process alone; knows no request and no key's secret."""

import ipaddress
import math
import time

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import FixedWindowRateLimiter

from api.errors import TooManyRequests
from api.settings import Settings

LOG_INS_A_MINUTE = 10
"""Failed log-ins that an address may make."""
_PURSES = 100
"""A key fetches its right to ask in so many portions a minute, so that most requests cost a subtraction only."""


class RateLimits:
    """Counts requests by key, and failures by address, in windows of a minute each.

    Everything here is called from the event loop, so nothing needs a lock.
    """

    def __init__(self, settings: Settings) -> None:
        self._limiter = FixedWindowRateLimiter(MemoryStorage())
        self._serving = RateLimitItemPerMinute(settings.serving_requests_per_minute, namespace="serving")
        self._others = RateLimitItemPerMinute(settings.requests_per_minute, namespace="others")
        self._failed_keys = RateLimitItemPerMinute(settings.failed_keys_per_minute, namespace="keys")
        self._failed_log_ins = RateLimitItemPerMinute(LOG_INS_A_MINUTE, namespace="log-ins")
        self._purses: dict[tuple[str, bool], int] = {}

    async def count_request(self, prefix: str, *, serving: bool) -> None:
        """Count a request of a key.

        Raises:
            TooManyRequests: the key made as many as it may in this minute.
        """
        left = self._purses.get((prefix, serving), 0)
        if left == 0:
            item = self._serving if serving else self._others
            left = max(1, item.amount // _PURSES)
            if not await self._limiter.hit(item, prefix, cost=left):
                raise await self._exceeded(item, prefix, f"The key made {item.amount:,} requests in a minute.")
        self._purses[prefix, serving] = left - 1

    async def count_failed_key(self, address: str) -> None:
        """Count a request whose key opens nothing.

        Raises:
            TooManyRequests: the address sent as many as it may in this minute.
        """
        if not await self._limiter.hit(self._failed_keys, _network(address)):
            raise await self._exceeded(self._failed_keys, _network(address), "This address sent too many wrong keys.")

    async def check_failed_keys(self, address: str) -> None:
        """Refuse an address that sent too many wrong keys, before what it sends now is looked at.

        Raises:
            TooManyRequests: it did.
        """
        if not await self._limiter.test(self._failed_keys, _network(address)):
            raise await self._exceeded(self._failed_keys, _network(address), "This address sent too many wrong keys.")

    async def check_log_in(self, address: str) -> None:
        """Refuse an address whose log-ins failed too often, before what it sends now is looked at.

        Raises:
            TooManyRequests: they did.
        """
        if not await self._limiter.test(self._failed_log_ins, _network(address)):
            raise await self._exceeded(self._failed_log_ins, _network(address), "Too many log-ins failed.")

    async def count_failed_log_in(self, address: str) -> None:
        """Count a log-in that failed."""
        await self._limiter.hit(self._failed_log_ins, _network(address))

    async def _exceeded(self, item: RateLimitItem, identifier: str, message: str) -> TooManyRequests:
        reset = (await self._limiter.get_window_stats(item, identifier)).reset_time
        seconds = max(1, math.ceil(reset - time.time()))
        return TooManyRequests(message, f"Wait {seconds} seconds, then go slower.", retry_after=seconds)


def _network(address: str) -> str:
    """Whom an address belongs to: of IPv6 whoever asks has 2^64 of them."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return address if parsed.version == 4 else str(ipaddress.ip_network((parsed, 64), strict=False))
