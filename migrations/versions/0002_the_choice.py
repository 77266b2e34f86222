"""What the choice needs besides: guards, descriptions of images, stages of versions."""

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make what is new."""


def downgrade() -> None:
    """Drop what was new."""
