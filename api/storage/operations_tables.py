"""The tables of what the worker and its operator need: leases and alarms. Knows no connection and no statement."""

from api.storage.tables import metadata

__all__ = ["metadata"]
