"""What a command did, on the audit log: for work whose own transactions are many or far away."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from api.cli.options import actor

if TYPE_CHECKING:
    from sqlalchemy import Engine


def note(engine: "Engine", action: str, *, subject: str, after: Mapping[str, Any], reason: str) -> None:
    """Write down that whoever types did this; `after` says what came of it, `reason` why."""
    from api.storage.audit_log import Told, record
    from api.storage.database import transaction

    with transaction(engine) as connection:
        told = Told(after=after, reason=reason)
        record(connection, actor=actor(), action=action, subject=subject, now=datetime.now(UTC), **told)
