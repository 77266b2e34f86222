"""Digests of requests are keyed from now on.

Those before were of viewers' raw ids, which could be tried against them: so they go.
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forget the digests; a request that repeats a key of such a page gets its answer unlooked-at."""
    op.execute("UPDATE pages SET request_digest = NULL WHERE request_digest IS NOT NULL")


def downgrade() -> None:
    """Nothing to do: what was forgotten is not known."""
