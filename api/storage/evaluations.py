"""What evaluations said of policy versions: written once each, beside manifests that never change. Judges nothing."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, insert, select

from api.storage.tables import policy_evaluations
from bandit.decision import PolicyVersionId
from bandit.gate import OffPolicyResult


@dataclass(frozen=True, slots=True)
class StoredEvaluation:
    """One evaluation of `result.version`, and when it was made.

    `found` is the whole of it, as `keyart evaluate --json` prints it; None where it is not kept or was not asked for.
    """

    at: datetime
    result: OffPolicyResult
    found: Mapping[str, Any] | None = None


def add_evaluation(connection: Connection, evaluation: StoredEvaluation) -> None:
    """Write an evaluation down; it counts from the commit on, in the place of earlier ones."""
    result = evaluation.result
    row = {
        "version": result.version,
        "at": evaluation.at,
        "result": msgspec.to_builtins(asdict(result)),
        "found": evaluation.found,
    }
    connection.execute(insert(policy_evaluations), row)


def latest_evaluation(connection: Connection, version: PolicyVersionId) -> StoredEvaluation | None:
    """Return the newest evaluation of a version, None where it was never evaluated."""
    newest = (
        select(policy_evaluations.c.at, policy_evaluations.c.result, policy_evaluations.c.found)
        .where(policy_evaluations.c.version == version)
        .order_by(policy_evaluations.c.evaluation.desc())
        .limit(1)
    )
    row = connection.execute(newest).mappings().one_or_none()
    return None if row is None else _evaluation(row["at"], row["result"], row["found"])


def latest_evaluations(connection: Connection) -> dict[PolicyVersionId, StoredEvaluation]:
    """Return the newest evaluation of every version that has one, without the whole of each (`found`)."""
    listed = select(policy_evaluations.c.at, policy_evaluations.c.result).order_by(policy_evaluations.c.evaluation)
    found = (_evaluation(row["at"], row["result"]) for row in connection.execute(listed).mappings())
    return {each.result.version: each for each in found}


def _evaluation(at: datetime, result: Mapping[str, Any], found: Mapping[str, Any] | None = None) -> StoredEvaluation:
    return StoredEvaluation(at, msgspec.convert(result, OffPolicyResult), found)
