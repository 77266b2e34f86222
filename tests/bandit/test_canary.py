"""A canary decides for its share of viewers, always the same ones, and more of them as it grows."""

import pytest

from bandit.canary import in_canary
from bandit.sampling import draw_uniform

VIEWERS = [f"{number:032x}" for number in range(4000)]


def reached(share: float, salt: str = "canary 1") -> set[str]:
    return {viewer for viewer in VIEWERS if in_canary(viewer, share=share, salt=salt)}


def test_about_the_stated_share_of_viewers_is_reached() -> None:
    for share in (0.01, 0.1, 0.5):
        assert len(reached(share)) / len(VIEWERS) == pytest.approx(share, abs=0.03)
    assert reached(1.0) == set(VIEWERS)


def test_a_viewer_stays_while_the_share_grows() -> None:
    assert reached(0.05) < reached(0.1) < reached(0.4)


def test_two_canaries_reach_viewers_independently_and_none_hangs_on_who_was_held_out() -> None:
    one, two = reached(0.2), reached(0.2, "canary 2")
    held_out = {viewer for viewer in VIEWERS if draw_uniform("holdout", viewer, "", 0) < 0.2}
    assert len(one & two) / len(VIEWERS) == pytest.approx(0.04, abs=0.015)
    assert len(one & held_out) / len(VIEWERS) == pytest.approx(0.04, abs=0.015)
