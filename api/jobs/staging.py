"""The continuous loop's staging: brings its version one stage further, or ends it. Learns and evaluates nothing."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from api.dependencies.promotion import Order, promote, retire
from api.jobs.observing import observed
from api.jobs.scene import LOOP_ACTOR, Scene, gate_against, kept_from, reward_of, scene_of, unevaluated
from api.jobs.schedule import Report, Turn
from api.jobs.shadowing import BAD_SHADOW, earned_in_shadow, earned_less, earned_told, shadow_verdict
from api.storage.alarms import raise_alarm
from api.storage.database import reading, transaction
from api.storage.stages import Stage
from bandit.decision import PolicyVersionId
from bandit.looks import Looks
from bandit.rollout import CanaryRules, Fate, judge_canary
from bandit.shadowing import ShadowVerdict


def nothing_to_stage(turn: Turn) -> str | None:
    """Say what keeps the loop's version where it is."""
    with reading(turn.engine) as connection:
        scene = scene_of(turn, connection)
        over = scene.over()
        if over is not None:
            return over
        shadow = _shadow_verdict(turn, connection, scene)
        if shadow is not None and shadow.fate is Fate.END and not scene.by_people(scene.version):
            return None
        kept = kept_from(scene, turn)
        if kept is not None:
            return kept
        if scene.stage is Stage.CANDIDATE:
            return gate_against(connection, scene)
        waits = shadow.reason if shadow is not None and shadow.fate is Fate.SERVE_ON else None
        return unevaluated(connection, scene) or (f"{scene.version} is a shadow: {waits}" if waits else None)


def _shadow_verdict(turn: Turn, connection: Connection, scene: Scene) -> ShadowVerdict | None:
    latest = scene.latest()
    if scene.stage is not Stage.SHADOW or latest is None:
        return None
    return shadow_verdict(connection, scene.standing, settings=turn.settings, began=latest.at, at=turn.now)


def stage(turn: Turn) -> Report:
    """Move the loop's version one stage further, or end it."""
    with reading(turn.engine) as connection:
        scene = scene_of(turn, connection)
        shadow = _shadow_verdict(turn, connection, scene)
        waits, against = unevaluated(connection, scene), gate_against(connection, scene)
    if shadow is not None and shadow.fate is Fate.END:
        return _stopped(turn, scene, reason=shadow.reason)
    if waits is not None:
        return Report(waits)  # another version became live since the job was begun
    if against is not None:
        return _ended(turn, scene, reason=against)
    if shadow is not None:
        return _shadowed(turn, scene, told=shadow.reason)
    if scene.stage is Stage.CANARY:
        return _judged(turn, scene)
    return _promoted(turn, scene, Stage.SHADOW, reason="its evaluation passed the gate")


def _shadowed(turn: Turn, scene: Scene, *, told: str) -> Report:
    """Let a shadow that servers say nothing against go further, unless what came since does."""
    latest = scene.latest()
    assert latest is not None, "what is a shadow was made one"
    with reading(turn.engine) as connection:
        reward = reward_of(connection, latest.version)
    earned = earned_in_shadow(
        turn.engine, turn.blobs, settings=turn.settings, now=scene.standing, reward=reward, began=latest.at
    )
    said = f"{told}; {earned_told(earned)}"
    if earned_less(earned):
        return _stopped(turn, scene, reason=said)
    return _promoted(turn, scene, Stage.CANARY, reason=f"its evaluation passed the gate, and as a shadow {said}")


def _stopped(turn: Turn, scene: Scene, *, reason: str) -> Report:
    """End a bad shadow, with an alarm: it had passed the gate."""
    assert scene.version is not None, "nothing_to_stage was not asked"
    report = _ended(turn, scene, reason=reason)
    with transaction(turn.engine) as connection:
        raise_alarm(
            connection, kind=BAD_SHADOW, subject=scene.version, message=f"{reason}. It was ended.", now=turn.now
        )
    return report


def _judged(turn: Turn, scene: Scene) -> Report:
    """Judge a canary by what it and the live version earned since it began."""
    canary, began = scene.version, _began(scene)
    assert canary is not None, "nothing_to_stage was not asked"
    live, settings = scene.standing.live, turn.settings
    with reading(turn.engine) as connection:
        reward = reward_of(connection, canary)
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


def _began(scene: Scene) -> datetime:
    """When both sides began to decide as they do: with the latest change of what decides."""
    changed = [each.at for each in scene.deployments if each.stage in (Stage.CANARY, Stage.LIVE)]
    return max(changed)


def _ended(turn: Turn, scene: Scene, *, reason: str) -> Report:
    """Take the version off the stage; a candidate is on none."""
    assert scene.version is not None, "nothing_to_stage was not asked"
    if scene.stage is not Stage.CANDIDATE:
        order = Order(actor=LOOP_ACTOR, reason=reason, at=turn.now, stage=Stage.RETIRED, still=turn.still)
        retire(turn.engine, version=scene.version, order=order)
    return Report(f"{scene.version} is ended: {reason}")


def _promoted(turn: Turn, scene: Scene, further: Stage, *, reason: str) -> Report:
    assert scene.version is not None, "nothing_to_stage was not asked"
    share = turn.settings.canary_share if further is Stage.CANARY else None
    order = Order(actor=LOOP_ACTOR, reason=reason, at=turn.now, stage=further, share=share, still=turn.still)
    promote(turn.engine, turn.blobs, version=scene.version, order=order)
    return Report(f"{scene.version} is {further} now: {reason}")
