"""The tables, one a kind of record, and their indexes, one a query. Knows no connection and no statement.

migrations/ is generated from here (`alembic revision --autogenerate`), and a test tells when the two differ.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    text,
)

from api.storage.columns import PageKey, UtcDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

SHA256 = String(64)
PSEUDONYM = String(32)
SERIAL = BigInteger().with_variant(Integer, "sqlite")
"""Only an INTEGER primary key counts by itself on SQLite."""

revisions = Table(
    "revisions",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", BigInteger, nullable=False),
)
"""Counters that go up with every change; taking the next value locks the row, so values are committed in order."""

titles = Table(
    "titles",
    metadata,
    Column("title", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("genres", JSON, nullable=False),
    Column("year", Integer),
    Column("language", Text),
    Column("runtime_seconds", Integer),
    Column("cast", JSON, nullable=False),
    Column("maturity", Text),
    Column("revision", BigInteger, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Index(None, "revision"),
)

images = Table(
    "images",
    metadata,
    Column("sha256", SHA256, primary_key=True),
    Column("format", String(8), nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("perceptual_hash", String(64), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

artworks = Table(
    "artworks",
    metadata,
    Column("title", Text, ForeignKey("titles.title"), primary_key=True),
    Column("artwork", Text, primary_key=True),
    Column("label", Text),
    Column("is_default", Boolean, nullable=False),
    Column("locales", JSON, nullable=False),
    Column("maturity", Text),
    Column("spoiler", Boolean, nullable=False),
    Column("devices", JSON),
    Column("image", SHA256, ForeignKey("images.sha256")),
    Column("pending_image", SHA256, ForeignKey("images.sha256")),
    Column("state", String(20), nullable=False),
    Column("reason", Text),
    Column("revision", BigInteger, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Index(None, "revision"),
    Index(None, "image"),
    Index(None, "pending_image"),
    Index(
        "uq_artworks_default",
        "title",
        unique=True,
        sqlite_where=text("is_default"),
        postgresql_where=text("is_default"),
    ),
)
"""`pending_image` is to take the place of `image`, which is shown until then."""

guards = Table(
    "guards",
    metadata,
    Column("guard", SERIAL, primary_key=True),
    Column("title", Text, nullable=False),
    Column("artwork", Text, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("locale", Text),
    Column("starts_at", UtcDateTime),
    Column("ends_at", UtcDateTime),
    Column("minimum", Float),
    Column("maximum", Float),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("lifted_by", Text),
    Column("lifted_because", Text),
    Column("lifted_at", UtcDateTime),
    Column("revision", BigInteger, nullable=False),
    ForeignKeyConstraint(["title", "artwork"], ["artworks.title", "artworks.artwork"]),
    Index(None, "title"),
    Index(None, "revision"),
)
"""Pins, schedules and shares. Never changed but to be lifted, so that who ordered what, and until when, stays known."""

artwork_changes = Table(
    "artwork_changes",
    metadata,
    Column("change", SERIAL, primary_key=True),
    Column("title", Text, nullable=False),
    Column("artwork", Text, nullable=False),
    Column("state", String(20), nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    ForeignKeyConstraint(["title", "artwork"], ["artworks.title", "artworks.artwork"]),
    Index(None, "title"),
)
"""Append-only: who paused, resumed or retired an artwork, and why."""

embedding_versions = Table(
    "embedding_versions",
    metadata,
    Column("version", String(120), primary_key=True),
    Column("dimension", Integer, nullable=False),
    Column("domain", String(20), nullable=False),
    Column("live", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("wanted_at", UtcDateTime, nullable=False),
    Index("uq_embedding_versions_live", "live", unique=True, sqlite_where=text("live"), postgresql_where=text("live")),
)
"""`wanted_at` is when a worker last started with the version: the one wanted last is to be live."""

artwork_vectors = Table(
    "artwork_vectors",
    metadata,
    Column("image", SHA256, ForeignKey("images.sha256"), primary_key=True),
    Column("embedding_version", String(120), ForeignKey("embedding_versions.version"), primary_key=True),
    Column("vector", LargeBinary, nullable=False),
)

artwork_descriptions = Table(
    "artwork_descriptions",
    metadata,
    Column("image", SHA256, ForeignKey("images.sha256"), primary_key=True),
    Column("embedding_version", String(120), ForeignKey("embedding_versions.version"), primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("labels", JSON, nullable=False),
    Column("measures", JSON, nullable=False),
)
"""How images look, as `artwork.description` tells; `revision` is its REVISION when they were described."""

viewers = Table(
    "viewers",
    metadata,
    Column("viewer", PSEUDONYM, primary_key=True),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("events", Integer, nullable=False),
)
"""`events` counts a viewer's events; it tells which viewer vectors have been overtaken by newer ones."""

