"""What a command did, on the audit log: for work whose own transactions are many or far away."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from api.cli.options import actor

if TYPE_CHECKING:
    from sqlalchemy import Engine


def note(engine: "Engine", action: str, *, subject: str, after: Mapping[str, Any]) -> None:
    """Write down that whoever types did this; `after` says what came of it."""
    from api.storage.audit_log import record
    from api.storage.database import transaction

    with transaction(engine) as connection:
        record(connection, actor=actor(), action=action, subject=subject, after=after, now=datetime.now(UTC))
