"""Who decides next: promote a version or roll back, checked before anything points at it (C7)."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from api.dependencies.live_policy import load_version
from api.errors import Conflict, DamagedFile, MissingFile
from api.storage.blobs import BlobStore
from api.storage.database import reading, transaction
from api.storage.policies import Deployment, Stage, deploy, roll_back, version_before
from api.storage.vectors import live_embedding_version
from bandit.decision import PolicyVersionId


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Who wants a change of what decides, and why; both are kept for ever."""

    actor: str
    reason: str
    at: datetime


def promote(engine: Engine, blobs: BlobStore, *, version: PolicyVersionId, order: Order) -> Deployment:
    """Let a version decide for all viewers, after loading it whole. Running servers follow within moments.

    Raises:
        UnknownVersion: there is no such version.
        DamagedFile, MissingFile: its bytes are not what its digest names.
        Conflict: it is live already, or was learned on other vectors than the catalogue's.
    """
    _check(engine, blobs, version)
    deployment = Deployment(
        version=version, stage=Stage.LIVE, actor=order.actor, reason=order.reason, at=order.at, share=None
    )
    with transaction(engine) as connection:
        deploy(connection, deployment)
    return deployment


def back_out(engine: Engine, blobs: BlobStore, *, order: Order) -> Deployment:
    """Make the version decide again that did before the live one, without training, after loading it whole.

    Raises:
        Conflict: nothing was promoted, or all of it is rolled back already; or the version before cannot decide now;
            or another deployment came between.
    """
    with reading(engine) as connection:
        before = version_before(connection)
    try:
        _check(engine, blobs, before)
    except (Conflict, DamagedFile, MissingFile) as error:
        remedy = "Promote another version; `uniform` needs no file."
        raise Conflict(f"{before}, the version before, cannot decide: {error.message}", remedy) from error
    with transaction(engine) as connection:
        back = roll_back(connection, actor=order.actor, reason=order.reason, now=order.at)
        if back.version != before:
            raise Conflict("Another deployment was made in this moment.", "Look at what is live, then try again.")
    return back


def _check(engine: Engine, blobs: BlobStore, version: PolicyVersionId) -> None:
    """Load a version whole, and see that it understands the vectors that pages are decided with."""
    policy = load_version(engine, blobs, version)
    with reading(engine) as connection:
        live = live_embedding_version(connection)
    if policy.embedding_version is not None and (live is None or live.version != policy.embedding_version):
        raise Conflict(
            f"{version} was learned on vectors of {policy.embedding_version}, which is not the live embedding version.",
            "Learn a new version: `keyart learn`.",
        )
