"""The watch over what decides: looks at the recent log, raises alarms, and rolls a misbehaving version back, once.

What it has seen is in memory, and kept in the database now and then: a worker that takes the watch over goes on from
there, or begins with the last hour.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

import msgspec
from sqlalchemy import Connection, Engine

from api.dependencies.promotion import Order, back_out, retire
from api.errors import KeyartError
from api.jobs.observing import is_drawn
from api.jobs.scene import COOL_DOWN, WATCH_ACTOR
from api.jobs.shadowing import BAD_SHADOW, shadow_verdict
from api.jobs.trusted import TrustedRows, read_trust
from api.settings import Settings
from api.storage.alarms import clear_alarm, open_alarms, raise_alarm
from api.storage.blobs import BlobStore
from api.storage.database import reading, transaction
from api.storage.evaluations import latest_evaluation
from api.storage.evidence import Evidence, forget_evidence, put_evidence, read_evidence
from api.storage.pages import decided_at, page_before, page_id_at, read_pages
from api.storage.policies import BUILT_IN, list_deployments, standing
from api.storage.rewards import rewarded_decisions
from api.storage.stages import Deployment, Stage, Standing
from bandit.canary import in_canary
from bandit.caps import DailyCap
from bandit.decision import Page, PageId, PolicyVersionId, RewardedDecision
from bandit.gate import OffPolicyResult
from bandit.policies.uniform import UNIFORM
from bandit.rollout import Fate
from bandit.watch.calibration import CalibrationWatch
from bandit.watch.entropy import EntropyWatch
from bandit.watch.fallbacks import FallbackWatch
from bandit.watch.shortfall import Forecast, ShortfallWatch

logger = logging.getLogger(__name__)

CALIBRATION: Final = "calibration"
FALLBACK: Final = "fallback_rate"
ENTROPY: Final = "entropy_collapse"
SHORTFALL: Final = "reward_below_forecast"
KINDS = (CALIBRATION, FALLBACK, ENTROPY, SHORTFALL, BAD_SHADOW)

LOOKS_BACK = timedelta(hours=1)
SET_BACK = timedelta(minutes=1)
"""What clocks are usually corrected by: less is no reason to forget what was seen."""
BEHIND = timedelta(seconds=5)
"""Pages of several servers do not come into the log in the order of their ids to the second."""
PAGES_A_LOOK = 5000
KEEP_EVERY = timedelta(minutes=10)
"""How often what was seen is kept: of a large catalogue it is some megabytes."""
SETTLED_AFTER = timedelta(hours=1)
"""Without a reward window, plays of younger pages may still come: they would be valued too low."""
ROWS_A_LOOK = 50_000
QUIET_FOR = timedelta(days=1)
"""After so long without being raised again, an alarm is over."""

_THEIRS: Final = "It was taken off before and put on stage again by somebody: it is theirs to take off."


@dataclass(frozen=True, slots=True)
class Found:
    """Something that speaks against a version."""

    kind: str
    version: PolicyVersionId
    message: str


@dataclass
class VersionWatch:
    """What is watched of one version on stage; `rows_until` is the last page whose rewards were read, `cap` bounds
    what a single viewer's rows can say against it."""

    version: PolicyVersionId
    calibration: CalibrationWatch
    fallbacks: FallbackWatch
    entropy: EntropyWatch | None
    shortfall: ShortfallWatch | None
    rows_until: PageId
    cap: DailyCap
    until: PageId | None = None

    def add(self, pages: Iterable[Page], *, should_decide: Callable[[Page], bool]) -> None:
        """Take in the pages that came since the last look."""
        pages = [page for page in pages if self.until is None or page.page > self.until]
        own = [page for page in pages if page.policy == self.version]
        self.calibration.add(own)
        self.fallbacks.add(page for page in pages if should_decide(page))
        if self.entropy is not None:
            self.entropy.add(own)

    def kept(self) -> bytes:
        """What was seen, for whoever goes on; of rewards it is read again."""
        entropy = None if self.entropy is None else self.entropy.kept()
        return msgspec.msgpack.encode((self.calibration.kept(), self.fallbacks.kept(), entropy))

    def go_on(self, evidence: Evidence) -> None:
        """Go on from what another worker saw."""
        calibration, fallbacks, entropy = msgspec.msgpack.decode(evidence.seen, type=tuple[bytes, bytes, bytes | None])
        self.calibration.go_on(calibration)
        self.fallbacks.go_on(fallbacks)
        if self.entropy is not None and entropy is not None:
            self.entropy.go_on(entropy)
        self.until = evidence.until

    def add_rows(self, rows: Iterable[RewardedDecision]) -> None:
        """Take in the rewards that were settled since the last look."""
        if self.shortfall is not None:
            self.shortfall.add(row for row in rows if row.page.policy == self.version and is_drawn(row))

    def look(self) -> list[Found]:
        """Judge all that came in."""
        watches = {CALIBRATION: self.calibration, FALLBACK: self.fallbacks}
        others = {ENTROPY: self.entropy, SHORTFALL: self.shortfall}
        looks = {kind: each.look() for kind, each in (*watches.items(), *others.items()) if each is not None}
        return [Found(kind, self.version, told) for kind, told in looks.items() if told is not None]


