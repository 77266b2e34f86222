"""Events of one viewer become interaction tokens."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest

from foundation.errors import InvalidHistory
from foundation.events import Action, Event, ViewerId
from foundation.tokens import GAPS, SAYS_MOST, SHARES, WORTH, daypart, tokenize, watched_share, worth

MakeEvent = Callable[..., Event]


def test_one_evening_on_one_title_is_one_interaction(make_event: MakeEvent) -> None:
    history = [
        make_event("a", Action.IMPRESSION, hours=0),
        make_event("a", Action.PLAY, hours=0.1, seconds=60.0, of_seconds=6000.0),
        make_event("a", Action.FINISH, hours=2, seconds=5900.0, of_seconds=6000.0, device="tv"),
        make_event("b", Action.HOVER, hours=3),
    ]
    first, second = tokenize(history)
    assert (first.title, first.action, first.device, first.share) == ("a", Action.FINISH, "tv", SHARES - 1)
    assert (second.title, second.action, second.share) == ("b", Action.HOVER, 0)


def test_the_same_title_on_another_evening_is_another_interaction(make_event: MakeEvent) -> None:
    tokens = tokenize([make_event("a", Action.FINISH, hours=0), make_event("a", Action.REWATCH, hours=30)])
    assert [token.action for token in tokens] == [Action.FINISH, Action.REWATCH]


def test_a_title_between_parts_two_interactions(make_event: MakeEvent) -> None:
    assert [token.title for token in tokenize([make_event("a"), make_event("b"), make_event("a")])] == ["a", "b", "a"]


def test_a_merged_interaction_is_named_by_what_says_most_in_any_order(make_event: MakeEvent) -> None:
    for order in (SAYS_MOST, SAYS_MOST[::-1]):
        events = [make_event("a", action, hours=position / 60) for position, action in enumerate(order)]
        assert [token.action for token in tokenize(events)] == [Action.THUMB_DOWN]


def test_every_action_has_a_rank_and_a_worth() -> None:
    assert set(SAYS_MOST) == set(Action) == set(WORTH)
    assert all(0.0 <= value <= 1.0 for value in WORTH.values())


def test_a_finish_speaks_louder_than_an_impression_and_an_abandoned_play_not_at_all() -> None:
    assert worth(Action.FINISH, None) > worth(Action.PLAY, None) > worth(Action.IMPRESSION, None)
    assert worth(Action.ABANDON, 0.9) == 0.0


def test_a_play_is_worth_the_share_that_was_watched() -> None:
    assert worth(Action.PLAY, 0.8) == pytest.approx(0.8)


def test_events_are_read_in_time_order_and_ties_in_the_order_given(make_event: MakeEvent) -> None:
    history = [make_event("c", hours=9), make_event("a", hours=1), make_event("b", hours=1)]
    assert [token.title for token in tokenize(history)] == ["a", "b", "c"]


def test_gaps_grow_with_the_time_since_the_interaction_before(make_event: MakeEvent) -> None:
    hours = (0.0, 0.1, 0.7, 4.0, 24.0, 78.0, 200.0, 600.0, 2000.0)
    gaps = [token.gap for token in tokenize([make_event(str(at), hours=at) for at in hours])]
    assert gaps == list(range(GAPS))


@pytest.mark.parametrize(
    ("seconds", "of_seconds", "share"),
    [
        (30.0, 60.0, 0.5),
        (90.0, 60.0, 1.0),
        (-1.0, 60.0, 0.0),
        (None, 60.0, None),
        (30.0, None, None),
        (30.0, 0.0, None),
        (float("nan"), 60.0, None),
        (30.0, float("inf"), None),
    ],
)
def test_the_watched_share_is_known_or_none(
    seconds: float | None, of_seconds: float | None, share: float | None
) -> None:
    assert watched_share(seconds, of_seconds) == share


def test_times_are_placed_in_the_utc_day(make_event: MakeEvent) -> None:
    tokyo = timezone(timedelta(hours=9))
    monday_night = datetime(2026, 1, 6, 1, tzinfo=tokyo)  # Monday 16:00 UTC
    assert daypart(monday_night) == daypart(datetime(2026, 1, 5, 16, tzinfo=UTC)) == 5
    (token,) = tokenize([make_event(at=monday_night)])
    assert token.weekday == 0


def test_events_of_two_viewers_are_no_history(make_event: MakeEvent) -> None:
    with pytest.raises(InvalidHistory, match="group the events by viewer"):
        tokenize([make_event(), make_event(viewer=ViewerId("w"))])


def test_a_time_without_zone_is_refused(make_event: MakeEvent) -> None:
    with pytest.raises(InvalidHistory, match="timezone"):
        tokenize([make_event(at=datetime(2026, 1, 1))])


def test_no_events_are_no_tokens() -> None:
    assert tokenize([]) == []
