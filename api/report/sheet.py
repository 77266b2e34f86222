"""Everything that the report of one evaluation shows, laid out and ready to be written as HTML. Knows no template."""

from collections.abc import Iterator
from dataclasses import dataclass

from api.report.bars import Columns, Measure, Part, columns_of, evidence_of, support_of
from api.report.calibration import Scatter, artworks_far_off, drift_in_words, scatter_of, test_in_words
from api.report.curves import Curve, daily, known_by
from api.report.forest import Entry, Forest, entry_of, forest_of
from api.report.found import Diagnostics, Found, Interval
from api.report.numbers import percent, plain
from api.report.pages import Pages, pages_of
from api.report.segments import Segments, segments_of
from api.report.verdict import Verdict, baseline_of, target_of, verdict_of
from api.report.words import note_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """The parts of a report; those that the evaluation says nothing of are None or empty."""

    found: Found
    target: str
    baseline: str
    verdict: Verdict
    estimates: Forest | None
    differences: Forest | None
    support: tuple[Part, ...]
    evidence: tuple[Measure, ...]
    weights: Columns | None
    signs: tuple[tuple[str, str, str], ...]
    calibration: Forest | None
    probabilities: Scatter | None
    tested: str
    segments: Segments | None
    daily: Curve | None
    known: Curve | None
    drift: tuple[str, ...]
    pages: Pages | None
    asked: tuple[tuple[str, str], ...]


def sheet_of(found: Found) -> Sheet:
    """Lay an evaluation out."""
    target, baseline, known = target_of(found), baseline_of(found), found.diagnostics
    return Sheet(
        found=found,
        target=target,
        baseline=baseline,
        verdict=verdict_of(found),
        estimates=_estimates(found),
        differences=_differences(found),
        support=support_of(known.support),
        evidence=evidence_of(found),
        weights=columns_of(known.weight_histogram),
        signs=tuple(_signs(known)),
        calibration=artworks_far_off(known.calibration),
        probabilities=scatter_of(known.calibration.by_propensity if known.calibration else ()),
        tested=test_in_words(known.calibration),
        segments=segments_of(found.segments, target=target, baseline=baseline),
        daily=daily(known.days),
        known=known_by(known.days),
        drift=drift_in_words(known.drift),
        pages=pages_of(found.page),
        asked=tuple(_asked(known)),
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
        yield entry_of(each, colour="target" if each is leading else "beside", note=note_of(each))


def _beside(found: Found) -> Iterator[Entry]:
    baselines = found.diagnostics.baselines
    if baselines and baselines.logging:
        yield entry_of(baselines.logging, name="what was logged", colour="logged", note="observed, not estimated")
    if baselines and baselines.uniform:
        yield entry_of(baselines.uniform, name="uniform", colour="logged", note="artworks shown at random")


def _differences(found: Found) -> Forest | None:
    if not found.differences:
        return None
    leading = found.leading_difference()
    ordered = sorted(found.differences, key=lambda each: each is not leading)
    entries = [entry_of(each, colour=_colour(each.interval), note=note_of(each)) for each in ordered]
    return forest_of(entries, line=0.0, line_told="No difference")


def _colour(interval: Interval | None) -> str:
    """Better and worse have colours where an interval leaves no doubt."""
    if interval is not None and interval.low is not None and interval.low > 0.0:
        return "good"
    return "bad" if interval is not None and interval.high is not None and interval.high < 0.0 else "beside"


def _signs(known: Diagnostics) -> Iterator[tuple[str, str, str]]:
    """Names, numbers, and what is healthy."""
    floor = known.at_floor
    rows = (
        ("Mean weight", known.mean_weight, plain, "about 1; else probabilities or support are wrong"),
        ("Largest weight", known.largest_weight, plain, "one row with most of the weight decides everything"),
        ("Smallest propensity", known.smallest_propensity, plain, "above the log's floor"),
        ("Agreement", known.take_fraction, percent, "share of rows on which a draw of the target shows the same"),
        ("Design effect", known.design_effect, plain, "by what factor viewers who repeat widen the variance"),
        ("Rows at the floor", floor.share_of_rows if floor else None, percent, "small"),
        ("Weight at the floor", floor.share_of_weight if floor else None, percent, "small"),
    )
    for name, number, write, healthy in rows:
        if number is not None:
            yield name, write(number), healthy


def _asked(known: Diagnostics) -> Iterator[tuple[str, str]]:
    asked = known.question
    if asked is None:
        return
    level = None if asked.level is None else percent(asked.level, 0)
    named = (
        ("Target", asked.target),
        ("Compared with", asked.baseline),
        ("Log", asked.log),
        ("Reward", asked.reward),
        ("Level of intervals", level),
    )
    yield from ((name, told) for name, told in named if told is not None)
