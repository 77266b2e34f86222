"""What people order acts before the draw: shares by the nearest distribution, pins and schedules by time and locale."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from artwork.catalog import ArtworkId
from bandit.context import RequestContext
from bandit.errors import InvalidGuard
from bandit.guards import (
    FLOOR,
    Bounds,
    Pin,
    Probabilities,
    Schedule,
    Share,
    Span,
    check_shares,
    floor_under,
    speaks,
    title_guards,
    within,
)

AT = datetime(2026, 11, 21, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)
A, B, C = ArtworkId("a"), ArtworkId("b"), ArtworkId("c")


def request(locale: str | None = None, at: datetime = AT) -> RequestContext:
    return RequestContext(at=at, locale=locale)


def some_slots(count: int) -> list[tuple[Probabilities, Bounds]]:
    """Distributions with a floor, and bounds that can be kept together."""
    rng = np.random.default_rng(0)
    found: list[tuple[Probabilities, Bounds]] = []
    while len(found) < count:
        artworks = int(rng.integers(2, 12))
        stated = np.maximum(rng.dirichlet(np.full(artworks, 0.3)), FLOOR / artworks)
        least = rng.random(artworks) * (rng.random(artworks) < 0.4) * 0.6
        most = np.where(rng.random(artworks) < 0.3, np.maximum(least, rng.random(artworks)), 1.0)
        if least.sum() <= 1 - FLOOR and most.min() >= FLOOR and most.sum() >= 1:
            found.append((stated / stated.sum(), tuple(zip(least.tolist(), most.tolist(), strict=True))))
    return found


SLOTS = some_slots(600)


def kept(stated: Probabilities) -> Probabilities:
    return floor_under(stated, FLOOR)


def test_c6_shares_and_floor_hold_and_the_sum_is_one() -> None:
    for stated, bounds in SLOTS:
        found = within(stated, bounds, kept=kept(stated))
        least, most = np.array(bounds).T
        assert abs(found.sum() - 1) < 1e-12
        assert (found >= least).all()
        assert (found <= most).all()
        assert (found >= np.minimum(kept(stated), most)).all()


def test_c6_the_order_of_artworks_changes_no_bit() -> None:
    rng = np.random.default_rng(1)
    for stated, bounds in SLOTS[:200]:
        order = rng.permutation(len(stated))
        shuffled = within(stated[order], tuple(bounds[index] for index in order), kept=kept(stated[order]))
        assert np.array_equal(shuffled, within(stated, bounds, kept=kept(stated))[order])


def test_nothing_nearer_keeps_the_bounds() -> None:
    """The projection has no feasible direction that leads closer: mass from x to y never helps."""
    for stated, bounds in SLOTS[:200]:
        found = within(stated, bounds, kept=kept(stated))
        least = np.maximum(np.array(bounds)[:, 0], np.minimum(kept(stated), np.array(bounds)[:, 1]))
        most = np.array(bounds)[:, 1]
        excess = found - stated
        givers, takers = excess[found > least + 1e-12], excess[found < most - 1e-12]
        if len(givers) and len(takers):
            assert givers.max() <= takers.min() + 1e-9


def test_a_distribution_within_its_bounds_stays_as_it_is() -> None:
    stated = np.array([0.2, 0.3, 0.5])
    assert within(stated, ((0.1, 1.0), (0.0, 0.4), (0.0, 1.0)), kept=kept(stated)) is stated


def test_a_minimum_is_taken_from_the_others_alike() -> None:
    stated = np.array([0.0025, 0.4, 0.5975])
    found = within(stated, ((0.2, 1.0), (0.0, 1.0), (0.0, 1.0)), kept=kept(stated))
    assert found == pytest.approx([0.2, 0.30125, 0.49875])


def test_impossible_bounds_give_way_in_proportion() -> None:
    stated = np.array([0.5, 0.5])
    assert within(stated, ((0.0, 0.3), (0.0, 0.1)), kept=kept(stated)) == pytest.approx([0.75, 0.25])
    high = floor_under(stated, 0.4)
    assert within(stated, ((0.9, 1.0), (0.09, 1.0)), kept=high) == pytest.approx([0.8, 0.2])


def test_what_diversity_pressed_under_the_floor_is_raised_to_it() -> None:
    stated = np.array([0.1, 0.9])
    assert within(np.array([1e-6, 1 - 1e-6]), None, kept=floor_under(stated, 0.05)) == pytest.approx([0.025, 0.975])


def test_a_policy_without_a_floor_gets_the_one_of_guards() -> None:
    assert floor_under(np.array([0.5, 0.5, 0.0]), 0.0) == pytest.approx([FLOOR / 3, FLOOR / 3, 0.0])
    assert floor_under(np.array([0.5, 0.001]), 0.1) == pytest.approx([0.05, 0.001])


def test_the_floor_raises_nothing_that_the_policy_left_at_nothing() -> None:
    stated = np.array([1.0, 0.0, 0.0])
    found = within(stated, ((0.0, 1.0), (0.2, 1.0), (0.0, 1.0)), kept=kept(stated))
    assert found.tolist() == pytest.approx([0.8, 0.2, 0.0])


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Share(artwork=A, minimum=0.5, maximum=0.4),
        lambda: Share(artwork=A, minimum=-0.1),
        lambda: Share(artwork=A, maximum=1.5),
        lambda: Share(artwork=A, minimum=float("nan")),
        lambda: Share(artwork=A, minimum=1.0),
        lambda: Share(artwork=A, maximum=0.0),
        lambda: Span(since=AT, until=AT),
        lambda: Span(since=datetime(2026, 1, 1)),
        lambda: check_shares([Share(artwork=A, minimum=0.5), Share(artwork=B, minimum=0.5)], others=3),
        lambda: check_shares([Share(artwork=A, maximum=0.5), Share(artwork=B, maximum=0.4)], others=0),
    ],
)
def test_what_cannot_be_kept_is_refused(wrong: Callable[[], object]) -> None:
    with pytest.raises(InvalidGuard, match=r":"):
        wrong()


def test_shares_that_fit_are_taken() -> None:
    check_shares([Share(artwork=A, minimum=0.5), Share(artwork=B, minimum=0.49)], others=0)
    check_shares([Share(artwork=A, maximum=0.5), Share(artwork=B, maximum=0.4)], others=1)
    check_shares([], others=0)


def test_bounds_are_those_of_the_slots_own_artworks() -> None:
    guards = title_guards([Share(artwork=B, minimum=0.2)])
    assert guards.bounds([A, B]) == ((0.0, 1.0), (0.2, 1.0))
    assert guards.bounds([A, C]) is None
    assert guards.bounds([B]) is None


@pytest.mark.parametrize(
    ("locale", "named", "speaking"),
    [("fr-CA", "fr", True), ("fr-CA", "fr-CA", True), ("fr", "fr-CA", False), (None, "fr", False), ("de", "fr", False)],
)
def test_a_locale_speaks_its_own_language(locale: str | None, named: str, speaking: bool) -> None:
    assert speaks(locale, named) is speaking


def test_a_schedule_holds_from_its_begin_until_before_its_end() -> None:
    guards = title_guards(
        [
            Schedule(artwork=A, span=Span(since=AT, until=AT + HOUR)),
            Schedule(artwork=A, span=Span(since=AT + 3 * HOUR)),
        ]
    )
    moments = [AT - HOUR, AT, AT + HOUR, AT + 3 * HOUR]
    assert [guards.due(A, at) for at in moments] == [False, True, False, True]
    assert guards.due(B, AT - HOUR)


def test_a_pin_of_the_locale_goes_first_then_the_one_set_last() -> None:
    guards = title_guards([Pin(artwork=A), Pin(artwork=B, locale="fr"), Pin(artwork=C)])
    assert guards.pinned({A, B, C}, request()) == C
    assert guards.pinned({A, B, C}, request("fr-CA")) == B
    assert guards.pinned({A, B}, request()) == A
    assert guards.pinned({ArtworkId("d")}, request()) is None


def test_a_pin_has_its_time() -> None:
    guards = title_guards([Pin(artwork=A, span=Span(since=AT, until=AT + HOUR))])
    assert [guards.pinned({A, B}, request(at=at)) for at in (AT - HOUR, AT, AT + HOUR)] == [None, A, None]
