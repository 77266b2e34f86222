"""The continuous loop: learn, evaluate, stage, each a job of the schedule. The gate and what was observed decide.

A version of the loop goes candidate → shadow → canary → live, as far as `KEYART_LOOP` lets it, one at a time. What
people put on stage is theirs: the loop neither moves nor replaces it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final

from sqlalchemy import Connection

from api.dependencies.promotion import Order, promote, retire
from api.jobs.assessing import assess_version
from api.jobs.evaluating import OwnOrder
from api.jobs.judging import artwork_reports
from api.jobs.learning import learn_version
from api.jobs.observing import observed
from api.jobs.schedule import Report, Turn
from api.jobs.trusted import measure_of
from api.settings import Settings
from api.storage.database import reading
from api.storage.evaluations import latest_evaluation
from api.storage.policies import find_policy_version, list_deployments, standing
from api.storage.rewards import rewarded_decisions
from api.storage.stages import Deployment, Stage, Standing
from bandit.decision import PageId, PolicyVersionId
from bandit.gate import judge
from bandit.looks import Looks
from bandit.rollout import CanaryRules, Fate, judge_canary

LEARN: Final = "learn"
LOOP_ACTOR: Final = "keyart-loop"
WATCH_ACTOR: Final = "keyart-watch"
COOL_DOWN = timedelta(days=1)
"""How long the loop puts nothing on stage after the watch has taken something off: people shall look first."""

_FAR = (Stage.CANDIDATE, Stage.SHADOW, Stage.CANARY, Stage.LIVE)


def reach(settings: Settings) -> int:
    """How far the loop may go: 0 for a candidate to 3 for live, −1 where it does not run."""
    return -1 if settings.loop == "off" else _FAR.index(Stage(settings.loop))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    """The version that the loop learned last, how far it is, and what else stands."""

    version: PolicyVersionId | None
    stage: Stage
    standing: Standing
    deployments: tuple[Deployment, ...]

    def latest(self) -> Deployment | None:
        """The deployment that brought the version where it is."""
        return next((each for each in self.deployments if each.version == self.version), None)

    def by_people(self, version: PolicyVersionId | None) -> bool:
        """Whether somebody else than the loop put a version where it is."""
        latest = next((each for each in self.deployments if each.version == version), None)
        return latest is not None and latest.actor != LOOP_ACTOR

    def on_its_way(self, reach: int) -> bool:
        """Whether the version is on stage, and the loop may bring it further."""
        staged = self.stage in (Stage.SHADOW, Stage.CANARY) and not self.by_people(self.version)
        return staged and _FAR.index(self.stage) < reach

    def cooling_down(self, now: datetime) -> bool:
        """Whether the watch took something off lately."""
        return any(each.actor == WATCH_ACTOR and now - each.at < COOL_DOWN for each in self.deployments)


def _scene(turn: Turn, connection: Connection) -> _Scene:
    learned = turn.others[LEARN].memory.get("version") if LEARN in turn.others else None
    now, version = standing(connection), None if learned is None else PolicyVersionId(learned)
    stage = Stage.CANDIDATE if version is None else now.stage_of(version)
    return _Scene(
        version=version, stage=stage, standing=now, deployments=tuple(list_deployments(connection, limit=1000))
    )


# Learning.


def nothing_to_learn(turn: Turn) -> str | None:
    """Wait for the time, for enough new rewarded decisions, and for the version that is on its way."""
    settings, memory = turn.settings, turn.memory
    if (learned_at := memory.get("at")) is not None:
        again = datetime.fromisoformat(learned_at) + timedelta(seconds=settings.learn_every_seconds)
        if turn.now < again <= turn.now + timedelta(seconds=settings.learn_every_seconds):
            return f"it learned at {_clock(learned_at)}, and learns again from {again:%H:%M} UTC on"
    with reading(turn.engine) as connection:
        scene = _scene(turn, connection)
    if scene.on_its_way(reach(settings)):
        return f"{scene.version} is on its way ({scene.stage}); the next one is learned after it"
    since = memory.get("watermark")
    rows = rewarded_decisions(
        turn.engine,
        definition=settings.reward,
        since=None if since is None else PageId(since),
        batch=settings.learn_after,
    )
    found = sum(1 for _ in islice(rows, settings.learn_after))
    if found < settings.learn_after:
        return f"{found:,} new rewarded decisions; it learns from {settings.learn_after:,} on"
    return None


def learn(turn: Turn) -> Report:
    """Learn a candidate from the whole log."""
    learned = learn_version(turn.engine, turn.blobs, settings=turn.settings)
    manifest = learned.manifest
    memory = {"version": manifest.version, "watermark": manifest.watermark, "at": turn.now.isoformat()}
    return Report(f"{manifest.version} from {manifest.rows:,} decisions, {manifest.held_out:,} held out", memory)


def _clock(at: str) -> str:
    return f"{datetime.fromisoformat(at):%H:%M} UTC"


# Evaluating.


def nothing_to_evaluate(turn: Turn) -> str | None:
    """Evaluate the loop's version once, and again whenever another version is live than it was compared with."""
    with reading(turn.engine) as connection:
        scene = _scene(turn, connection)
        if scene.version is None:
            return "nothing was learned yet"
        if scene.stage in (Stage.LIVE, Stage.RETIRED):
            return f"{scene.version} is {scene.stage}"
        known = latest_evaluation(connection, scene.version)
    if known is not None and known.result.live == scene.standing.live:
        return f"{scene.version} was evaluated beside {scene.standing.live}"
    return None