@dataclass
class Watcher:
    """Looks when it is told to; keeps what it saw of every version between looks, as long as it is on stage."""

    settings: Settings
    engine: Engine
    blobs: BlobStore
    _versions: dict[PolicyVersionId, VersionWatch] = field(default_factory=dict[PolicyVersionId, VersionWatch])
    _until: PageId | None = None
    _kept_at: datetime | None = None

    def look(self, now: datetime) -> str:
        """Look at what came since the last look; return what was found, in one line.

        Raises:
            StorageUnavailable: the log cannot be read; the next look makes up for it.
        """
        self._mind_clock(now)
        with reading(self.engine) as connection:
            stands = standing(connection)
            deployments = list_deployments(connection, limit=1000)
            self._follow(connection, stands, deployments, now)
        pages = self._new_pages(now)
        for watched in self._versions.values():
            watched.add(pages, should_decide=_should_decide(stands, watched.version))
            self._read_rows(watched, now)
        found = [each for watched in self._versions.values() for each in watched.look()]
        found += self._of_shadow(stands, deployments, now)
        done = [self._answer(each, now) for each in found]
        self._settle(stands, now)
        if self._kept_at is None or not timedelta() <= now - self._kept_at < KEEP_EVERY:
            self.keep(now)
        names = " and ".join(self._versions) or "nothing"
        return "; ".join(done) or f"{len(pages):,} new pages: nothing speaks against {names}"

    def keep(self, now: datetime) -> None:
        """Keep what was seen, for the worker that takes the watch over.

        Raises:
            StorageUnavailable: what was kept before is what it goes on from.
        """
        if self._until is None:
            return
        kept = [
            Evidence(version=version, until=self._until, seen=watched.kept(), at=now)
            for version, watched in self._versions.items()
        ]
        with transaction(self.engine) as connection:
            forget_evidence(connection, but=[*self._versions])
            for each in kept:
                put_evidence(connection, each)
        self._kept_at = now

    def _mind_clock(self, now: datetime) -> None:
        """Begin anew where the clock was set back: nothing would be looked at until the time came again."""
        if self._until is not None and decided_at(self._until) > now + SET_BACK:
            self._until, self._versions = None, {}

    def _follow(
        self, connection: Connection, stands: Standing, deployments: Iterable[Deployment], now: datetime
    ) -> None:
        """Watch what is on stage now, and forget the rest."""
        on_stage = [stands.live, *([stands.canary.version] if stands.canary else [])]
        since = {each.version: each.at for each in reversed([*deployments]) if each.rolled_back is None}
        self._versions = {
            version: self._versions.get(version) or self._begin(connection, version, since.get(version, now), now=now)
            for version in on_stage
        }

    def _begin(
        self, connection: Connection, version: PolicyVersionId, deployed_at: datetime, *, now: datetime
    ) -> VersionWatch:
        began = min(deployed_at, now)  # by a clock that was ahead it is not on stage yet
        evaluation = latest_evaluation(connection, version)
        known = evaluation.result if evaluation else None
        reference = 1.0 if version == UNIFORM else known.entropy if known else None
        begun = VersionWatch(
            version=version,
            calibration=CalibrationWatch(),
            fallbacks=FallbackWatch(most=self.settings.watch_fallback_share),
            entropy=EntropyWatch(reference=reference) if reference else None,
            shortfall=_shortfall(known, self.settings),
            rows_until=page_id_at(began),
            cap=DailyCap(self.settings.caps),
        )
        evidence = read_evidence(connection, version)
        if evidence is not None and page_id_at(began) < evidence.until <= page_id_at(now + SET_BACK):
            try:
                begun.go_on(evidence)
            except msgspec.MsgspecError as error:  # another version of Keyart kept it
                logger.warning("what was seen of %s cannot be read, and is gathered anew: %s", version, error)
        return begun

    def _new_pages(self, now: datetime) -> list[Page]:
        """The newest pages since the last look, no more than can be looked at."""
        began, until = page_id_at(now - LOOKS_BACK), page_id_at(now - BEHIND)
        since = max(self._until or began, began)
        found = newest_pages(self.engine, since=since, until=until, most=PAGES_A_LOOK)
        self._until = max(until, since)
        return found

    def _read_rows(self, watched: VersionWatch, now: datetime) -> None:
        if watched.shortfall is None:
            return
        settled = page_id_at(now - (self.settings.windows.longest or SETTLED_AFTER))
        rows = rewarded_decisions(self.engine, definition=self.settings.reward, since=watched.rows_until, until=settled)
        taken: list[RewardedDecision] = []
        for row in rows:
            if len(taken) >= ROWS_A_LOOK and row.page.page != taken[-1].page.page:
                break  # the rest comes with the next look
            taken.append(row)
        if taken:
            watched.rows_until = taken[-1].page.page
            trust = read_trust(self.engine, caps=self.settings.caps)
            watched.add_rows(TrustedRows(taken, trust, watched.cap))

    def _answer(self, found: Found, now: datetime) -> str:
        """Raise the alarm, and take the version back where that is wanted and was not done before."""
        keeps = self._why_not(found, now)
        done = "It was retired." if found.kind == BAD_SHADOW else "It was rolled back."
        told = f"{found.message}. {keeps or done}"
        if keeps is None:
            try:
                self._roll_back(found, now)
            except KeyartError as error:
                told = f"{found.message}. It could not be rolled back: {error}"
        with transaction(self.engine) as connection:
            raise_alarm(connection, kind=found.kind, subject=found.version, message=told, now=now)
        logger.warning("%s: %s: %s", found.kind, found.version, told)
        return f"{found.kind} of {found.version}: {told}"

    def _of_shadow(self, stands: Standing, deployments: Iterable[Deployment], now: datetime) -> list[Found]:
        """What servers say against the shadow, whoever made it one."""
        began = next((each.at for each in deployments if each.version == stands.shadow), None)
        if stands.shadow is None or began is None:
            return []
        with reading(self.engine) as connection:
            verdict = shadow_verdict(connection, stands, settings=self.settings, began=began, at=now)
        return [Found(BAD_SHADOW, stands.shadow, verdict.reason)] if verdict.fate is Fate.END else []

    def _roll_back(self, found: Found, now: datetime) -> None:
        order = Order(actor=WATCH_ACTOR, reason=f"{found.kind}: {found.message}", at=now)
        if found.kind == BAD_SHADOW:
            retire(self.engine, version=found.version, order=replace(order, stage=Stage.RETIRED))
            return
        back_out(self.engine, self.blobs, order=order, of=found.version)

    def _why_not(self, found: Found, now: datetime) -> str | None:
        """Why a version is left where it is; None: it is to be rolled back.

        Once for each version, and not two versions in a day: what is wrong then is something else.
        """
        if self.settings.watch != "rollback":
            return "KEYART_WATCH=alarm: nothing was rolled back."
        with reading(self.engine) as connection:
            stands, deployments = standing(connection), list_deployments(connection, limit=1000)
        if found.version in BUILT_IN:
            return "It is built in: look at what is around it."
        if found.kind == BAD_SHADOW:
            ended = any(each.actor == WATCH_ACTOR and each.version == found.version for each in deployments)
            return _THEIRS if ended else None
        canary = stands.canary.version if stands.canary else None
        if found.version not in (stands.live, canary):
            return "It is no longer on stage."
        own = [each for each in deployments if each.actor == WATCH_ACTOR and each.rolled_back is not None]
        if any(each.rolled_back == found.version for each in own):
            return _THEIRS
        if any(abs(now - each.at) < COOL_DOWN for each in own):
            return "Another version was rolled back in the last 24 hours: this may not be the version's fault."
        return None

    def _settle(self, stands: Standing, now: datetime) -> None:
        """Clear the watch's alarms that were not raised again for a day."""
        with reading(self.engine) as connection:
            own = [each for each in open_alarms(connection) if each.kind in KINDS]
        over = [each for each in own if now - each.renewed_at > QUIET_FOR]
        if over:
            with transaction(self.engine) as connection:
                for each in over:
                    clear_alarm(connection, kind=each.kind, subject=each.subject, now=now)


def _should_decide(stands: Standing, version: PolicyVersionId) -> Callable[[Page], bool]:
    """Whether a version is the one whose turn it was, whatever rung decided in the end.

    On pages of an experiment's cells it is nobody's who is on stage.
    """
    canary = stands.canary

    def its_turn(page: Page) -> bool:
        if page.cell is not None:
            return False
        chosen = canary is not None and in_canary(page.viewer, share=canary.share, salt=canary.salt)
        return version == (canary.version if canary and chosen else stands.live)

    return its_turn


def _shortfall(known: OffPolicyResult | None, settings: Settings) -> ShortfallWatch | None:
    """Only where there is a forecast, and of the reward that is counted now."""
    if known is None or known.low is None or known.high is None or known.reward != settings.reward:
        return None
    return ShortfallWatch(Forecast(known.low, known.high, known.level))


def newest_pages(engine: Engine, *, since: PageId, until: PageId, most: int) -> list[Page]:
    """The pages with `since` < id ≤ `until`; where there are more than `most`, those that came last."""
    with reading(engine) as connection:
        begin = page_before(connection, until=until, back=most)
    return [*read_pages(engine, since=max(since, begin) if begin else since, until=until)]
