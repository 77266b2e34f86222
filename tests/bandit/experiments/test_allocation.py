"""Viewers are dealt by salted hashes: evenly, for good, to one experiment only, and independently of the last one."""

from dataclasses import replace

import numpy as np
import pytest

from bandit.decision import PolicyVersionId
from bandit.experiments.allocation import Allocation, Cell, InvalidExperiment, dealt, lot_of, room_for
from bandit.policies.uniform import UNIFORM

VIEWERS = [f"{number:032x}" for number in range(20_000)]
CELLS = (Cell(name="control", policy=UNIFORM), Cell(name="warm", policy=PolicyVersionId("b"), weight=3.0))
WARM = Allocation(experiment="warm-posters", salt="one", share=0.5, cells=CELLS)


def cell_names(allocation: Allocation) -> list[str | None]:
    found = (allocation.cell_of(viewer, lot=lot_of(viewer)) for viewer in VIEWERS)
    return [None if cell is None else cell.name for cell in found]


def test_cells_get_their_parts_of_the_share() -> None:
    names = cell_names(WARM)
    assert names.count(None) == pytest.approx(10_000, abs=300)
    assert names.count("warm") == pytest.approx(7_500, abs=300)
    assert WARM.shares == (0.25, 0.75)
    assert WARM.label(CELLS[1]) == "warm-posters/warm"
    assert cell_names(WARM) == names


def test_two_running_experiments_share_no_viewer_and_leave_no_more_room_than_there_is() -> None:
    begin = room_for(0.3, [WARM])
    assert begin == 0.5
    other = replace(WARM, experiment="cold", salt="two", begin=begin, share=0.3)
    found = [dealt(viewer, [WARM, other]) for viewer in VIEWERS]
    counted = [None if each is None else each[0].experiment for each in found]
    assert counted.count("warm-posters") == pytest.approx(10_000, abs=300)
    assert counted.count("cold") == pytest.approx(6_000, abs=300)
    assert room_for(0.2, [WARM, other]) == 0.8
    assert room_for(0.21, [other, WARM]) is None
    assert room_for(0.2, [replace(WARM, begin=0.2, share=0.5)]) == 0.0
    assert room_for(1.0, []) == 0.0


def test_a_later_experiment_on_the_same_viewers_deals_them_independently() -> None:
    before, after = cell_names(WARM), cell_names(replace(WARM, salt="two"))
    both = [pair for pair in zip(before, after, strict=True) if pair[0] is not None]
    warm_again = np.mean([now == "warm" for then, now in both if then == "warm"])
    assert warm_again == pytest.approx(0.75, abs=0.02)


def test_without_a_running_experiment_nobody_is_in_a_cell() -> None:
    assert dealt(VIEWERS[0], []) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"cells": CELLS[:1]},
        {"cells": (CELLS[0], CELLS[0])},
        {"cells": (CELLS[0], replace(CELLS[1], weight=0.0))},
        {"cells": (CELLS[0], replace(CELLS[1], weight=float("nan")))},
        {"cells": (CELLS[0], replace(CELLS[1], name="a/b"))},
        {"experiment": "Warm Posters"},
        {"share": 0.0},
        {"share": 1.1},
        {"begin": 0.8},
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidExperiment):
        replace(WARM, **wrong)  # pyright: ignore[reportArgumentType]
