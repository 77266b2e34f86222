"""What the versions on stage were observed to earn since a moment, from the rewarded log. Decides nothing."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Engine

from api.storage.pages import page_id_at
from api.storage.rewards import rewarded_decisions
from bandit.decision import PolicyVersionId, Reason, RewardedDecision, Rung
from bandit.observed import RewardSums


def observed(
    engine: Engine, versions: Collection[PolicyVersionId], *, reward: str, since: datetime, until: datetime
) -> dict[PolicyVersionId, RewardSums]:
    """Sum the final rewards of what each version drew itself, on pages decided from `since` to `until`.

    Pins, defaults and lower rungs are left out: they say nothing of the version. One pass over that part of the log.

    Raises:
        StorageUnavailable: the log cannot be read.
    """
    sums = {version: RewardSums() for version in versions}
    rows = rewarded_decisions(engine, definition=reward, since=page_id_at(since), until=page_id_at(until))
    for row in rows:
        if row.page.policy in sums and is_drawn(row):
            sums[row.page.policy].add(row.page.viewer, row.reward, weight=1.0 / row.page.kept)
    return sums


def is_drawn(row: RewardedDecision) -> bool:
    """Whether a decision was drawn by the version that its page names."""
    return row.decision.reason is Reason.POLICY and row.page.rung is Rung.LIVE
