"""A whole Keyart in a folder of a test: its settings, its server in this process, and short ways to fill it.

Pictures become active by vectors that are put straight into the database, so no embedding model is loaded.
"""

import hashlib
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pysqlite3
from fastapi.testclient import TestClient
from httpx import Response
from sqlalchemy import Engine, event

from api.app import create_app
from api.dependencies.services import Services
from api.jobs.joining import join_rewards
from api.security import Keys, load_keys
from api.settings import Settings, load_settings
from api.storage.blobs import BlobStore
from api.storage.catalog import put_artwork, put_title
from api.storage.database import open_engine, transaction
from api.storage.events import count_events, stale_viewers
from api.storage.first_secret import put_fingerprint
from api.storage.foundation import (
    FoundationVersion,
    ViewerVector,
    add_foundation_version,
    put_viewer_vectors,
    set_live_foundation_version,
)
from api.storage.images import Image, activate_image, attach_image
from api.storage.jobs import JobKind, claim, complete
from api.storage.migration import migrate
from api.storage.vectors import EmbeddingVersion, add_embedding_version, put_vector
from artwork.catalog import Artwork, ArtworkId, ImageHash, Title, TitleId
from bandit.context import Vector
from bandit.decision import IMAGE_KEY_DIGITS
from bandit.rewards import RewardWindows
from foundation.events import ViewerId
from tests.api.pictures import picture

AT = datetime(2026, 1, 2, 20, 0, tzinfo=UTC)
EMBEDDING = EmbeddingVersion(version="fake-000000000001", dimension=8, domain="rendered")
FOUNDATION = "viewers-000000000001"
SECRET = "a secret of the tests, long enough"
ADMIN_KEY = "the key of the administrator"


def settings_in(home: Path, **changes: Any) -> Settings:
    """Settings of an installation that never refreshes by itself: a test says when. It has a preset key."""
    quiet = {"refresh_seconds": 3600, "select_budget_ms": 5000, "hold_back": 0.0}
    return load_settings(**{"home": home, "admin_key": ADMIN_KEY, **quiet, **changes})


