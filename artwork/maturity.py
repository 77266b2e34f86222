"""For whom a picture or a title is suitable: a closed, ordered list of rating words. Knows no viewers.

It speaks of the picture, never of who looks: nobody's age is known or asked for.
"""

from typing import Final

AGES: Final = {
    **{word: 0 for word in ("all", "g", "u", "tv-y", "tv-g", "kids", "family")},
    **{word: 7 for word in ("tv-y7",)},
    **{word: 10 for word in ("pg", "tv-pg")},
    **{word: 12 for word in ("12a",)},
    **{word: 13 for word in ("pg-13", "teen")},
    **{word: 14 for word in ("tv-14",)},
    **{word: 17 for word in ("r", "tv-ma", "mature")},
    **{word: 18 for word in ("nc-17", "x", "r18", "adult")},
    **{str(age): age for age in range(22)},
    **{f"{age}+": age for age in range(22)},
}
"""The youngest age that each word is meant for, in years; words are compared in small letters."""


def suitable_from(word: str) -> int | None:
    """Return the age that a word stands for, or None for a word that is not in the list."""
    return AGES.get(word.lower())


def may_stand_for(picture: str | None, title: str | None, *, limit: str | None = None) -> bool:
    """Tell whether a picture's rating allows it to be shown for a title, on an installation with `limit`.

    A picture without a rating may be shown. One with a rating must not exceed the title's, nor the limit. An unknown
    word counts as the strictest there is: as a picture's it exceeds everything but itself, as a title's it allows
    only what is for all.
    """
    if picture is None:
        return True
    fits_title = title is None or picture == title or _at_most(picture, title)
    return fits_title and (limit is None or _at_most(picture, limit))


def _at_most(picture: str, bound: str) -> bool:
    age = suitable_from(picture)
    return age is not None and age <= (suitable_from(bound) or 0)
