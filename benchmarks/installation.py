"""An installation to measure: 40 titles × 6 artworks, viewers with vectors, and a learned version that is live.

Its vectors are random, so nothing is measured here of how good the choices are.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
from sqlalchemy import Connection

from api.dependencies.outcomes import ReportedOutcome, take_outcomes
from api.dependencies.pages import SelectCall
from api.dependencies.promotion import Order, promote
from api.dependencies.services import open_services
from api.homepage.request import AskedTitle
from api.jobs.learning import learn_version
from api.security import load_keys
from api.settings import Settings, load_settings
from api.storage.blobs import BlobStore
from api.storage.catalog import put_title
from api.storage.database import open_engine, transaction
from api.storage.events import add_events
from api.storage.foundation import (
    FoundationVersion,
    ViewerVector,
    add_foundation_version,
    put_viewer_vectors,
    set_live_foundation_version,
)
from api.storage.images import Image, activate_image, attach_image
from api.storage.migration import migrate
from api.storage.vectors import EmbeddingVersion, add_embedding_version, put_vector
from artwork.catalog import ArtworkId, ImageHash, Title, TitleId
from bandit.context import RequestContext
from bandit.decision import OutcomeKind
from foundation.events import Action, Event, EventId, ViewerId

TITLES, ARTWORKS, VIEWERS = 40, 6, 500
TITLE_IDS = tuple(TitleId(f"title-{index:02d}") for index in range(TITLES))
VIEWER_IDS = tuple(f"viewer-{number}" for number in range(VIEWERS))
EMBEDDING, FOUNDATION, DIMENSION, VIEWER_DIMENSION = "bench-images", "bench-viewers", 128, 32
NOW = datetime(2026, 1, 1, 20, tzinfo=UTC)


def install(home: Path, *, database_url: str | None = None) -> Settings:
    """Fill `home`, learn a version from uniform pages, promote it, and return the settings.

    The database is SQLite in `home`, or the empty one at `database_url`.
    """
    settings = load_settings(home=home, database_url=database_url or f"sqlite:///{home / 'keyart.db'}")
    engine = open_engine(settings.database_url)
    migrate(engine)
    rng = np.random.default_rng(0)
    with transaction(engine) as connection:
        _put_catalogue(connection, rng)
        _put_viewers(connection, [load_keys(settings).pseudonym(viewer) for viewer in VIEWER_IDS], rng)
    _serve_uniformly(settings, rng)
    blobs = BlobStore(home)
    version = learn_version(engine, blobs, settings=settings).manifest.version
    order = Order(actor="bench", reason="to be measured; its vectors are random", at=NOW, force=True)
    promote(engine, blobs, version=version, order=order)
    engine.dispose()
    return settings


def _put_catalogue(connection: Connection, rng: np.random.Generator) -> None:
    version = EmbeddingVersion(version=EMBEDDING, dimension=DIMENSION, domain="rendered")
    add_embedding_version(connection, version, now=NOW)
    for title in TITLE_IDS:
        put_title(connection, Title(title=title, name=title, runtime_seconds=5400), now=NOW)
        for number in range(ARTWORKS):
            image = ImageHash(rng.bytes(32).hex())
            record = Image(sha256=image, format="jpeg", width=640, height=360, bytes=1, perceptual_hash="0" * 64)
            attach_image(connection, title, ArtworkId(f"artwork-{number}"), image=record, now=NOW)
            vector = rng.normal(size=DIMENSION).astype(np.float32)
            put_vector(connection, image, version=EMBEDDING, vector=vector / np.linalg.norm(vector))
            activate_image(connection, image, now=NOW)


def _put_viewers(connection: Connection, pseudonyms: list[ViewerId], rng: np.random.Generator) -> None:
    add_events(connection, list(_one_event_each(pseudonyms)), now=NOW)
    version = FoundationVersion(version=FOUNDATION, digest="0" * 64, config={}, metrics={}, created_at=NOW)
    add_foundation_version(connection, version)
    vectors = rng.normal(size=(len(pseudonyms), VIEWER_DIMENSION)).astype(np.float32)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    rows = [
        ViewerVector(viewer=viewer, vector=vector, events=1) for viewer, vector in zip(pseudonyms, unit, strict=True)
    ]
    put_viewer_vectors(connection, FOUNDATION, rows, now=NOW)
    set_live_foundation_version(connection, FOUNDATION)


def _one_event_each(pseudonyms: list[ViewerId]) -> Iterator[Event]:
    for viewer in pseudonyms:
        yield Event(event=EventId(viewer), viewer=viewer, title=TITLE_IDS[0], action=Action.PLAY, at=NOW)


def _serve_uniformly(settings: Settings, rng: np.random.Generator) -> None:
    """Serve every viewer one page of all titles, and report that a tenth of them was watched whole."""
    asked = tuple(AskedTitle(title=title, position=place) for place, title in enumerate(TITLE_IDS))
    with open_services(settings) as services:
        for viewer in VIEWER_IDS:
            call = SelectCall(
                viewer=viewer,
                context=RequestContext(at=NOW, device="tv"),
                titles=asked,
                budget=10.0,
            )
            slots = msgspec.json.decode(services.pages.answer(call))["slots"]
            take_outcomes(services, [_watched(slot["decision"], bool(rng.random() < 0.1)) for slot in slots])


def _watched(decision: str, whole: bool) -> ReportedOutcome:
    kind = OutcomeKind.WATCHED if whole else OutcomeKind.SEEN
    return ReportedOutcome(
        event=f"{decision}-{kind}", decision=decision, kind=kind, at=NOW, seconds=5400.0 if whole else 0.0
    )
