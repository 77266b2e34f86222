"""Places on a scale: forests, columns, curves. What is drawn is where it is said to be."""

import pytest

from api.report.axis import axis_over
from api.report.bars import columns_of, support_of
from api.report.curves import Dated, curve_of
from api.report.forest import Entry, forest_of
from api.report.found import Histogram, Interval, Support
from api.report.numbers import count, percent, plain, signed, value


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, 1.0), (0.0612, 0.0943), (-0.02, 0.03), (1e-7, 3e-7), (120.0, 90_000.0)]
)
def test_ticks_are_round_inside_and_told_apart(low: float, high: float) -> None:
    axis = axis_over([low, high])
    ticks = axis.ticks()
    assert 2 <= len(ticks) <= 6
    assert len({tick.label for tick in ticks}) == len(ticks)
    assert all(0 <= tick.at <= 100 for tick in ticks)
    assert all(axis.at(float(tick.label.replace("−", "-"))) == pytest.approx(tick.at, abs=0.01) for tick in ticks)


def test_one_number_alone_has_a_scale_around_it() -> None:
    axis = axis_over([0.5])
    assert axis.start < 0.5 < axis.end
    assert axis_over([]).end > axis_over([]).start


def test_a_forest_places_values_intervals_and_the_line_on_one_scale() -> None:
    drawn = forest_of([Entry(name="a", value=0.2, low=0.1, high=0.3), Entry(name="b", value=0.4)], line=0.0)
    first, second = drawn.rows
    assert first.bar is not None
    assert drawn.line is not None
    assert drawn.line < first.bar.low < first.value < first.bar.high < second.value
    assert (first.bar.open_low, first.bar.open_high) == (False, False)
    assert second.bar is None


def test_an_unknown_end_is_open_and_a_wild_thin_interval_does_not_set_the_scale() -> None:
    wild = Interval(method="anytime", low=-50.0, high=50.0)
    [row] = forest_of([Entry(name="a", value=0.2, low=None, high=0.3, thin=(wild,))]).rows
    assert row.bar is not None
    assert (row.bar.open_low, row.bar.open_high) == (True, False)
    assert (row.thin[0].open_low, row.thin[0].open_high) == (True, True)
    assert row.bar.high > 50.0


def test_columns_are_as_high_as_counts_and_empty_ends_are_cut() -> None:
    drawn = columns_of(Histogram(edges=(0.0, 0.5, 1.0, 2.0, None), counts=(0, 10, 40, 5)))
    assert drawn is not None
    assert [each.height for each in drawn.columns] == [25.0, 100.0, 12.5]
    assert drawn.columns[-1].told.startswith("weight 2 and more: 5 decisions")
    assert columns_of(Histogram(edges=(0.0, 1.0), counts=(0,))) is None


def test_support_adds_up_to_the_whole() -> None:
    parts = support_of(Support(unsupported_mass=0.1, below_floor_mass=0.2, floor=0.001))
    assert [each.share for each in parts] == pytest.approx([0.7, 0.2, 0.1])
    assert parts[-1].x + parts[-1].width == pytest.approx(100.0)


def test_a_thin_day_does_not_press_the_others_flat() -> None:
    days = [Dated(day="1", value=0.1, low=0.0, high=0.2), Dated(day="2", value=0.2, low=-90.0, high=90.0)]
    drawn = curve_of(days)
    assert drawn is not None
    assert drawn.marks[0].y - drawn.marks[1].y > 10.0
    assert curve_of(days[:1]) is None


def test_numbers_never_read_as_nothing() -> None:
    assert (percent(0.00001), percent(0.0), percent(None)) == ("< 0.1 %", "0.0 %", "–")
    assert (value(0.0858), value(0.000012), signed(-0.0131)) == ("0.0858", "0.000012", "−0.0131")
    assert (count(48213), plain(0.0123456), plain(123456.7)) == ("48\u202f213", "0.01235", "123\u202f457")