def prepare(home: Path) -> None:
    """Make an empty, migrated installation with a secret that is always the same."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "secret.key").write_text(SECRET + "\n")
    engine = open_engine(settings_in(home).database_url)
    migrate(engine)
    with transaction(engine) as connection:
        put_fingerprint(connection, load_keys(settings_in(home)).fingerprint, now=datetime.now(UTC))
    engine.dispose()


def unit_vector(seed: str, dimension: int = EMBEDDING.dimension) -> Vector:
    """A unit vector that belongs to its seed."""
    digest = hashlib.sha256(seed.encode()).digest()
    drawn = np.random.default_rng(int.from_bytes(digest[:8], "big")).normal(size=dimension)
    return (drawn / np.linalg.norm(drawn)).astype(np.float32)


@dataclass(frozen=True)
class Installation:
    """An installation and its running server."""

    settings: Settings
    http: TestClient

    @property
    def home(self) -> Path:
        """Its folder."""
        return self.settings.home

    @property
    def services(self) -> Services:
        """What the server has open."""
        opened = self.http.app.state.services  # type: ignore[attr-defined]
        assert isinstance(opened, Services)
        return opened

    @property
    def engine(self) -> Engine:
        """The server's database."""
        return self.services.engine

    @property
    def blobs(self) -> BlobStore:
        """The server's files."""
        return self.services.blobs

    @property
    def keys(self) -> Keys:
        """The keys of the installation."""
        return load_keys(self.settings)

    def put_title(self, title: str = "harbor", artworks: int = 3, **facts: Any) -> list[str]:
        """Put a title with so many active artworks, named a, b, c, …, and return their image keys."""
        keys = fill_title(self.engine, self.blobs, title, artworks=artworks, **facts)
        self.services.refresh()
        return keys

    def select(self, *titles: str, viewer: str = "viewer-1", at: datetime = AT, **more: Any) -> dict[str, Any]:
        """Ask for a page and return the answer, which must be 200."""
        answer = self.ask(*titles, viewer=viewer, at=at, **more)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def ask(
        self,
        *titles: str,
        viewer: str = "viewer-1",
        at: datetime = AT,
        context: Mapping[str, str] | None = None,
        key: str | None = None,
    ) -> Response:
        """Ask for a page, with an idempotency key if one is given, and return whatever comes."""
        body = {
            "viewer": viewer,
            "context": {"at": at.isoformat(), "device": "tv", **(context or {})},
            "titles": [{"title": title} for title in titles or ("harbor",)],
        }
        return self.http.post("/v1/select", json=body, headers={} if key is None else {"Idempotency-Key": key})

    def report(self, *outcomes: Mapping[str, Any]) -> dict[str, Any]:
        """Report outcomes and return the answer, which must be 200."""
        answer = self.http.post("/v1/outcomes", json={"outcomes": list(outcomes)})
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def post_events(self, *events: Mapping[str, Any]) -> dict[str, Any]:
        """Post events and return the answer, which must be 200."""
        answer = self.http.post("/v1/events", json={"events": list(events)})
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def join(self, *, window: timedelta = timedelta(0), now: datetime | None = None) -> int:
        """Value every page that is due and return how many were looked at."""
        looked_at = 0
        while found := join_rewards(self.engine, windows=RewardWindows(window), now=now or datetime.now(UTC)):
            looked_at += found
        return looked_at

    def know_viewers(self, vectors: Mapping[str, Vector]) -> None:
        """Give viewers (by raw id) a vector of a foundation version that is live from now on."""
        know_viewers(self.engine, {self.keys.pseudonym(viewer): vector for viewer, vector in vectors.items()})
        self.services.refresh()

    def impatient(self, seconds: float = 0.05) -> None:
        """Let the server wait for a lock for a moment only, so that a test of a lock need not take five seconds."""
        milliseconds = round(1000 * seconds)
        event.listen(
            self.engine, "connect", lambda connection, _: connection.execute(f"PRAGMA busy_timeout={milliseconds}")
        )
        self.engine.dispose()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the write lock of the database from a second connection."""
        holder = pysqlite3.connect(str(self.home / "keyart.db"), isolation_level=None)
        try:
            holder.execute("BEGIN EXCLUSIVE")
            yield
            holder.execute("ROLLBACK")
        finally:
            holder.close()


@contextmanager
def running(settings: Settings) -> Generator[Installation]:
    """Serve an installation in this process until the block ends; `http` sends the preset key."""
    key = "" if settings.admin_key is None else settings.admin_key.get_secret_value()
    with TestClient(create_app(settings), headers={"Authorization": f"Bearer {key}"}) as http:
        yield Installation(settings, http)


def fill_title(engine: Engine, blobs: BlobStore, title: str, *, artworks: int, **facts: Any) -> list[str]:
    """Put a title with so many active artworks, named a, b, c, …, and return their image keys."""
    now = datetime.now(UTC)
    described = {"name": title.capitalize(), "runtime_seconds": 6000, **facts}
    keys: list[str] = []
    with transaction(engine) as connection:
        put_title(connection, Title(title=TitleId(title), **described), now=now)
        add_embedding_version(connection, EMBEDDING, now=now)
        for letter in "abcdefghijklmnopqrstuvwxyz"[:artworks]:
            artwork = Artwork(title=TitleId(title), artwork=ArtworkId(letter))
            put_artwork(connection, artwork, now=now)
            image = store_picture(blobs, picture(int(hashlib.sha256(f"{title}/{letter}".encode()).hexdigest()[:8], 16)))
            attach_image(connection, artwork.title, artwork.artwork, image=image, now=now)
            job = claim(connection, owner="test", now=now, lease=timedelta(minutes=1), kinds=[JobKind.EMBED_IMAGE])
            assert job is not None
            put_vector(connection, image.sha256, version=EMBEDDING.version, vector=unit_vector(image.sha256))
            activate_image(connection, image.sha256, now=now)
            complete(connection, job, now=now)
            keys.append(image.sha256[:IMAGE_KEY_DIGITS])
    return keys


def store_picture(blobs: BlobStore, data: bytes) -> Image:
    """Keep the bytes of a PNG as they are and return what the catalogue says of them."""
    sha256 = ImageHash(hashlib.sha256(data).hexdigest())
    blobs.put_image(sha256, "png", data)
    return Image(
        sha256=sha256,
        format="png",
        width=48,
        height=48,
        bytes=len(data),
        perceptual_hash=hashlib.sha256(data).hexdigest(),
    )


def know_viewers(engine: Engine, vectors: Mapping[ViewerId, Vector]) -> None:
    """Put viewer vectors of a foundation version that is live from now on."""
    now = datetime.now(UTC)
    version = FoundationVersion(version=FOUNDATION, digest="0" * 64, config={}, metrics={}, created_at=now)
    with transaction(engine) as connection:
        add_foundation_version(connection, version)
        known = stale_viewers(connection, FOUNDATION)
        rows = [ViewerVector(viewer=each, vector=vector, events=known.get(each, 0)) for each, vector in vectors.items()]
        put_viewer_vectors(connection, FOUNDATION, rows, now=now)
        set_live_foundation_version(connection, FOUNDATION)


_numbers = count()


def an_event(viewer: str = "viewer-1", title: str = "harbor", **more: Any) -> dict[str, Any]:
    """An event as it is posted; its id is new."""
    number = next(_numbers)
    plain = {"event": f"e{number}", "viewer": viewer, "title": title, "action": "play", "at": AT.isoformat()}
    return {**plain, "device": "tv", "seconds": 900.0, "of_seconds": 6000.0, **more}


def an_outcome(decision: str, kind: str = "played", **more: Any) -> dict[str, Any]:
    """An outcome as it is reported; its id is new, its time is now."""
    plain = {"event": f"o{next(_numbers)}", "decision": decision, "kind": kind, "at": datetime.now(UTC).isoformat()}
    timed = {"seconds": 3000.0, "of_seconds": 6000.0} if kind in ("played", "watched", "abandoned") else {}
    return {**plain, **timed, **more}


def decisions_of(page: Mapping[str, Any]) -> Sequence[str]:
    """The decision ids of an answered page."""
    return [slot["decision"] for slot in page["slots"]]


def count_of_events(installation: Installation) -> int:
    """How many events are stored."""
    with transaction(installation.engine) as connection:
        return count_events(connection)
