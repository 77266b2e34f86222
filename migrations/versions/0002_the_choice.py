"""What the choice needs besides: guards, descriptions of images, stages of versions."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make what is new."""
    _create_descriptions()
    _create_guards()
    _create_evaluations()


def downgrade() -> None:
    """Drop what was new."""
    _drop_descriptions()
    _drop_guards()
    _drop_evaluations()


def _create_guards() -> None:
    """What people order of artworks: pins, schedules, shares, states and devices."""
    op.add_column("artworks", sa.Column("devices", sa.JSON(), nullable=True))
    op.create_table(
        "guards",
        sa.Column("guard", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("artwork", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("locale", sa.Text(), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("minimum", sa.Float(), nullable=True),
        sa.Column("maximum", sa.Float(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lifted_by", sa.Text(), nullable=True),
        sa.Column("lifted_because", sa.Text(), nullable=True),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["title", "artwork"], ["artworks.title", "artworks.artwork"], name=op.f("fk_guards_title_artwork")
        ),
        sa.PrimaryKeyConstraint("guard", name=op.f("pk_guards")),
    )
    op.create_index(op.f("ix_guards_title"), "guards", ["title"], unique=False)
    op.create_index(op.f("ix_guards_revision"), "guards", ["revision"], unique=False)
    op.create_table(
        "artwork_changes",
        sa.Column("change", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("artwork", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["title", "artwork"], ["artworks.title", "artworks.artwork"], name=op.f("fk_artwork_changes_title_artwork")
        ),
        sa.PrimaryKeyConstraint("change", name=op.f("pk_artwork_changes")),
    )
    op.create_index(op.f("ix_artwork_changes_title"), "artwork_changes", ["title"], unique=False)


def _drop_guards() -> None:
    op.drop_table("artwork_changes")
    op.drop_table("guards")
    op.drop_column("artworks", "devices")


def _create_descriptions() -> None:
    """Labels and measures of images."""
    op.create_table(
        "artwork_descriptions",
        sa.Column("image", sa.String(length=64), nullable=False),
        sa.Column("embedding_version", sa.String(length=120), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("measures", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["embedding_version"],
            ["embedding_versions.version"],
            name=op.f("fk_artwork_descriptions_embedding_version"),
        ),
        sa.ForeignKeyConstraint(["image"], ["images.sha256"], name=op.f("fk_artwork_descriptions_image")),
        sa.PrimaryKeyConstraint("image", "embedding_version", name=op.f("pk_artwork_descriptions")),
    )


def _drop_descriptions() -> None:
    op.drop_table("artwork_descriptions")


def _create_evaluations() -> None:
    """What is said of a version before it is promoted, and what was overridden when it was."""
    op.add_column("deployments", sa.Column("overridden", sa.JSON(), nullable=True))
    op.create_table(
        "policy_evaluations",
        sa.Column("evaluation", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("version", sa.String(length=120), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["version"], ["policy_versions.version"], name=op.f("fk_policy_evaluations_version")),
        sa.PrimaryKeyConstraint("evaluation", name=op.f("pk_policy_evaluations")),
    )
    op.create_index(
        op.f("ix_policy_evaluations_version_evaluation"), "policy_evaluations", ["version", "evaluation"], unique=False
    )


def _drop_evaluations() -> None:
    op.drop_index(op.f("ix_policy_evaluations_version_evaluation"), table_name="policy_evaluations")
    op.drop_table("policy_evaluations")
    op.drop_column("deployments", "overridden")
