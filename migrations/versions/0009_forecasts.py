"""Forecasts, kept and paired with what came of them; whole evaluations beside what the gate asks for."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make what is new."""
    op.add_column("policy_evaluations", sa.Column("found", sa.JSON(), nullable=True))
    op.create_table(
        "forecasts",
        sa.Column("forecast", SERIAL, nullable=False),
        sa.Column("deployment", SERIAL, nullable=False),
        sa.Column("version", sa.String(length=120), nullable=False),
        sa.Column("stage", sa.String(length=20), nullable=False),
        sa.Column("reward", sa.String(length=40), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("level", sa.Float(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("low", sa.Float(), nullable=False),
        sa.Column("high", sa.Float(), nullable=False),
        sa.Column("live", sa.String(length=120), nullable=False),
        sa.Column("live_value", sa.Float(), nullable=True),
        sa.Column("read_until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["deployment"], ["deployments.deployment"], name=op.f("fk_forecasts_deployment_deployments")
        ),
        sa.PrimaryKeyConstraint("forecast", name=op.f("pk_forecasts")),
    )
    op.create_index("uq_forecasts_deployment", "forecasts", ["deployment"], unique=True)
    op.create_table(
        "forecast_readings",
        sa.Column("forecast", SERIAL, autoincrement=False, nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("viewers", sa.Integer(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("low", sa.Float(), nullable=True),
        sa.Column("high", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(
            ["forecast"], ["forecasts.forecast"], name=op.f("fk_forecast_readings_forecast_forecasts")
        ),
        sa.PrimaryKeyConstraint("forecast", "day", name=op.f("pk_forecast_readings")),
    )


def downgrade() -> None:
    """Drop what was new."""
    op.drop_table("forecast_readings")
    op.drop_index("uq_forecasts_deployment", table_name="forecasts")
    op.drop_table("forecasts")
    op.drop_column("policy_evaluations", "found")
