"""GET /v1/audit: who changed what, from what to what, why and when, the newest change first."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from api.dependencies.requests import ServicesDep
from api.routes.listing import USUAL, Cursor, Limit, Number, cursor_of, part_of, place_of
from api.routes.tags import ReadersTag, tagged
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
    """A part of the audit log, the newest first; `next` is the `cursor` of the part that follows."""

    entries: list[EntryAnswer]
    next: str | None = None


def _wanted(
    actor: Annotated[Text | None, Query()] = None,
    action: Annotated[Text | None, Query()] = None,
    subject: Annotated[Text | None, Query()] = None,
) -> AuditFilter:
    return AuditFilter(actor=actor, action=action, subject=subject)


@router.get("", response_model=AuditAnswer)
def listed(
    services: ServicesDep,
    wanted: Annotated[AuditFilter, Depends(_wanted)],
    cursor: Cursor = None,
    limit: Limit = USUAL,
    if_none_match: ReadersTag = None,
) -> Response:
    """List changes, of everything or by one actor, of one action or of one subject (`title/harbor`)."""
    before = None if cursor is None else place_of(cursor, "audit", tuple[Number])[0]
    with reading(services.engine) as connection:
        found = list_entries(connection, wanted=wanted, before=before, limit=limit + 1)
    given, last = part_of(found, limit)
    following = None if last is None else cursor_of("audit", last.entry)
    return tagged(AuditAnswer(entries=[entry_answer(each) for each in given], next=following), if_none_match)


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
