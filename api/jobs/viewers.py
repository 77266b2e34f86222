"""The jobs that train the foundation model on the stored events, judge it, and keep the viewers' vectors fresh."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine

from api.errors import UnknownVersion
from api.storage.audit_log import WORKER, By, Told, record
from api.storage.blobs import BlobStore
from api.storage.database import reading, transaction
from api.storage.events import histories, stale_viewers
from api.storage.foundation import (
    FoundationVersion,
    ViewerVector,
    add_foundation_version,
    find_foundation_version,
    live_foundation_version,
    put_title_vectors,
    put_viewer_vectors,
    set_live_foundation_version,
)
from api.storage.policies import BUILT_IN, find_policy_version, standing
from foundation.checkpoint import from_bytes, to_bytes, version_of
from foundation.encoder import encode_viewers, title_vectors
from foundation.trained import Foundation, TrainingConfig
from foundation.training import train

VIEWERS_AT_ONCE = 1000


def train_foundation(
    engine: Engine,
    blobs: BlobStore,
    *,
    config: TrainingConfig,
    by: By = WORKER,
    progress: Callable[[float], None] | None = None,
) -> FoundationVersion:
    """Train a version on all stored events, embed every viewer and title with it, then let pages use it.

    Raises:
        TooFewHistories: there are too few viewers with enough events.
        StorageUnavailable: the version that was live stays so.
    """
    with reading(engine) as connection:
        known = [events for _, events in histories(connection)]
    foundation = train(known, config=config, progress=progress)  # minutes: no transaction may stay open for so long
    data = to_bytes(foundation)
    version = FoundationVersion(
        version=version_of(data),
        digest=blobs.put_model(data),
        config=asdict(config),
        metrics=metrics_of(foundation),
        created_at=datetime.now(UTC),
    )
    with transaction(engine) as connection:
        add_foundation_version(connection, version)
        put_title_vectors(connection, version.version, title_vectors(foundation))
    while refresh_viewers(engine, foundation, version=version.version):
        pass
    with transaction(engine) as connection:
        replaced = live_foundation_version(connection)
        set_live_foundation_version(connection, version.version)
        told = Told(
            before=None if replaced is None else {"live": replaced.version},
            after={"live": version.version, "seed": config.seed, "epochs": config.epochs},
            reason=by.reason,
        )
        subject, now = f"foundation/{version.version}", datetime.now(UTC)
        record(connection, actor=by.actor, action="foundation.train", subject=subject, now=now, **told)
    return version


def refresh_viewers(engine: Engine, foundation: Foundation, *, version: str) -> int:
    """Embed viewers whose vector does not know all of their events, up to a batch, and return how many."""
    with reading(engine) as connection:
        stale = stale_viewers(connection, version, limit=VIEWERS_AT_ONCE)
        known = dict(histories(connection, stale))
    if not known:
        return 0
    vectors = encode_viewers(foundation, known.values())
    fresh = [
        ViewerVector(viewer=viewer, vector=vector, events=stale[viewer])
        for viewer, vector in zip(known, vectors, strict=True)
    ]
    with transaction(engine) as connection:
        put_viewer_vectors(connection, version, fresh, now=datetime.now(UTC))
    return len(fresh)


def foundations_in_use(engine: Engine) -> list[FoundationVersion]:
    """Return the versions that pages are decided with: those of live policy, canary and shadow, and the live one.

    A policy understands the viewer vectors that it was learned on, so a newer version must not take them from it.
    """
    with reading(engine) as connection:
        live = live_foundation_version(connection)
        now = standing(connection)
        deciding = (now.live, now.canary.version if now.canary else None, now.shadow)
        learned = [find_policy_version(connection, each) for each in deciding if each and each not in BUILT_IN]
        names = dict.fromkeys(name for each in learned if (name := each.manifest.get("foundation_version")))
        learned_on = [find_foundation_version(connection, name) for name in names]
    return learned_on if live is None or live in learned_on else [*learned_on, live]


def live_foundation(engine: Engine, blobs: BlobStore) -> tuple[FoundationVersion, Foundation]:
    """Load the live version.

    Raises:
        UnknownVersion: none was trained yet.
        DamagedFile, MissingFile, DamagedCheckpoint: its bytes are not what was written.
    """
    with reading(engine) as connection:
        version = live_foundation_version(connection)
    if version is None:
        raise UnknownVersion("No foundation version was trained yet.", "Train one: `keyart foundation train`.")
    return version, from_bytes(blobs.get_model(version.digest))


def metrics_of(foundation: Foundation) -> dict[str, float]:
    """The held-out figures of a version, with popularity's beside them, as plain numbers."""
    report = foundation.report
    rankings = {"validation": report.validation, "test": report.test, "popularity": report.popularity}
    flat: dict[str, Any] = {
        f"{name}_{key}": value for name, ranking in rankings.items() for key, value in asdict(ranking).items()
    }
    return {"viewers": report.viewers, "interactions": report.interactions, "epoch": report.epoch, **flat}
