"""The small logs of the Open Bandit Dataset, in the package obp: what is known to be wrong is warned of."""

import csv
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from bandit.ope.batch import Batch
from bandit.ope.evaluation import evaluate

ITEMS = {"men": 34, "women": 46, "all": 80}


def uniform_over(policy: str, campaign: str) -> Batch:
    """A log of 10,000 rows, with uniform over its campaign's items as the target."""
    package = find_spec("obp")
    if package is None or package.origin is None:
        pytest.skip("obp is not installed: pip install obp==0.4.1 --no-deps brings the logs")
    path = Path(package.origin).parent / "dataset" / "obd" / policy / campaign / f"{campaign}.csv"
    with path.open() as file:
        rows = [(float(row["propensity_score"]), float(row["click"])) for row in csv.DictReader(file)]
    propensity, reward = np.array(rows).T
    return Batch(propensity=propensity, target=np.full(len(rows), 1 / ITEMS[campaign]), reward=reward)


def test_the_floored_row_of_bts_women_is_named() -> None:
    found = evaluate([uniform_over("bts", "women")])
    said = {warning["code"]: warning["message"] for warning in found.diagnostics["warnings"]}
    assert said["heavy_weight"] == "row 8409, logged with 1e-06, carries 69% of all weight"
    assert said["weight_at_floor"].startswith("54 of 10000 rows were logged with less than 0.001 and carry 76%")
    assert found.diagnostics["effective_sample_size"] == pytest.approx(2.0778, abs=1e-4)


@pytest.mark.parametrize("campaign", list(ITEMS))
def test_the_uniform_logs_are_sound(campaign: str) -> None:
    found = evaluate([uniform_over("random", campaign)])
    assert not found.refused
    assert {warning["code"] for warning in found.diagnostics["warnings"]} == {"few_rewarded_effective_rows"}
