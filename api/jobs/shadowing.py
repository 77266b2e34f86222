"""What is known of the shadow on stage: what servers say of it, and what it would have earned since. Ends nothing."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, Engine

from api.jobs.assessing import live_scorer, said_of
from api.jobs.evaluating import OwnOrder, compare
from api.jobs.own_log import Scorer
from api.jobs.trusted import measure_of
from api.settings import Settings
from api.storage.blobs import BlobStore
from api.storage.shadow_reports import read_shadow_reports, total_of
from api.storage.stages import Standing
from bandit.decision import PolicyVersionId
from bandit.gate import GateRules, OffPolicyResult
from bandit.shadowing import ShadowRules, ShadowVerdict, judge_shadow

BAD_SHADOW: Final = "bad_shadow"
LEVEL = 0.99
"""Of the interval that a shadow is ended by: a version that is as good as what decides is ended once in 200 times."""


def shadow_verdict(
    connection: Connection, now: Standing, *, settings: Settings, began: datetime, at: datetime
) -> ShadowVerdict:
    """Judge the shadow, which `began` to be one, by what all servers say of it."""
    figures = total_of(read_shadow_reports(connection, now.shadow_by))
    waited = not began <= at < began + timedelta(seconds=settings.shadow_seconds)  # the clock may have been set back
    return judge_shadow(figures, waited=waited, rules=ShadowRules(pages=settings.shadow_pages))


def earned_in_shadow(
    engine: Engine, blobs: BlobStore, *, settings: Settings, now: Standing, reward: str, began: datetime
) -> OffPolicyResult:
    """Value the shadow beside what is live on what was decided since it began, which it cannot have learned from.

    Raises as `api.jobs.assessing.assess_version` does; writes nothing down.
    """
    assert now.shadow is not None, "there is a shadow"
    measure = measure_of(settings, reward=reward, level=LEVEL)
    order = OwnOrder(target=now.shadow, measure=measure, since=began)
    own, live = Scorer(engine, blobs, now.shadow), live_scorer(engine, blobs, now.live)
    compared = compare(own, live, order=order)
    return said_of(compared, version=PolicyVersionId(now.shadow), live=now.live, measure=measure).result


def earned_less(result: OffPolicyResult) -> bool:
    """Whether it would surely have earned less than what is live."""
    high = result.difference_high
    return _tells(result) and high is not None and high < 0


def earned_told(result: OffPolicyResult) -> str:
    """What it would have earned, in words."""
    if not _tells(result) or result.value is None or result.live_value is None:
        return f"too few rewards came since to tell what it would have earned ({result.rows:,} decisions)"
    return (
        f"on the {result.rows:,} decisions since it would have earned {result.value:.4f}, and {result.live} "
        f"{result.live_value:.4f}: a difference of {result.difference_low:+.4f} to {result.difference_high:+.4f} "
        f"({result.level:.0%})"
    )


def _tells(result: OffPolicyResult) -> bool:
    enough = result.rewarded_effective_rows >= GateRules().fewest_rewarded
    return enough and None not in (result.value, result.live_value, result.difference_low, result.difference_high)
