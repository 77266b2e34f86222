"""The job that evaluates a version for the gate: its value and the live policy's, on the same rows, kept for ever."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import Engine

from api.errors import Conflict, DamagedFile, MissingFile
from api.jobs.evaluating import Evaluated, evaluate_version
from api.jobs.trusted import Measure
from api.storage.blobs import BlobStore
from api.storage.database import reading, transaction
from api.storage.evaluations import StoredEvaluation, add_evaluation
from api.storage.policies import BUILT_IN, live_version
from bandit.bait import BaitReport, favoured_baits
from bandit.decision import PolicyVersionId
from bandit.gate import OffPolicyResult
from bandit.ope.estimators.estimator import Estimate
from bandit.ope.evaluation import Evaluation

_ESTIMATOR = "snips"
"""Stays inside the rewards' range, and its interval clusters by viewer."""


def assess_version(
    engine: Engine,
    blobs: BlobStore,
    *,
    version: PolicyVersionId,
    measure: Measure | None = None,
    baits: Sequence[BaitReport] = (),
) -> Evaluated:
    """Evaluate a policy version, and write down what the gate asks for (`bandit.gate`); nothing for a built-in one.

    `baits` are reports of artworks; those in alarm that the version would show more than the live policy are kept.

    Raises as `evaluate_version` does, and Conflict if the live version cannot be loaded: then nothing is written down.
    """
    measure = measure or Measure()
    evaluated = evaluate_version(engine, blobs, version=version, measure=measure)
    if version in BUILT_IN:
        return evaluated
    with reading(engine) as connection:
        live = live_version(connection)
    beside = evaluated
    if live != version:
        beside = _beside(engine, blobs, live, version=version, measure=measure)
    result = _result(version, live, evaluated.evaluation, beside=beside.evaluation, measure=measure)
    result = replace(result, entropy=evaluated.entropy)
    result = replace(result, baits=favoured_baits(baits, version=evaluated.shown, live=beside.shown))
    with transaction(engine) as connection:
        add_evaluation(connection, StoredEvaluation(datetime.now(UTC), result))
    return evaluated


def _beside(
    engine: Engine, blobs: BlobStore, live: PolicyVersionId, *, version: PolicyVersionId, measure: Measure
) -> Evaluated:
    """Value the live version on the rows of `version`; after an upgrade it may be one that nothing can load."""
    try:
        return evaluate_version(engine, blobs, version=live, measure=measure, rows_of=version)
    except (Conflict, DamagedFile, MissingFile) as error:
        remedy = "Take it off first (`keyart rollback`, or `keyart promote uniform`), then evaluate again."
        raise Conflict(f"{live} is live, and cannot be compared with: {error.message}", remedy) from error


def _result(
    version: PolicyVersionId, live: PolicyVersionId, own: Evaluation, *, beside: Evaluation, measure: Measure
) -> OffPolicyResult:
    estimate, of_live = own.estimate(_ESTIMATOR), beside.estimate(_ESTIMATOR)
    low, high = _bounds(estimate)
    return OffPolicyResult(
        version=version,
        live=live,
        reward=measure.reward,
        rows=own.rows,
        level=measure.level,
        value=estimate.value if estimate else None,
        low=low,
        high=high,
        live_value=of_live.value if of_live else None,
        rewarded_effective_rows=float(own.diagnostics.get("rewarded_effective_sample_size") or 0.0),
        refusals=tuple(f"{refusal.code}: {refusal.message}" for refusal in own.refusals),
    )


def _bounds(estimate: Estimate | None) -> tuple[float | None, float | None]:
    return (estimate.interval.low, estimate.interval.high) if estimate else (None, None)
