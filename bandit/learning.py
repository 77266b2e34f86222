"""From rewarded decisions to a policy version: check every row, fit projections, let a process learn. Knows no storage.

Learning is a function (C9): the same rows in the same order, vectors and config give the same digest. Rows are
streamed, so memory holds one artwork table and a sample of viewers however long the log is.
"""

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np

import bandit
from artwork.projection import Projection, fit_projection
from bandit.context import Picture, Vector
from bandit.decision import PolicyVersionId, Reason, RewardedDecision
from bandit.encoding import ArtworkRows, FeatureSpace, unwhitened
from bandit.errors import EmptyLog, InvalidExample, LearningFailed
from bandit.features import FeatureSpec
from bandit.policies.vowpal import EngineSettings, engine_arguments
from bandit.registry import Holdout, Manifest, digest_of, golden_of, pack, version_of
from bandit.rows import check_row
from bandit.sampling import draw_uniform
from bandit.spool import Result, RowWriter, Spool, SpooledRow, Task

APPRENTICE = ("-m", "bandit.apprentice")
FITTED_VECTORS = 20_000
"""Projections are fitted on at most so many vectors: beyond, they hardly change and only cost memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnConfig:
    """What to learn from and how. Vectors of other versions than these are never mixed in (C12).

    A logged viewer vector of another `foundation_version` counts as none, an intent vector of another
    `intent_version` too. An artwork needs `own_minimum` draws in
    the log to get a weight of its own.
    """

    embedding_version: str
    foundation_version: str | None
    intent_version: str | None = None
    spec: FeatureSpec = field(default_factory=FeatureSpec)
    settings: EngineSettings = field(default_factory=EngineSettings)
    holdout: Holdout = field(default_factory=Holdout)
    own_minimum: int = 1
    timeout_seconds: float = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What the manifest tells of a version's origin besides what it was learned from; never part of its digest."""

    created_at: datetime
    watermark: str | None = None
    parent: PolicyVersionId | None = None


@dataclass(frozen=True, slots=True)
class LearnedModel:
    """A policy version: `bundle` for `bandit.registry.load_policy`, and its manifest."""

    bundle: bytes
    manifest: Manifest


def is_held_out(viewer: str, holdout: Holdout) -> bool:
    """Whether this viewer's rows are kept for evaluation and never learned from."""
    return draw_uniform(holdout.salt, viewer, "", 0) < holdout.share


def learn(
    rows: Iterable[RewardedDecision],
    pictures: Mapping[str, Picture],
    *,
    config: LearnConfig,
    provenance: Provenance,
    progress: Callable[[float], None] | None = None,
) -> LearnedModel:
    """Return a new policy version learned from `rows`, in their order.

    `pictures` maps image keys (first 16 hex digits of the image's SHA-256) to what is known of them in
    `config.embedding_version`; the artwork projection is fitted on all of their vectors. `progress` is told the share
    done.

    Raises:
        EmptyLog: no row is left to learn from.
        InvalidExample: a row cannot be learned from, or `pictures` lacks or damages one of its artworks.
        LearningFailed: the learning process died, ran out of time or gave no model.
    """
    with tempfile.TemporaryDirectory(prefix="keyart-learn-") as folder:
        spool = Spool(Path(folder))
        log = _Log(pictures, config)
        with spool.rows_path.open("wb") as file:
            log.read(rows, RowWriter(file))
        space = log.space()
        table = _artwork_table(space, log)
        task = Task(config.spec, config.settings, tuple(log.places), log.learned, log.mean_reward)
        spool.ask(task, space, table=table)
        _run_apprentice(folder, timeout=config.timeout_seconds, progress=progress)
        try:
            model, result = spool.answered()
        except OSError as error:
            raise LearningFailed(f"the learning process left no model ({error}); see that the disk has room") from error
    bundle = pack(space, model, settings=config.settings, examples=result.examples)
    return LearnedModel(bundle, _manifest(bundle, space, log=log, result=result, provenance=provenance))


@dataclass
class _Sample:
    """Vectors of one version met in the log, the first of each viewer: enough to fit a projection on."""

    version: str | None
    dimensions: int
    what: str
    vectors: dict[str, Vector] = field(default_factory=dict[str, Vector])

    def add(self, row: RewardedDecision, vector: Vector) -> None:
        if self.vectors and next(iter(self.vectors.values())).shape != vector.shape:
            raise InvalidExample(
                f"page {row.page.page}: the {self.what} has another dimension than others of its version; drop it"
            )
        if len(self.vectors) < FITTED_VECTORS:
            self.vectors.setdefault(row.page.viewer, vector)

    def fit(self) -> Projection | None:
        """The projection of these vectors, or None where no two differ."""
        if self.version is None or self.dimensions == 0 or len(self.vectors) < 2:
            return None
        stacked = np.stack([*self.vectors.values()])
        if np.ptp(stacked, axis=0).max() < 1e-6:
            return None
        return unwhitened(fit_projection(stacked, dimensions=self.dimensions, embedding_version=self.version))


@dataclass
class _Log:
    """What one pass over the rows finds: a place for every artwork, a vector for each of many viewers, and counts."""

    pictures: Mapping[str, Picture]
    config: LearnConfig
    viewers: _Sample = field(init=False)
    intents: _Sample = field(init=False)
    places: dict[str, int] = field(default_factory=dict[str, int])
    draws: dict[str, int] = field(default_factory=dict[str, int])
    learned: int = 0
    held_out: int = 0
    not_drawn: int = 0
    of_other_viewers: int = 0
    reward: float = 0.0

    def __post_init__(self) -> None:
        config = self.config
        self.viewers = _Sample(config.foundation_version, config.spec.viewer_dimensions, "viewer vector")
        self.intents = _Sample(config.intent_version, config.spec.intent_dimensions, "intent vector")

    def read(self, rows: Iterable[RewardedDecision], writer: RowWriter) -> None:
        for row in rows:
            if row.decision.reason is not Reason.POLICY:
                self.not_drawn += 1
            elif is_held_out(row.page.viewer, self.config.holdout):
                self.held_out += 1
            else:
                check_row(row, self.pictures)
                writer.write(self._spooled(row))
        if not self.learned:
            raise EmptyLog(
                f"no row to learn from ({self.held_out} held out, {self.not_drawn} not drawn by a policy); "
                "serve decisions, report outcomes, join them into rewards, then learn again"
            )

    def _spooled(self, row: RewardedDecision) -> SpooledRow:
        decision = row.decision
        shown = decision.images[decision.chosen]
        self.learned += 1
        self.reward += row.reward
        self.draws[shown] = self.draws.get(shown, 0) + 1
        return SpooledRow(
            row.page.request,
            self._viewer_vector(row),
            self._intent_vector(row),
            decision.position,
            decision.score,
            tuple(self.places.setdefault(key, len(self.places)) for key in decision.images),
            decision.chosen,
            row.reward,
            decision.probability,
        )

    def _viewer_vector(self, row: RewardedDecision) -> bytes | None:
        vector = row.page.vector()
        if vector is None:
            return None
        if row.page.foundation_version != self.config.foundation_version:
            self.of_other_viewers += 1
            return None
        self.viewers.add(row, vector)
        return row.page.viewer_vector

    def _intent_vector(self, row: RewardedDecision) -> bytes | None:
        vector = row.page.intent()
        if vector is None or row.page.intent_version != self.config.intent_version:
            return None
        self.intents.add(row, vector)
        return row.page.intent_vector

    @property
    def mean_reward(self) -> float:
        return self.reward / self.learned

    def known(self) -> tuple[str, ...]:
        """The image keys that get a weight of their own."""
        if not self.config.spec.own_term:
            return ()
        return tuple(sorted(key for key, draws in self.draws.items() if draws >= self.config.own_minimum))

    def space(self) -> FeatureSpace:
        """The projections, fitted on the whole catalogue and on the log's viewers."""
        return FeatureSpace(
            self.config.spec,
            artworks=_fit_artworks(self.pictures, self.config),
            viewers=self.viewers.fit(),
            intents=self.intents.fit(),
            known=self.known(),
        )


def _fit_artworks(pictures: Mapping[str, Picture], config: LearnConfig) -> Projection:
    try:
        fitted = np.stack([pictures[key].vector for key in sorted(pictures)[:FITTED_VECTORS]])
        whitening = fit_projection(
            fitted, dimensions=config.spec.artwork_dimensions, embedding_version=config.embedding_version
        )
    except ValueError as error:
        raise InvalidExample(f"the artworks' vectors cannot be projected: {error}") from error
    return unwhitened(whitening)


def _artwork_table(space: FeatureSpace, log: _Log) -> ArtworkRows:
    shown = [log.pictures[key] for key in log.places]
    try:
        return ArtworkRows(space.artwork_rows(np.stack([each.vector for each in shown])), space.main_rows(shown))
    except ValueError as error:
        raise InvalidExample(f"an artwork's vector cannot be projected: {error}") from error


def _run_apprentice(folder: str, *, timeout: float, progress: Callable[[float], None] | None) -> None:
    """Run the learning process to its end, passing on its progress."""
    home = str(Path(bandit.__file__).resolve().parent.parent)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([home, *sys.path])}
    command = [sys.executable, *APPRENTICE, folder]
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment) as process,  # noqa: S603
    ):
        watch = threading.Timer(timeout, process.kill)
        watch.start()
        try:
            for line in process.stdout or ():
                if progress is not None:
                    progress(float(line))
            code = process.wait()
        finally:
            watch.cancel()
            process.kill()
        if code:
            errors.seek(0)
            raise LearningFailed(_how_it_ended(code, errors.read(), timeout=timeout))


def _how_it_ended(code: int, errors: str, *, timeout: float) -> str:
    last = errors.strip().splitlines()[-1:] or ["no message"]
    return (
        f"the learning process ended with code {code} ({last[0]}); nothing was changed; it may run {timeout:.0f} s: "
        "see that memory, disk and time suffice, then learn again"
    )


def _manifest(bundle: bytes, space: FeatureSpace, *, log: _Log, result: Result, provenance: Provenance) -> Manifest:
    digest = digest_of(bundle)
    config = log.config
    return Manifest(
        version=version_of(digest),
        digest=digest,
        created_at=provenance.created_at,
        parent=provenance.parent,
        watermark=provenance.watermark,
        embedding_version=config.embedding_version,
        foundation_version=space.viewers.embedding_version if space.viewers else None,
        intent_version=space.intents.embedding_version if space.intents else None,
        spec=config.spec,
        schema_hash=config.spec.schema_hash,
        settings=config.settings,
        arguments=tuple(engine_arguments(space, config.settings)),
        holdout=config.holdout,
        rows=log.learned,
        held_out=log.held_out,
        not_drawn=log.not_drawn,
        of_other_viewers=log.of_other_viewers,
        metrics={"mean_reward": log.mean_reward, "progressive_value": result.progressive_value},
        golden=golden_of(bundle),
    )
