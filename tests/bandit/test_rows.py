"""Rows of the log: what is refused before learning, and that a draw can be made again."""

from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from bandit.decision import RewardedDecision
from bandit.errors import InvalidExample
from bandit.rows import check_row, redraw
from bandit.sampling import draw, draw_uniform


def damaged(row: RewardedDecision, **changes: object) -> RewardedDecision:
    slot = msgspec.structs.replace(row.decision, **changes)
    return replace(row, page=msgspec.structs.replace(row.page, slots=(slot,)))


@pytest.mark.parametrize(
    "changes",
    [
        {"probabilities": (0.0, 0.5, 0.25, 0.25), "chosen": 0},
        {"probabilities": (float("nan"), 0.5, 0.25, 0.25)},
        {"probabilities": (2.0, -0.5, -0.25, -0.25)},
        {"probabilities": (0.5, 0.5)},
        {"chosen": 4},
        {"chosen": -1},
        {"images": ("00",)},
        {"images": ("00", "01", "02", "03")},
        {"artworks": ("a0", "a1", "a1", "a3")},
    ],
)
def test_a_decision_that_is_not_one_is_refused(small_log: Any, changes: dict[str, object]) -> None:
    with pytest.raises(InvalidExample, match=r"page 0+ slot 0"):
        check_row(damaged(small_log.rows[0], **changes), small_log.pictures)


@pytest.mark.parametrize("reward", [-0.1, 1.1, float("nan"), float("inf")])
def test_a_reward_outside_zero_and_one_is_refused(small_log: Any, reward: float) -> None:
    with pytest.raises(InvalidExample, match="reward"):
        check_row(replace(small_log.rows[0], reward=reward), small_log.pictures)


@pytest.mark.parametrize("stored", [b"", b"abc", np.full(8, np.nan, dtype="<f4").tobytes()])
def test_a_broken_viewer_vector_is_refused(small_log: Any, stored: bytes) -> None:
    row = small_log.rows[0]
    with pytest.raises(InvalidExample, match="viewer vector"):
        check_row(replace(row, page=msgspec.structs.replace(row.page, viewer_vector=stored)), small_log.pictures)


@pytest.mark.parametrize("stored", [b"", b"abc", np.full(8, np.inf, dtype="<f4").tobytes()])
def test_a_broken_intent_vector_is_refused(small_log: Any, stored: bytes) -> None:
    row = small_log.rows[0]
    with pytest.raises(InvalidExample, match="intent vector"):
        check_row(replace(row, page=msgspec.structs.replace(row.page, intent_vector=stored)), small_log.pictures)


def test_two_artworks_may_share_an_image(small_log: Any) -> None:
    [first, *_] = small_log.rows[0].decision.images
    check_row(damaged(small_log.rows[0], images=(first,) * 4), small_log.pictures)


def test_a_sound_row_passes(small_log: Any) -> None:
    for row in small_log.rows[:50]:
        check_row(row, small_log.pictures)


def test_c6_a_draw_can_be_made_again_from_the_record(small_log: Any) -> None:
    page, slot = small_log.rows[0].page, small_log.rows[0].decision
    drawn = draw(slot.probabilities, draw_uniform(page.salt, page.viewer, slot.title, page.window))
    honest = msgspec.structs.replace(slot, chosen=drawn)
    assert redraw(page, honest) == honest.chosen
