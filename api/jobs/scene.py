"""How the loop's latest version stands among what else decides, and what holds it where it is. Changes nothing."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from api.jobs.schedule import Turn
from api.settings import Settings
from api.storage.evaluations import latest_evaluation
from api.storage.policies import find_policy_version, list_deployments, standing
from api.storage.stages import Deployment, Stage, Standing
from bandit.decision import PolicyVersionId
from bandit.gate import judge

LEARN: Final = "learn"
EVALUATE: Final = "evaluate"
STAGE: Final = "stage"
LOOP_ACTOR: Final = "keyart-loop"
WATCH_ACTOR: Final = "keyart-watch"
COOL_DOWN = timedelta(days=1)
"""How long the loop puts nothing on stage after the watch has taken something off: people shall look first."""

FAR = (Stage.CANDIDATE, Stage.SHADOW, Stage.CANARY, Stage.LIVE)


def reach(settings: Settings) -> int:
    """How far the loop may go: 0 for a candidate to 3 for live, −1 where it does not run."""
    return -1 if settings.loop == "off" else FAR.index(Stage(settings.loop))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The version that the loop learned last, how far it is, and what else stands."""

    version: PolicyVersionId | None
    stage: Stage
    standing: Standing
    deployments: tuple[Deployment, ...]

    def over(self) -> str | None:
        """Say why there is nothing to be done with the version: there is none, or it has come to its end."""
        if self.version is None:
            return "nothing was learned yet"
        return f"{self.version} is {self.stage}" if self.stage in (Stage.LIVE, Stage.RETIRED) else None

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
        return staged and FAR.index(self.stage) < reach

    def cooling_down(self, now: datetime) -> bool:
        """Whether the watch took something lately that decided; that a shadow was ended keeps nobody waiting."""
        own = (each for each in self.deployments if each.actor == WATCH_ACTOR and each.rolled_back is not None)
        return any(abs(now - each.at) < COOL_DOWN for each in own)  # a clock that was ahead holds nobody up for years


def scene_of(turn: Turn, connection: Connection) -> Scene:
    learned = turn.others[LEARN].memory.get("version") if LEARN in turn.others else None
    now, version = standing(connection), None if learned is None else PolicyVersionId(learned)
    stage = Stage.CANDIDATE if version is None else now.stage_of(version)
    return Scene(
        version=version, stage=stage, standing=now, deployments=tuple(list_deployments(connection, limit=1000))
    )


def kept_from(scene: Scene, turn: Turn) -> str | None:
    """What the settings, people and the watch have against moving the version now."""
    at = FAR.index(scene.stage)
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


def gate_against(connection: Connection, scene: Scene) -> str | None:
    """What the gate has against the version."""
    assert scene.version is not None, "nothing_to_stage was not asked"
    known = latest_evaluation(connection, scene.version)
    reward = reward_of(connection, scene.version)
    verdict = judge(known.result if known else None, live=scene.standing.live, reward=reward)
    if verdict.passed:
        return None
    return f"{scene.version} may not decide: {'; '.join(each.message for each in verdict.reasons)}"


def unevaluated(connection: Connection, scene: Scene) -> str | None:
    """Whether the version waits for an evaluation beside what is live now."""
    assert scene.version is not None, "nothing_to_stage was not asked"
    known = latest_evaluation(connection, scene.version)
    if known is not None and known.result.live == scene.standing.live:
        return None
    return f"{scene.version} waits for its evaluation beside {scene.standing.live}"


def reward_of(connection: Connection, version: PolicyVersionId) -> str:
    return str(find_policy_version(connection, version).manifest.get("reward"))


def is_failing(turn: Turn, job: str) -> bool:
    return job in turn.others and turn.others[job].failures_in_a_row > 0
