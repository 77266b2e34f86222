"""Policy versions and their deployments, an append-only record of who let which version decide, and why.

Knows no policy: a version is its name, the digest of its bytes and its manifest.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, insert, or_, select

from api.errors import Conflict, UnknownVersion
from api.storage.audit_log import Facts, Told, record
from api.storage.revisions import Revision, next_revision
from api.storage.stages import Deployment, Stage, Standing
from api.storage.tables import deployments, policy_versions
from bandit.decision import PolicyVersionId
from bandit.policies.default_artwork import DEFAULT
from bandit.policies.uniform import UNIFORM

BUILT_IN = (UNIFORM, DEFAULT)
"""Need no bytes, so they have no row among the versions; UNIFORM is live until the first promotion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyVersion:
    """A learned policy: `digest` names its bytes among the models, `manifest` says what it was learned from."""

    version: PolicyVersionId
    digest: str
    manifest: Mapping[str, Any]
    created_at: datetime


def add_policy_version(connection: Connection, version: PolicyVersion) -> bool:
    """Add a version and tell whether it is new: the same log, learned again, gives the same version (C9).

    Raises:
        Conflict: the name is built in, or another policy has it.
    """
    if version.version in BUILT_IN:
        raise Conflict(f"{version.version} is a built-in policy.", "Name a version by the digest of its bytes.")
    row = connection.execute(_one(version.version)).mappings().one_or_none()
    if row is None:
        connection.execute(insert(policy_versions), asdict(version))
        return True
    if row["digest"] != version.digest:
        raise Conflict(f"{version.version} is another policy already.", "Name a version by the digest of its bytes.")
    return False


def find_policy_version(connection: Connection, version: str) -> PolicyVersion:
    """Return a learned version.

    Raises:
        UnknownVersion: there is none of this name, or it is built in and has no bytes.
    """
    row = connection.execute(_one(version)).mappings().one_or_none()
    if row is None:
        remedy = "List them: GET /v1/policies or `keyart policies`."
        raise UnknownVersion(f"There is no policy version {version!r}.", remedy)
    return _version(row)


def list_policy_versions(
    connection: Connection, *, after: str | None = None, limit: int | None = None
) -> list[PolicyVersion]:
    """Return the learned versions, the newest first: those behind `after`, at most `limit`."""
    listed = select(policy_versions).order_by(policy_versions.c.created_at.desc(), policy_versions.c.version)
    listed = listed.limit(limit)
    if after is not None:
        at = select(policy_versions.c.created_at).where(policy_versions.c.version == after).scalar_subquery()
        older, same = policy_versions.c.created_at < at, policy_versions.c.created_at == at
        listed = listed.where(or_(older, and_(same, policy_versions.c.version > after)))
    return [_version(row) for row in connection.execute(listed).mappings()]


def newest_version_named(connection: Connection, prefix: str) -> PolicyVersionId | None:
    """Return the newest version whose name begins with `prefix`, None when there is none."""
    named = select(policy_versions.c.version).where(policy_versions.c.version.startswith(prefix, autoescape=True))
    newest = connection.scalar(named.order_by(policy_versions.c.created_at.desc(), policy_versions.c.version).limit(1))
    return None if newest is None else PolicyVersionId(newest)


def deploy(connection: Connection, deployment: Deployment) -> None:
    """Write a deployment down; what it says holds from the commit on.

    Raises:
        UnknownVersion: there is no such version.
        Conflict: it changes nothing, or asks of the live version what the live version cannot be.
    """
    next_revision(connection, Revision.DEPLOYMENTS)
    if deployment.version not in BUILT_IN:
        find_policy_version(connection, deployment.version)
    before = standing(connection)
    _refuse_needless(before, deployment)
    _append(connection, deployment, before=before)


def roll_back(
    connection: Connection, *, actor: str, reason: str, now: datetime, of: PolicyVersionId | None = None
) -> Deployment:
    """Undo the latest change of what decides, and return what was written down.

    While there is a canary, it ends and the live version stays. Else the version that was live before is so again;
    rolling back twice goes two versions back. With `of`, that version is taken off, canary or live.

    Raises:
        Conflict: nothing was promoted, or all of it is rolled back already.
    """
    next_revision(connection, Revision.DEPLOYMENTS)
    now_standing = standing(connection)
    back = Deployment(
        version=now_standing.after_roll_back(of),
        stage=Stage.LIVE,
        actor=actor,
        reason=reason,
        at=now,
        rolled_back=of or now_standing.latest,
    )
    _append(connection, back, before=now_standing)
    return back


