"""The continuous loop's learning and evaluating, as jobs of the schedule. Puts nothing on stage: see `staging`.

A version of the loop goes candidate → shadow → canary → live, as far as `KEYART_LOOP` lets it, one at a time. What
people put on stage is theirs: the loop neither moves nor replaces it.
"""

from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy import Connection

from api.jobs.assessing import assess_version
from api.jobs.evaluating import OwnOrder
from api.jobs.judging import artwork_reports
from api.jobs.learning import keep_version, prepare_lesson
from api.jobs.scene import (
    EVALUATE,
    STAGE,
    Scene,
    gate_against,
    is_failing,
    kept_from,
    reach,
    reward_of,
    scene_of,
    unevaluated,
)
from api.jobs.schedule import Report, Turn
from api.jobs.trusted import measure_of
from api.storage.database import reading
from api.storage.evaluations import latest_evaluation
from api.storage.rewards import rewarded_decisions
from api.storage.stages import Stage
from bandit.decision import PageId

# Learning.


def nothing_to_learn(turn: Turn) -> str | None:
    """Wait for the time, for enough new rewarded decisions, and for the version that is on its way."""
    settings, memory = turn.settings, turn.memory
    if (learned_at := memory.get("at")) is not None:
        again = datetime.fromisoformat(learned_at) + timedelta(seconds=settings.learn_every_seconds)
        if turn.now < again <= turn.now + timedelta(seconds=settings.learn_every_seconds):
            return f"it learned at {_clock(learned_at)}, and learns again from {again:%H:%M} UTC on"
    with reading(turn.engine) as connection:
        scene = scene_of(turn, connection)
        waits_for = _to_be_learned_after(turn, connection, scene)
    if waits_for is not None:
        return waits_for
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


def _to_be_learned_after(turn: Turn, connection: Connection, scene: Scene) -> str | None:
    """The version that the next one is learned after: one that is on its way, or whose turn is still to come.

    Else an installation that learns quicker than it evaluates would stage nothing, ever. What the other jobs fail to
    bring further holds nobody up.
    """
    if scene.version is None:
        return None
    if scene.on_its_way(reach(turn.settings)):
        stuck = is_failing(turn, STAGE)
        return None if stuck else f"{scene.version} is on its way ({scene.stage}); the next one is learned after it"
    if scene.stage is not Stage.CANDIDATE:
        return None
    if unevaluated(connection, scene) is not None:
        return None if is_failing(turn, EVALUATE) else f"{scene.version} is evaluated first"
    kept = kept_from(scene, turn) or gate_against(connection, scene)
    return None if kept or is_failing(turn, STAGE) else f"{scene.version} is staged first"


def learn(turn: Turn) -> Report:
    """Learn a candidate from the whole log; with it is kept that it was learned, whoever dies then."""
    lesson = prepare_lesson(turn.engine, turn.blobs, settings=turn.settings)
    learned = lesson.learn(lesson.rows())
    manifest = learned.manifest
    memory = {"version": manifest.version, "watermark": manifest.watermark, "at": turn.now.isoformat()}

    def also(connection: Connection) -> None:
        turn.remember(connection, memory)
        scene = scene_of(turn, connection)
        if scene.on_its_way(reach(turn.settings)) and not is_failing(turn, STAGE):
            raise _Overtaken(f"{scene.version} went on its way meanwhile ({scene.stage}); what was learned is left")

    try:
        keep_version(turn.engine, turn.blobs, learned, also=also)
    except _Overtaken as overtaken:
        return Report(str(overtaken))
    return Report(f"{manifest.version} from {manifest.rows:,} decisions, {manifest.held_out:,} held out", memory)


class _Overtaken(Exception):
    """What was learned is of no use any more."""


def _clock(at: str) -> str:
    return f"{datetime.fromisoformat(at):%H:%M} UTC"


# Evaluating.


def nothing_to_evaluate(turn: Turn) -> str | None:
    """Evaluate the loop's version once, and again whenever another version is live than it was compared with."""
    with reading(turn.engine) as connection:
        scene = scene_of(turn, connection)
        over = scene.over()
        if scene.version is None or over is not None:
            return over
        known = latest_evaluation(connection, scene.version)
    if known is not None and known.result.live == scene.standing.live:
        return f"{scene.version} was evaluated beside {scene.standing.live}"
    return None


def evaluate(turn: Turn) -> Report:
    """Value the loop's version beside the live one, for the gate."""
    with reading(turn.engine) as connection:
        scene = scene_of(turn, connection)
        assert scene.version is not None, "nothing_to_evaluate was not asked"
        measure = measure_of(turn.settings, reward=reward_of(connection, scene.version))
    baits = artwork_reports(turn.engine, settings=turn.settings).baits
    order = OwnOrder(target=scene.version, measure=measure)
    found = assess_version(turn.engine, turn.blobs, order=order, baits=baits, still=turn.still)
    with reading(turn.engine) as connection:
        stored = latest_evaluation(connection, scene.version)
    if found.evaluation.refused or stored is None or stored.result.value is None:
        why = "; ".join(each.code for each in found.evaluation.refusals)
        return Report(f"{scene.version}: the evaluation was refused ({why})")
    own = stored.result
    return Report(f"{scene.version}: {own.value:.4f} ({own.low:.4f} to {own.high:.4f}) beside {own.live}")
