"""The tables of viewers who are left out, erased, or known under an older key. Knows no connection and no statement."""

from api.storage.tables import metadata

__all__ = ["metadata"]
