"""The examples under deploy/ speak of the Keyart that is here: its metrics, commands, settings and packages."""

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from api.cli.main import app
from api.settings import Settings
from tests.architecture.house import ROOT

DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
ENVIRONMENT_ONLY = {"log_format", "log_level"}
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "keyart.json").read_text())
RULES = (DEPLOY / "prometheus" / "keyart.rules.yml").read_text()


def series() -> dict[str, frozenset[str]]:
    """What can be asked for, with its labels; docs/metrics.md is held to a running server by a test of its own."""
    table = re.compile(r"^\| `(keyart_\w+)` \| (counter|gauge|histogram)(?:, all)? \|([^|]*)\|", re.MULTILINE)
    found: dict[str, frozenset[str]] = {}
    for name, kind, labels in table.findall((ROOT / "docs" / "metrics.md").read_text()):
        known = frozenset(re.findall(r"`(\w+)`", labels))
        parts = (
            {"_bucket": {"le"}, "_sum": set[str](), "_count": set[str]()} if kind == "histogram" else {"": set[str]()}
        )
        found |= {name + part: known | more for part, more in parts.items()}
    return found


def expressions() -> list[str]:
    panels = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    rules = re.findall(r"expr: (?:>-\n)?(.+?)(?=\n {8}(?:for|annotations))", RULES, re.DOTALL)
    page = re.findall(r"^```\n(# .+?)^```", (ROOT / "docs" / "metrics.md").read_text(), re.MULTILINE | re.DOTALL)
    assert rules
    assert page
    return panels + rules + page


@pytest.mark.parametrize("expression", expressions())
def test_what_is_asked_of_prometheus_exists(expression: str) -> None:
    known = series()
    named = re.findall(r"(keyart_\w+)(?:\{([^}]*)\})?", expression)
    assert named or "process_" in expression
    for name, matchers in named:
        assert name in known
        assert set(re.findall(r'(\w+)\s*(?:=~|!=|=)\s*"', matchers)) <= known[name]
    by = {label.strip() for labels in re.findall(r"by \(([^)]*)\)", expression) for label in labels.split(",")}
    assert by <= {"instance"}.union(*(known[name] for name, _ in named))


def test_every_metric_of_ours_is_on_the_dashboard_or_under_an_alarm() -> None:
    asked = " ".join(expressions())
    assert [name for name in series() if not name.endswith(("_sum", "_count")) and name not in asked] == []


def test_the_dashboard_has_the_shape_of_one() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
    for panel in panels:
        assert panel["datasource"]["uid"] == "${datasource}"
        assert {"x", "y", "w", "h"} == panel["gridPos"].keys()
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


def commands() -> list[list[str]]:
    """Every call of `keyart` in the examples, as its words."""
    units = [line for unit in UNITS for line in unit.read_text().splitlines() if line.startswith("ExecStart")]
    calls = [shlex.split(line.partition("=")[2]) for line in units]
    found = re.search(r"^CMD (\[.*\])$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert found is not None
    return [*calls, json.loads(found[1])]


@pytest.mark.parametrize("call", commands())
def test_the_commands_are_those_of_this_version(call: list[str]) -> None:
    group: Any = get_command(app)
    assert Path(call[0]).name == "keyart"
    command = group.commands[call[1]]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in call[2:] if word.startswith("--")} <= known


def test_the_settings_are_those_of_this_version() -> None:
    texts = [path.read_text() for path in DEPLOY.rglob("*") if path.is_file()]
    named = {name.lower() for text in texts for name in re.findall(r"KEYART_([A-Z_]+[A-Z])", text)}
    assert named <= {*Settings.model_fields, *ENVIRONMENT_ONLY}


def test_a_unit_waits_longer_than_a_server_drains() -> None:
    drained = re.search(r"^KEYART_DRAIN_SECONDS=(\d+)$", (DEPLOY / "systemd" / "keyart.env").read_text(), re.MULTILINE)
    assert drained is not None
    for unit in UNITS:
        stop = re.search(r"^TimeoutStopSec=(\d+)$", unit.read_text(), re.MULTILINE)
        assert stop is not None
        assert int(stop[1]) >= int(drained[1]) + 10


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not on this machine")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_finds_nothing_wrong(unit: Path, tmp_path: Path) -> None:
    """With a command that exists, since Keyart is not installed where the unit says."""
    for each in UNITS:
        text = each.read_text().replace("/opt/keyart/bin/keyart", "/bin/true")
        (tmp_path / each.name).write_text(re.sub(r"^(User|Group)=.*\n", "", text, flags=re.MULTILINE))
    verified = subprocess.run(
        ["systemd-analyze", "verify", str(tmp_path / unit.name)], capture_output=True, text=True, timeout=60
    )
    assert (verified.returncode, verified.stderr) == (0, "")


def test_the_image_copies_every_package() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    for package in ("api", "artwork", "bandit", "foundation", "migrations"):
        assert f"COPY {package} {package}\n" in text


def test_the_page_says_of_every_file_how_far_it_was_tried() -> None:
    page = (DEPLOY / "README.md").read_text()
    for path in DEPLOY.rglob("*"):
        if path.is_file() and path.name != "README.md":
            assert f"| `{path.relative_to(DEPLOY)}` |" in page
