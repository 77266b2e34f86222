"""Sees that a server uses its database with the secret of the others: by fingerprint, once. Knows no secret."""

from datetime import UTC, datetime

from sqlalchemy import Connection, Engine

from api.errors import BadSettings, Conflict
from api.security import Keys
from api.storage.database import reading, transaction
from api.storage.first_secret import find_fingerprint, put_fingerprint


class OneSecret:
    """`refresh` compares until it once agreed; the first server of a database writes its own fingerprint down."""

    def __init__(self, engine: Engine, keys: Keys) -> None:
        self._engine = engine
        self._fingerprint = keys.fingerprint
        self._agreed = False

    def refresh(self) -> None:
        """Compare.

        Raises:
            BadSettings: the database is used with another secret.
            StorageUnavailable: it cannot be read.
        """
        if self._agreed:
            return
        with reading(self._engine) as connection:
            known = find_fingerprint(connection)
        if known is None:
            with transaction(self._engine) as connection:
                put_fingerprint(connection, self._fingerprint, now=datetime.now(UTC))
                known = find_fingerprint(connection)
        if known != self._fingerprint:
            raise BadSettings(
                "The database is used with another secret: viewers would have two names, and outcomes of other servers'"
                " decisions are refused.",
                _REMEDY,
            )
        self._agreed = True


def refuse_other_secret(connection: Connection, keys: Keys) -> None:
    """Let nobody order anything of a viewer under names that the database does not know them by.

    Raises:
        Conflict: the database is used with another secret.
    """
    if find_fingerprint(connection) not in (None, keys.fingerprint):
        message = "The database is used with another secret than this one: it knows the viewer by another name."
        raise Conflict(message, _REMEDY)


_REMEDY = "Give all that use the database the same KEYART_SECRET or secret.key (docs/settings.md)."
