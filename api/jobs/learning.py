"""The job that learns a policy version from the log: joined rewards in, a checked candidate out. Promotes nothing."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import msgspec
from sqlalchemy import Connection, Engine

from api.errors import Conflict
from api.jobs.joining import join_rewards
from api.jobs.judging import verdict_rules
from api.jobs.reencoding import Reencoder
from api.jobs.replaying import RewardedLog
from api.jobs.resuming import check_left_out, learned_before, left_out_until
from api.jobs.robots import judge_now
from api.jobs.settling import settled_images
from api.jobs.trusted import Trust, TrustedRows, read_trust
from api.settings import Settings
from api.storage.audit_log import By, Told, record
from api.storage.blobs import BlobStore
from api.storage.database import reading, transaction
from api.storage.descriptions import all_pictures
from api.storage.foundation import live_foundation_version
from api.storage.pages import last_page, page_id_at
from api.storage.policies import PolicyVersion, add_policy_version, live_version
from api.storage.vectors import live_embedding_version
from bandit.context import Picture
from bandit.decision import IMAGE_KEY_DIGITS, PageId, PolicyVersionId, RewardedDecision
from bandit.harvest import is_held_out
from bandit.learners import LearnerSettings
from bandit.learning import LearnConfig, LearnedModel, Provenance, learn
from bandit.linear.settings import LinearSettings
from bandit.registry import Manifest
from bandit.rewards import reward_definition


@dataclass
class VisibleRows:
    """The rewarded decisions all of whose artworks have a vector; the others are counted in `skipped`, not hidden.

    Without `pictures` nobody looks at vectors, and all are.
    """

    rows: Iterable[RewardedDecision]
    pictures: Mapping[str, Picture] | None
    skipped: int = field(default=0, init=False)

    def __iter__(self) -> Iterator[RewardedDecision]:
        pictures = self.pictures
        for row in self.rows:
            if pictures is None or all(key in pictures for key in row.decision.images):
                yield row
            else:
                self.skipped += 1


LEARNER = By("keyart-loop")
"""Who learns where nobody types a command."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnOrder:
    """What is to be learned. `learner` None: as Keyart ships, or as the version was that learning goes on from.

    `reward` is the definition to learn from, by default that of the settings. With `provisional`, decisions whose
    window is open count too, as what they are worth so far: sooner, and a little too low for long plays. `onward`:
    go on from the live version, or from the version `start`; else learning begins at the start of the log. With a
    `window` of its own the log is replayed: what came too late for the installation's counts, stored rewards stay.
    `by` is who is written down.
    """

    learner: LearnerSettings | None = None
    reward: str | None = None
    provisional: bool = False
    onward: bool = False
    start: PolicyVersionId | None = None
    window: timedelta | None = None
    by: By = LEARNER


@dataclass(frozen=True, slots=True)
class LearnedVersion:
    """A candidate's manifest, and how many rewarded decisions were left out.

    `skipped`: a picture had no vector. `excluded`: of robots and internal traffic. `capped`: the viewer's day was full.
    """

    manifest: Manifest
    skipped: int
    excluded: int = 0
    capped: int = 0


def learn_version(
    engine: Engine,
    blobs: BlobStore,
    *,
    settings: Settings,
    order: LearnOrder | None = None,
    progress: Callable[[float], None] | None = None,
) -> LearnedVersion:
    """Join what is due, learn from every decision up to now, and keep the version as a candidate.

    With `reward_window_seconds` set, decisions younger than that are left for the next time: their plays may come.
    Pages logged before the live foundation version was trained are seen in it (`api.jobs.reencoding`). Learning that
    goes on reads the rows after the watermark of the version that it goes on from.

    Raises:
        Conflict: no image was embedded yet, or the version has nothing to go on from, or is asked to under a window, or
            learned from rows of somebody who is left out by now.
        UnknownReward, UnknownVersion: there is no such definition, no such version.
        DamagedFile, MissingFile: what is to be gone on from is not what its manifest names.
        EmptyLog, InvalidExample, IncompatibleModel, LearningFailed: see `bandit.learning.learn`; nothing was kept.
    """
    lesson = prepare_lesson(engine, blobs, settings=settings, order=order)
    rows = lesson.rows()
    learned = lesson.learn(rows, progress=progress)
    keep_version(engine, blobs, learned, by=LEARNER if order is None else order.by)
    trusted = rows.trusted
    return LearnedVersion(learned.manifest, rows.visible.skipped, trusted.excluded, trusted.capped)


@dataclass(frozen=True, slots=True)
class LessonRows:
    """The rows to learn from, and what left some of them out on the way; to be read once."""

    visible: VisibleRows
    trusted: TrustedRows[RewardedDecision]


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """All that learning an order comes to, but for the learning: that may be done again, under other settings."""

    engine: Engine
    blobs: BlobStore
    config: LearnConfig
    pictures: Mapping[str, Picture]
    provenance: Provenance
    trust: Trust
    before: LearnedModel | None

    def rows(self) -> LessonRows:
        """Every decision up to the watermark that counts and can be learned from, held-out viewers among them."""
        until = None if self.provenance.watermark is None else PageId(self.provenance.watermark)
        logged = _log_of(self.engine, self.config).rewarded(since=_since(self.before), until=until)
        trusted = TrustedRows(logged, self.trust)
        seen = _reencoded(self.engine, self.blobs, self.config, trusted)
        return LessonRows(VisibleRows(seen, self.pictures), trusted)

    def learn(self, rows: LessonRows, *, progress: Callable[[float], None] | None = None) -> LearnedModel:
        """Learn from rows of this lesson; keeps nothing. Raises as `learn_version` does."""
        return learn(
            rows.visible,
            self.pictures,
            config=self.config,
            provenance=self.provenance,
            onward=self.before,
            progress=progress,
        )


