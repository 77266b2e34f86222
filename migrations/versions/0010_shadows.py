"""What servers say of a shadow version, and what the watch has seen of the versions that decide."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make what is new."""
    op.create_table(
        "shadow_reports",
        sa.Column("deployment", SERIAL, autoincrement=False, nullable=False),
        sa.Column("server", sa.Text(), nullable=False),
        sa.Column("version", sa.String(length=120), nullable=True),
        sa.Column("pages", sa.BigInteger(), nullable=False),
        sa.Column("slots", sa.BigInteger(), nullable=False),
        sa.Column("chosen", sa.Float(), nullable=False),
        sa.Column("distance", sa.Float(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("live_seconds", sa.Float(), nullable=False),
        sa.Column("slow", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("dropped", sa.BigInteger(), nullable=False),
        sa.Column("unable", sa.Integer(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["deployment"], ["deployments.deployment"], name=op.f("fk_shadow_reports_deployment_deployments")
        ),
        sa.PrimaryKeyConstraint("deployment", "server", name=op.f("pk_shadow_reports")),
    )
    op.create_table(
        "watch_evidence",
        sa.Column("version", sa.String(length=120), nullable=False),
        sa.Column("until", sa.String(length=32), nullable=False),
        sa.Column("seen", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_watch_evidence")),
    )


def downgrade() -> None:
    """Drop what was new."""
    op.drop_table("watch_evidence")
    op.drop_table("shadow_reports")
