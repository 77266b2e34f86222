"""The continuous loop's staging: brings its version one stage further, or ends it. Learns and evaluates nothing."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from api.dependencies.promotion import Order, promote, retire
from api.jobs.observing import observed
from api.jobs.scene import FAR, LOOP_ACTOR, Scene, gate_against, kept_from, reward_of, scene_of, unevaluated
from api.jobs.schedule import Report, Turn
from api.storage.database import reading
from api.storage.stages import Stage
from bandit.decision import PolicyVersionId
from bandit.looks import Looks
from bandit.rollout import CanaryRules, Fate, judge_canary


def nothing_to_stage(turn: Turn) -> str | None:
    """Say what keeps the loop's version where it is."""
    with reading(turn.engine) as connection:
        scene = scene_of(turn, connection)
        if scene.version is None:
            return "nothing was learned yet"
        if scene.stage in (Stage.LIVE, Stage.RETIRED):
            return f"{scene.version} is {scene.stage}"
        kept = kept_from(scene, turn)
        if kept is not None or scene.stage is not Stage.CANDIDATE:
            return kept or unevaluated(connection, scene)
        return gate_against(connection, scene)


def stage(turn: Turn) -> Report:
    """Move the loop's version one stage further, or end it."""
    with reading(turn.engine) as connection:
        scene = scene_of(turn, connection)
        against = gate_against(connection, scene)
    if against is not None:
        return _ended(turn, scene, reason=against)
    if scene.stage is Stage.CANARY:
        return _judged(turn, scene)
    further = FAR[FAR.index(scene.stage) + 1]
    return _promoted(turn, scene, further, reason=_WHY[further])


_WHY = {
    Stage.SHADOW: "its evaluation passed the gate",
    Stage.CANARY: "its evaluation passed the gate, and it was a shadow for long enough",
}


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
