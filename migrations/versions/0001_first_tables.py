"""The first tables: catalogue, viewers, foundation, the decision log, policies and jobs."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, those first that others refer to."""
    _create_titles()
    _create_artworks()
    _create_embeddings()
    _create_viewers()
    _create_foundation()
    _create_log()
    _create_rewards()
    _create_policies()
    _create_jobs()


def downgrade() -> None:
    """Drop the tables and all that they hold."""
    for table in reversed(TABLES):
        op.drop_table(table)


TABLES = (
    "revisions",
    "titles",
    "images",
    "artworks",
    "embedding_versions",
    "artwork_vectors",
    "viewers",
    "events",
    "foundation_versions",
    "viewer_vectors",
    "title_vectors",
    "pages",
    "outcomes",
    "due_pages",
    "rewards",
    "policy_versions",
    "deployments",
    "jobs",
)


def _create_titles() -> None:
    """Titles, and the counters of changes."""
    op.create_table(
        "revisions",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_revisions")),
    )
    op.create_table(
        "titles",
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("genres", sa.JSON(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=True),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("runtime_seconds", sa.Integer(), nullable=True),
        sa.Column("cast", sa.JSON(), nullable=False),
        sa.Column("maturity", sa.Text(), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("title", name=op.f("pk_titles")),
    )
    op.create_index(op.f("ix_titles_revision"), "titles", ["revision"], unique=False)


def _create_artworks() -> None:
    """Images, and the artworks that show them."""
    op.create_table(
        "images",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("format", sa.String(length=8), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("perceptual_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_images")),
    )
    op.create_table(
        "artworks",
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("artwork", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=True),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("locales", sa.JSON(), nullable=False),
        sa.Column("maturity", sa.Text(), nullable=True),
        sa.Column("spoiler", sa.Boolean(), nullable=False),
        sa.Column("image", sa.String(length=64), nullable=True),
        sa.Column("pending_image", sa.String(length=64), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["image"], ["images.sha256"], name=op.f("fk_artworks_image")),
        sa.ForeignKeyConstraint(["pending_image"], ["images.sha256"], name=op.f("fk_artworks_pending_image")),
        sa.ForeignKeyConstraint(["title"], ["titles.title"], name=op.f("fk_artworks_title")),
        sa.PrimaryKeyConstraint("title", "artwork", name=op.f("pk_artworks")),
    )
    op.create_index(op.f("ix_artworks_image"), "artworks", ["image"], unique=False)
    op.create_index(op.f("ix_artworks_pending_image"), "artworks", ["pending_image"], unique=False)
    op.create_index(op.f("ix_artworks_revision"), "artworks", ["revision"], unique=False)
    op.create_index(
        "uq_artworks_default",
        "artworks",
        ["title"],
        unique=True,
        sqlite_where=sa.text("is_default"),
        postgresql_where=sa.text("is_default"),
    )


def _create_embeddings() -> None:
    """The vectors of images, by embedding version."""
    op.create_table(
        "embedding_versions",
        sa.Column("version", sa.String(length=120), nullable=False),
        sa.Column("dimension", sa.Integer(), nullable=False),
        sa.Column("domain", sa.String(length=20), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wanted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_embedding_versions")),
    )
    op.create_index(
        "uq_embedding_versions_live",
        "embedding_versions",
        ["live"],
        unique=True,
        sqlite_where=sa.text("live"),
        postgresql_where=sa.text("live"),
    )
    op.create_table(
        "artwork_vectors",
        sa.Column("image", sa.String(length=64), nullable=False),
        sa.Column("embedding_version", sa.String(length=120), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["embedding_version"], ["embedding_versions.version"], name=op.f("fk_artwork_vectors_embedding_version")
        ),
        sa.ForeignKeyConstraint(["image"], ["images.sha256"], name=op.f("fk_artwork_vectors_image")),
        sa.PrimaryKeyConstraint("image", "embedding_version", name=op.f("pk_artwork_vectors")),
    )


def _create_viewers() -> None:
    """Viewers and their events."""
    op.create_table(
        "viewers",
        sa.Column("viewer", sa.String(length=32), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("viewer", name=op.f("pk_viewers")),
    )
    op.create_table(
        "events",
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("viewer", sa.String(length=32), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("action", sa.String(length=20), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("device", sa.Text(), nullable=True),
        sa.Column("canvas", sa.Text(), nullable=True),
        sa.Column("row", sa.Text(), nullable=True),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.Column("of_seconds", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["viewer"], ["viewers.viewer"], name=op.f("fk_events_viewer"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("event", name=op.f("pk_events")),
    )
    op.create_index(op.f("ix_events_viewer_at_event"), "events", ["viewer", "at", "event"], unique=False)


def _create_foundation() -> None:
    """Versions of the foundation model and their vectors."""
    op.create_table(
        "foundation_versions",
        sa.Column("version", sa.String(length=120), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("config", sa.JSON(), nullable=False),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_foundation_versions")),
    )
    op.create_index(
        "uq_foundation_versions_live",
        "foundation_versions",
        ["live"],
        unique=True,
        sqlite_where=sa.text("live"),
        postgresql_where=sa.text("live"),
    )
    op.create_table(
        "viewer_vectors",
        sa.Column("viewer", sa.String(length=32), nullable=False),
        sa.Column("foundation_version", sa.String(length=120), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["foundation_version"], ["foundation_versions.version"], name=op.f("fk_viewer_vectors_foundation_version")
        ),
        sa.ForeignKeyConstraint(
            ["viewer"], ["viewers.viewer"], name=op.f("fk_viewer_vectors_viewer"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("viewer", "foundation_version", name=op.f("pk_viewer_vectors")),
    )
    op.create_table(
        "title_vectors",
        sa.Column("foundation_version", sa.String(length=120), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["foundation_version"], ["foundation_versions.version"], name=op.f("fk_title_vectors_foundation_version")
        ),
        sa.PrimaryKeyConstraint("foundation_version", "title", name=op.f("pk_title_vectors")),
    )


def _create_log() -> None:
    """Pages, and what happened to them."""
    op.create_table(
        "pages",
        sa.Column("page", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("viewer", sa.String(length=32), nullable=False),
        sa.Column("policy", sa.String(length=120), nullable=False),
        sa.Column("embedding_version", sa.String(length=120), nullable=False),
        sa.Column("foundation_version", sa.String(length=120), nullable=True),
        sa.Column("slots", sa.SmallInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("request_digest", sa.String(length=64), nullable=True),
        sa.Column("response", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("page", name=op.f("pk_pages")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_pages_idempotency_key")),
    )
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
    )


def _create_rewards() -> None:
    """What decisions are worth, and which pages are due to be valued."""
    op.create_table(
        "due_pages",
        sa.Column("page", sa.Uuid(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changes", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("page", name=op.f("pk_due_pages")),
    )
    op.create_index(op.f("ix_due_pages_due_at_page"), "due_pages", ["due_at", "page"], unique=False)
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


def _create_policies() -> None:
    """Policy versions and their deployments."""
    op.create_table(
        "policy_versions",
        sa.Column("version", sa.String(length=120), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("manifest", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_policy_versions")),
    )
    op.create_table(
        "deployments",
        sa.Column("deployment", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("version", sa.String(length=120), nullable=False),
        sa.Column("stage", sa.String(length=20), nullable=False),
        sa.Column("share", sa.Float(), nullable=True),
        sa.Column("rolled_back", sa.String(length=120), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("deployment", name=op.f("pk_deployments")),
    )
    op.create_index(op.f("ix_deployments_stage_deployment"), "deployments", ["stage", "deployment"], unique=False)


def _create_jobs() -> None:
    """The queue of work."""
    op.create_table(
        "jobs",
        sa.Column("job", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("lease_owner", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("run_after", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("job", name=op.f("pk_jobs")),
    )
    op.create_index(op.f("ix_jobs_state_run_after"), "jobs", ["state", "run_after"], unique=False)
    op.create_index(
        "uq_jobs_waiting",
        "jobs",
        ["kind", "key"],
        unique=True,
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )
