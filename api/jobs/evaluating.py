"""The job that values a policy version from the decisions that others made, on rows that it did not learn from."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import tee

import msgspec
import numpy as np
from sqlalchemy import Engine

from api.dependencies.versions import load_version
from api.jobs.learning import VisibleRows, pictures_in
from api.jobs.reencoding import Reencoder
from api.jobs.trusted import Measure, TrustedRows, read_trust
from api.storage.blobs import BlobStore
from api.storage.catalog import changed_since
from api.storage.database import reading
from api.storage.policies import BUILT_IN, find_policy_version
from api.storage.rewards import rewarded_decisions
from artwork.catalog import ArtworkId, TitleId
from bandit.context import Picture
from bandit.decision import PolicyVersionId, RewardedDecision
from bandit.harvest import is_held_out
from bandit.ope.batch import Batch
from bandit.ope.evaluation import Evaluation, Evaluator, Question
from bandit.ope.scoring import Pictures, beside, score
from bandit.policies.most_played import NAME as MOST_PLAYED
from bandit.registry import Manifest, manifest_from_json
from bandit.watch.entropy import EntropySums, entropy_terms


@dataclass(frozen=True, slots=True)
class Evaluated:
    """An evaluation, which rows it was made on, and how many were left out since a picture had no vector.

    `shown` says how many decisions would have shown each artwork (title/artwork), on average, `entropy` how much of
    them would have been left to chance (`bandit.watch.entropy`); None where no row had two artworks.
    """

    evaluation: Evaluation
    rows: str
    skipped: int = 0
    shown: Mapping[str, float] = field(default_factory=dict[str, float])
    entropy: float | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """A version's evaluation, with its paired difference to a baseline, and the baseline's own on the same rows."""

    own: Evaluated
    baseline: Evaluated


@dataclass
class _Counted:
    """What a policy's probabilities of each artwork add up to, its entropy and its evaluation, as batches pass."""

    evaluator: Evaluator
    shown: dict[str, float] = field(default_factory=dict[str, float], init=False)
    chance: EntropySums = field(default_factory=EntropySums, init=False)

    def add(self, batch: Batch) -> None:
        self.evaluator.add(batch)
        if batch.eligible is not None:
            sums = np.bincount(batch.eligible.artworks, batch.eligible.target, len(batch.eligible.names))
            for name, mass in zip(batch.eligible.names, sums.tolist(), strict=True):
                self.shown[name] = self.shown.get(name, 0.0) + mass
            self.chance.add(batch.eligible.row_sums(entropy_terms(batch.eligible.target)), batch.eligible.counts)

    def evaluated(self, rows: str, *, skipped: int) -> Evaluated:
        return Evaluated(self.evaluator.result(), rows, skipped, self.shown, self.chance.mean)


def evaluate_version(
    engine: Engine, blobs: BlobStore, *, version: PolicyVersionId, measure: Measure | None = None
) -> Evaluated:
    """Value a policy version, or a built-in one, from this installation's own log.

    A learned version is valued with the vectors that it was learned on, whatever is live now, and only on viewers that
    learning held out, and on what was logged after it: on the rows that it learned from, any policy looks better than
    it is. `measure` says under which definition decisions are valued, and how many of a viewer's count in a day.

    Raises:
        UnknownVersion: there is no such version.
        DamagedFile, MissingFile, Conflict: it cannot be loaded whole.
    """
    measure = measure or Measure()
    scorer = Scorer(engine, blobs, version)
    rows = VisibleRows(scorer.unseen(_trusted(engine, measure)), scorer.pictures)
    counted = _Counted(Evaluator(Question(level=measure.level)))
    for batch in scorer.batches(rows):
        counted.add(batch)
    return counted.evaluated(scorer.rows_said, skipped=rows.skipped)


def compare(own: "Scorer", other: "Scorer", *, measure: Measure | None = None) -> Compared:
    """Value a version beside a baseline on the same rows, those that `evaluate_version` takes, in one pass."""
    measure = measure or Measure()
    rows = VisibleRows(own.unseen(_trusted(own.engine, measure)), own.pictures)
    both = VisibleRows(rows, other.pictures)
    # Both take the rows in step, some thousand at a time, so what waits for the slower one is little.
    first, second = tee(both)
    counted = _Counted(Evaluator(Question(level=measure.level, baseline=True)))
    baseline = _Counted(Evaluator(Question(level=measure.level)))
    for batch in beside(own.batches(first), other.batches(second)):
        counted.add(batch)
        baseline.add(batch.against_baseline())
    said, skipped = own.rows_said, rows.skipped + both.skipped
    return Compared(counted.evaluated(said, skipped=skipped), baseline.evaluated(said, skipped=skipped))


class Scorer:
    """A policy version over the log: which rows it never learned from, and what it would have stated for them."""

    def __init__(self, engine: Engine, blobs: BlobStore, version: PolicyVersionId) -> None:
        """Load it; raises as `evaluate_version` does."""
        self.engine, self._blobs = engine, blobs
        self._policy = load_version(engine, blobs, version)
        self._manifest = _manifest(engine, version)
        self._defaults = {} if self._manifest else _defaults(engine)
        self.pictures: Mapping[str, Picture] | None = None
        if self._manifest:
            self.pictures = pictures_in(engine, self._manifest.embedding_version)

    @property
    def rows_said(self) -> str:
        """Which rows it is valued on, in words."""
        return _said_of(self._manifest)

    def unseen(self, rows: Iterable[RewardedDecision]) -> Iterable[RewardedDecision]:
        """The rows that it did not learn from."""
        return rows if self._manifest is None else _not_learned_from(rows, self._manifest)

    def batches(self, rows: Iterable[RewardedDecision]) -> Iterator[Batch]:
        """The rows with its probabilities, with viewers' vectors in its own foundation version."""
        if self._policy.foundation_version is not None:
            rows = Reencoder(self.engine, self._blobs, version=self._policy.foundation_version).rows(rows)
        return score(rows, self._policy, pictures=Pictures(images=self.pictures or {}, defaults=self._defaults))


def _trusted(engine: Engine, measure: Measure) -> Iterable[RewardedDecision]:
    logged = rewarded_decisions(engine, definition=measure.reward)
    return TrustedRows(logged, read_trust(engine, rows_a_day=measure.rows_a_day))


def _manifest(engine: Engine, version: PolicyVersionId) -> Manifest | None:
    """The manifest of a learned version, None for a built-in one and for counts of plays."""
    if version in BUILT_IN or version.startswith(MOST_PLAYED):
        return None
    with reading(engine) as connection:
        return manifest_from_json(msgspec.json.encode(find_policy_version(connection, version).manifest))


def _said_of(held: Manifest | None) -> str:
    if held is None:
        return "every rewarded decision"
    return f"the {held.holdout.share:.0%} of viewers held out from learning, and all later rows"


def _defaults(engine: Engine) -> dict[TitleId, ArtworkId]:
    with reading(engine) as connection:
        return {each.title: each.artwork for each in changed_since(connection, 0).artworks if each.default}


def _not_learned_from(rows: Iterable[RewardedDecision], manifest: Manifest) -> Iterator[RewardedDecision]:
    for row in rows:
        later = manifest.watermark is not None and row.page.page > manifest.watermark
        if later or is_held_out(row.page.viewer, manifest.holdout):
            yield row
