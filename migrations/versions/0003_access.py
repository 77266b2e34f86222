"""Who may: keys, sessions, the audit log."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make what is new."""
    _create_keys()
    _create_sessions()
    _create_audit_log()


def downgrade() -> None:
    """Drop what was new."""
    op.drop_table("audit_log")
    op.drop_table("sessions")
    op.drop_table("api_keys")


def _create_keys() -> None:
    """API keys, by prefix; of the key itself only its SHA-256."""
    op.create_table(
        "api_keys",
        sa.Column("prefix", sa.String(length=20), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_by", sa.Text(), nullable=True),
        sa.Column("last_used_on", sa.Date(), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("prefix", name=op.f("pk_api_keys")),
    )
    op.create_index(op.f("ix_api_keys_name"), "api_keys", ["name"], unique=False)
    op.create_index(op.f("ix_api_keys_revision"), "api_keys", ["revision"], unique=False)


def _create_sessions() -> None:
    """Log-ins to the console, by the SHA-256 of what the cookie holds."""
    op.create_table(
        "sessions",
        sa.Column("session", sa.String(length=64), nullable=False),
        sa.Column("prefix", sa.String(length=20), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("session", name=op.f("pk_sessions")),
    )
    op.create_index(op.f("ix_sessions_expires_at"), "sessions", ["expires_at"], unique=False)
    op.create_index(op.f("ix_sessions_prefix"), "sessions", ["prefix"], unique=False)


def _create_audit_log() -> None:
    """Every change: who, what, before, after, why and when."""
    op.create_table(
        "audit_log",
        sa.Column("entry", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("before", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("after", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("entry", name=op.f("pk_audit_log")),
    )
    op.create_index(op.f("ix_audit_log_subject_entry"), "audit_log", ["subject", "entry"], unique=False)
    op.create_index(op.f("ix_audit_log_actor_entry"), "audit_log", ["actor", "entry"], unique=False)
