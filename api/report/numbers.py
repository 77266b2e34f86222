"""Numbers as people read them. Knows no page."""

from math import floor, log10

NOT_KNOWN = "–"
_THIN_SPACE = "\u202f"


def percent(share: float | None, digits: int = 1) -> str:
    """A share of 1 in percent; what is above nothing never reads as nothing."""
    if share is None:
        return NOT_KNOWN
    least = 10.0**-digits
    if 0 < 100 * share < least / 2:
        return f"< {least:g} %"
    return f"{100 * share:.{digits}f} %"


def count(number: float | None) -> str:
    """A whole number with its thousands apart."""
    return NOT_KNOWN if number is None else f"{number:,.0f}".replace(",", _THIN_SPACE)


def value(number: float | None) -> str:
    """A mean reward: four digits after the point, more where it would read as nothing."""
    if number is None:
        return NOT_KNOWN
    return f"{number:.{_digits(number)}f}"


def signed(number: float | None) -> str:
    """A difference of two mean rewards, with its sign."""
    if number is None:
        return NOT_KNOWN
    return f"{number:+.{_digits(number)}f}".replace("-", "−")


def plain(number: float | None) -> str:
    """Any number with four digits that count."""
    if number is None:
        return NOT_KNOWN
    return count(number) if abs(number) >= 1000 else f"{number:.4g}"


def _digits(number: float) -> int:
    """Two digits that count where four after the point would show fewer."""
    if number == 0.0 or abs(number) >= 0.001:
        return 4
    return min(12, 1 - floor(log10(abs(number))))
