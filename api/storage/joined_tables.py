"""The tables of what the join keeps: rewards a page at a time, counts that must add up. Knows no statement."""

from api.storage.tables import metadata

__all__ = ["metadata"]
