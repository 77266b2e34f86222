"""A page is drawn slot by slot, each from its exact distribution given the draws before it, and can be drawn again."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest

from artwork.catalog import TitleId
from bandit.choice import PageKey, Rules, StatedSlot, draw_page
from bandit.diversity import InvalidDiversity
from bandit.errors import InvalidProbabilities
from bandit.guards import Bounds
from bandit.sampling import draw, draw_uniform

TITLES = ("harbor", "tundra", "meadow", "quarry")
FLOOR = 0.03
RNG = np.random.default_rng(5)
VECTORS = [row / np.linalg.norm(row) for row in RNG.normal(size=(3, 8)).astype(np.float32)]
BOUNDS: Bounds = ((0.0, 1.0), (0.25, 0.5), (0.0, 1.0))


def slots(bounds: Bounds | None = None, stated: Sequence[float] = (0.7, 0.2, 0.1)) -> list[StatedSlot]:
    return [
        StatedSlot(title=TitleId(title), stated=np.array(stated), vectors=VECTORS, bounds=bounds) for title in TITLES
    ]


def key(viewer: str = "v1", window: int = 7) -> PageKey:
    return PageKey(salt="salt", viewer=viewer, window=window)


@pytest.mark.parametrize("diversity", [0.0, 0.4])
@pytest.mark.parametrize("bounds", [None, BOUNDS])
def test_c6_each_slot_is_drawn_from_what_is_logged(diversity: float, bounds: Bounds | None) -> None:
    for number in range(200):
        page = draw_page(slots(bounds), key=key(f"v{number}"), rules=Rules(diversity=diversity, floor=FLOOR))
        for title, one in zip(TITLES, page, strict=True):
            assert one.chosen == draw(one.probabilities, draw_uniform("salt", f"v{number}", title, 7))
            assert sum(one.probabilities) == pytest.approx(1.0, abs=1e-12)
            assert min(one.probabilities) >= FLOOR / 3
            assert bounds is None or 0.25 <= one.probabilities[1] <= 0.5


def test_without_guards_and_diversity_the_stated_probabilities_are_the_logged_ones() -> None:
    for one in draw_page(slots(), key=key(), rules=Rules(floor=FLOOR)):
        assert one.probabilities == (0.7, 0.2, 0.1)


def test_c6_with_diversity_each_artwork_is_shown_as_often_as_its_conditional_probability_says() -> None:
    """mean(1[a]/p) = 1 for each slot and artwork, within five standard errors, over 3,000 viewers."""
    viewers = 3000
    weights: dict[tuple[int, int], float] = defaultdict(float)
    spread: dict[tuple[int, int], float] = defaultdict(float)
    for number in range(viewers):
        page = draw_page(slots(BOUNDS), key=key(f"v{number}"), rules=Rules(diversity=0.5, floor=FLOOR))
        for place, one in enumerate(page):
            weights[place, one.chosen] += 1 / one.probabilities[one.chosen]
            for artwork, probability in enumerate(one.probabilities):
                spread[place, artwork] += 1 / probability - 1
    assert len(weights) == len(TITLES) * 3
    for place, found in weights.items():
        assert abs(found / viewers - 1) < 5 * spread[place] ** 0.5 / viewers, place


def test_diversity_makes_neighbours_less_alike() -> None:
    def likeness(diversity: float) -> float:
        pages = [draw_page(slots(), key=key(f"v{n}"), rules=Rules(diversity=diversity)) for n in range(300)]
        return float(np.mean([VECTORS[a.chosen] @ VECTORS[b.chosen] for page in pages for a, b in pairwise(page)]))

    assert likeness(1.0) < likeness(0.3) < likeness(0.0)


def test_the_first_slot_knows_no_neighbours() -> None:
    plain, varied = (draw_page(slots(), key=key(), rules=Rules(diversity=each))[0] for each in (0.0, 1.0))
    assert plain == varied


def test_what_is_no_distribution_or_no_strength_is_refused() -> None:
    with pytest.raises(InvalidProbabilities):
        draw_page(slots(stated=(0.7, 0.7, 0.1)), key=key(), rules=Rules())
    with pytest.raises(InvalidDiversity):
        Rules(diversity=2.0)
