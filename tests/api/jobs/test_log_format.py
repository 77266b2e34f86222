"""docs/log-format.md is true: it names every column, and its examples run, where their library is installed."""

import importlib.util
import re
from datetime import timedelta
from pathlib import Path

import pytest

from api.jobs.export_schema import SCHEMA
from api.jobs.exporting import export_log
from tests.contracts.joined import a_page, an_outcome, joined_log

PAGE = (Path(__file__).parents[3] / "docs" / "log-format.md").read_text()
EXAMPLES = dict(re.findall(r"^```python (\w+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))


def test_every_column_is_described_in_order() -> None:
    rows = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `")]
    assert [name for row in rows for name in re.findall(r"`(\w+)`", row)] == SCHEMA.names


@pytest.mark.parametrize("library", EXAMPLES)
def test_the_three_lines_print_what_the_log_holds(
    library: str,
    prepared_home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    with joined_log(prepared_home) as log:
        log.log(a_page(0), a_page(1))
        log.tell(an_outcome(0, 0, "a", seconds=6000.0), an_outcome(1, 1, "b"))
        log.join(after=timedelta(hours=2))
        assert export_log(log.engine, tmp_path / "exports").rows == 2
    monkeypatch.chdir(tmp_path)
    assert len([line for line in EXAMPLES[library].splitlines() if line]) == 3
    exec(EXAMPLES[library], {})
    said = capsys.readouterr().out
    assert "harbor" in said
    assert "0.5" in said
