"""A viewer's first rows of a day count, whatever came of them."""

from datetime import date

from bandit.caps import DailyCap

MONDAY, TUESDAY = date(2026, 3, 2), date(2026, 3, 3)


def test_the_first_rows_of_each_viewer_and_day_are_admitted() -> None:
    cap = DailyCap(2)
    asked = [("ada", MONDAY)] * 3 + [("grace", MONDAY)] + [("ada", TUESDAY)] * 3
    assert [cap.admits(viewer, day) for viewer, day in asked] == [True, True, False, True, True, True, False]
