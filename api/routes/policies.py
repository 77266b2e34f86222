"""/v1/policies: the learned versions, how they were judged, and which of them decides, for whom."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Response
from pydantic import Field
from sqlalchemy import Connection

from api.dependencies.access import ActorDep
from api.dependencies.promotion import Order, back_out, promote, retire
from api.dependencies.requests import ServicesDep
from api.routes.listing import USUAL, Cursor, Limit, Name, Number, cursor_of, part_of, place_of
from api.routes.once import ONCE, OnceRoute
from api.routes.tags import Conditions, Meant, ReadersTag, tagged
from api.routes.wire import Flag, Real, Text, Wire
from api.storage.database import reading
from api.storage.evaluations import StoredEvaluation, latest_evaluation, latest_evaluations
from api.storage.policies import (
    BUILT_IN,
    PolicyVersion,
    find_policy_version,
    list_policy_versions,
    numbered_deployments,
    standing,
)
from api.storage.stages import Deployment, Stage, Standing
from bandit.decision import PolicyVersionId
from bandit.shadowing import ShadowFigures

router = APIRouter(tags=["policies"], route_class=OnceRoute)

VersionPath = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,119}$")]
_ENDED = "."
"""In a cursor: all versions were given. No version is called so."""

_LONG = "golden"
"""The part of a manifest that a list leaves out: forty pages a version."""


class EvaluationAnswer(Wire):
    """What the newest off-policy evaluation said, beside the value of what was `live` then on the same rows.

    `difference` is the version's value less that of `live`, pair by pair.
    """

    at: datetime
    live: str
    reward: str
    rows: int
    level: float
    value: float | None
    low: float | None
    high: float | None
    live_value: float | None
    difference: float | None
    difference_low: float | None
    difference_high: float | None
    rewarded_effective_rows: float
    refusals: list[str]
    baits: list[str]
    entropy: float | None


class VersionAnswer(Wire):
    """A policy version; the built-in ones have no manifest. In lists, manifests come without their golden pages."""

    version: str
    live: bool
    stage: Stage
    digest: str | None = None
    created_at: datetime | None = None
    evaluation: EvaluationAnswer | None = None
    manifest: dict[str, Any] | None = None


class DeploymentAnswer(Wire):
    """One change of what decides. `rolled_back` names the version that a roll-back took off.

    `overridden` says what the gate had against a promotion that was forced.
    """

    version: str
    stage: str
    share: float | None
    rolled_back: str | None
    actor: str
    reason: str
    at: datetime
    overridden: list[str]


class CanaryAnswer(Wire):
    """The version that decides for a share of the viewers."""

    version: str
    share: float


class ShadowAnswer(Wire):
    """The version that decides for nobody, and what it would have stated on the pages that it was asked about.

    Counted by all servers since it became a shadow: mean probability of the drawn artworks, mean total variation
    distance to the live policy, mean seconds a page beside the live policy's, pages that took longer than a page may,
    pages that failed, pages that came too fast, servers that cannot load it. None until there is one.
    """

    version: str
    pages: int
    slots: int
    mean_probability: float | None
    mean_distance: float | None
    seconds_a_page: float | None
    live_seconds_a_page: float | None
    slow: int
    failures: int
    dropped: int
    unable: int
    problem: str | None


class PoliciesAnswer(Wire):
    """The learned versions, the newest first, what stands, and the deployments, the newest first.

    The built-in versions stand behind the last of the learned ones. `next` is the `cursor` of the part that follows of
    either.
    """

    live: str
    canary: CanaryAnswer | None
    shadow: ShadowAnswer | None
    versions: list[VersionAnswer]
    deployments: list[DeploymentAnswer]
    next: str | None = None


class PromoteBody(Wire):
    """Where to and why. `share` is the part of viewers that a canary decides for; `force` overrides the gate."""

    stage: Literal["shadow", "canary", "live"] = "live"
    share: Annotated[Real, Field(gt=0, le=1)] | None = None
    reason: Text
    force: Flag = False


class WhyBody(Wire):
    """Why."""

    reason: Text


@router.get("/policies", response_model=PoliciesAnswer)
def listed(
    services: ServicesDep, cursor: Cursor = None, limit: Limit = USUAL, if_none_match: ReadersTag = None
) -> Response:
    """List the versions, what stands, and how it came to be: `limit` of versions and of deployments."""
    after, before = ("", None) if cursor is None else place_of(cursor, "policies", tuple[Name, Number])
    ended = after == _ENDED
    with reading(services.engine) as connection:
        now = standing(connection)
        found = [] if ended else list_policy_versions(connection, after=after or None, limit=limit + 1)
        evaluated = latest_evaluations(connection)
        numbered = numbered_deployments(connection, before=before, limit=limit + 1)
    learned, last = part_of(found, limit)
    deployments, last_deployment = part_of(numbered, limit)
    versions = [_version(each, now, evaluated.get(each.version), left_out=_LONG) for each in learned]
    if last is None and not ended:
        versions += [_built_in(name, now) for name in BUILT_IN]
    following = (last.version if last else _ENDED, last_deployment[0] if last_deployment else 0)
    answer = PoliciesAnswer(
        live=now.live,
        canary=CanaryAnswer(version=now.canary.version, share=now.canary.share) if now.canary else None,
        shadow=_shadow(now.shadow, services.shadow.of_all_servers(now.shadow_by)) if now.shadow else None,
        versions=versions,
        deployments=[_deployment(one) for _, one in deployments],
        next=cursor_of("policies", *following) if last or last_deployment else None,
    )
    return tagged(answer, if_none_match)


@router.get("/policies/{version}", response_model=VersionAnswer)
def read(version: VersionPath, services: ServicesDep, if_none_match: ReadersTag = None) -> Response:
    """Read one version with its manifest."""
    with reading(services.engine) as connection:
        return tagged(version_answer(connection, version), if_none_match)


def version_answer(connection: Connection, version: str) -> VersionAnswer:
    """A version as people read it, with its manifest.

    Raises:
        UnknownVersion: there is none of this id.
    """
    now = standing(connection)
    if version in BUILT_IN:
        return _built_in(PolicyVersionId(version), now)
    found = find_policy_version(connection, version)
    return _version(found, now, latest_evaluation(connection, found.version))


@router.post("/policies/{version}:promote", response_model=DeploymentAnswer, dependencies=[ONCE])
def promote_version(
    version: VersionPath, body: PromoteBody, actor: ActorDep, services: ServicesDep, meant: Meant
) -> DeploymentAnswer:
    """Let a version shadow what decides, or decide for a share of the viewers or for all, after checking it whole."""
    order = Order(
        actor=actor,
        reason=body.reason,
        at=datetime.now(UTC),
        stage=Stage(body.stage),
        share=body.share,
        force=body.force,
        still=_still(meant, version),
    )
    deployment = promote(
        services.engine,
        services.blobs,
        version=PolicyVersionId(version),
        order=order,
        examiner=services.live.examiner,
    )
    services.refresh()
    return _deployment(deployment)


@router.post("/policies/{version}:retire", response_model=DeploymentAnswer, dependencies=[ONCE])
def retire_version(
    version: VersionPath, body: WhyBody, actor: ActorDep, services: ServicesDep, meant: Meant
) -> DeploymentAnswer:
    """End a canary or a shadow, or keep a version from being rolled back to."""
    order = replace(_order(body, actor), still=_still(meant, version))
    deployment = retire(services.engine, version=PolicyVersionId(version), order=order)
    services.refresh()
    return _deployment(deployment)


@router.post("/policies:rollback", response_model=DeploymentAnswer, dependencies=[ONCE])
def roll_back(body: WhyBody, actor: ActorDep, services: ServicesDep, meant: Meant) -> DeploymentAnswer:
    """End the canary; without one, make the version decide again that did before the live one.

    `If-Match` names the version that is to be taken off, as it was read: of two who roll back at once, one is told.
    """
    order = replace(_order(body, actor), still=_still_latest(meant))
    deployment = back_out(services.engine, services.blobs, order=order, examiner=services.live.examiner)
    services.refresh()
    return _deployment(deployment)


def _still(meant: Conditions, version: str) -> Callable[[Connection], None]:
    """A check that the version is, in its answer, what the caller read."""
    return lambda connection: meant.check(lambda: version_answer(connection, version))


def _still_latest(meant: Conditions) -> Callable[[Connection], None]:
    """A check that the version which a roll-back takes off is, in its answer, what the caller read."""
    return lambda connection: meant.check(lambda: version_answer(connection, standing(connection).latest))


def _order(body: WhyBody, actor: str) -> Order:
    return Order(actor=actor, reason=body.reason, at=datetime.now(UTC))


def _built_in(version: PolicyVersionId, now: Standing) -> VersionAnswer:
    return VersionAnswer(version=version, live=version == now.live, stage=now.stage_of(version))


def _version(
    version: PolicyVersion, now: Standing, evaluation: StoredEvaluation | None, *, left_out: str | None = None
) -> VersionAnswer:
    return VersionAnswer(
        version=version.version,
        live=version.version == now.live,
        stage=now.stage_of(version.version),
        digest=version.digest,
        created_at=version.created_at,
        evaluation=_evaluation(evaluation) if evaluation else None,
        manifest=_told(version.manifest, left_out),
    )


def _told(manifest: Mapping[str, Any], left_out: str | None) -> dict[str, Any]:
    return {name: value for name, value in manifest.items() if name != left_out}


def _evaluation(evaluation: StoredEvaluation) -> EvaluationAnswer:
    told = {name: value for name, value in asdict(evaluation.result).items() if name != "version"}
    return EvaluationAnswer(at=evaluation.at, **told)


def _shadow(version: PolicyVersionId, counted: ShadowFigures) -> ShadowAnswer:
    return ShadowAnswer(
        version=version,
        pages=counted.pages,
        slots=counted.slots,
        mean_probability=counted.chosen / counted.slots if counted.slots else None,
        mean_distance=counted.distance / counted.slots if counted.slots else None,
        seconds_a_page=counted.seconds / counted.pages if counted.pages else None,
        live_seconds_a_page=counted.live_seconds / counted.pages if counted.pages else None,
        slow=counted.slow,
        failures=counted.failures,
        dropped=counted.dropped,
        unable=counted.unable,
        problem=counted.problem,
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
        overridden=list(deployment.overridden),
    )
