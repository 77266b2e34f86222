"""Everything that the report of one evaluation shows, laid out and ready to be written as HTML. Knows no template."""

from collections.abc import Iterator
from dataclasses import dataclass

from api.report.forest import Entry, Forest, entry_of, forest_of
from api.report.found import Found, Interval
from api.report.verdict import Verdict, baseline_of, target_of, verdict_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """The parts of a report; those that the evaluation says nothing of are None."""

    found: Found
    target: str
    baseline: str
    verdict: Verdict
    estimates: Forest | None
    differences: Forest | None


def sheet_of(found: Found) -> Sheet:
    """Lay an evaluation out."""
    return Sheet(
        found=found,
        target=target_of(found),
        baseline=baseline_of(found),
        verdict=verdict_of(found),
        estimates=_estimates(found),
        differences=_differences(found),
    )


def _estimates(found: Found) -> Forest | None:
    """The target by every estimator, then what it is compared with; the line is what was logged."""
    if not found.estimates:
        return None
    baselines = found.diagnostics.baselines
    logged = baselines.logging if baselines else None
    entries = [*_ordered(found), *_beside(found)]
    return forest_of(entries, line=logged.value if logged else None, line_told="What was logged")


def _ordered(found: Found) -> Iterator[Entry]:
    leading = found.leading()
    for each in sorted(found.estimates, key=lambda each: each is not leading):
        yield entry_of(each, colour="target" if each is leading else "beside")


def _beside(found: Found) -> Iterator[Entry]:
    baselines = found.diagnostics.baselines
    if baselines and baselines.logging:
        yield entry_of(baselines.logging, name="what was logged", colour="logged")
    if baselines and baselines.uniform:
        yield entry_of(baselines.uniform, name="uniform", colour="logged")


def _differences(found: Found) -> Forest | None:
    if not found.differences:
        return None
    entries = [entry_of(each, colour=_colour(each.interval)) for each in found.differences]
    return forest_of(entries, line=0.0, line_told="No difference")


def _colour(interval: Interval | None) -> str:
    """Better and worse have colours where an interval leaves no doubt."""
    if interval is not None and interval.low is not None and interval.low > 0.0:
        return "good"
    return "bad" if interval is not None and interval.high is not None and interval.high < 0.0 else "beside"
