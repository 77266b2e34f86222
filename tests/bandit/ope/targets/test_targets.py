"""Targets that are no trained versions: what they state, by hand, and what they refuse."""

import json
import pickle
from dataclasses import replace

import numpy as np
import pytest

from bandit.errors import InvalidExample
from bandit.ope.batch import Batch, Eligible, Floats, Labels, viewer_keys
from bandit.ope.targets.guarded import GuardedTarget, parse_guards
from bandit.ope.targets.most_played import FLOOR, MostPlayedTarget, most_played
from bandit.ope.targets.rules import RuleTarget, parse_rules
from bandit.ope.targets.target import LoggingTarget, Target, UniformTarget

NAMES = ("harbour/a", "harbour/b", "harbour/c", "tundra/a", "tundra/b")


def log() -> Batch:
    """Four rows: harbour on tv, harbour on phone, tundra on tv, harbour on tv with two artworks."""
    starts = np.array([0, 3, 6, 8, 10])
    logged = np.array([0.5, 0.3, 0.2, 0.2, 0.2, 0.6, 0.9, 0.1, 0.5, 0.5])
    chosen = starts[:-1] + np.array([0, 2, 1, 1])
    eligible = Eligible(
        starts=starts,
        chosen=chosen,
        artworks=np.array([0, 1, 2, 0, 1, 2, 3, 4, 0, 2]),
        names=NAMES,
        logged=logged,
        target=np.full(10, np.nan),
    )
    return Batch(
        propensity=logged[chosen],
        target=np.full(4, np.nan),
        reward=np.array([1.0, 0.0, 1.0, 0.0]),
        viewers=viewer_keys(["ann", "bob", "eve", "kim"]),
        eligible=eligible,
        labels={"device": Labels(codes=np.array([0, 1, 0, 0]), names=("tv", "phone"))},
    )


def entries(target: Target) -> Floats:
    restated = target.restate(log())
    assert restated.eligible is not None
    np.testing.assert_array_equal(restated.target, restated.eligible.target[restated.eligible.chosen])
    np.testing.assert_allclose(restated.eligible.row_sums(restated.eligible.target), np.ones(4), atol=1e-12)
    return restated.eligible.target


def test_uniform_and_logging() -> None:
    np.testing.assert_allclose(entries(UniformTarget()), [1 / 3] * 6 + [0.5] * 4)
    np.testing.assert_allclose(LoggingTarget().restate(log()).weights, np.ones(4))


def test_the_first_rule_that_holds_decides_and_shares_are_scaled_to_what_is_eligible() -> None:
    text = {
        "rules": [
            {"when": {"device": "phone"}, "show": {"harbour/b": 1}},
            {"when": {"device": "tv"}, "show": {"harbour/a": 0.6, "*": 0.4}},
        ],
        "otherwise": "logging",
    }
    stated = entries(RuleTarget(parse_rules(json.dumps(text))))
    np.testing.assert_allclose(stated, [0.6, 0.2, 0.2, 0, 1, 0, 0.5, 0.5, 0.6, 0.4])


def test_a_rule_with_nothing_eligible_leaves_the_row_to_the_next() -> None:
    text = {"rules": [{"show": {"b": 1}}], "otherwise": "uniform"}
    stated = entries(RuleTarget(parse_rules(json.dumps(text))))
    np.testing.assert_allclose(stated, [0, 1, 0, 0, 1, 0, 0, 1, 0.5, 0.5])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "no rules"),
        ('{"rules": [{"show": {"a": -1}}]}', "no shares above 0"),
        ('{"rules": [{"show": {}}]}', "no shares above 0"),
        ('{"rules": [], "otherwise": "best"}', "write uniform or logging"),
        ('{"rules": [{"show": {"a": 1}, "if": {}}]}', "no rules"),
    ],
)
def test_rules_that_cannot_be_kept_are_refused(text: str, said: str) -> None:
    with pytest.raises(InvalidExample, match=said):
        parse_rules(text)


def test_a_rule_over_a_column_that_is_not_there_says_which_are() -> None:
    rule = RuleTarget(parse_rules('{"rules": [{"when": {"row": "hero"}, "show": {"a": 1}}]}'))
    with pytest.raises(InvalidExample, match="the column row, and the log has device"):
        rule.restate(log())


def test_guards_pin_pause_and_hold_shares() -> None:
    text = {"harbour": {"pause": ["c"], "share": {"b": [0.7, 1.0]}}, "tundra": {"pin": "b"}}
    stated = entries(GuardedTarget(UniformTarget(), parse_guards(json.dumps(text))))
    np.testing.assert_allclose(stated, [0.3, 0.7, 0, 0.3, 0.7, 0, 0, 1, 1, 0], atol=1e-12)


def test_guards_that_leave_nothing_do_not_act() -> None:
    stated = entries(GuardedTarget(UniformTarget(), parse_guards('{"tundra": {"pause": ["a", "b"]}}')))
    np.testing.assert_allclose(stated[6:8], [0.5, 0.5])


@pytest.mark.parametrize("text", ["[]", '{"harbour": {"share": {"a": [0.9, 0.1]}}}', '{"harbour": {"pinned": "a"}}'])
def test_guards_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(InvalidExample, match="no guards"):
        parse_guards(text)


def crowd(rows: int) -> Batch:
    """One title; artwork b earns .6, a .2, drawn with .8 and .2; every row a viewer of its own."""
    rng = np.random.default_rng(5)
    chosen = (rng.random(rows) < 0.2).astype(np.int64)
    starts = np.arange(rows + 1) * 2
    logged = np.tile([0.8, 0.2], rows)
    eligible = Eligible(
        starts=starts,
        chosen=starts[:-1] + chosen,
        artworks=np.tile([0, 1], rows),
        names=("harbour/a", "harbour/b"),
        logged=logged,
        target=logged,
    )
    return Batch(
        propensity=np.array([0.8, 0.2])[chosen],
        target=np.zeros(rows),
        reward=(rng.random(rows) < np.array([0.2, 0.6])[chosen]).astype(np.float64),
        viewers=viewer_keys([f"viewer-{row}" for row in range(rows)]),
        eligible=eligible,
    )


def test_the_most_played_artwork_is_found_by_rate_and_not_by_how_often_it_was_shown() -> None:
    whole = crowd(2_000)
    restated = most_played([whole]).restate(whole)
    assert restated.eligible is not None
    np.testing.assert_allclose(restated.eligible.target.reshape(-1, 2)[:, 1], 1 - FLOOR / 2)


def test_counts_of_one_half_never_speak_for_their_own_rows() -> None:
    whole = crowd(400)
    before = most_played([whole]).restate(whole).target
    changed = replace(whole, reward=np.where(np.arange(400) == 7, 1e6, whole.reward))
    after = most_played([changed]).restate(changed).target
    assert before[7] == after[7]


def test_parts_of_counts_add_up_and_travel() -> None:
    whole = crowd(500)
    rows = np.arange(500)
    one, two = most_played([whole.select(rows < 100)]), most_played([whole.select(rows >= 100)])
    both: MostPlayedTarget = pickle.loads(pickle.dumps(one + two))
    np.testing.assert_array_equal(both.restate(whole).target, most_played([whole]).restate(whole).target)


def test_without_lists_of_artworks_nobody_can_say() -> None:
    with pytest.raises(InvalidExample, match="does not list its eligible artworks"):
        UniformTarget().restate(replace(log(), eligible=None))
    with pytest.raises(InvalidExample, match="map viewer"):
        most_played([replace(crowd(10), viewers=None)])
