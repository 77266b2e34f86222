"""Which secret the database is used with, by its fingerprint: so that a server with another one is told."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make what is new; the first server that starts writes its own into it."""
    op.create_table(
        "first_secret",
        sa.Column("one", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("one", name=op.f("pk_first_secret")),
    )


def downgrade() -> None:
    """Drop what was new."""
    op.drop_table("first_secret")
