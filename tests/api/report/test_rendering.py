"""The whole page: true to the object it was drawn from, whole by itself, and safe with names from anywhere."""

import re
from copy import deepcopy
from html import unescape
from typing import Any

import pytest

from api.errors import BadInput
from api.report.rendering import render_report
from tests.api.report.evaluations import COMPARED, REFUSED


def words_of(page: str) -> str:
    body = re.sub(r"<style>.*?</style>", " ", page, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def test_the_verdict_stands_first_and_says_the_difference_with_its_interval() -> None:
    words = words_of(render_report(COMPARED))
    verdict = words.index("squarecb-1a2b3c4d5e6f earns more than uniform")
    assert verdict < words.index("What each estimator says")
    assert "+0.0091 (+0.0042 to +0.0140, 95 % interval)" in words


def test_every_estimate_is_told_with_its_interval() -> None:
    words = words_of(render_report(COMPARED))
    for told in ("0.0858 [0.0801, 0.0915]", "0.0871 [0.0799, 0.0943]", "0.0767 [0.0741, 0.0793]"):
        assert told in words


@pytest.mark.parametrize(
    "told",
    [
        "Of 3 segments, squarecb-1a2b3c4d5e6f is better than uniform in 1 and worse in 1",
        "It loses in device tv.",
        "96.6 % on artworks logged with a probability of 0.001 or more",
        "Worth, drawn by the target effective sample size; healthy from 100 on 11 230",
        "the one farthest off is 2.2 standard errors away, at orbit/2. If all were as logged, one at least so far "
        "would be met with a probability of 38.0 %",
        "Weight at the floor 11.0 %",
        "night-train/1 903 rows 1: drawn as often as logged 1.2100 [1.1316, 1.2884]",
        "Its mean probabilities moved by 8.0 % (total variation) over 20.2 days. orbit/2: from 20.0 % to 31.0 %",
        "position 0 900 rows 0.2100 [0.1900, 0.2300]",
        "4 100 pages of 11.8 slots. They are worth 812 pages of the target's own.",
        "0.25 to 0.5: stated 30.0 %, drawn 32.0 %, 500 rows",
        "The logged probabilities are those that were drawn from.",
        "Reward quality-play-1",
        "clip 2, by slope",
        "clustered by viewer 95 % 0.0801 0.0915",
        "2026-05-02: 0.0900 (0.0750 to 0.1050) from 1 000 rows",
        "weight 1 to 2: 300 decisions, 66.7 %",
    ],
)
def test_everything_is_told(told: str) -> None:
    assert told in words_of(render_report(COMPARED))


def test_a_refusal_takes_the_place_of_numbers() -> None:
    page = render_report(REFUSED)
    words = words_of(page)
    assert "This log cannot answer the question" in words
    assert "stay inside the log, or log with a floor" in words
    assert "Rows, counted from 0: 3, 18, 22" in words
    assert "What each estimator says" not in page


def test_nothing_is_loaded_and_nothing_runs() -> None:
    page = render_report(COMPARED)
    assert re.search(r"<script|<link|<img|<iframe|@import|url\(|\shref=|\ssrc=|\sstyle=|\son\w+=", page) is None
    assert "default-src 'none'" in page


def test_names_are_shown_and_never_run() -> None:
    nasty = "<script>alert('x')</script> & \"quotes\""
    told: dict[str, Any] = deepcopy(dict(COMPARED))
    told["diagnostics"]["question"]["target"] = nasty
    told["diagnostics"]["warnings"][0]["message"] = nasty
    told["segments"] = [{"dimension": nasty, "value": nasty, "rows": 3, "verdict": "unclear"}]
    page = render_report(told)
    assert nasty not in page
    assert unescape(page).count(nasty) >= 4


def test_the_same_object_gives_the_same_bytes() -> None:
    assert render_report(COMPARED) == render_report(deepcopy(dict(COMPARED)))


def test_five_keys_are_enough() -> None:
    bare = {"rows": 12, "viewers": None, "estimates": [], "diagnostics": {}, "refusals": []}
    assert "unknown viewers" in words_of(render_report(bare))


def test_what_is_no_evaluation_is_refused_by_name() -> None:
    with pytest.raises(BadInput, match="no evaluation"):
        render_report({"rows": "many"})
