"""What commands change is on the audit log, under the name of whoever typed them."""

import getpass
import json
from pathlib import Path

from tests.api.cli.command import Command
from tests.api.installation import an_event
from tests.api.pictures import picture


def test_imports_and_revaluations_are_noted(keyart: Command, home: Path, tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    (pictures / "harbor").mkdir(parents=True)
    (pictures / "harbor" / "a.png").write_bytes(picture(1))
    history = tmp_path / "history.jsonl"
    history.write_text(json.dumps(an_event()))
    for _ in range(2):
        assert keyart("catalog", "import", pictures, "--home", home).code == 0
    assert keyart("events", "import", history, "--home", home).code == 0
    assert keyart("reward", "revalue", "--reason", "another window", "--home", home).code == 0
    entries = keyart("audit-log", "--home", home, "--json").json()["entries"]
    assert [entry["action"] for entry in entries] == ["reward.revalue", "events.import", "artwork.upload", "title.put"]
    assert {entry["actor"] for entry in entries} == {f"cli:{getpass.getuser()}"}
    assert entries[1]["after"] == {"accepted": 1, "duplicates": 0, "rejected": 0}
    assert [entry["reason"] for entry in entries] == ["another window", *["from the command line"] * 3]


def test_a_rotation_is_noted_with_its_reason(keyart: Command, home: Path) -> None:
    assert keyart("secret", "rotate", "--reason", "it leaked", "--home", home).code == 0
    [entry, *_] = keyart("audit-log", "--home", home, "--json").json()["entries"]
    assert (entry["action"], entry["reason"], entry["after"]) == ("secret.rotate", "it leaked", {"secrets": 2})