events = Table(
    "events",
    metadata,
    Column("event", Text, primary_key=True),
    Column("viewer", PSEUDONYM, ForeignKey("viewers.viewer", ondelete="CASCADE"), nullable=False),
    Column("title", Text, nullable=False),
    Column("action", String(20), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("device", Text),
    Column("canvas", Text),
    Column("row", Text),
    Column("seconds", Float),
    Column("of_seconds", Float),
    Index(None, "viewer", "at", "event"),
)
"""No foreign key to titles: what was watched may leave the catalogue, or come to it later."""

foundation_versions = Table(
    "foundation_versions",
    metadata,
    Column("version", String(120), primary_key=True),
    Column("digest", SHA256, nullable=False),
    Column("config", JSON, nullable=False),
    Column("metrics", JSON, nullable=False),
    Column("live", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index("uq_foundation_versions_live", "live", unique=True, sqlite_where=text("live"), postgresql_where=text("live")),
)

viewer_vectors = Table(
    "viewer_vectors",
    metadata,
    Column("viewer", PSEUDONYM, ForeignKey("viewers.viewer", ondelete="CASCADE"), primary_key=True),
    Column("foundation_version", String(120), ForeignKey("foundation_versions.version"), primary_key=True),
    Column("vector", LargeBinary, nullable=False),
    Column("events", Integer, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)
"""`events` is the viewer's count of events when the vector was made."""

title_vectors = Table(
    "title_vectors",
    metadata,
    Column("foundation_version", String(120), ForeignKey("foundation_versions.version"), primary_key=True),
    Column("title", Text, primary_key=True),
    Column("vector", LargeBinary, nullable=False),
)

pages = Table(
    "pages",
    metadata,
    Column("page", PageKey, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("viewer", PSEUDONYM, nullable=False),
    Column("policy", String(120), nullable=False),
    Column("embedding_version", String(120), nullable=False),
    Column("foundation_version", String(120)),
    Column("slots", SmallInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("idempotency_key", Text, unique=True),
    Column("request_digest", SHA256),
    Column("response", LargeBinary),
)
"""The decision log: written once, one row a page; `body` is the whole `bandit.decision.Page` as MessagePack."""

outcomes = Table(
    "outcomes",
    metadata,
    Column("page", PageKey, primary_key=True),
    Column("slot", SmallInteger, primary_key=True, autoincrement=False),
    Column("event", Text, primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("seconds", Float),
    Column("of_seconds", Float),
    Column("received_at", UtcDateTime, nullable=False),
    sqlite_with_rowid=False,
)
"""No foreign key to pages: an outcome may come before its decision is committed."""

due_pages = Table(
    "due_pages",
    metadata,
    Column("page", PageKey, primary_key=True),
    Column("due_at", UtcDateTime, nullable=False),
    Column("changes", Integer, nullable=False),
    Index(None, "due_at", "page"),
)
"""Pages whose rewards are to be computed, and when: new pages, those that outcomes came for since they last were, and
those whose window is open."""

policy_versions = Table(
    "policy_versions",
    metadata,
    Column("version", String(120), primary_key=True),
    Column("digest", SHA256, nullable=False),
    Column("manifest", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

deployments = Table(
    "deployments",
    metadata,
    Column("deployment", SERIAL, primary_key=True),
    Column("version", String(120), nullable=False),
    Column("stage", String(20), nullable=False),
    Column("share", Float),
    Column("rolled_back", String(120)),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("overridden", JSON),
    Index(None, "stage", "deployment"),
)
"""Append-only. `rolled_back` names the version that a roll-back took off, and is null for a promotion.
`overridden` says what spoke against one that was forced."""

policy_evaluations = Table(
    "policy_evaluations",
    metadata,
    Column("evaluation", SERIAL, primary_key=True),
    Column("version", String(120), ForeignKey("policy_versions.version"), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("result", JSON, nullable=False),
    Column("found", JSON),
    Index(None, "version", "evaluation"),
)
"""Append-only: what evaluations said of a version beside its manifest, which never changes; the newest one counts.
`result` is what the gate asks for, `found` the whole, as `keyart evaluate --json` prints it."""

jobs = Table(
    "jobs",
    metadata,
    Column("job", SERIAL, primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("key", Text, nullable=False),
    Column("payload", JSON, nullable=False),
    Column("state", String(20), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("error", Text),
    Column("lease_owner", Text),
    Column("lease_until", UtcDateTime),
    Column("run_after", UtcDateTime, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Index(None, "state", "run_after"),
    Index(
        "uq_jobs_waiting",
        "kind",
        "key",
        unique=True,
        sqlite_where=text("state = 'waiting'"),
        postgresql_where=text("state = 'waiting'"),
    ),
)
"""At most one job of a kind and key waits; one that runs may be joined by one that waits for what came since."""
