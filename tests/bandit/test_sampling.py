"""The keyed draw: the same for ever, fair, and never of what has no probability."""

import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest

from bandit.errors import InvalidProbabilities
from bandit.sampling import canonical, draw, draw_each, draw_uniform, draw_uniforms, window_of


def test_c6_the_keyed_number_is_the_same_for_ever() -> None:
    assert draw_uniform("keyart", "5f0c", "heat", 20413) == 0.5994106509813246
    assert draw_uniform("", "", "", 0) == 0.012437309358794946


def test_every_part_of_the_key_matters_and_parts_do_not_run_together() -> None:
    key = ("ab", "c", "d", 1)
    others = [("a", "bc", "d", 1), ("ab", "cd", "", 1), ("ab", "c", "d1", 1), ("ab", "c", "d", 2), ("b", "c", "d", 1)]
    assert len({draw_uniform(*one) for one in [key, *others]}) == len(others) + 1


def test_keyed_numbers_are_uniform() -> None:
    numbers = np.array([draw_uniform("s", f"viewer {n}", "t", 0) for n in range(20_000)])
    counts = np.histogram(numbers, bins=20, range=(0, 1))[0]
    chi_square = ((counts - 1000) ** 2 / 1000).sum()
    assert chi_square < 43.8  # 0.999 quantile of 19 degrees of freedom
    assert 0 <= numbers.min() < numbers.max() < 1


def test_the_draw_inverts_the_cumulated_distribution() -> None:
    stated = [0.25, 0.0, 0.5, 0.25]
    assert [draw(stated, u) for u in (0.0, 0.2499, 0.25, 0.7499, 0.75, 1 - 2**-53)] == [0, 0, 2, 2, 3, 3]


def test_what_has_no_probability_is_never_drawn() -> None:
    assert draw([0.0, 1.0, 0.0], 0.0) == 1
    assert draw([0.3, 0.7 - 1e-7, 0.0], 1 - 2**-53) == 1


def test_c6_draws_follow_the_stated_probabilities() -> None:
    stated = [0.05, 0.15, 0.8]
    drawn = [draw(stated, draw_uniform("s", f"{n}", "t", 0)) for n in range(20_000)]
    assert np.bincount(drawn) / 20_000 == pytest.approx(stated, abs=0.01)


@pytest.mark.parametrize("broken", [[], [0.5, 0.4], [1.2, -0.2], [math.nan, 1.0], [math.inf, 0.0], [0.0, 0.0]])
def test_what_is_no_distribution_is_refused(broken: list[float]) -> None:
    with pytest.raises(InvalidProbabilities, match="roll it back"):
        draw(broken, 0.5)


def test_windows_change_with_the_clock_and_not_with_the_timezone() -> None:
    at = datetime(2026, 11, 21, 23, 59, 59, tzinfo=UTC)
    assert window_of(at, 86400) == 20778
    assert window_of(at + timedelta(seconds=1), 86400) == 20779
    assert window_of(at.astimezone(timezone(timedelta(hours=9))), 86400) == 20778


def test_a_window_needs_a_timezone_and_a_length() -> None:
    with pytest.raises(ValueError, match="timezone"):
        window_of(datetime(2026, 1, 1), 60)
    with pytest.raises(ValueError, match="at least 1"):
        window_of(datetime(2026, 1, 1, tzinfo=UTC), 0)


def test_canonical_order_is_by_artwork(make_candidate: Any) -> None:
    candidates = [make_candidate(name) for name in ("b", "c", "a")]
    assert [candidate.artwork for candidate in canonical(candidates)] == ["a", "b", "c"]


def test_c6_the_numbers_of_a_page_are_those_of_its_titles() -> None:
    titles = ["heat", "", "Łódź", "heat"]
    expected = [draw_uniform("keyart", "5f0c", title, 20413) for title in titles]
    assert draw_uniforms(titles, salt="keyart", viewer="5f0c", window=20413) == expected
    assert draw_uniforms([], salt="keyart", viewer="5f0c", window=20413) == []


def test_c6_slots_drawn_together_are_drawn_as_alone() -> None:
    rng = np.random.default_rng(4)
    slots = [rng.dirichlet(np.full(count, 0.3)) for count in rng.integers(1, 60, size=500)]
    slots[7] = np.array([0.0, 1.0 - 1e-7, 0.0])
    numbers = rng.random(500)
    numbers[7] = 1 - 2**-53
    bounds = np.concatenate([[0], np.cumsum([len(slot) for slot in slots])])
    together = draw_each(np.concatenate(slots), numbers, bounds=bounds)
    assert together.tolist() == [draw(slot.tolist(), u) for slot, u in zip(slots, numbers, strict=True)]
    assert together[7] == 1


@pytest.mark.parametrize("broken", [[0.5, 0.4], [1.2, -0.2], [math.nan, 1.0], [math.inf, 0.0], []])
def test_one_slot_that_is_no_distribution_stops_all(broken: list[float]) -> None:
    with pytest.raises(InvalidProbabilities, match="roll it back"):
        draw_each(np.array([0.5, 0.5, *broken]), [0.1, 0.1], bounds=np.array([0, 2, 2 + len(broken)]))
