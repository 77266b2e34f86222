"""The command line, run in an empty working folder."""

from pathlib import Path

import pytest

from tests.api.cli.command import Command


@pytest.fixture
def keyart(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """`keyart …`, with no keyart.toml around."""
    folder = tmp_path / "working"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return Command(capsys)
