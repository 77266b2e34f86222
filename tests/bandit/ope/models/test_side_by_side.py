"""All reward models on one log: how near they come, and what that is worth to the doubly robust value."""

import logging
from collections.abc import Callable

import numpy as np
import pytest

from bandit.ope.batch import Batch, Floats
from bandit.ope.estimators.doubly_robust import DoublyRobust
from bandit.ope.estimators.estimator import Estimator
from bandit.ope.estimators.ips import IPS
from bandit.ope.models.boosting import Boosting
from bandit.ope.models.model import RewardModel, fit
from bandit.ope.models.ridge import Ridge
from bandit.ope.models.vowpal import VowpalRewards

MakeLog = Callable[..., Batch]
TruthIn = Callable[..., Floats]


@pytest.mark.slow
@pytest.mark.parametrize("kind", [Ridge, Boosting, VowpalRewards])
def test_every_model_makes_values_steadier(kind: type[RewardModel], make_log: MakeLog, truth_in: TruthIn) -> None:
    log = make_log(1, rows=20_000, artworks=6)
    truth = truth_in(log)
    fitted = fit([log], kind())
    error = float(np.sqrt(np.mean((fitted.scores(log) - truth) ** 2)))
    doubly, plain = DoublyRobust(), IPS()
    for estimator in (doubly, plain):
        estimator.add(fitted.predict(log))
    ratio = _spread(doubly) / _spread(plain)
    told = f"{fitted.name}: off by {error:.4f} where artworks differ by {truth.std():.4f}; "
    logging.getLogger(__name__).info("%s", told + f"error of dr {ratio:.2f} of that of ips; {dict(fitted.chosen)}")

    assert error < 0.5 * truth.std()
    assert ratio < 0.95


def _spread(estimator: Estimator) -> float:
    return estimator.standard_error()
