"""The gate: each thing that can speak against a version does so with a remedy, and nothing else does."""

import math
from dataclasses import replace
from typing import Any

import pytest

from bandit.decision import PolicyVersionId
from bandit.gate import GateRules, OffPolicyResult, judge

LIVE = PolicyVersionId("uniform")
REWARD = "quality_play/1"
GOOD = OffPolicyResult(
    version=PolicyVersionId("squarecb-aaaaaaaaaaaa"),
    live=LIVE,
    reward=REWARD,
    rows=7000,
    level=0.95,
    value=0.12,
    low=0.10,
    high=0.14,
    live_value=0.08,
    difference=0.04,
    difference_low=0.03,
    difference_high=0.05,
    rewarded_effective_rows=400.0,
)


def test_the_paired_difference_decides_and_not_whether_two_intervals_touch() -> None:
    noisy = replace(GOOD, value=0.082, low=0.05, high=0.114, difference=0.002, difference_low=-0.0039)
    assert judge(noisy, live=LIVE, reward=REWARD).passed


def test_a_version_that_is_better_with_confidence_passes() -> None:
    verdict = judge(GOOD, live=LIVE, reward=REWARD)
    assert (verdict.passed, verdict.reasons) == (True, ())


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({"difference_low": -0.0041}, "below_live", "0.0041 less"),
        ({"difference_low": math.nan}, "below_live", "nan"),
        ({"difference_low": None, "low": 0.0759}, "below_live", "0.0041 less"),
        ({"live_value": math.nan}, "below_live", "nan"),
        ({"rewarded_effective_rows": math.nan}, "few_rewards", "nan"),
        ({"live_value": None}, "live_unknown", "uniform"),
        ({"rewarded_effective_rows": 29.0}, "few_rewards", "29"),
        ({"level": 0.5}, "low_level", "0.5"),
        ({"reward": "take/1"}, "another_reward", "take/1"),
        ({"live": PolicyVersionId("default")}, "compared_with_another", "uniform is live by now"),
        ({"refusals": ("no_rewards: none",), "value": None, "low": None, "high": None}, "refused", "no_rewards"),
        ({"value": None, "low": None, "high": None}, "no_value", "no value"),
        ({"baits": ("harbor/a", "tundra/b")}, "bait", "harbor/a, tundra/b"),
    ],
)
def test_one_thing_that_is_wrong_is_named_with_its_remedy(changes: dict[str, Any], code: str, said: str) -> None:
    verdict = judge(replace(GOOD, **changes), live=LIVE, reward=REWARD)
    [reason] = verdict.reasons
    assert not verdict.passed
    assert (reason.code, said in reason.message, bool(reason.remedy)) == (code, True, True)


def test_a_version_that_was_never_evaluated_does_not_pass() -> None:
    [reason] = judge(None, live=LIVE, reward=REWARD).reasons
    assert (reason.code, "keyart evaluate" in reason.remedy) == ("not_evaluated", True)


def test_the_low_end_may_be_a_little_below_what_is_live() -> None:
    assert judge(replace(GOOD, difference_low=-0.0039), live=LIVE, reward=REWARD).passed
    assert not judge(
        replace(GOOD, difference_low=-0.0039), live=LIVE, reward=REWARD, rules=GateRules(tolerance=0.0)
    ).passed
    assert judge(replace(GOOD, difference_low=-0.08), live=LIVE, reward=REWARD, rules=GateRules(tolerance=1.0)).passed


def test_everything_that_is_wrong_is_named_at_once() -> None:
    wrong = replace(GOOD, difference_low=-0.07, rewarded_effective_rows=1.0, level=0.5, baits=("harbor/a",))
    codes = [reason.code for reason in judge(wrong, live=PolicyVersionId("default"), reward=REWARD).reasons]
    assert codes == ["compared_with_another", "low_level", "few_rewards", "below_live", "bait"]