def evaluate(turn: Turn) -> Report:
    """Value the loop's version beside the live one, for the gate."""
    with reading(turn.engine) as connection:
        scene = _scene(turn, connection)
        assert scene.version is not None, "nothing_to_evaluate was not asked"
        measure = measure_of(turn.settings, reward=_reward(connection, scene.version))
    baits = artwork_reports(turn.engine, settings=turn.settings).baits
    order = OwnOrder(target=scene.version, measure=measure)
    found = assess_version(turn.engine, turn.blobs, order=order, baits=baits)
    with reading(turn.engine) as connection:
        stored = latest_evaluation(connection, scene.version)
    if found.evaluation.refused or stored is None or stored.result.value is None:
        why = "; ".join(each.code for each in found.evaluation.refusals)
        return Report(f"{scene.version}: the evaluation was refused ({why})")
    own = stored.result
    return Report(f"{scene.version}: {own.value:.4f} ({own.low:.4f} to {own.high:.4f}) beside {own.live}")


def _reward(connection: Connection, version: PolicyVersionId) -> str:
    return str(find_policy_version(connection, version).manifest.get("reward"))


# Staging.


def nothing_to_stage(turn: Turn) -> str | None:
    """Say what keeps the loop's version where it is."""
    with reading(turn.engine) as connection:
        scene = _scene(turn, connection)
        if scene.version is None:
            return "nothing was learned yet"
        if scene.stage in (Stage.LIVE, Stage.RETIRED):
            return f"{scene.version} is {scene.stage}"
        kept = _kept_from(scene, turn)
        if kept is not None or scene.stage is not Stage.CANDIDATE:
            return kept or _unknown(connection, scene)
        return _against(connection, scene)


def _kept_from(scene: _Scene, turn: Turn) -> str | None:
    """What the settings, people and the watch have against moving the version now."""
    at = _FAR.index(scene.stage)
    if at >= reach(turn.settings):
        return f"{scene.version} is a {scene.stage}: KEYART_LOOP={turn.settings.loop} lets it go no further"
    if scene.stage is not Stage.CANDIDATE and scene.by_people(scene.version):
        return f"somebody put {scene.version} where it is: it is theirs to move"
    other = {Stage.CANDIDATE: scene.standing.shadow, Stage.SHADOW: _canary_of(scene.standing)}.get(scene.stage)
    if other is not None and scene.by_people(other):
        return f"somebody put {other} there: {scene.version} waits"
    if scene.stage is not Stage.CANDIDATE and scene.cooling_down(turn.now):
        return "the watch took a version off in the last 24 hours: nothing is put on stage until people have looked"
    latest = scene.latest()
    if scene.stage is Stage.SHADOW and latest is not None:
        until = latest.at + timedelta(seconds=turn.settings.shadow_seconds)
        if latest.at <= turn.now < until:
            return f"{scene.version} is a shadow until {until:%H:%M} UTC"
    return None


