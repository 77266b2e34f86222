"""What is counted of a page that was answered, taken from it at once: so nobody need keep it. Knows no metric."""

from collections import Counter
from collections.abc import Iterable

import msgspec

from api.dependencies.calibration import Calibration, calibration_of
from bandit.decision import Page, PolicyVersionId, Reason, Rung


class Issued(msgspec.Struct, frozen=True, kw_only=True):
    """A page as it is counted: its slots by reason, and what they add to the check of their probabilities."""

    rung: Rung
    policy: PolicyVersionId
    kept: float
    reasons: dict[Reason, int]
    calibration: Calibration


def issued_of(page: Page) -> Issued:
    """Take from a page what is counted of it."""
    return Issued(
        rung=page.rung,
        policy=page.policy,
        kept=page.kept,
        reasons=Counter([slot.reason for slot in page.slots]),
        calibration=calibration_of(page.slots),
    )


def slots_by_reason(issued: Iterable[Issued]) -> Counter[Reason]:
    """Add up the slots of pages."""
    summed = Counter[Reason]()
    for each in issued:
        summed.update(each.reasons)
    return summed
