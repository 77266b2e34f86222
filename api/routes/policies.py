"""/v1/policies: the learned versions, and which of them decides."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from pydantic import Field

from api.dependencies.promotion import Order, back_out, promote
from api.dependencies.requests import ServicesDep
from api.errors import BadInput
from api.routes.wire import Text, Wire
from api.storage.database import reading
from api.storage.policies import (
    BUILT_IN,
    Deployment,
    PolicyVersion,
    find_policy_version,
    list_deployments,
    list_policy_versions,
    live_version,
)
from bandit.decision import PolicyVersionId

router = APIRouter(tags=["policies"])

VersionPath = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,119}$")]
ACTOR = "api"


class VersionAnswer(Wire):
    """A policy version; the built-in ones have no manifest."""

    version: str
    live: bool
    digest: str | None = None
    created_at: datetime | None = None
    manifest: dict[str, Any] | None = None


class DeploymentAnswer(Wire):
    """One change of what decides. `rolled_back` names the version that a roll-back took off."""

    version: str
    stage: str
    share: float | None
    rolled_back: str | None
    actor: str
    reason: str
    at: datetime


class PoliciesAnswer(Wire):
    """All versions, the newest first, and the deployments, the newest first."""

    live: str
    versions: list[VersionAnswer]
    deployments: list[DeploymentAnswer]


class PromoteBody(Wire):
    """Where to and why. `share` is the part of viewers that a canary decides for."""

    stage: Literal["shadow", "canary", "live"] = "live"
    share: Annotated[float, Field(gt=0, le=1)] | None = None
    reason: Text


class RollbackBody(Wire):
    """Why."""

    reason: Text


@router.get("/policies", response_model=PoliciesAnswer)
def listed(services: ServicesDep) -> PoliciesAnswer:
    """List the versions, which one is live, and how it came to be."""
    with reading(services.engine) as connection:
        live = live_version(connection)
        learned = list_policy_versions(connection)
        deployments = list_deployments(connection)
    versions = [_version(each, live=live) for each in learned]
    built_in = [VersionAnswer(version=name, live=name == live) for name in BUILT_IN]
    return PoliciesAnswer(
        live=live, versions=versions + built_in, deployments=[_deployment(one) for one in deployments]
    )


@router.get("/policies/{version}", response_model=VersionAnswer)
def read(version: VersionPath, services: ServicesDep) -> VersionAnswer:
    """Read one version with its manifest."""
    with reading(services.engine) as connection:
        live = live_version(connection)
        if version in BUILT_IN:
            return VersionAnswer(version=version, live=version == live)
        return _version(find_policy_version(connection, version), live=live)


@router.post("/policies/{version}:promote", response_model=DeploymentAnswer)
def promote_version(version: VersionPath, body: PromoteBody, services: ServicesDep) -> DeploymentAnswer:
    """Let a version decide for all viewers, after checking it whole. Shadow and canary are refused for now."""
    if body.stage != "live" or body.share not in (None, 1):
        raise BadInput(
            f"Stage {body.stage} with share {body.share} is not served yet.", 'Send {"stage": "live"} without a share.'
        )
    order = Order(actor=ACTOR, reason=body.reason, at=datetime.now(UTC))
    deployment = promote(services.engine, services.blobs, version=PolicyVersionId(version), order=order)
    services.refresh()
    return _deployment(deployment)


@router.post("/policies:rollback", response_model=DeploymentAnswer)
def roll_back(body: RollbackBody, services: ServicesDep) -> DeploymentAnswer:
    """Make the version decide again that did before the live one."""
    order = Order(actor=ACTOR, reason=body.reason, at=datetime.now(UTC))
    deployment = back_out(services.engine, services.blobs, order=order)
    services.refresh()
    return _deployment(deployment)


def _version(version: PolicyVersion, *, live: PolicyVersionId) -> VersionAnswer:
    return VersionAnswer(
        version=version.version,
        live=version.version == live,
        digest=version.digest,
        created_at=version.created_at,
        manifest=dict(version.manifest),
    )


def _deployment(deployment: Deployment) -> DeploymentAnswer:
    return DeploymentAnswer(
        version=deployment.version,
        stage=deployment.stage,
        share=deployment.share,
        rolled_back=deployment.rolled_back,
        actor=deployment.actor,
        reason=deployment.reason,
        at=deployment.at,
    )
