"""docs/settings.md tells every setting with the default that it has."""

import json
import re
from typing import Any

import pytest

from api.settings import Settings
from tests.architecture.house import ROOT

ROW = re.compile(r"^\| `KEYART_([A-Z_]+)` \|([^|]*)\| (.+) \|$", re.MULTILINE)
TOLD_IN_WORDS = {"database_url": "SQLite, `keyart.db` in the home"}


def told() -> dict[str, str]:
    """Setting → default, as the page says."""
    return {name.lower(): default.strip() for name, default, _ in ROW.findall((ROOT / "docs/settings.md").read_text())}


def written(value: Any) -> set[str]:
    """The ways in which a default may be written."""
    if value is None or value == "":
        return {""}
    if isinstance(value, bool):
        return {f"`{int(value)}`"}
    if isinstance(value, int | float):
        return {f"`{value}`", f"`{value:g}`"}
    return {f"`{json.dumps(value)}`" if isinstance(value, dict) else f"`{value}`"}


@pytest.mark.parametrize("name", list(Settings.model_fields))
def test_a_setting_is_told_with_its_default(name: str) -> None:
    default = Settings.model_fields[name].default
    assert told()[name] in ({TOLD_IN_WORDS[name]} if name in TOLD_IN_WORDS else written(default))


def test_every_row_says_what_its_setting_does() -> None:
    rows = ROW.findall((ROOT / "docs/settings.md").read_text())
    assert len(rows) == len({name for name, _, _ in rows})
    assert [name for name, _, meaning in rows if len(meaning) < 20] == []
