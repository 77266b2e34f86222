"""Trials are every combination of the values named, and what cannot be tried is refused with what can."""

from dataclasses import fields

import pytest

from bandit.errors import InvalidTrial
from bandit.features import FeatureSpec
from bandit.linear.settings import LinearSettings
from bandit.policies.vowpal import EngineSettings
from bandit.tuning.trials import MOST_TRIALS, SHIPPED, grid, one_by_one, settings_of

EVERY = {
    "sampling": ["thompson"],
    "gamma_scale": ["5"],
    "gamma_exponent": ["0.25"],
    "epsilon": ["0.1"],
    "half_life_days": ["7"],
    "learning_rate": ["0.1"],
    "passes": ["3"],
    "clip": ["20"],
    "viewer_dimensions": ["8"],
    "artwork_dimensions": ["4"],
    "own_term": ["false"],
}
"""A value of every setting that is not the shipped one."""


def test_all_combinations_are_tried_after_the_shipped_settings() -> None:
    trials = grid({"gamma_scale": ["1000", "10000"], "own_term": ["true", "false"]})
    assert trials[0] is SHIPPED
    assert [(trial.name, trial.settings.gamma_scale, trial.spec.own_term) for trial in trials[1:]] == [
        ("gamma_scale=1000 own_term=true", 1000.0, True),
        ("gamma_scale=1000 own_term=false", 1000.0, False),
        ("gamma_scale=10000 own_term=false", 10000.0, False),
    ]


def test_what_comes_to_the_same_is_tried_once() -> None:
    assert grid({"gamma_scale": ["10000", "1e4"]}) == (SHIPPED,)
    assert grid({}) == (SHIPPED,)
    assert len(grid({"epsilon": ["0.1", ".1", "0.10"]})) == 2


def test_a_setting_that_a_learner_lacks_is_left_out_of_its_trials() -> None:
    trials = grid({"learner": ["linear", "vowpal"], "half_life_days": ["7", "14"], "passes": ["1", "4"]})
    assert [trial.name for trial in trials[1:]] == [
        "learner=linear half_life_days=7",
        "learner=linear half_life_days=14",
        "learner=vowpal passes=1",
        "learner=vowpal passes=4",
    ]
    assert trials[-1].settings == EngineSettings(passes=4)


def test_thompson_sampling_has_no_gamma() -> None:
    trials = grid({"sampling": ["squarecb", "thompson"], "gamma_scale": ["5", "6"]})
    assert [trial.name for trial in trials[1:]] == [
        "sampling=squarecb gamma_scale=5",
        "sampling=squarecb gamma_scale=6",
        "sampling=thompson",
    ]


def test_one_by_one_everything_else_is_as_shipped() -> None:
    trials = one_by_one({"gamma_scale": ["5", "10000"], "learner": ["vowpal"], "own_term": ["false"]})
    assert trials[0] is SHIPPED
    assert [trial.name for trial in trials[1:]] == ["gamma_scale=5", "learner=vowpal", "own_term=false"]
    assert one_by_one({}) == (SHIPPED,)


@pytest.mark.parametrize("name", EVERY)
def test_every_setting_reaches_what_it_is_a_setting_of(name: str) -> None:
    learner = "vowpal" if name in {"learning_rate", "passes", "clip"} else "linear"
    (trial,) = [one for one in grid({"learner": [learner], name: EVERY[name]}) if name in one.name]
    told, plain = settings_of(trial), settings_of(grid({"learner": [learner]})[-1])
    assert {key for key in told if told[key] != plain[key]} == {name}


def test_every_setting_of_a_learner_can_be_tried() -> None:
    known = {
        *LinearSettings.__struct_fields__,
        *EngineSettings.__struct_fields__,
        *(f.name for f in fields(FeatureSpec)),
    }
    fixed = {"seed", "features", "looks", "intent_dimensions"}
    assert known - fixed == {*EVERY}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"gama": ["1"]}, "no setting is called 'gama'.*gamma_scale"),
        ({"gamma_scale": []}, "no values"),
        ({"gamma_scale": ["many"]}, "cannot be 'many'; give a number from 0"),
        ({"gamma_scale": ["nan"]}, "cannot be 'nan'"),
        ({"gamma_scale": ["inf"]}, "cannot be 'inf'"),
        ({"gamma_scale": ["-1"]}, "cannot be '-1'"),
        ({"epsilon": ["1.01"]}, "from 0 to 1"),
        ({"half_life_days": ["0"]}, "none, or days"),
        ({"learner": ["vowpal"], "clip": ["0.9"]}, "none, or a number from 1"),
        ({"clip": ["20"]}, "learner vowpal"),
        ({"learner": ["xgboost"]}, "one of linear, vowpal"),
        ({"own_term": ["yes"]}, "true or false"),
        ({"viewer_dimensions": ["65"]}, "from 0 to 64"),
        ({"artwork_dimensions": ["0"]}, "from 1 to 63"),
        ({"viewer_dimensions": ["8.5"]}, "whole number"),
        ({"passes": ["2"]}, "passes does nothing here.*learner vowpal"),
        ({"learner": ["vowpal"], "half_life_days": ["7"]}, "half_life_days does nothing here.*learner linear"),
        ({"sampling": ["thompson"], "gamma_scale": ["7"]}, "not under Thompson"),
    ],
)
def test_what_cannot_be_tried_is_refused_with_what_can(values: dict[str, list[str]], said: str) -> None:
    with pytest.raises(InvalidTrial, match=said):
        grid(values)


def test_more_trials_than_anyone_can_wait_for_are_refused() -> None:
    many = [str(number) for number in range(MOST_TRIALS + 1)]
    with pytest.raises(InvalidTrial, match="fewer values"):
        grid({"gamma_scale": many})
    assert len(grid({"gamma_scale": many[1:]})) == MOST_TRIALS + 1
