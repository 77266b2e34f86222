"""The policies that decide now. A version that cannot be loaded whole never replaces the one in memory (C7)."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import Engine

from api.dependencies.versions import load_version
from api.errors import KeyartError
from api.homepage.assemble import Step
from api.storage.blobs import BlobStore
from api.storage.database import reading
from api.storage.experiments import running_allocations
from api.storage.foundation import live_foundation_version
from api.storage.policies import newest_version_named, standing
from api.storage.stages import Standing
from bandit.canary import in_canary
from bandit.decision import CellLabel, PolicyVersionId, Rung
from bandit.examination import Examiner
from bandit.experiments.allocation import Allocation, dealt
from bandit.policies.most_played import NAME as MOST_PLAYED
from bandit.policies.policy import Policy
from bandit.policies.uniform import UniformPolicy
from foundation.events import ViewerId


@dataclass(frozen=True, slots=True)
class Canary:
    """A policy that decides for a share of the viewers."""

    policy: Policy
    share: float
    salt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Arms:
    """The running experiments, and the policies of their cells by version; one that cannot be loaded is not there."""

    allocations: tuple[Allocation, ...] = ()
    policies: Mapping[PolicyVersionId, Policy] = field(default_factory=dict[PolicyVersionId, Policy])

    def of(self, viewer: ViewerId) -> tuple[CellLabel, Policy | None] | None:
        """The cell that a viewer is in, and who decides there (None: the policy that is live)."""
        found = dealt(viewer, self.allocations)
        return None if found is None else (found[0].label(found[1]), self.policies.get(found[1].policy))


class Ruling(NamedTuple):
    """Who decides for a viewer: the steps of the fall-back ladder, from the first, and the viewer's cell, if any."""

    steps: tuple[Step, ...]
    cell: CellLabel | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deciding:
    """What decides at one moment: `live` for everyone that no cell and no canary decides for.

    A `shadow` decides for nobody. A viewer in a cell of an experiment is in no canary.

    `last_good` and `most_played` stand ready for pages that `live` fails. `stale` tells that `live` is not the version
    that was deployed: that one cannot be loaded. `shadow_by` is the number of the deployment that made the shadow one
    (0: there is none), and `shadow_problem` says why it cannot be loaded. `foundation` is the live foundation version,
    None before the first training.
    """

    live: Policy = field(default_factory=UniformPolicy)
    canary: Canary | None = None
    shadow: Policy | None = None
    shadow_by: int = 0
    shadow_problem: str | None = None
    last_good: Policy | None = None
    most_played: Policy | None = None
    stale: bool = False
    foundation: str | None = None
    arms: Arms = field(default_factory=Arms)
    ladders: dict[int, tuple[Step, ...]] = field(init=False, default_factory=dict[int, tuple[Step, ...]], compare=False)

    def ruling_for(self, viewer: ViewerId) -> Ruling:
        """Who decides for a viewer: the same for as long as nothing is deployed and nothing started."""
        arm = self.arms.of(viewer)
        if arm is not None:
            return Ruling(self._ladder_of(arm[1] or self.live), arm[0])
        canary = self.canary
        if canary is not None and in_canary(viewer, share=canary.share, salt=canary.salt):
            return Ruling(self._ladder_of(canary.policy), None)
        return Ruling(self._ladder_of(self.live), None)

    def _ladder_of(self, first: Policy) -> tuple[Step, ...]:
        """The fall-back ladder from a policy down to what is known to be played most; kept, for every page asks."""
        found = self.ladders.get(id(first))
        if found is None:
            found = self.ladders.setdefault(id(first), self._steps_from(first))
        return found

    def _steps_from(self, first: Policy) -> tuple[Step, ...]:
        stale = self.stale and first is self.live
        steps = [Step(Rung.LAST_GOOD if stale else Rung.LIVE, first)]
        steps += [
            Step(Rung.LAST_GOOD, policy)
            for policy in (self.live, self.last_good)
            if policy is not None and policy is not first
        ]
        if self.most_played is not None:
            steps.append(Step(Rung.MOST_PLAYED, self.most_played))
        return tuple(steps)

    def known(self) -> dict[PolicyVersionId, Policy]:
        """All policies by version."""
        canary = self.canary.policy if self.canary else None
        held = (*self.arms.policies.values(), self.most_played, self.last_good, self.live, canary, self.shadow)
        return {policy.version: policy for policy in held if policy is not None}


