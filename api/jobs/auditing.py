"""The job that measures how well a policy version's features tell an attribute of viewers (C10). Stores nothing."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine

from api.errors import Conflict
from api.jobs.reencoding import Reencoder
from api.storage.blobs import BlobStore
from api.storage.database import reading
from api.storage.policies import BUILT_IN, find_policy_version, live_version
from api.storage.rewards import rewarded_decisions
from bandit.audit import Audit, audit
from bandit.decision import PolicyVersionId, RewardedDecision
from bandit.encoding import FeatureSpace
from bandit.registry import space_of
from bandit.rewards import QUALITY_PLAY
from bandit.rows import context_again
from foundation.events import ViewerId

_ROWS_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Audited:
    """Which version was audited, what was found, and of how many viewers of the attribute the log holds nothing."""

    version: PolicyVersionId
    audit: Audit
    unknown: int


def audit_version(
    engine: Engine,
    blobs: BlobStore,
    *,
    version: PolicyVersionId | None,
    attribute: Mapping[ViewerId, str],
    level: float = 0.95,
) -> Audited:
    """Audit what a version (the live one where None) sees of the viewers that have a value of the attribute.

    Each viewer is the mean of the context rows of their rewarded decisions, as this version would see them.

    Raises:
        Conflict: the version is built in and looks at nothing.
        UnknownVersion, DamagedFile, MissingFile, IncompatibleModel: it cannot be loaded.
        UnfitAttribute: too few viewers, or too many values.
    """
    with reading(engine) as connection:
        audited = live_version(connection) if version is None else version
        if audited in BUILT_IN:
            raise Conflict(f"{audited} looks at no feature.", "Name a learned version with --policy.")
        stored = find_policy_version(connection, audited)
    space = space_of(blobs.get_model(stored.digest), stored.digest)
    rows = (
        row
        for row in rewarded_decisions(engine, definition=QUALITY_PLAY, provisional=True)
        if row.page.viewer in attribute
    )
    if space.viewers is not None:
        rows = Reencoder(engine, blobs, version=space.viewers.embedding_version).rows(rows)
    seen = _Means(space)
    seen.add(rows)
    viewers = [*seen.counts]
    found = audit(
        seen.means(), [attribute[viewer] for viewer in viewers], groups=space.spec.context_groups, level=level
    )
    return Audited(audited, found, len(attribute) - len(viewers))


@dataclass
class _Means:
    """The mean context row of every viewer."""

    space: FeatureSpace
    sums: dict[ViewerId, NDArray[np.float64]] = field(default_factory=dict[ViewerId, NDArray[np.float64]])
    counts: dict[ViewerId, int] = field(default_factory=dict[ViewerId, int])

    def add(self, rows: Iterable[RewardedDecision]) -> None:
        foundation, intent = self.space.foundation_version, self.space.intent_version
        for part in _parts(rows):
            encoded = self.space.context_rows(
                [context_again(row.page, row.decision, foundation=foundation, intent=intent) for row in part]
            )
            for row, numbers in zip(part, encoded, strict=True):
                viewer = row.page.viewer
                self.sums[viewer] = self.sums.get(viewer, 0.0) + numbers.astype(np.float64)
                self.counts[viewer] = self.counts.get(viewer, 0) + 1

    def means(self) -> NDArray[np.float64]:
        """One row a viewer, in the order of `counts`."""
        rows = [self.sums[viewer] / count for viewer, count in self.counts.items()]
        return np.array(rows).reshape(len(rows), self.space.spec.context_width)


def _parts(rows: Iterable[RewardedDecision]) -> Iterator[list[RewardedDecision]]:
    remaining = iter(rows)
    while part := list(islice(remaining, _ROWS_AT_ONCE)):
        yield part
