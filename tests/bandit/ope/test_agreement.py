"""Point estimates against two other implementations, on the six real logs that come inside the `obp` package.

Needs the extra `agreement`; skipped where it is absent. Nothing of the logs is kept here.
"""

import csv
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import Any

import numpy as np
import pytest

from bandit.ope.batch import Batch, Floats, Integers, Predicted
from bandit.ope.estimators.direct_method import DirectMethod
from bandit.ope.estimators.doubly_robust import DoublyRobust
from bandit.ope.estimators.dros import DRos
from bandit.ope.estimators.estimator import Estimator
from bandit.ope.estimators.ips import IPS
from bandit.ope.estimators.replay import Replay
from bandit.ope.estimators.sndr import SelfNormalisedDoublyRobust
from bandit.ope.estimators.snips import SNIPS
from bandit.ope.estimators.switch_dr import SwitchDR
from bandit.ope.evaluation import evaluate
from bandit.ope.pages import PageEvaluator

LOGS = [(policy, campaign) for policy in ("bts", "random") for campaign in ("all", "men", "women")]
PIECES = 7

pytestmark = pytest.mark.filterwarnings("default")  # Warnings of other people's packages are not ours to mend.


@dataclass(frozen=True)
class OpenLog:
    """10,000 rows of the Open Bandit Dataset, a target with some wild weights, and a model of the rewards."""

    shown: Integers
    propensity: Floats
    reward: Floats
    target: Floats
    foreseen: Floats

    def parts(self) -> list[Batch]:
        """The log in uneven parts."""
        places = np.arange(len(self.shown)), self.shown
        whole = Batch(
            propensity=self.propensity,
            target=self.target[places],
            reward=self.reward,
            predicted=Predicted(shown=self.foreseen[places], target=(self.foreseen * self.target).sum(axis=1)),
        )
        part = np.random.default_rng(1).integers(PIECES, size=len(self.shown))
        return [whole.select(part == number) for number in range(PIECES)]


def imported(module: str) -> Any:
    """The module of the extra, or a skip that tells how to install it."""
    try:
        return import_module(module)
    except ImportError as missing:
        pytest.skip(f"{missing}: pip install 'keyart[agreement]'")


@cache
def open_log(policy: str, campaign: str) -> OpenLog:
    """The log out of the installed `obp` package."""
    imported("obp")
    table = files("obp") / "dataset" / "obd" / policy / campaign / f"{campaign}.csv"
    with table.open() as lines:
        rows = list(csv.DictReader(lines))
    shown = np.array([int(row["item_id"]) for row in rows])
    rng = np.random.default_rng(len(campaign))
    return OpenLog(
        shown=shown,
        propensity=np.array([float(row["propensity_score"]) for row in rows]),
        reward=np.array([float(row["click"]) for row in rows]),
        target=rng.dirichlet(np.full(shown.max() + 1, 0.3), size=len(rows)),
        foreseen=0.02 * rng.random((len(rows), shown.max() + 1)),
    )


def value(estimator: Estimator, log: OpenLog) -> float:
    """What the estimator says of the log, taken in part by part."""
    for part in log.parts():
        estimator.add(part)
    return estimator.estimate()


@pytest.mark.parametrize(("policy", "campaign"), LOGS)
@pytest.mark.parametrize(
    ("kind", "limit", "theirs", "setting"),
    [
        (IPS, None, "InverseProbabilityWeighting", {}),
        (SNIPS, None, "SelfNormalizedInverseProbabilityWeighting", {}),
        (DirectMethod, None, "DirectMethod", {}),
        (DoublyRobust, None, "DoublyRobust", {}),
        (SelfNormalisedDoublyRobust, None, "SelfNormalizedDoublyRobust", {}),
        (SwitchDR, 5.0, "SwitchDoublyRobust", {"tau": 5.0}),
        (DRos, 30.0, "DoublyRobustWithShrinkage", {"lambda_": 30.0}),
        (DRos, 1e8, "DoublyRobustWithShrinkage", {"lambda_": 1e8}),
    ],
)
def test_obp_says_the_same(
    policy: str, campaign: str, kind: type[Estimator], limit: float | None, theirs: str, setting: dict[str, float]
) -> None:
    log = open_log(policy, campaign)
    estimator = kind() if limit is None else kind(limit)  # type: ignore[call-arg]
    other = getattr(imported("obp.ope.estimators"), theirs)(**setting)
    said = other.estimate_policy_value(
        reward=log.reward,
        action=log.shown,
        pscore=log.propensity,
        action_dist=log.target[:, :, np.newaxis],
        estimated_rewards_by_reg_model=log.foreseen[:, :, np.newaxis],
    )
    assert value(estimator, log) == pytest.approx(said, abs=1e-9)


@pytest.mark.parametrize("campaign", ["all", "men", "women"])
def test_obp_replays_the_same(campaign: str) -> None:
    log = open_log("random", campaign)
    fixed = np.eye(log.target.shape[1])[np.arange(len(log.shown)) % 5]
    certain = OpenLog(log.shown, log.propensity, log.reward, fixed, log.foreseen)
    other = imported("obp.ope.estimators").ReplayMethod()
    said = other.estimate_policy_value(reward=log.reward, action=log.shown, action_dist=fixed[:, :, np.newaxis])
    assert value(Replay(), certain) == pytest.approx(said, abs=1e-9)


@pytest.mark.parametrize(("policy", "campaign"), LOGS)
@pytest.mark.parametrize(("kind", "theirs"), [(IPS, "ips"), (SNIPS, "snips")])
def test_vw_estimators_say_the_same(policy: str, campaign: str, kind: type[Estimator], theirs: str) -> None:
    log = open_log(policy, campaign)
    other = imported(f"estimators.bandits.{theirs}").Estimator()
    agreed = log.target[np.arange(len(log.shown)), log.shown]
    for propensity, reward, probability in zip(log.propensity, log.reward, agreed, strict=True):
        other.add_example(float(propensity), float(reward), float(probability))
    assert value(kind(), log) == pytest.approx(other.get(), abs=1e-9)


def test_vw_estimators_say_the_same_of_pages() -> None:
    other = imported("estimators.slates.pseudo_inverse").Estimator()
    rng = np.random.default_rng(4)
    slots = rng.integers(1, 8, size=500)
    propensity, target, reward = (rng.uniform(0.05, 1.0, size=slots.sum()) for _ in range(3))
    pages = np.repeat(np.arange(500), slots)
    for page in range(500):
        own = pages == page
        other.add_example(propensity[own].tolist(), float(reward[own].sum()), target[own].tolist())
    evaluator = PageEvaluator()
    evaluator.add(Batch(propensity=propensity, target=target, reward=reward, pages=pages.astype(np.uint64)))
    found = {estimate.estimator: estimate.value for estimate in evaluator.result().estimates}
    assert found["page_pseudo_inverse"] == pytest.approx(other.get(), abs=1e-9)


def test_the_floored_row_of_bts_women_raises_its_warning() -> None:
    """One row was logged with 1e-6, which a simulation rounded up from never: uniform hangs on it."""
    log = open_log("bts", "women")
    uniform = Batch(propensity=log.propensity, target=np.full(len(log.shown), 1 / 46), reward=log.reward)
    diagnostics = evaluate([uniform]).diagnostics
    assert diagnostics["smallest_propensity"] == 1e-6
    assert "heavy_weight" in {warning["code"] for warning in diagnostics["warnings"]}
    sound = uniform.select(log.propensity > 1e-5)
    assert "heavy_weight" not in {warning["code"] for warning in evaluate([sound]).diagnostics["warnings"]}
