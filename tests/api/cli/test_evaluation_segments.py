"""What an evaluation prints of segments: the worst first, and a sentence on where the target loses."""

import pytest

from api.cli.evaluation_text import print_evaluation


def test_segments_are_printed_with_where_the_target_loses(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    told = {
        "dimension": "device",
        "value": "tv",
        "rows": 1973,
        "viewers": 700,
        "estimate": {"value": 0.2238, "low": 0.2021, "high": 0.2454},
        "difference": {"value": -0.0768, "low": -0.0918, "high": -0.0618},
        "p_value": 1e-9,
        "adjusted_p": 2e-9,
        "verdict": "worse",
    }
    bare = {**told, "value": "console", "estimate": None, "difference": None, "adjusted_p": None, "verdict": "unclear"}
    found = {
        "rows": 6000,
        "viewers": 1500,
        "estimates": [],
        "diagnostics": {
            "where_it_loses": "The target earns less in 1 of 1 segments: device tv.",
            "warnings": [{"code": "heavy_weight", "message": "row 3 carries half", "remedy": "see row 3"}],
        },
        "refusals": [],
        "segments": [told, *[bare] * 20],
    }
    print_evaluation(found, rows="all")
    printed = capsys.readouterr().out
    assert "-0.0768 (-0.0918 to -0.0618)" in printed
    assert "worse" in printed
    assert "9 more segments" in printed
    assert "earns less in 1 of 1 segments: device tv." in printed
    assert "NOTE row 3 carries half. Remedy: see row 3." in printed
