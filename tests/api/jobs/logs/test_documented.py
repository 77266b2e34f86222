"""docs/log-inputs.md names every column, every format and every refusal."""

import re
from pathlib import Path

from api.jobs.logs.formats import FORMATS
from api.jobs.logs.table import CANONICAL
from tests.architecture.house import ROOT

PAGE = (ROOT / "docs" / "log-inputs.md").read_text()


def test_columns_formats_and_refusals_are_documented() -> None:
    room: list[Path] = sorted((ROOT / "api" / "jobs" / "logs").glob("*.py"))
    reasons = {code for path in room for code in re.findall(r'reason="(\w+)"', path.read_text())}
    assert len(reasons) > 10
    assert {code for code in reasons if f"`{code}`" not in PAGE} == set()
    assert {name for name in CANONICAL if f"`{name}`" not in PAGE} == set()
    assert {ending for ending in FORMATS if f"x{ending}" not in PAGE} == set()
