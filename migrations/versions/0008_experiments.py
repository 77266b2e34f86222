"""Online experiments: cells and what was seen of them."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make what is new."""
    op.create_table(
        "experiments",
        sa.Column("experiment", sa.String(length=40), nullable=False),
        sa.Column("hypothesis", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("salt", sa.String(length=64), nullable=False),
        sa.Column("share", sa.Float(), nullable=False),
        sa.Column("begin", sa.Float(), nullable=True),
        sa.Column("cells", sa.JSON(), nullable=False),
        sa.Column("reward", sa.String(length=40), nullable=False),
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.Column("forecasts", sa.JSON(), nullable=True),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_by", sa.Text(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stopped_by", sa.Text(), nullable=True),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stopped_because", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("experiment", name=op.f("pk_experiments")),
    )
    op.create_index(op.f("ix_experiments_state"), "experiments", ["state"], unique=False)
    _create_readings()


def downgrade() -> None:
    """Drop what was new."""
    op.drop_index(op.f("ix_experiment_readings_experiment_reading"), table_name="experiment_readings")
    op.drop_table("experiment_readings")
    op.drop_index(op.f("ix_experiments_state"), table_name="experiments")
    op.drop_table("experiments")


def _create_readings() -> None:
    op.create_table(
        "experiment_readings",
        sa.Column("reading", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("experiment", sa.String(length=40), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment"], ["experiments.experiment"], name=op.f("fk_experiment_readings_experiment_experiments")
        ),
        sa.PrimaryKeyConstraint("reading", name=op.f("pk_experiment_readings")),
    )
    op.create_index(
        op.f("ix_experiment_readings_experiment_reading"),
        "experiment_readings",
        ["experiment", "reading"],
        unique=False,
    )
