"""What the watch has seen of the versions on stage, kept so that another worker goes on from there. Knows no watch."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select

from api.storage.columns import upsert
from api.storage.pages import page_id_at
from api.storage.watch_tables import watch_evidence
from bandit.decision import PageId, PolicyVersionId


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was seen of a version up to the page `until`, as bytes."""

    version: PolicyVersionId
    until: PageId
    seen: bytes
    at: datetime


def read_evidence(connection: Connection, version: PolicyVersionId) -> Evidence | None:
    """Return what was kept of a version, None where nothing was."""
    found = connection.execute(select(watch_evidence).where(watch_evidence.c.version == version)).mappings().first()
    if found is None:
        return None
    version, until = PolicyVersionId(found["version"]), PageId(found["until"])
    return Evidence(version=version, until=until, seen=found["seen"], at=found["at"])


def put_evidence(connection: Connection, evidence: Evidence) -> None:
    """Keep evidence, unless somebody saw more meanwhile: up to now, and not up to a time that a wrong clock told."""
    known = connection.scalar(select(watch_evidence.c.until).where(watch_evidence.c.version == evidence.version))
    if known is None or known < evidence.until or known > page_id_at(evidence.at):
        row = {"version": evidence.version, "until": evidence.until, "seen": evidence.seen, "at": evidence.at}
        upsert(connection, watch_evidence, [row])


def forget_evidence(connection: Connection, *, but: Collection[PolicyVersionId]) -> None:
    """Forget what was seen of versions that decide no more: back on stage they begin anew."""
    connection.execute(delete(watch_evidence).where(watch_evidence.c.version.not_in(but)))