def _canary_of(now: Standing) -> PolicyVersionId | None:
    return now.canary.version if now.canary else None


def _against(connection: Connection, scene: _Scene) -> str | None:
    """What the gate has against the version."""
    assert scene.version is not None, "nothing_to_stage was not asked"
    known = latest_evaluation(connection, scene.version)
    reward = _reward(connection, scene.version)
    verdict = judge(known.result if known else None, live=scene.standing.live, reward=reward)
    if verdict.passed:
        return None
    return f"{scene.version} may not decide: {'; '.join(each.message for each in verdict.reasons)}"


def _unknown(connection: Connection, scene: _Scene) -> str | None:
    """Whether the version waits for an evaluation beside what is live now."""
    assert scene.version is not None, "nothing_to_stage was not asked"
    known = latest_evaluation(connection, scene.version)
    if known is not None and known.result.live == scene.standing.live:
        return None
    return f"{scene.version} waits for its evaluation beside {scene.standing.live}"


def stage(turn: Turn) -> Report:
    """Move the loop's version one stage further, or end it."""
    with reading(turn.engine) as connection:
        scene = _scene(turn, connection)
        against = _against(connection, scene)
    if against is not None:
        return _ended(turn, scene, reason=against)
    if scene.stage is Stage.CANARY:
        return _judged(turn, scene)
    further = _FAR[_FAR.index(scene.stage) + 1]
    return _promoted(turn, scene, further, reason=_WHY[further])


_WHY = {
    Stage.SHADOW: "its evaluation passed the gate",
    Stage.CANARY: "its evaluation passed the gate, and it was a shadow for long enough",
}


def _judged(turn: Turn, scene: _Scene) -> Report:
    """Judge a canary by what it and the live version earned since it began."""
    canary, began = scene.version, _began(scene)
    assert canary is not None, "nothing_to_stage was not asked"
    live, settings = scene.standing.live, turn.settings
    with reading(turn.engine) as connection:
        reward = _reward(connection, canary)
    until = turn.now - settings.windows.longest
    sums = observed(turn.engine, (canary, live), reward=reward, since=began, until=until)
    looked = _looked(turn.memory, canary, began)
    rules = CanaryRules(looks=Looks(first=settings.canary_decisions))
    verdict = judge_canary(sums[canary], sums[live], looked=looked, rules=rules)
    memory = {
        "canary": canary,
        "began": began.isoformat(),
        "looked": looked if verdict.look is None else verdict.look + 1,
    }
    if verdict.fate is Fate.PROMOTE:
        return _promoted(turn, scene, Stage.LIVE, reason=verdict.reason)
    if verdict.fate is Fate.END:
        return _ended(turn, scene, reason=verdict.reason)
    return Report(f"{canary} is a canary: {verdict.reason}", memory)


def _looked(memory: Mapping[str, Any], canary: PolicyVersionId, began: datetime) -> int:
    same = (memory.get("canary"), memory.get("began")) == (canary, began.isoformat())
    return int(memory.get("looked", 0)) if same else 0


def _began(scene: _Scene) -> datetime:
    """When both sides began to decide as they do: with the latest change of what decides."""
    changed = [each.at for each in scene.deployments if each.stage in (Stage.CANARY, Stage.LIVE)]
    return max(changed)


def _ended(turn: Turn, scene: _Scene, *, reason: str) -> Report:
    """Take the version off the stage; a candidate is on none."""
    assert scene.version is not None, "nothing_to_stage was not asked"
    if scene.stage is not Stage.CANDIDATE:
        order = Order(actor=LOOP_ACTOR, reason=reason, at=turn.now, stage=Stage.RETIRED)
        retire(turn.engine, version=scene.version, order=order)
    return Report(f"{scene.version} is ended: {reason}")


def _promoted(turn: Turn, scene: _Scene, further: Stage, *, reason: str) -> Report:
    assert scene.version is not None, "nothing_to_stage was not asked"
    share = turn.settings.canary_share if further is Stage.CANARY else None
    order = Order(actor=LOOP_ACTOR, reason=reason, at=turn.now, stage=further, share=share)
    promote(turn.engine, turn.blobs, version=scene.version, order=order)
    return Report(f"{scene.version} is {further} now: {reason}")
