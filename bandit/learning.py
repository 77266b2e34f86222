"""From rewarded decisions to a policy version: check every row, fit projections, let a process learn. Knows no storage.

Learning is a function (C9): the same rows in the same order, pictures and config give the same digest. Rows are
streamed, so memory holds one artwork table and a sample of viewers however long the log is.
"""

import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import msgspec

from bandit import apprentice
from bandit.apprenticeship import run_apprentice
from bandit.context import Picture
from bandit.decision import PolicyVersionId, RewardedDecision
from bandit.encoding import FeatureSpace
from bandit.errors import LearningFailed
from bandit.features import FeatureSpec
from bandit.harvest import Harvest, Scope
from bandit.learners import LearnerSettings
from bandit.linear.settings import LinearSettings
from bandit.onward import check_onward
from bandit.policies.vowpal import EngineSettings, engine_arguments
from bandit.registry import Holdout, Manifest, digest_of, golden_of, pack, space_of, version_of
from bandit.rewards import QUALITY_PLAY
from bandit.spool import Result, RowWriter, Spool, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnConfig:
    """What to learn from and how. Vectors of other versions than these are never mixed in (C12).

    A logged viewer vector of another `foundation_version` counts as none, an intent vector of another `intent_version`
    too. `reward` names the definition that the rows were valued under, `provisional` says that some of the rewards may
    still rise, `window_seconds` that they were valued under a window of their own. `settled` are image keys of artworks
    that shall be explored no more than the floor (`bandit.verdicts`); versions of the engine, which explores all
    artworks alike, and those that sample by Thompson's rule take no notice.
    Not `apart`, learning happens in this process: quicker, for rehearsals that may die.
    """

    embedding_version: str
    foundation_version: str | None
    intent_version: str | None = None
    spec: FeatureSpec = field(default_factory=FeatureSpec)
    settings: LearnerSettings = field(default_factory=LinearSettings)
    holdout: Holdout = field(default_factory=Holdout)
    reward: str = QUALITY_PLAY
    provisional: bool = False
    window_seconds: int | None = None
    settled: frozenset[str] = frozenset()
    apart: bool = True
    timeout_seconds: float = 3600.0

    @property
    def scope(self) -> Scope:
        """The part that says which rows and vectors count."""
        return Scope(
            embedding_version=self.embedding_version,
            foundation_version=self.foundation_version,
            intent_version=self.intent_version,
            spec=self.spec,
            holdout=self.holdout,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What the manifest tells of a version's origin besides what it was learned from; never part of its digest.

    `left_out` is a digest of whose rows up to the watermark do not count: learning goes on only while it is the same.
    """

    created_at: datetime
    watermark: str | None = None
    parent: PolicyVersionId | None = None
    left_out: str | None = None


@dataclass(frozen=True, slots=True)
class LearnedModel:
    """A policy version: `bundle` for `bandit.registry.load_policy`, its manifest, and what learning can go on from.

    `sums` is None where the learner keeps none (`EngineSettings`).
    """

    bundle: bytes
    manifest: Manifest
    sums: bytes | None = None


def learn(
    rows: Iterable[RewardedDecision],
    pictures: Mapping[str, Picture],
    *,
    config: LearnConfig,
    provenance: Provenance,
    onward: LearnedModel | None = None,
    progress: Callable[[float], None] | None = None,
) -> LearnedModel:
    """Return a new policy version learned from `rows`, in their order.

    `pictures` maps image keys (first 16 hex digits of the image's SHA-256) to what is known of them in
    `config.embedding_version`; the artwork projection is fitted on all of their vectors. `progress` is told the share
    done. With `onward`, a version with sums, its rows count besides, in its projections: `rows` are those since.

    Raises:
        EmptyLog: no row is left to learn from.
        InvalidExample: a row cannot be learned from, or `pictures` lacks or damages one of its artworks.
        IncompatibleModel: `onward` was learned under another config, or keeps no sums.
        LearningFailed: the learning process died, ran out of time or gave no model.
    """
    with tempfile.TemporaryDirectory(prefix="keyart-learn-") as folder:
        spool = Spool(Path(folder))
        if onward is not None:
            spool.keep_sums(_sums_of(onward, config))
        harvest = Harvest(pictures, config.scope)
        with spool.rows_path.open("wb") as file:
            harvest.read(rows, RowWriter(file))
        space = _space(harvest, onward=onward)
        spool.ask(_task(harvest, space, config=config), space, table=harvest.table(space))
        if config.apart:
            run_apprentice(folder, timeout=config.timeout_seconds, progress=progress)
        else:
            apprentice.main(Path(folder), progress or _tell_nobody)
        try:
            model, result = spool.answered()
            sums = spool.sums_path.read_bytes() if spool.sums_path.exists() else None
        except OSError as error:
            raise LearningFailed(f"the learning process left no model ({error}); see that the disk has room") from error
    bundle = pack(space, model, settings=config.settings, examples=result.examples)
    manifest = _manifest(bundle, space, config=config, harvest=harvest, result=result, provenance=provenance)
    manifest = replace(manifest, onward=onward is not None, sums=None if sums is None else digest_of(sums))
    return LearnedModel(bundle, manifest, sums)


def _tell_nobody(_: float) -> None:
    pass


def _sums_of(onward: LearnedModel, config: LearnConfig) -> bytes:
    return check_onward(
        onward.manifest, onward.sums, scope=config.scope, settings=config.settings, reward=config.reward
    )


def _space(harvest: Harvest, *, onward: LearnedModel | None) -> FeatureSpace:
    """The features: fitted anew, or those of the version that learning goes on from, with more artworks."""
    if onward is None:
        return harvest.space()
    space = space_of(onward.bundle, onward.manifest.digest)
    known = {*space.known, *harvest.shown}
    return FeatureSpace(space.spec, space.artworks, space.viewers, space.intents, tuple(sorted(known)))


def _task(harvest: Harvest, space: FeatureSpace, *, config: LearnConfig) -> Task:
    return Task(
        spec=config.spec,
        settings=config.settings,
        image_keys=tuple(harvest.places),
        titles=tuple(harvest.titles),
        settled=_settled(space, config),
        rows=harvest.learned,
        mean_reward=harvest.mean_reward,
    )


def _settled(space: FeatureSpace, config: LearnConfig) -> tuple[str, ...]:
    """Those of the known artworks that shall be explored no more, where exploration knows one from another."""
    if isinstance(config.settings, EngineSettings) or config.settings.sampling != "squarecb":
        return ()
    return tuple(key for key in space.known if key in config.settled)


def _arguments(space: FeatureSpace, settings: LearnerSettings) -> list[str]:
    return engine_arguments(space, settings) if isinstance(settings, EngineSettings) else settings.arguments()


def _manifest(
    bundle: bytes,
    space: FeatureSpace,
    *,
    config: LearnConfig,
    harvest: Harvest,
    result: Result,
    provenance: Provenance,
) -> Manifest:
    digest = digest_of(bundle)
    return Manifest(
        version=version_of(digest),
        digest=digest,
        created_at=provenance.created_at,
        parent=provenance.parent,
        onward=False,
        watermark=provenance.watermark,
        embedding_version=config.embedding_version,
        foundation_version=space.foundation_version,
        intent_version=space.intent_version,
        spec=config.spec,
        schema_hash=config.spec.schema_hash,
        reward=config.reward,
        provisional=config.provisional,
        settings=config.settings,
        arguments=tuple(_arguments(space, config.settings)),
        holdout=config.holdout,
        rows=harvest.learned,
        held_out=harvest.held_out,
        not_drawn=harvest.not_drawn,
        of_other_viewers=harvest.of_other_viewers,
        settled=len(_settled(space, config)),
        examples=result.examples,
        metrics={"mean_reward": harvest.mean_reward} | result.metrics,
        sums=None,
        golden=golden_of(bundle),
        window_seconds=msgspec.UNSET if config.window_seconds is None else config.window_seconds,
        left_out=provenance.left_out or msgspec.UNSET,
    )
