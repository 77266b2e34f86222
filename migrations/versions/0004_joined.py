"""What the join keeps: rewards a page at a time, and the counts that must add up.

Rewards are derived, so the old ones are dropped and every page is due to be valued again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_OUTCOMES = ("page", "slot", "event", "kind", "at", "seconds", "of_seconds", "received_at")


def upgrade() -> None:
    """Make what is new."""
    _create_page_rewards()
    _create_counts()
    _cluster_outcomes(True)
    op.drop_table("rewards")
    _count_what_is_there()


def downgrade() -> None:
    """Drop what was new."""
    _create_old_rewards()
    _cluster_outcomes(False)
    op.execute("DELETE FROM due_pages")
    op.execute("INSERT INTO due_pages (page, due_at, changes) SELECT DISTINCT page, CURRENT_TIMESTAMP, 1 FROM outcomes")
    op.drop_table("log_days")
    op.drop_table("tallies")
    op.drop_table("page_rewards")


def _create_page_rewards() -> None:
    op.create_table(
        "page_rewards",
        sa.Column("page", sa.Uuid(), nullable=False),
        sa.Column("slots", sa.SmallInteger(), nullable=False),
        sa.Column("final", sa.Boolean(), nullable=False),
        sa.Column("rewarded", sa.SmallInteger(), nullable=False),
        sa.Column("defaulted", sa.SmallInteger(), nullable=False),
        sa.Column("matched", sa.Integer(), nullable=False),
        sa.Column("late", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("page", name=op.f("pk_page_rewards")),
    )


def _create_counts() -> None:
    op.create_table(
        "tallies",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("stripe", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name", "stripe", name=op.f("pk_tallies")),
    )
    op.create_table(
        "log_days",
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_log_days")),
    )


def _cluster_outcomes(clustered: bool) -> None:
    """On SQLite keep outcomes in the tree of their key alone: the half of the bytes, and of the writing."""
    if op.get_bind().dialect.name != "sqlite":
        return
    op.rename_table("outcomes", "outcomes_before")
    op.create_table(
        "outcomes",
        sa.Column("page", sa.Uuid(), nullable=False),
        sa.Column("slot", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.Column("of_seconds", sa.Float(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("page", "slot", "event", name=op.f("pk_outcomes")),
        sqlite_with_rowid=not clustered,
    )
    before = sa.table("outcomes_before", *(sa.column(name) for name in _OUTCOMES))
    in_order = sa.select(before).order_by(before.c.page, before.c.slot, before.c.event)
    op.execute(
        sa.insert(sa.table("outcomes", *(sa.column(name) for name in _OUTCOMES))).from_select(_OUTCOMES, in_order)
    )
    op.drop_table("outcomes_before")


def _count_what_is_there() -> None:
    """Every page is open and every outcome waits, until the join has been over them."""
    op.execute("DELETE FROM due_pages")
    op.execute("INSERT INTO due_pages (page, due_at, changes) SELECT page, at, 0 FROM pages")
    op.execute(
        "INSERT INTO due_pages (page, due_at, changes) SELECT page, MIN(received_at), 1 FROM outcomes"
        " WHERE page NOT IN (SELECT page FROM pages) GROUP BY page"
    )
    for name, counted in (
        ("issued", "COALESCE(SUM(slots), 0) FROM pages"),
        ("open", "COALESCE(SUM(slots), 0) FROM pages"),
        ("received", "COUNT(*) FROM outcomes"),
        ("waiting", "COUNT(*) FROM outcomes"),
    ):
        op.execute(f"INSERT INTO tallies (name, stripe, value) SELECT '{name}', 0, {counted}")


def _create_old_rewards() -> None:
    op.create_table(
        "rewards",
        sa.Column("page", sa.Uuid(), nullable=False),
        sa.Column("slot", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("definition", sa.String(length=60), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("final", sa.Boolean(), nullable=False),
        sa.CheckConstraint("value >= 0 AND value <= 1", name=op.f("ck_rewards_value")),
        sa.PrimaryKeyConstraint("page", "slot", "definition", name=op.f("pk_rewards")),
    )
