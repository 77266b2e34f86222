"""Better and worse are said only where an interval says so."""

from typing import Any

import pytest

from api.report.found import found_of
from api.report.verdict import verdict_of
from tests.api.report.evaluations import COMPARED, estimate


def told(**changes: Any) -> dict[str, Any]:
    return {**COMPARED, **changes}


@pytest.mark.parametrize(
    ("low", "high", "tone", "title"),
    [
        (0.001, 0.02, "good", "squarecb-1a2b3c4d5e6f earns more than uniform"),
        (-0.02, -0.001, "bad", "squarecb-1a2b3c4d5e6f earns less than uniform"),
        (-0.001, 0.02, "unclear", "squarecb-1a2b3c4d5e6f and uniform cannot be told apart"),
        (None, 0.02, "unclear", "squarecb-1a2b3c4d5e6f and uniform cannot be told apart"),
    ],
)
def test_the_paired_difference_decides(low: float, high: float, tone: str, title: str) -> None:
    verdict = verdict_of(found_of(told(differences=[estimate("snips", 0.005, low, high)])))
    assert (verdict.tone, verdict.title) == (tone, title)


@pytest.mark.parametrize(
    ("low", "high", "tone"), [(0.0795, 0.09, "good"), (0.06, 0.07, "bad"), (0.07, 0.09, "unclear")]
)
def test_without_a_baseline_two_intervals_must_part(low: float, high: float, tone: str) -> None:
    found = told(differences=[], estimates=[estimate("snips", (low + high) / 2, low, high)])
    assert verdict_of(found_of(found)).tone == tone


def test_snips_leads_whatever_its_place() -> None:
    found = found_of(told())
    leading = found.leading()
    assert leading is not None
    assert leading.estimator == "snips"
    assert found_of({"rows": 0}).leading() is None
    assert verdict_of(found_of({"rows": 0})).title == "No estimate was made"
