"""The job that learns a policy version from the log: joined rewards in, a checked candidate out. Promotes nothing."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import msgspec
from sqlalchemy import Engine

from api.errors import Conflict
from api.jobs.joining import join_rewards
from api.jobs.reencoding import Reencoder
from api.settings import Settings
from api.storage.blobs import BlobStore
from api.storage.database import reading, transaction
from api.storage.descriptions import all_pictures
from api.storage.foundation import live_foundation_version
from api.storage.pages import last_page, page_id_at
from api.storage.policies import PolicyVersion, add_policy_version, live_version
from api.storage.rewards import rewarded_decisions
from api.storage.vectors import live_embedding_version
from bandit.context import Picture
from bandit.decision import IMAGE_KEY_DIGITS, PageId, RewardedDecision
from bandit.learning import LearnConfig, Provenance, learn
from bandit.registry import Manifest
from bandit.rewards import reward_definition


@dataclass
class VisibleRows:
    """The rewarded decisions all of whose artworks have a vector; the others are counted in `skipped`, not hidden."""

    rows: Iterator[RewardedDecision]
    pictures: Mapping[str, Picture]
    skipped: int = field(default=0, init=False)

    def __iter__(self) -> Iterator[RewardedDecision]:
        for row in self.rows:
            if all(key in self.pictures for key in row.decision.images):
                yield row
            else:
                self.skipped += 1


@dataclass(frozen=True, slots=True)
class LearnedVersion:
    """A candidate's manifest, and how many rewarded decisions were left out since a picture had no vector."""

    manifest: Manifest
    skipped: int


def learn_version(
    engine: Engine,
    blobs: BlobStore,
    *,
    settings: Settings,
    reward: str | None = None,
    provisional: bool = False,
    progress: Callable[[float], None] | None = None,
) -> LearnedVersion:
    """Join what is due, learn from every decision up to now, and keep the version as a candidate.

    With `reward_window_seconds` set, decisions younger than that are left for the next time: their plays may come.
    With `provisional` they count too, as what they are worth so far: sooner, and a little too low for long plays.
    `reward` is the definition to learn from, by default that of the settings. Pages logged before the live foundation
    version was trained are seen in it (`api.jobs.reencoding`).

    Raises:
        Conflict: no image was embedded yet.
        UnknownReward: there is no such definition.
        EmptyLog, InvalidExample, LearningFailed: see `bandit.learning.learn`; nothing was kept.
    """
    definition, now = reward_definition(reward or settings.reward).key, datetime.now(UTC)
    window = timedelta(seconds=settings.reward_window_seconds)
    while join_rewards(engine, window=window, now=now):
        pass
    watermark = _watermark(engine, window=timedelta(0) if provisional else window, now=now)
    embedding_version = _live_embedding(engine)
    pictures = pictures_in(engine, embedding_version)
    with reading(engine) as connection:
        foundation = live_foundation_version(connection)
        parent = live_version(connection)
    logged = rewarded_decisions(engine, definition=definition, until=watermark, provisional=provisional)
    if foundation is not None:
        logged = Reencoder(engine, blobs, version=foundation.version).rows(logged)
    rows = VisibleRows(logged, pictures)
    learned = learn(
        rows,
        pictures,
        config=LearnConfig(
            embedding_version=embedding_version,
            foundation_version=foundation.version if foundation else None,
            reward=definition,
        ),
        provenance=Provenance(created_at=now, watermark=watermark, parent=parent),
        progress=progress,
    )
    _keep(engine, blobs, learned.manifest, bundle=learned.bundle)
    return LearnedVersion(learned.manifest, rows.skipped)


def pictures_in(engine: Engine, version: str) -> dict[str, Picture]:
    """Return all images that have a vector in an embedding version, by image key."""
    with reading(engine) as connection:
        return {image[:IMAGE_KEY_DIGITS]: picture for image, picture in all_pictures(connection, version).items()}


def _live_embedding(engine: Engine) -> str:
    with reading(engine) as connection:
        live = live_embedding_version(connection)
    if live is None:
        raise Conflict("No artwork was embedded yet.", "Upload images and run `keyart worker`.")
    return live.version


def _watermark(engine: Engine, *, window: timedelta, now: datetime) -> PageId | None:
    if window:
        return page_id_at(now - window)
    with reading(engine) as connection:
        return last_page(connection)


def _keep(engine: Engine, blobs: BlobStore, manifest: Manifest, *, bundle: bytes) -> None:
    """Store the bytes first, then name them: what the database names must exist."""
    digest = blobs.put_model(bundle)
    described = cast(dict[str, Any], msgspec.json.decode(manifest.to_json()))
    version = PolicyVersion(version=manifest.version, digest=digest, manifest=described, created_at=manifest.created_at)
    with transaction(engine) as connection:
        add_policy_version(connection, version)
