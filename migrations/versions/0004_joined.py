"""What the join keeps: rewards a page at a time, and the counts that must add up."""

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make what is new."""


def downgrade() -> None:
    """Drop what was new."""
