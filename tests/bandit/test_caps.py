"""A viewer's first rows of a day count, in all and of one title, whatever came of them."""

from datetime import date

from bandit.caps import Caps, DailyCap

MONDAY, TUESDAY = date(2026, 3, 2), date(2026, 3, 3)


def test_the_first_rows_of_each_viewer_and_day_are_admitted() -> None:
    cap = DailyCap(Caps(rows=2))
    asked = [("ada", MONDAY)] * 3 + [("grace", MONDAY)] + [("ada", TUESDAY)] * 3
    admitted = [cap.admits(viewer, "harbor", day=day) for viewer, day in asked]
    assert admitted == [True, True, False, True, True, True, False]


def test_of_one_title_fewer_are_admitted_and_the_others_take_no_place() -> None:
    cap = DailyCap(Caps(rows=5, title_rows=2))
    asked = ["harbor"] * 4 + ["winter"] * 3 + ["lighthouse"] * 2
    admitted = [cap.admits("ada", title, day=MONDAY) for title in asked]
    assert admitted == [True, True, False, False, True, True, False, True, False]
    assert cap.admits("grace", "harbor", day=MONDAY)
    assert cap.admits("ada", "harbor", day=TUESDAY)