def live_version(connection: Connection) -> PolicyVersionId:
    """Return the version that decides: cheap enough to ask twice a second."""
    latest = select(deployments.c.version).where(deployments.c.stage == Stage.LIVE).order_by(_NEWEST).limit(1)
    return PolicyVersionId(connection.scalar(latest) or UNIFORM)


def standing(connection: Connection) -> Standing:
    """Replay all deployments: what is live, canary and shadow now, and what a roll-back would uncover."""
    now_standing = Standing()
    for row in connection.execute(select(deployments).order_by(deployments.c.deployment)).mappings():
        now_standing = now_standing.after(_deployment(row), number=row["deployment"])
    return now_standing


def list_deployments(connection: Connection, *, limit: int = 100) -> list[Deployment]:
    """Return the deployments, the newest first."""
    listed = select(*_FIELDS).order_by(_NEWEST).limit(limit)
    return [_deployment(row) for row in connection.execute(listed).mappings()]


def numbered_deployments(
    connection: Connection, *, before: int | None = None, limit: int | None = None
) -> list[tuple[int, Deployment]]:
    """Return the deployments with their numbers, the newest first: numbers under `before`, at most `limit`."""
    listed = select(deployments).order_by(_NEWEST).limit(limit)
    if before is not None:
        listed = listed.where(deployments.c.deployment < before)
    return [(row["deployment"], _deployment(row)) for row in connection.execute(listed).mappings()]


_NEWEST = deployments.c.deployment.desc()
_FIELDS = [column for column in deployments.c if column.name != "deployment"]


def _append(connection: Connection, deployment: Deployment, *, before: Standing) -> None:
    row = asdict(deployment) | {"overridden": list(deployment.overridden) or None}
    connection.execute(insert(deployments), row)
    rolled_back = deployment.rolled_back
    action = "rollback" if rolled_back else "retire" if deployment.stage is Stage.RETIRED else "promote"
    after = {**_facts(before.after(deployment, number=0)), "overridden": deployment.overridden}
    told = Told(before=_facts(before), after=after, reason=deployment.reason)
    subject = f"version/{rolled_back or deployment.version}"
    record(connection, actor=deployment.actor, action=f"version.{action}", subject=subject, now=deployment.at, **told)


def _facts(now: Standing) -> Facts:
    canary = now.canary
    told = None if canary is None else {"version": canary.version, "share": canary.share}
    return {"live": now.live, "canary": told, "shadow": now.shadow}


def _refuse_needless(now: Standing, deployment: Deployment) -> None:
    version, stage = deployment.version, deployment.stage
    if version == now.live:
        if stage is Stage.RETIRED:
            raise Conflict(f"{version} is live.", "Promote another version, or roll back, first.")
        raise Conflict(f"{version} is live already.", "There is nothing to do.")
    if now.after(deployment, number=0) == now:
        raise Conflict(f"{version} is {_as(deployment)} already.", "There is nothing to do.")


def _as(deployment: Deployment) -> str:
    return deployment.stage if deployment.share is None else f"{deployment.stage} with a share of {deployment.share:g}"


def _one(version: str) -> Any:
    return select(policy_versions).where(policy_versions.c.version == version)


def _version(row: RowMapping) -> PolicyVersion:
    return PolicyVersion(
        version=PolicyVersionId(row["version"]),
        digest=row["digest"],
        manifest=row["manifest"],
        created_at=row["created_at"],
    )


def _deployment(row: RowMapping) -> Deployment:
    rolled_back = row["rolled_back"]
    return Deployment(
        version=PolicyVersionId(row["version"]),
        stage=Stage(row["stage"]),
        actor=row["actor"],
        reason=row["reason"],
        at=row["at"],
        share=row["share"],
        rolled_back=None if rolled_back is None else PolicyVersionId(rolled_back),
        overridden=tuple(row["overridden"] or ()),
    )
