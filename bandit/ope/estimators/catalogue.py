"""All estimators that value a target, and which of them a log allows. Knows no formula."""

from bandit.ope.estimators.clipped_ips import ClippedIPS
from bandit.ope.estimators.direct_method import DirectMethod
from bandit.ope.estimators.doubly_robust import DoublyRobust
from bandit.ope.estimators.dros import DRos
from bandit.ope.estimators.estimator import Estimator
from bandit.ope.estimators.ips import IPS
from bandit.ope.estimators.ix import ImplicitExploration
from bandit.ope.estimators.log_smoothing import LogSmoothing
from bandit.ope.estimators.marginalised import MIPS
from bandit.ope.estimators.replay import Replay
from bandit.ope.estimators.sndr import SelfNormalisedDoublyRobust
from bandit.ope.estimators.snips import SNIPS
from bandit.ope.estimators.switch_dr import SwitchDR

KINDS: tuple[type[Estimator], ...] = (
    Replay,
    IPS,
    SNIPS,
    ClippedIPS,
    DirectMethod,
    DoublyRobust,
    SelfNormalisedDoublyRobust,
    SwitchDR,
    DRos,
    MIPS,
    LogSmoothing,
    ImplicitExploration,
)
"""Each can be made without arguments: hyper-parameters are then picked by their rule."""


def allowed(*, predicted: bool, likeness: bool, greatest_reward: float = 1.0) -> tuple[Estimator, ...]:
    """Those that a log allows whose batches are `predicted` by a reward model, and know their artworks' `likeness`.

    `greatest_reward` is the most that a decision can earn.
    """
    return tuple(
        ImplicitExploration(largest_reward=greatest_reward) if kind is ImplicitExploration else kind()
        for kind in KINDS
        if (predicted or not kind.needs_predictions) and (likeness or not kind.needs_likeness)
    )
