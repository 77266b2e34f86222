"""A picture's rating never exceeds its title's; what is not known counts as the strictest."""

import pytest

from artwork.maturity import AGES, may_stand_for, suitable_from


@pytest.mark.parametrize(
    ("picture", "title", "limit", "shown"),
    [
        (None, None, None, True),
        (None, "R", "6", True),
        ("12", None, None, True),
        ("12", "16", None, True),
        ("16", "12", None, False),
        ("pg-13", "TV-14", None, True),
        ("R", "R", "12", False),
        ("12", "R", "PG-13", True),
        ("odd", "16", None, False),
        ("odd", "odd", None, True),
        ("odd", "odd", "18", False),
        ("odd", None, None, True),
        ("0", "odd", None, True),
        ("6", "odd", None, False),
    ],
)
def test_a_picture_stays_within_its_title_and_the_limit(
    picture: str | None, title: str | None, limit: str | None, shown: bool
) -> None:
    assert may_stand_for(picture, title, limit=limit) is shown


def test_words_are_closed_and_written_in_any_case() -> None:
    assert suitable_from("NC-17") == suitable_from("nc-17") == 18
    assert suitable_from("7+") == suitable_from("TV-Y7") == 7
    assert suitable_from("restricted") is None
    assert all(word == word.lower() and 0 <= age <= 21 for word, age in AGES.items())
