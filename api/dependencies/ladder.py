"""The fall-back ladder while it is in use: a policy that keeps failing rests, so not every page pays for finding out.

Knows no page and no request.
"""

import logging
import threading
import time
from collections.abc import Callable

from api.homepage.assemble import Step
from bandit.decision import PolicyVersionId
from bandit.policies.policy import Policy

logger = logging.getLogger(__name__)

FAILURES_IN_A_ROW = 3
REST_SECONDS = 1.0


class Ladder:
    """Counts what policies fail at; one that failed three times in a row is left out for a second, then asked again.

    Taking longer than a page's time budget allows is a failure too.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: dict[PolicyVersionId, int] = {}
        self._rests_until: dict[PolicyVersionId, float] = {}

    def climb(self, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        """Return the steps whose policies do not rest."""
        if not self._rests_until:
            return steps
        now = self._clock()
        return tuple(step for step in steps if self._rests_until.get(step.policy.version, 0.0) <= now)

    def failed(self, policy: Policy, error: Exception) -> None:
        """Count a page that a policy could not decide, or not in time."""
        with self._lock:
            count = self._failures.get(policy.version, 0) + 1
            self._failures[policy.version] = count
            if count < FAILURES_IN_A_ROW:
                logger.error("policy %s failed; the page goes down the ladder", policy.version, exc_info=error)
                return
            if count == FAILURES_IN_A_ROW:
                logger.error("policy %s keeps failing and rests", policy.version, exc_info=error)
            self._rests_until[policy.version] = self._clock() + REST_SECONDS

    def decided(self, version: PolicyVersionId) -> None:
        """Note that a policy decided a page: whatever it failed at before is forgotten."""
        if version in self._failures:
            with self._lock:
                self._failures.pop(version, None)
                self._rests_until.pop(version, None)
