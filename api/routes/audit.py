"""GET /v1/audit: who changed what, from what to what, why and when, the newest change first."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query

from api.dependencies.requests import ServicesDep
from api.routes.wire import Text, Wire
from api.storage.audit_log import AuditEntry, AuditFilter, list_entries
from api.storage.database import reading

router = APIRouter(prefix="/audit", tags=["access"])


class EntryAnswer(Wire):
    """One change. `before` is null for what was made, `after` for what was taken away."""

    entry: int
    at: datetime
    actor: str
    action: str
    subject: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    reason: str | None


class AuditAnswer(Wire):
    """A part of the audit log, the newest first; `next` is the `after` of the part that follows."""

    entries: list[EntryAnswer]
    next: int | None


@router.get("", response_model=AuditAnswer)
def listed(
    services: ServicesDep,
    after: Annotated[int | None, Query(ge=1, le=2**62)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    actor: Annotated[Text | None, Query()] = None,
    action: Annotated[Text | None, Query()] = None,
    subject: Annotated[Text | None, Query()] = None,
) -> AuditAnswer:
    """List changes, of everything or by one actor, of one action or of one subject (`title/harbor`)."""
    wanted = AuditFilter(actor=actor, action=action, subject=subject)
    with reading(services.engine) as connection:
        found = list_entries(connection, wanted=wanted, before=after, limit=limit + 1)
    following = found[limit - 1].entry if len(found) > limit else None
    return AuditAnswer(entries=[entry_answer(each) for each in found[:limit]], next=following)


def entry_answer(entry: AuditEntry) -> EntryAnswer:
    """An entry as people read it."""
    return EntryAnswer(
        entry=entry.entry,
        at=entry.at,
        actor=entry.actor,
        action=entry.action,
        subject=entry.subject,
        before=None if entry.before is None else dict(entry.before),
        after=None if entry.after is None else dict(entry.after),
        reason=entry.reason,
    )
