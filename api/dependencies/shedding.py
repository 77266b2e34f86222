"""With which probability a page is logged while there is more to do than can be done. Knows no page and no log.

Whatever falls behind, some pages cannot be logged in their time. Were they left to their time's end, nobody could say
how likely each was to be logged, and what is learned from the others would be worth less than it looks: slow pages and
busy moments would be missing. So pages are shed by chance beforehand, by a probability that the others carry.
"""

LEAST_KEPT = 0.1
SHED_FROM = 0.25
"""Pages are shed from a quarter of the log's queue on, ever more of them, until one in ten is kept."""

LATE_FROM = 0.5
"""The same for a page that waited for half of its time budget before anybody could decide it."""


def keep_probability(load: float, late: float = 0.0) -> float:
    """Return the probability for a page that waited the part `late` of its budget, with the log's queue so full.

    Both run from 0 to 1; the worse one decides.
    """
    return min(_kept(load, SHED_FROM), _kept(late, LATE_FROM))


def _kept(strain: float, start: float) -> float:
    return 1.0 if strain < start else max(LEAST_KEPT, 1.0 - (strain - start) / (1.0 - start))