def prepare_lesson(engine: Engine, blobs: BlobStore, *, settings: Settings, order: LearnOrder | None = None) -> Lesson:
    """Join what is due, and say what an order comes to. Raises as `learn_version` does before it learns."""
    order, now = order or LearnOrder(), datetime.now(UTC)
    if order.onward and order.window is not None:
        raise Conflict("Learning cannot go on under another window.", "Learn from the start of the log.")
    before = learned_before(engine, blobs, order.start) if order.onward else None
    while join_rewards(engine, windows=settings.windows, now=now):
        pass
    window = order.window
    if window is None:
        window = timedelta(0) if order.provisional else settings.windows.longest
    watermark = _watermark(engine, window=window, now=now)
    judge_now(engine, settings)
    trust = read_trust(engine, caps=settings.caps)
    if before is not None:
        check_left_out(before.manifest, trust.exclusions)
    config = _config(engine, _Settling(settings, trust), order, before=before, until=watermark)
    with reading(engine) as connection:
        parent = before.manifest.version if before else live_version(connection)
    return Lesson(
        engine=engine,
        blobs=blobs,
        config=config,
        pictures=pictures_in(engine, config.embedding_version),
        provenance=Provenance(
            created_at=now, watermark=watermark, parent=parent, left_out=left_out_until(watermark, trust.exclusions)
        ),
        trust=trust,
        before=before,
    )


@dataclass(frozen=True, slots=True)
class _Settling:
    """What decides which artworks are settled, besides the log."""

    settings: Settings
    trust: Trust


def _config(
    engine: Engine, settling: _Settling, order: LearnOrder, *, before: LearnedModel | None, until: PageId | None
) -> LearnConfig:
    """What to learn from and how, with the artworks that the log up to `until` has settled."""
    settings = settling.settings
    reward = reward_definition(order.reward or settings.reward).key
    embedding_version = _live_embedding(engine)
    with reading(engine) as connection:
        foundation = live_foundation_version(connection)
    config = LearnConfig(
        embedding_version=embedding_version,
        foundation_version=foundation.version if foundation else None,
        settings=order.learner or (before.manifest.settings if before else LinearSettings()),
        reward=reward,
        provisional=order.provisional and order.window is None,
        window_seconds=None if order.window is None else round(order.window.total_seconds()),
    )
    if not isinstance(config.settings, LinearSettings):
        return config  # the engine explores all artworks alike
    return replace(config, settled=_settled(engine, config, until=until, settling=settling))


def _settled(engine: Engine, config: LearnConfig, *, until: PageId | None, settling: _Settling) -> frozenset[str]:
    """Told by the rows up to `until` of viewers who are not held out: a version must not have seen the others."""
    trusted = TrustedRows(_log_of(engine, config).valued(until=until), settling.trust)
    seen = (each for each in trusted if not is_held_out(each.page.viewer, config.holdout))
    return settled_images(seen, reward=config.reward, rules=verdict_rules(settling.settings))


def _log_of(engine: Engine, config: LearnConfig) -> RewardedLog:
    window = None if config.window_seconds is None else timedelta(seconds=config.window_seconds)
    return RewardedLog(engine=engine, definition=config.reward, provisional=config.provisional, window=window)


def _reencoded(
    engine: Engine, blobs: BlobStore, config: LearnConfig, rows: Iterable[RewardedDecision]
) -> Iterable[RewardedDecision]:
    if config.foundation_version is None:
        return rows
    return Reencoder(engine, blobs, version=config.foundation_version).rows(rows)


def _since(before: LearnedModel | None) -> PageId | None:
    return PageId(before.manifest.watermark) if before and before.manifest.watermark else None


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


def keep_version(
    engine: Engine,
    blobs: BlobStore,
    learned: LearnedModel,
    *,
    by: By = LEARNER,
    also: Callable[[Connection], None] | None = None,
) -> None:
    """Store the bytes first, then name them: what the database names must exist.

    `also` belongs to it: it is done in the same transaction, and what it raises keeps the version out.
    """
    manifest = learned.manifest
    if learned.sums is not None:
        blobs.put_model(learned.sums)
    digest = blobs.put_model(learned.bundle)
    described = cast(dict[str, Any], msgspec.json.decode(manifest.to_json()))
    version = PolicyVersion(version=manifest.version, digest=digest, manifest=described, created_at=manifest.created_at)
    with transaction(engine) as connection:
        if add_policy_version(connection, version):
            told = Told(after={"rows": manifest.rows, "reward": manifest.reward}, reason=by.reason)
            subject, now = f"version/{manifest.version}", manifest.created_at
            record(connection, actor=by.actor, action="version.learn", subject=subject, now=now, **told)
        if also is not None:
            also(connection)