class LivePolicy:
    """Holds what decides; `refresh` follows the deployments. Readers take `deciding` once a page."""

    def __init__(self, engine: Engine, blobs: BlobStore, *, examiner: Examiner | None = None) -> None:
        self._engine = engine
        self._blobs = blobs
        self._refreshing = threading.Lock()
        self.examiner = examiner or Examiner()
        self.deciding = Deciding()
        self._decided = False
        self._looked_after: PolicyVersionId | None = None

    @property
    def current(self) -> Policy:
        """The live policy."""
        return self.deciding.live

    @property
    def viewer_version(self) -> str | None:
        """The foundation version that viewers are looked up in for the live policy."""
        return self.viewer_version_of(self.current)

    def viewer_version_of(self, policy: Policy) -> str | None:
        """The foundation version that viewers are looked up in for `policy`: the one that it understands.

        So training a newer one takes nothing from it; the live one for a policy that looks at no viewer.
        """
        return policy.foundation_version or self.deciding.foundation

    def refresh(self) -> None:
        """Follow the deployments: each version whole or not at all.

        Raises:
            KeyartError: one of the versions cannot be read or is damaged. A live one in memory goes on deciding then;
                a canary or a shadow is left out, so that the live one decides for the canary's viewers.
        """
        with self._refreshing:
            with reading(self._engine) as connection:
                wanted = standing(connection)
                running = running_allocations(connection)
                foundation = live_foundation_version(connection)
                most_played = newest_version_named(connection, f"{MOST_PLAYED}-")
            errors: list[KeyartError] = []
            deployed = self._load(wanted.live, errors)
            last_good = self._last_good(wanted, deployed)
            of_shadow: list[KeyartError] = []
            shadow = self._load(wanted.shadow, of_shadow)
            self.deciding = Deciding(
                live=deployed or last_good or self.current,
                canary=self._canary(wanted, errors),
                shadow=shadow,
                shadow_by=wanted.shadow_by,
                shadow_problem=str(of_shadow[0]) if of_shadow else None,
                last_good=last_good,
                most_played=self._load(most_played, errors),
                stale=deployed is None,
                foundation=foundation.version if foundation else None,
                arms=self._arms(running, errors),
            )
        if errors := [*errors, *of_shadow]:
            raise errors[0]

    def _last_good(self, wanted: Standing, deployed: Policy | None) -> Policy | None:
        """The version that decided before the deployed one: kept in memory, or else loaded once after a start."""
        before = self.deciding
        if self._decided and not before.stale and (deployed is None or deployed.version != before.live.version):
            found: Policy | None = before.live
        elif before.last_good is not None or self._looked_after == wanted.live:
            found = before.last_good
        else:
            loaded = (self._load(version, []) for version in reversed(wanted.before))
            found = next((policy for policy in loaded if policy is not None), None)
        self._looked_after, self._decided = wanted.live, self._decided or deployed is not None
        return found

    def _canary(self, wanted: Standing, errors: list[KeyartError]) -> Canary | None:
        canary = wanted.canary
        policy = self._load(canary.version, errors) if canary else None
        return Canary(policy, canary.share, canary.salt) if canary and policy else None

    def _arms(self, running: Sequence[Allocation], errors: list[KeyartError]) -> Arms:
        wanted = dict.fromkeys(cell.policy for each in running for cell in each.cells)
        loaded = {version: self._load(version, errors) for version in wanted}
        policies = {version: policy for version, policy in loaded.items() if policy is not None}
        return Arms(allocations=tuple(running), policies=policies)

    def _load(self, version: PolicyVersionId | None, errors: list[KeyartError]) -> Policy | None:
        """Return a version, from memory where it is there; None, and one error more, where it cannot be used."""
        if version is None:
            return None
        try:
            held = self.deciding.known().get(version)
            return held or load_version(self._engine, self._blobs, version, examiner=self.examiner)
        except KeyartError as error:
            errors.append(error)
            return None
