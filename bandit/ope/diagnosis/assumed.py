"""What an estimate takes for granted, in sentences, and what the log says for each. Knows diagnostics only."""

from collections.abc import Iterator

from bandit.ope.diagnosis.diagnostics import Findings


def assumptions(known: Findings) -> list[str]:
    """What must be true for the numbers to be; empty without rows."""
    return [*_assumed(known)] if known.weights.rows else []


def _assumed(known: Findings) -> Iterator[str]:
    draws, support = known.draws, known.support
    if draws is None:
        yield "Every row's probability is the one it was drawn with: the log holds no distributions to check this by."
    else:
        yield (
            "Every row's probability is the one it was drawn with: over "
            f"{len(draws.cells)} cells the largest deviation is {draws.statistic:.1f} standard errors "
            f"(p = {draws.p_value:.2g})."
        )
    if support.rows == known.weights.rows:
        yield "The log could show whatever the target shows: checked on every row's eligible artworks."
    else:
        yield "The log could show whatever the target shows: only the mean weight speaks for it."
    if known.viewers:
        yield "Viewers decide independently of one another; rows of one viewer may hang together."
    else:
        yield "Rows are independent of one another: the log does not know its viewers."
    yield "A reward depends on the viewer, the request and the artwork shown, not on what other slots of the page show."
    yield "Rows are missing for reasons that have nothing to do with the artwork, given that it was seen."
    yield "Viewers and titles to come are like those of the log."
