"""Whether learning may go on from a version: what must be the same then and now. Knows no rows and no storage."""

from collections.abc import Iterator

import msgspec

from bandit.errors import IncompatibleModel
from bandit.harvest import Scope
from bandit.learners import LearnerSettings
from bandit.registry import Manifest, digest_of


def check_onward(
    before: Manifest, sums: bytes | None, *, scope: Scope, settings: LearnerSettings, reward: str
) -> bytes:
    """Return the sums of a version, if rows under this config may be added to them.

    Raises:
        IncompatibleModel: it keeps none, others than its manifest names, or was learned under another config.
    """
    if sums is None or before.sums is None:
        mistakes = ["it keeps no sums"]
    else:
        mistakes = [*_mistakes(before, sums), *_differences(before, scope, settings=settings, reward=reward)]
    if sums is None or mistakes:
        raise IncompatibleModel(
            f"learning cannot go on from {before.version}: {', '.join(mistakes)}; learn from the start"
        )
    return sums


def _mistakes(before: Manifest, sums: bytes) -> Iterator[str]:
    if digest_of(sums) != before.sums:
        yield "its sums are damaged"
    if before.provisional:
        yield "it was learned from provisional rewards, which would never be corrected"
    if before.window_seconds is not msgspec.UNSET:
        yield f"it was learned under a window of its own ({before.window_seconds} s)"


def _differences(before: Manifest, scope: Scope, *, settings: LearnerSettings, reward: str) -> Iterator[str]:
    """What was another then; a version that never met a viewer or intent vector goes on without, whatever is live."""
    if before.settings != settings:
        yield f"it was learned under other settings ({' '.join(before.arguments)})"
    if before.reward != reward:
        yield f"it was learned from {before.reward}, not from {reward}"
    versions = {
        "embedding": (before.embedding_version, scope.embedding_version),
        "foundation": (before.foundation_version or scope.foundation_version, scope.foundation_version),
        "intent": (before.intent_version or scope.intent_version, scope.intent_version),
    }
    for kind, (then, now) in versions.items():
        if then != now:
            yield f"its {kind} version is {then}, now it is {now or 'none'}"
    if before.spec != scope.spec:
        yield "it looks at other features"
    if before.holdout != scope.holdout:
        yield "other viewers were held out"
