"""The stages of a policy version, and what stands after a row of deployments. Knows no table and no policy.

candidate → shadow → canary → live → retired; a version may skip stages, and come back from retirement.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import pairwise

from api.errors import Conflict
from bandit.decision import PolicyVersionId
from bandit.policies.uniform import UNIFORM


class Stage(StrEnum):
    """How far a version decides. A version without any deployment is a candidate; that one is never written down."""

    CANDIDATE = "candidate"
    SHADOW = "shadow"
    CANARY = "canary"
    LIVE = "live"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A change of what decides, for a `share` in (0, 1] of the viewers (None: all); a roll-back names what it ended.

    `overridden` are the reasons of the gate that a forced promotion went against.
    """

    version: PolicyVersionId
    stage: Stage
    actor: str
    reason: str
    at: datetime
    share: float | None = None
    rolled_back: PolicyVersionId | None = None
    overridden: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StandingCanary:
    """A version that decides for a share of the viewers; the salt says which, and stays while the share changes."""

    version: PolicyVersionId
    share: float
    salt: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands: `before` are the versions that roll-backs would uncover, the next one last.

    `shadow_by` is the number of the deployment that made the shadow one; 0 where there is none.
    """

    live: PolicyVersionId = UNIFORM
    before: tuple[PolicyVersionId, ...] = ()
    canary: StandingCanary | None = None
    shadow: PolicyVersionId | None = None
    shadow_by: int = 0
    seen: frozenset[PolicyVersionId] = frozenset({UNIFORM})

    def after(self, deployment: Deployment, *, number: int) -> "Standing":
        """What stands after one more deployment, the `number`-th that was ever written down."""
        version = deployment.version
        known = replace(self, seen=self.seen | {version})
        if deployment.rolled_back is not None:
            return known._rolled_back(deployment.rolled_back)
        if deployment.stage is Stage.RETIRED:
            return replace(known._without(version), before=self._uncovered_without(version))
        if deployment.stage is Stage.SHADOW:
            by = self.shadow_by if self.shadow == version else number
            return replace(known._without(version), shadow=version, shadow_by=by)
        if deployment.stage is Stage.CANARY:
            same = self.canary is not None and self.canary.version == version
            salt = self.canary.salt if self.canary and same else f"canary {number}"
            return replace(known._without(version), canary=StandingCanary(version, deployment.share or 1.0, salt))
        # A version that decides for all viewers decides for a canary's too.
        return replace(known._without(version), live=version, before=(*self.before, self.live), canary=None)

    def after_roll_back(self, of: PolicyVersionId | None = None) -> PolicyVersionId:
        """The version that is live after a roll-back, of the latest change or `of` what is canary or live.

        Raises:
            Conflict: there is nothing to take back.
        """
        ended = of or self.latest
        if self.canary and ended == self.canary.version:
            return self.live
        if ended != self.live:
            raise Conflict(f"{ended} decides nothing now.", "Look at what is live.")
        if not self.before:
            raise Conflict(f"There is no version before {self.live}.", "Promote the version that you want instead.")
        return self.before[-1]

    @property
    def latest(self) -> PolicyVersionId:
        """The version that a roll-back takes off first: the canary while there is one."""
        return self.canary.version if self.canary else self.live

    def stage_of(self, version: PolicyVersionId) -> Stage:
        """How far a version decides now."""
        if version == self.live:
            return Stage.LIVE
        if self.canary and version == self.canary.version:
            return Stage.CANARY
        if version == self.shadow:
            return Stage.SHADOW
        return Stage.RETIRED if version in self.seen else Stage.CANDIDATE

    def _rolled_back(self, ended: PolicyVersionId) -> "Standing":
        if self.canary and ended == self.canary.version:
            return replace(self, canary=None)
        return replace(self, live=self.before[-1], before=self.before[:-1]) if self.before else self

    def _uncovered_without(self, version: PolicyVersionId) -> tuple[PolicyVersionId, ...]:
        """What roll-backs uncover without `version`: each still makes another version live than the one that is."""
        chain = [each for each in (*self.before, self.live) if each != version]
        return tuple(each for each, above in pairwise(chain) if each != above)

    def _without(self, version: PolicyVersionId) -> "Standing":
        canary = self.canary if self.canary and self.canary.version != version else None
        without = replace(self, canary=canary)
        return replace(without, shadow=None, shadow_by=0) if self.shadow == version else without
