"""What quality play is worth, and that neither order nor repeats change it."""

import itertools
import math
from datetime import UTC, datetime

import pytest

from bandit.decision import Outcome, OutcomeKind, PageId
from bandit.rewards import (
    REWARDS,
    TAKE,
    WATCH_SHARE,
    UnknownReward,
    quality,
    quality_play,
    reward_definition,
    values_of,
)
from foundation.events import EventId


def outcome(
    kind: OutcomeKind, seconds: float | None = None, of_seconds: float | None = None, event: str = "e"
) -> Outcome:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return Outcome(
        event=EventId(event), page=PageId("0" * 32), slot=0, kind=kind, at=at, seconds=seconds, of_seconds=of_seconds
    )


@pytest.mark.parametrize(
    ("seconds", "of_seconds", "worth"),
    [
        (0, 6000, 0.0),
        (599, 6000, 0.0),
        (600, 6000, 0.55),
        (3000, 6000, 0.75),
        (6000, 6000, 1.0),
        (9000, 6000, 1.0),
        (119, 1000, 0.0),
        (120, 1000, 0.56),
        (89, 90, 0.0),
        (90, 90, 1.0),
    ],
)
def test_quality_starts_at_an_earnest_play_and_grows_with_completion(
    seconds: float, of_seconds: float, worth: float
) -> None:
    assert quality(seconds, of_seconds) == pytest.approx(worth)


@pytest.mark.parametrize("unknown", [None, 0.0, -1.0, math.nan, math.inf])
def test_a_play_of_unknown_length_counts_from_two_minutes_ungraded(unknown: float | None) -> None:
    assert quality(119, unknown) == 0.0
    assert quality(120, unknown) == quality(9000, unknown) == 0.5


@pytest.mark.parametrize("broken", [math.nan, math.inf, -600.0])
def test_a_broken_duration_is_worth_nothing(broken: float) -> None:
    assert quality(broken, 6000) == 0.0


def test_quality_never_falls_with_more_time_watched() -> None:
    worths = [quality(seconds, 2400) for seconds in range(0, 3000, 7)]
    assert worths == sorted(worths)
    assert all(0 <= worth <= 1 for worth in worths)


def test_c4_not_seen_is_not_zero() -> None:
    assert quality_play([], runtime_seconds=6000) is None
    assert quality_play([outcome(OutcomeKind.SEEN)], runtime_seconds=6000) == 0.0


@pytest.mark.parametrize("kind", [OutcomeKind.PLAYED, OutcomeKind.WATCHED, OutcomeKind.ABANDONED, OutcomeKind.HOVERED])
def test_whatever_happened_implies_that_it_was_seen(kind: OutcomeKind) -> None:
    assert quality_play([outcome(kind)], runtime_seconds=6000) == 0.0


def test_a_soon_abandoned_play_is_worth_no_more_than_no_play() -> None:
    seen, played = outcome(OutcomeKind.SEEN), outcome(OutcomeKind.PLAYED)
    abandoned = outcome(OutcomeKind.ABANDONED, seconds=45, of_seconds=6000)
    assert quality_play([seen, played, abandoned], runtime_seconds=None) == 0.0


def test_only_plays_earn_anything() -> None:
    assert quality_play([outcome(OutcomeKind.HOVERED, seconds=6000)], runtime_seconds=6000) == 0.0


def test_an_outcomes_own_length_goes_before_the_titles() -> None:
    episode = outcome(OutcomeKind.WATCHED, seconds=1200, of_seconds=1200)
    assert quality_play([episode], runtime_seconds=36000) == 1.0
    assert quality_play([outcome(OutcomeKind.WATCHED, seconds=1200)], runtime_seconds=2400) == pytest.approx(0.75)


def test_neither_order_nor_repeats_change_the_reward() -> None:
    told = [
        outcome(OutcomeKind.SEEN, event="1"),
        outcome(OutcomeKind.WATCHED, seconds=900, of_seconds=3600, event="2"),
        outcome(OutcomeKind.WATCHED, seconds=1800, of_seconds=3600, event="3"),
        outcome(OutcomeKind.ABANDONED, seconds=1800, of_seconds=3600, event="4"),
    ]
    rewards = {quality_play([*order, *order], runtime_seconds=None) for order in itertools.permutations(told)}
    assert rewards == {0.75}


def test_definitions_are_called_by_name_and_version_and_say_what_they_are_for() -> None:
    assert list(REWARDS) == ["quality_play/1", "take/1", "watch_share/1"]
    assert all(each.key == key and each.purpose.endswith(".") for key, each in REWARDS.items())


def test_an_unknown_definition_is_refused_with_the_list_of_known_ones() -> None:
    assert reward_definition("take/1") is REWARDS["take/1"]
    with pytest.raises(UnknownReward, match="clicks/1; choose one of quality_play/1, take/1, watch_share/1"):
        reward_definition("clicks/1")


@pytest.mark.parametrize("definition", REWARDS)
def test_c4_not_seen_is_not_zero_under_any_definition(definition: str) -> None:
    assert REWARDS[definition].value([], runtime_seconds=6000) is None
    assert REWARDS[definition].value([outcome(OutcomeKind.SEEN)], runtime_seconds=6000) == 0.0
    assert values_of([], runtime_seconds=6000) == {}


@pytest.mark.parametrize("definition", REWARDS)
def test_later_outcomes_only_raise_a_reward_and_neither_order_nor_repeats_matter(definition: str) -> None:
    told = [
        outcome(OutcomeKind.SEEN, event="1"),
        outcome(OutcomeKind.PLAYED, event="2"),
        outcome(OutcomeKind.WATCHED, seconds=900, of_seconds=3600, event="3"),
        outcome(OutcomeKind.ABANDONED, seconds=1800, of_seconds=3600, event="4"),
    ]
    value = REWARDS[definition].value
    grown = [value(told[:count], runtime_seconds=None) or 0.0 for count in range(1, 5)]
    assert grown == sorted(grown)
    assert 0 <= grown[0] <= grown[-1] <= 1
    orders = {value([*order, *order], runtime_seconds=None) for order in itertools.permutations(told)}
    assert orders == {grown[-1]}


@pytest.mark.parametrize("kind", [OutcomeKind.PLAYED, OutcomeKind.WATCHED, OutcomeKind.ABANDONED])
def test_a_take_is_a_play_that_began_however_it_ended(kind: OutcomeKind) -> None:
    assert REWARDS[TAKE].value([outcome(kind, seconds=1)], runtime_seconds=None) == 1.0
    assert REWARDS[TAKE].value([outcome(OutcomeKind.HOVERED, seconds=99)], runtime_seconds=None) == 0.0


@pytest.mark.parametrize(
    ("seconds", "of_seconds", "share"),
    [
        (900, 3600, 0.25),
        (7200, 3600, 1.0),
        (None, 3600, 0.0),
        (-5, 3600, 0.0),
        (math.nan, 3600, 0.0),
        (1350, None, 0.25),
    ],
)
def test_the_share_watched_takes_an_unknown_length_for_ninety_minutes(
    seconds: float | None, of_seconds: float | None, share: float
) -> None:
    watched = outcome(OutcomeKind.WATCHED, seconds=seconds, of_seconds=of_seconds)
    assert REWARDS[WATCH_SHARE].value([watched], runtime_seconds=None) == share
