"""The tables of experiments: their plans, and what was read of their cells. Knows no connection and no statement."""

from sqlalchemy import JSON, Column, Float, ForeignKey, Index, String, Table, Text

from api.storage.columns import UtcDateTime
from api.storage.tables import SERIAL, metadata

experiments = Table(
    "experiments",
    metadata,
    Column("experiment", String(40), primary_key=True),
    Column("hypothesis", Text, nullable=False),
    Column("state", String(20), nullable=False),
    Column("salt", String(64), nullable=False),
    Column("share", Float, nullable=False),
    Column("begin", Float),
    Column("cells", JSON, nullable=False),
    Column("reward", String(40), nullable=False),
    Column("rules", JSON, nullable=False),
    Column("forecasts", JSON),
    Column("created_by", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("started_by", Text),
    Column("started_at", UtcDateTime),
    Column("stopped_by", Text),
    Column("stopped_at", UtcDateTime),
    Column("stopped_because", Text),
    Index(None, "state"),
)
"""`begin` is where the viewers begin that a started experiment holds; `forecasts` are the off-policy ones of its cells,
as they stood when it started. A plan never changes once it has started."""

experiment_readings = Table(
    "experiment_readings",
    metadata,
    Column("reading", SERIAL, primary_key=True),
    Column("experiment", String(40), ForeignKey("experiments.experiment"), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("result", JSON, nullable=False),
    Index(None, "experiment", "reading"),
)
"""Append-only: what the cells said at a moment; the newest one counts."""
