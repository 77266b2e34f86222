"""The job that evaluates a version for the gate: its value and the live policy's, on the same rows, kept for ever."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine

from api.errors import Conflict, DamagedFile, MissingFile
from api.jobs.evaluating import Compared, Evaluated, OwnOrder, compare, evaluate_own
from api.jobs.own_log import Scorer
from api.jobs.trusted import Measure
from api.storage.blobs import BlobStore
from api.storage.database import reading, transaction
from api.storage.evaluations import StoredEvaluation, add_evaluation
from api.storage.policies import live_version
from bandit.bait import BaitReport, favoured_baits
from bandit.decision import PolicyVersionId
from bandit.gate import OffPolicyResult
from bandit.ope.estimators.estimator import Estimate

_ESTIMATOR = "snips"
"""Stays inside the rewards' range, and its interval clusters by viewer."""


def assess_version(
    engine: Engine,
    blobs: BlobStore,
    *,
    order: OwnOrder,
    baits: Sequence[BaitReport] = (),
    still: Callable[[Connection], None] | None = None,
) -> Evaluated:
    """Evaluate a policy version beside what is live, and write down what the gate asks for (`bandit.gate`).

    What is no learned version as it is (`OwnOrder.of_a_version`) is evaluated, and nothing is written down. `baits` are
    reports of artworks; those in alarm that the version would show more than the live policy are kept. `still` raises,
    in the transaction that writes it down, where it is not to be.

    Raises as `evaluate_own` does, and Conflict if the live version cannot be loaded: then nothing is written down.
    """
    measure = order.measure
    if not order.of_a_version:
        own = evaluate_own(engine, blobs, order)
        return _asked(own, target=order.target, baseline=order.baseline, measure=measure)
    version = PolicyVersionId(order.target)
    with reading(engine) as connection:
        live = live_version(connection)
    compared = compare(Scorer(engine, blobs, version, alike=True), live_scorer(engine, blobs, live), order=order)
    said = said_of(compared, version=version, live=live, measure=measure, baits=baits)
    keep_evaluation(engine, said, still=still)
    return _asked(compared.own, target=version, baseline=live, measure=measure)


def said_of(
    compared: Compared,
    *,
    version: PolicyVersionId,
    live: PolicyVersionId,
    measure: Measure,
    baits: Sequence[BaitReport] = (),
) -> StoredEvaluation:
    """What the gate asks for: a version beside what is live, on the same rows."""
    own, beside = _asked(compared.own, target=version, baseline=live, measure=measure), compared.baseline
    result = _result(version, live, compared, measure=measure)
    result = replace(result, entropy=own.entropy)
    result = replace(result, baits=favoured_baits(baits, version=own.shown, live=beside.shown))
    return StoredEvaluation(datetime.now(UTC), result, found=own.evaluation.to_json())


def keep_evaluation(
    engine: Engine, evaluation: StoredEvaluation, *, still: Callable[[Connection], None] | None = None
) -> None:
    """Write an evaluation down; `still` raises, in the same transaction, where it is not to be."""
    with transaction(engine) as connection:
        if still is not None:
            still(connection)
        add_evaluation(connection, evaluation)


def live_scorer(engine: Engine, blobs: BlobStore, live: PolicyVersionId) -> Scorer:
    """What a version is compared with; after an upgrade it may be one that nothing can load.

    Raises:
        Conflict: so it is.
    """
    try:
        return Scorer(engine, blobs, live)
    except (Conflict, DamagedFile, MissingFile) as error:
        remedy = "Take it off first (`keyart rollback`, or `keyart promote uniform`), then evaluate again."
        raise Conflict(f"{live} is live, and cannot be compared with: {error.message}", remedy) from error


def _result(
    version: PolicyVersionId, live: PolicyVersionId, compared: Compared, *, measure: Measure
) -> OffPolicyResult:
    own = compared.own.evaluation
    estimate, of_live = own.estimate(_ESTIMATOR), compared.baseline.evaluation.estimate(_ESTIMATOR)
    difference = own.difference(_ESTIMATOR) if of_live else None
    low, high = _bounds(estimate)
    least, greatest = _bounds(difference)
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
        difference=difference.value if difference else None,
        difference_low=least,
        difference_high=greatest,
        rewarded_effective_rows=float(own.diagnostics.get("rewarded_effective_sample_size") or 0.0),
        refusals=tuple(f"{refusal.code}: {refusal.message}" for refusal in own.refusals),
    )


def _asked(own: Evaluated, *, target: str, baseline: str | None, measure: Measure) -> Evaluated:
    """The same, saying what was asked: for its reader, and for whoever looks at the version later."""
    question: dict[str, Any] = {
        "target": target,
        "baseline": baseline,
        "log": f"this installation, {own.rows}",
        "level": measure.level,
        "reward": measure.reward,
    }
    diagnostics = {**own.evaluation.diagnostics, "question": question}
    return replace(own, evaluation=replace(own.evaluation, diagnostics=diagnostics))


def _bounds(estimate: Estimate | None) -> tuple[float | None, float | None]:
    return (estimate.interval.low, estimate.interval.high) if estimate else (None, None)
