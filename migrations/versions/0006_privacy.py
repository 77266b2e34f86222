"""Viewers who are left out, erasures, and titles' days."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make what is new."""
    _create_exclusions()
    _create_erasures()
    _create_title_days()


def downgrade() -> None:
    """Drop what was new."""
    op.drop_table("title_days")
    op.drop_index(op.f("ix_erasures_ended_at"), table_name="erasures")
    op.drop_table("erasures")
    op.drop_table("robot_days")
    op.drop_table("excluded_viewers")


def _create_exclusions() -> None:
    op.create_table(
        "excluded_viewers",
        sa.Column("viewer", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("viewer", name=op.f("pk_excluded_viewers")),
    )
    op.create_table(
        "robot_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("viewer", sa.String(length=32), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("day", "viewer", name=op.f("pk_robot_days")),
    )


def _create_erasures() -> None:
    op.create_table(
        "erasures",
        sa.Column("erasure", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("viewers", sa.JSON(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("read_until", sa.Uuid(), nullable=True),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("export_rows", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("erasure", name=op.f("pk_erasures")),
    )
    op.create_index(op.f("ix_erasures_ended_at"), "erasures", ["ended_at"], unique=False)


def _create_title_days() -> None:
    op.create_table(
        "title_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("decisions", sa.Float(), nullable=False),
        sa.Column("reward", sa.Float(), nullable=False),
        sa.Column("variance", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("day", "title", name=op.f("pk_title_days")),
    )
