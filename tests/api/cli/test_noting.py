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
    assert keyart("reward", "revalue", "--home", home).code == 0
    entries = keyart("audit-log", "--home", home, "--json").json()["entries"]
    assert [entry["action"] for entry in entries] == ["reward.revalue", "events.import", "artwork.upload", "title.put"]
    assert {entry["actor"] for entry in entries} == {f"cli:{getpass.getuser()}"}
    assert entries[1]["after"] == {"accepted": 1, "duplicates": 0, "rejected": 0}
