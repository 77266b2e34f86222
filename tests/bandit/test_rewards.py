"""What quality play is worth, and that neither order nor repeats change it."""

import itertools
import math
from datetime import UTC, datetime

import pytest

from bandit.decision import Outcome, OutcomeKind, PageId
from bandit.rewards import quality, quality_play
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
