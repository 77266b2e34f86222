"""The tables of forecasts: what was foretold of a promotion, and what came of it. Knows no connection, no statement."""

from sqlalchemy import Column, Float, ForeignKey, Index, Integer, String, Table

from api.storage.columns import UtcDateTime
from api.storage.tables import SERIAL, metadata

forecasts = Table(
    "forecasts",
    metadata,
    Column("forecast", SERIAL, primary_key=True),
    Column("deployment", SERIAL, ForeignKey("deployments.deployment"), nullable=False),
    Column("version", String(120), nullable=False),
    Column("stage", String(20), nullable=False),
    Column("reward", String(40), nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("began_at", UtcDateTime, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("level", Float, nullable=False),
    Column("value", Float, nullable=False),
    Column("low", Float, nullable=False),
    Column("high", Float, nullable=False),
    Column("live", String(120), nullable=False),
    Column("live_value", Float),
    Column("read_until", UtcDateTime),
    Index("uq_forecasts_deployment", "deployment", unique=True),
)
"""What the evaluation said that a promotion rested on: written with the deployment, and never changed but in
`read_until`, up to which the log was read for what came of it."""

forecast_readings = Table(
    "forecast_readings",
    metadata,
    Column("forecast", SERIAL, ForeignKey("forecasts.forecast"), primary_key=True, autoincrement=False),
    Column("day", String(10), primary_key=True),
    Column("rows", Integer, nullable=False),
    Column("viewers", Integer, nullable=False),
    Column("value", Float, nullable=False),
    Column("low", Float),
    Column("high", Float),
)
"""What a version was observed to earn from its promotion to the end of a day (UTC, YYYY-MM-DD); from the log."""

__all__ = ["forecast_readings", "forecasts"]
