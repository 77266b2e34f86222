"""What an evaluation says of whole pages: values a page by each way to value them, and by position. Knows no HTML."""

from dataclasses import dataclass

from api.report.forest import Entry, Forest, entry_of, forest_of
from api.report.found import WholePages
from api.report.numbers import count, plain
from api.report.words import note_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """Values a page, differences a page, and values a decision by position; what is not known is None."""

    sentence: str
    estimates: Forest | None
    differences: Forest | None
    positions: Forest | None


def pages_of(known: WholePages | None) -> Pages | None:
    """Lay the values of whole pages out."""
    if known is None:
        return None
    return Pages(
        sentence=_sentence(known),
        estimates=_estimates(known),
        differences=_differences(known),
        positions=_positions(known),
    )


def _sentence(known: WholePages) -> str:
    told = f"{count(known.pages)} pages of {plain(known.slots_per_page)} slots."
    if known.effective_pages is None:
        return told
    return f"{told} They are worth {count(known.effective_pages)} pages of the target's own."


def _estimates(known: WholePages) -> Forest | None:
    entries = [entry_of(each, note=note_of(each)) for each in known.estimates]
    logged = known.mean_reward
    if logged is not None:
        entries.append(
            Entry(name="what was logged", value=logged.value, low=logged.low, high=logged.high, colour="logged")
        )
    line = None if logged is None else logged.value
    return forest_of(entries, line=line, line_told="What was logged") if entries else None


def _differences(known: WholePages) -> Forest | None:
    if not known.differences:
        return None
    return forest_of([entry_of(each, note=note_of(each)) for each in known.differences], line=0.0)


def _positions(known: WholePages) -> Forest | None:
    entries = [
        Entry(
            name=f"position {each.position}",
            value=each.estimate.value,
            low=each.estimate.low,
            high=each.estimate.high,
            note=f"{count(each.rows)} rows",
        )
        for each in known.positions
    ]
    return forest_of(entries) if entries else None
