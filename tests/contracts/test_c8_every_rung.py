"""C8 over HTTP: each rung of the fall-back ladder forced in turn by what breaks in life, until the first decides again.

A version is promoted, its file is lost, pictures are embedded anew, a version of counts comes, viewers are held back.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from api.settings import Settings
from api.storage.database import transaction
from api.storage.policies import PolicyVersion, add_policy_version
from api.storage.tables import artworks
from api.storage.vectors import EmbeddingVersion, add_embedding_version, put_vector, set_live_embedding_version
from artwork.catalog import ImageHash
from bandit.policies.most_played import MostPlayedPolicy, Played
from tests.api.installation import Installation, running, settings_in, unit_vector
from tests.api.learned import TITLES, Learned

ANOTHER = EmbeddingVersion(version="fake-000000000002", dimension=8, domain="rendered")
Shown = tuple[str, str, str, bool]
"""Rung, policy, reason of every slot, logged."""


def counted(installation: Installation, plays: int) -> PolicyVersion:
    """Add a version of counts, as the worker does every hour."""
    with transaction(installation.engine) as connection:
        images = connection.scalars(select(artworks.c.image).where(artworks.c.image.is_not(None)))
        policy = MostPlayedPolicy({image[:16]: Played(1000, plays) for image in images}, epsilon=0.3)
        digest = installation.blobs.put_model(policy.to_bytes())
        now = datetime.now(UTC)
        made = PolicyVersion(version=policy.version, digest=digest, manifest={"reward": "x"}, created_at=now)
        add_policy_version(connection, made)
    installation.services.refresh()
    return made


def embed_anew(installation: Installation) -> None:
    """Let another embedding version be live, as a worker with another CLIP model does."""
    with transaction(installation.engine) as connection:
        add_embedding_version(connection, ANOTHER, now=datetime.now(UTC))
        for image in list(connection.scalars(select(artworks.c.image).distinct())):
            put_vector(connection, ImageHash(image), version=ANOTHER.version, vector=unit_vector(image))
        set_live_embedding_version(connection, ANOTHER.version)
    installation.services.refresh()


def shown(installation: Installation) -> Shown:
    """Ask for a page that must render whole, and say who decided it."""
    page = installation.select(*TITLES)
    assert [slot["title"] for slot in page["slots"]] == list(TITLES)
    assert {installation.http.get(slot["image"]).status_code for slot in page["slots"]} == {200}
    records = [installation.http.get(f"/v1/decisions/{slot['decision']}").json() for slot in page["slots"]]
    assert [record["artwork"] for record in records] == [slot["artwork"] for slot in page["slots"]]
    [rung] = {record["rung"] for record in records}
    [reason] = {slot["reason"] for slot in page["slots"]}
    return rung, page["policy"], reason, page["logged"]


def pages_of(installation: Installation) -> dict[str, float]:
    """How many pages were counted under each rung."""
    lines = [line for line in installation.http.get("/metrics").text.splitlines() if "keyart_pages_total{" in line]
    return {line.split('rung="')[1].split('"')[0]: float(line.rpartition(" ")[2]) for line in lines}


@contextmanager
def lost(file: Path) -> Iterator[None]:
    """A model's file that is gone while this lasts."""
    kept = file.read_bytes()
    file.unlink()
    yield
    file.write_bytes(kept)


def test_c8_each_rung_in_turn_and_back_to_the_first(learned_home: Path, learned: Learned) -> None:
    settings, learned_version = settings_in(learned_home), learned.manifest.version
    with running(settings) as first:
        promote(first, learned_version)
        assert shown(first) == ("live", learned_version, "policy", True)
        counts = counted(first, plays=10)
        promote(first, counts.version)
        assert shown(first) == ("live", counts.version, "policy", True)
        assert pages_of(first) == {"live": 2}
    with lost(learned_home / "models" / counts.digest), running(settings) as second:
        assert shown(second) == ("last_good", learned_version, "policy", True)
        embed_anew(second)
        assert shown(second) == ("default", "default", "fallback", True)
        newer = counted(second, plays=20)
        assert shown(second) == ("most_played", newer.version, "policy", True)
        assert pages_of(second) == {"last_good": 1, "default": 1, "most_played": 1}
    with running(settings) as third:
        assert shown(third) == ("live", counts.version, "policy", True)


@pytest.mark.parametrize("promoted", [False, True])
def test_c8_who_is_held_back_is_shown_default_artworks_for_ever(
    learned_home: Path, learned: Learned, promoted: bool
) -> None:
    with running(held_back(learned_home)) as installation:
        if promoted:
            promote(installation, learned.manifest.version)
        assert shown(installation) == ("hold_back", "default", "default", True)
        assert pages_of(installation) == {"hold_back": 1}


def held_back(home: Path) -> Settings:
    return settings_in(home, hold_back=1.0)


def promote(installation: Installation, version: str) -> None:
    order = {"stage": "live", "reason": "a test", "force": True}
    assert installation.http.post(f"/v1/policies/{version}:promote", json=order).status_code == 200
