"""The job that values a policy version from the decisions that others made, on rows that it did not learn from."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

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
from bandit.decision import PolicyVersionId, RewardedDecision
from bandit.harvest import is_held_out
from bandit.ope.batch import Batch
from bandit.ope.evaluation import Evaluation, evaluate
from bandit.ope.scoring import Pictures, score
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


@dataclass
class _Counted:
    """The batches as they pass, what the target's probabilities of each artwork add up to, and its entropy."""

    batches: Iterator[Batch]
    shown: dict[str, float] = field(default_factory=dict[str, float], init=False)
    chance: EntropySums = field(default_factory=EntropySums, init=False)

    def __iter__(self) -> Iterator[Batch]:
        for batch in self.batches:
            if batch.eligible is not None:
                sums = np.bincount(batch.eligible.artworks, batch.eligible.target, len(batch.eligible.names))
                for name, mass in zip(batch.eligible.names, sums.tolist(), strict=True):
                    self.shown[name] = self.shown.get(name, 0.0) + mass
                self.chance.add(batch.eligible.row_sums(entropy_terms(batch.eligible.target)), batch.eligible.counts)
            yield batch


def evaluate_version(
    engine: Engine,
    blobs: BlobStore,
    *,
    version: PolicyVersionId,
    measure: Measure | None = None,
    rows_of: PolicyVersionId | None = None,
) -> Evaluated:
    """Value a policy version, or a built-in one, from this installation's own log.

    A learned version is valued with the vectors that it was learned on, whatever is live now, and only on viewers that
    learning held out, and on what was logged after it: on the rows that it learned from, any policy looks better than
    it is. `measure` says under which definition decisions are valued, and how many of a viewer's count in a day;
    `rows_of` names another version whose rows those shall be, so that two policies are valued on the same.

    Raises:
        UnknownVersion: there is no such version.
        DamagedFile, MissingFile, Conflict: it cannot be loaded whole.
    """
    measure = measure or Measure()
    policy = load_version(engine, blobs, version)
    manifest, held = _manifest(engine, version), _manifest(engine, rows_of or version)
    logged = rewarded_decisions(engine, definition=measure.reward)
    rows: Iterable[RewardedDecision] = TrustedRows(logged, read_trust(engine, rows_a_day=measure.rows_a_day))
    rows = rows if held is None else _not_learned_from(rows, held)
    if manifest is None:
        scored = _Counted(score(rows, policy, pictures=Pictures(defaults=_defaults(engine))))
        found = evaluate(scored, level=measure.level)
        return Evaluated(found, _said_of(held), shown=scored.shown, entropy=scored.chance.mean)
    pictures = pictures_in(engine, manifest.embedding_version)
    if policy.foundation_version is not None:
        rows = Reencoder(engine, blobs, version=policy.foundation_version).rows(rows)
    visible = VisibleRows(rows, pictures)
    scored = _Counted(score(visible, policy, pictures=Pictures(images=pictures)))
    found = evaluate(scored, level=measure.level)
    # What follows was counted while the rows were read.
    return Evaluated(found, _said_of(held), visible.skipped, scored.shown, scored.chance.mean)


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
