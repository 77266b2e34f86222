"""Who decides next: promote, retire or roll back a version, checked before anything points at it (C7)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, Engine

from api.dependencies.versions import load_version
from api.errors import BadInput, Conflict, DamagedFile, MissingFile
from api.storage.blobs import BlobStore
from api.storage.database import reading, transaction
from api.storage.evaluations import latest_evaluation
from api.storage.forecasts import add_forecast
from api.storage.policies import (
    BUILT_IN,
    deploy,
    find_policy_version,
    numbered_deployments,
    roll_back,
    standing,
)
from api.storage.revisions import Revision, hold
from api.storage.stages import Deployment, Stage
from api.storage.vectors import live_embedding_version
from bandit.decision import PolicyVersionId
from bandit.examination import Examiner
from bandit.gate import Failing, judge

_GATED = (Stage.CANARY, Stage.LIVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Who wants a change of what decides, and why; both are kept for ever.

    `share` in (0, 1] is for a canary only. With `force` the gate is heard and overridden, which is kept too. `still`
    raises where what the caller wants to change is not any more what they saw.
    """

    actor: str
    reason: str
    at: datetime
    stage: Stage = Stage.LIVE
    share: float | None = None
    force: bool = False
    still: Callable[[Connection], None] | None = None

    def check(self, connection: Connection) -> None:
        """Let the change happen only where the caller's condition holds, in the transaction of the change."""
        if self.still is not None:
            self.still(connection)


def promote(
    engine: Engine, blobs: BlobStore, *, version: PolicyVersionId, order: Order, examiner: Examiner | None = None
) -> Deployment:
    """Let a version decide, or shadow what decides, after loading it whole. Running servers follow within moments.

    A canary and a live version must pass the gate (`bandit.gate`), unless they are built in.

    Raises:
        UnknownVersion: there is no such version.
        BadInput: a canary without a share, or a share without a canary.
        DamagedFile, MissingFile: its bytes are not what its digest names.
        Conflict: it is at this stage already, cannot be used, did not pass the gate, or was learned on other vectors
            than the catalogue's.
    """
    _check_share(order)
    check_usable(engine, blobs, version, examiner=examiner or Examiner())
    deployment = Deployment(
        version=version, stage=order.stage, actor=order.actor, reason=order.reason, at=order.at, share=order.share
    )
    with transaction(engine) as connection:
        hold(connection, Revision.DEPLOYMENTS)
        order.check(connection)
        deployment = replace(deployment, overridden=hear_gate(connection, version, order))
        deploy(connection, deployment)
        _keep_forecast(connection, deployment)
    return deployment


def retire(engine: Engine, *, version: PolicyVersionId, order: Order) -> Deployment:
    """Take a version out of service: it is no canary and no shadow any more, and no roll-back leads to it.

    Raises:
        UnknownVersion: there is no such version.
        Conflict: it is live, or retired already.
    """
    deployment = Deployment(version=version, stage=Stage.RETIRED, actor=order.actor, reason=order.reason, at=order.at)
    with transaction(engine) as connection:
        hold(connection, Revision.DEPLOYMENTS)
        order.check(connection)
        deploy(connection, deployment)
    return deployment


def back_out(
    engine: Engine,
    blobs: BlobStore,
    *,
    order: Order,
    examiner: Examiner | None = None,
    of: PolicyVersionId | None = None,
) -> Deployment:
    """Take the latest promotion back, without training: end the canary; without one, make the version before live.

    With `of`, that version is taken off, canary or live, and the other stays.

    Raises:
        Conflict: nothing was promoted, or all of it is rolled back already; or the version before cannot decide now;
            or another deployment came between.
    """
    with reading(engine) as connection:
        now = standing(connection)
    before = now.after_roll_back(of)
    if (of or now.latest) == now.live:
        _check_before(engine, blobs, before, examiner=examiner or Examiner())
    with transaction(engine) as connection:
        hold(connection, Revision.DEPLOYMENTS)
        order.check(connection)
        back = roll_back(connection, actor=order.actor, reason=order.reason, now=order.at, of=of)
        if back.version != before:
            raise Conflict("Another deployment was made in this moment.", "Look at what is live, then try again.")
    return back


def _check_share(order: Order) -> None:
    if order.stage is not Stage.CANARY and order.share is not None:
        raise BadInput(f"Stage {order.stage} has no share.", "Leave the share out; a canary has one.")
    if order.stage is Stage.CANARY and not 0 < (order.share or 0) <= 1:
        raise BadInput("A canary decides for a share of the viewers.", "Give one above 0, for example 0.05.")


def _check_before(engine: Engine, blobs: BlobStore, before: PolicyVersionId, *, examiner: Examiner) -> None:
    try:
        check_usable(engine, blobs, before, examiner=examiner)
    except (Conflict, DamagedFile, MissingFile) as error:
        remedy = "Promote another version; `uniform` needs no file."
        raise Conflict(f"{before}, the version before, cannot decide: {error.message}", remedy) from error


def check_usable(engine: Engine, blobs: BlobStore, version: PolicyVersionId, *, examiner: Examiner) -> None:
    """Load a version whole, and see that it understands the vectors that pages are decided with.

    Raises:
        UnknownVersion, DamagedFile, MissingFile, Conflict: see `promote`.
    """
    policy = load_version(engine, blobs, version, examiner=examiner)
    with reading(engine) as connection:
        live = live_embedding_version(connection)
    if policy.embedding_version is not None and (live is None or live.version != policy.embedding_version):
        raise Conflict(
            f"{version} was learned on vectors of {policy.embedding_version}, which is not the live embedding version.",
            "Learn a new version: `keyart learn`.",
        )


def hear_gate(connection: Connection, version: PolicyVersionId, order: Order) -> tuple[str, ...]:
    """Hear the gate, and return what an order with force goes against.

    Raises:
        Conflict: the version did not pass, and the order is without force.
    """
    if version in BUILT_IN or order.stage not in _GATED:
        return ()
    now, evaluation = standing(connection), latest_evaluation(connection, version)
    if version == now.live:
        return ()  # refused as needless
    reward = str(find_policy_version(connection, version).manifest.get("reward"))
    verdict = judge(evaluation.result if evaluation else None, live=now.live, reward=reward)
    if verdict.passed or order.force:
        return tuple(each.message for each in verdict.reasons)
    raise Conflict(f"{version} may not decide: {_told(verdict.reasons)}.", _remedy(version, verdict.reasons))


def _keep_forecast(connection: Connection, deployment: Deployment) -> None:
    """Keep what the gate was told, so that it can be held against what comes; a shadow earns nothing."""
    known = latest_evaluation(connection, deployment.version)
    if known is not None and deployment.stage in _GATED:
        [(number, _)] = numbered_deployments(connection, limit=1)
        add_forecast(connection, number=number, deployment=deployment, evaluation=known)


def _told(reasons: tuple[Failing, ...]) -> str:
    return "; ".join(each.message for each in reasons)


def _remedy(version: PolicyVersionId, reasons: tuple[Failing, ...]) -> str:
    remedies = "; ".join(dict.fromkeys(each.remedy for each in reasons))
    return (
        f"{remedies[0].upper()}{remedies[1:]} (`keyart evaluate --policy {version}`). "
        "Force overrides this, and is written down with your reason."
    )
