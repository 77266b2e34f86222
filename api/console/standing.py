"""Which version stands on which stage, since when and by whom, and how the gate judges a version. Changes nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from api.storage.evaluations import StoredEvaluation, latest_evaluation
from api.storage.policies import BUILT_IN, PolicyVersion, list_deployments
from api.storage.stages import Deployment, Stage, Standing
from bandit.decision import PolicyVersionId
from bandit.gate import GateVerdict, judge

LOOKED_BACK = 500
"""Deployments that are read to find when a version came to its stage; further back it is only known to be longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnStage:
    """A version that decides or is asked; `began` is the deployment that put it there, None when that is long ago."""

    version: PolicyVersionId
    stage: Stage
    share: float | None = None
    began: Deployment | None = None


def on_stage(connection: Connection, now: Standing) -> list[OnStage]:
    """What is live, canary and shadow, in this order."""
    deployments = list_deployments(connection, limit=LOOKED_BACK)
    standing = [OnStage(version=now.live, stage=Stage.LIVE, began=_began(deployments, now.live, Stage.LIVE))]
    if now.canary:
        began = _began(deployments, now.canary.version, Stage.CANARY)
        standing.append(OnStage(version=now.canary.version, stage=Stage.CANARY, share=now.canary.share, began=began))
    if now.shadow:
        began = _began(deployments, now.shadow, Stage.SHADOW)
        standing.append(OnStage(version=now.shadow, stage=Stage.SHADOW, began=began))
    return standing


def _began(deployments: Sequence[Deployment], version: PolicyVersionId, stage: Stage) -> Deployment | None:
    """The newest of a stage's deployments is what put its version there; a roll-back of a canary changes no live."""
    own = (each for each in deployments if each.stage is stage and not _kept_live(each, deployments))
    newest = next(own, None)
    return newest if newest is not None and newest.version == version else None


def _kept_live(one: Deployment, deployments: Sequence[Deployment]) -> bool:
    """Tell whether a roll-back ended a canary: it is written down as live, and the live version stayed."""
    if one.rolled_back is None:
        return False
    before = deployments[deployments.index(one) + 1 :]
    latest = next((each for each in before if each.stage in (Stage.LIVE, Stage.CANARY)), None)
    return latest is not None and latest.stage is Stage.CANARY and latest.version == one.rolled_back


def of_version(deployments: Iterable[Deployment], version: PolicyVersionId) -> list[Deployment]:
    """The deployments that say something of a version."""
    return [each for each in deployments if version in (each.version, each.rolled_back)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A version's newest evaluation, and what the gate makes of it against what is live now."""

    evaluation: StoredEvaluation | None
    verdict: GateVerdict | None


def judged(connection: Connection, version: PolicyVersion, now: Standing) -> Judged:
    """Read the newest evaluation and ask the gate, as a promotion would. What is live has no verdict: it decides."""
    evaluation = latest_evaluation(connection, version.version)
    if version.version == now.live or version.version in BUILT_IN:
        return Judged(evaluation=evaluation, verdict=None)
    result = evaluation.result if evaluation else None
    reward = str(version.manifest.get("reward"))
    return Judged(evaluation=evaluation, verdict=judge(result, live=now.live, reward=reward))
