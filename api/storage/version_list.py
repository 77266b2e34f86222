"""The policy versions, a page of the list at a time: with a loop that learns every hour it grows without end."""

from sqlalchemy import Connection, func, select

from api.storage.policies import PolicyVersion, find_policy_version
from api.storage.tables import policy_versions


def newest_versions(connection: Connection, *, limit: int, after: int = 0) -> list[PolicyVersion]:
    """Return `limit` learned versions, the newest first, without the `after` newest ones."""
    newest = select(policy_versions.c.version).order_by(policy_versions.c.created_at.desc(), policy_versions.c.version)
    names = list(connection.scalars(newest.limit(limit).offset(after)))
    return [find_policy_version(connection, name) for name in names]


def count_versions(connection: Connection) -> int:
    """Count the learned versions."""
    return connection.scalar(select(func.count()).select_from(policy_versions)) or 0
