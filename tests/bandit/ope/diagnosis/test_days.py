"""Day by day: each day is what the estimators say of its rows, and what is known grows to the whole log."""

from dataclasses import replace

import numpy as np
import pytest

from bandit.ope.batch import Batch
from bandit.ope.diagnosis.days import Days
from bandit.ope.estimators.snips import SNIPS
from bandit.ope.evaluation import evaluate

DAY = 86_400_000_000
FIRST = 20_574 * DAY  # 2026-05-01


def over_days(batch: Batch, days: int) -> Batch:
    at = FIRST + np.sort(np.random.default_rng(1).integers(days * DAY, size=len(batch)))
    return replace(batch, at=at)


def test_each_day_and_all_days_until_it(crowd: Batch) -> None:
    log = over_days(crowd, 4)
    told = evaluate([log]).diagnostics["days"]
    assert [day["day"] for day in told] == ["2026-05-01", "2026-05-02", "2026-05-03", "2026-05-04"]
    assert log.at is not None
    second = log.select((log.at >= FIRST + DAY) & (log.at < FIRST + 2 * DAY))
    snips = SNIPS()
    snips.add(second)
    assert told[1]["rows"] == len(second)
    assert told[1]["value"] == pytest.approx(snips.estimate(), abs=1e-12)
    assert told[1]["mean_reward"] == pytest.approx(float(second.reward.mean()), abs=1e-12)
    assert told[1]["low"] < told[1]["value"] < told[1]["high"]
    whole = SNIPS()
    whole.add(log)
    last = told[-1]["cumulative"]
    assert (last["rows"], last["value"]) == (3000, pytest.approx(whole.estimate(), abs=1e-12))
    expected = whole.interval(0.95)
    assert last["high"] - last["low"] == pytest.approx(expected.high - expected.low, rel=0.2)
    widths = [day["cumulative"]["high"] - day["cumulative"]["low"] for day in told]
    assert widths[-1] < widths[0]


def test_parts_in_any_order_give_the_same_days(crowd: Batch) -> None:
    log = over_days(crowd, 5)
    parts = [Days() for _ in range(3)]
    for place, part in enumerate(parts):
        part.add(log.select(np.arange(3000) % 3 == place))
    whole = Days()
    whole.add(log)
    for told in (parts[0] + parts[1] + parts[2], parts[2] + parts[0] + parts[1]):
        for day, expected in zip(told.to_json(level=0.9), whole.to_json(level=0.9), strict=True):
            assert day["cumulative"] == pytest.approx(expected["cumulative"], abs=1e-12)
            assert (day["day"], day["rows"]) == (expected["day"], expected["rows"])


def test_a_day_on_which_the_target_shows_nothing_has_no_value(crowd: Batch) -> None:
    log = over_days(crowd, 2)
    assert log.at is not None
    dark = replace(log, target=np.where(log.at < FIRST + DAY, 0.0, log.target), eligible=None)
    days = Days()
    days.add(dark)
    first, second = days.to_json(level=0.95)
    assert (first["value"], first["low"]) == (None, None)
    assert second["cumulative"]["value"] is not None


def test_where_the_evaluation_is_refused_no_day_has_a_value(crowd: Batch) -> None:
    refused = evaluate([replace(over_days(crowd, 2), target=np.zeros(3000), eligible=None)])
    assert refused.refused
    assert [(day["rows"] > 0, day["value"], day["cumulative"]["value"]) for day in refused.diagnostics["days"]] == [
        (True, None, None),
        (True, None, None),
    ]


def test_a_log_without_times_has_no_days(crowd: Batch) -> None:
    assert evaluate([crowd]).diagnostics["days"] == []
