"""The tables of who may: keys, sessions, the audit log. Knows no connection and no statement."""

from api.storage.tables import metadata

__all__ = ["metadata"]
