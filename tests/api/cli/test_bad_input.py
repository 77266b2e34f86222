"""Bad input to every command: exit code 2, one line on stderr with the remedy, and nothing written.

One half of the table is made from the commands themselves: every option is given values of another kind and beyond its
bounds, so a new option is in it from its first day. The other half names what only a catalogue and a log can tell.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pysqlite3
import pytest
from typer.main import get_command

from api.cli.main import app
from tests.api.cli.command import Command
from tests.api.installation import an_event, running, settings_in
from tests.api.pictures import picture

STARTING = {("serve",), ("worker",), ("demo",), ("tune",)}
"""What would run on where a value is taken; their bounds are checked by other tests."""


def commands(group: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command, by the words that call it."""
    group = get_command(app) if group is None else group
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


def wrong_values(option: Any) -> Iterator[str]:
    """Values that an option must refuse whatever the installation holds."""
    kind = str(option.type_descriptor.annotation)
    if "int" in kind and "float" not in kind:
        yield from ("x", "1.5")
    if "float" in kind:
        yield from ("x", "nan", "inf")
    if "enum" in kind:
        yield "nonsense"
    if option.min is not None:
        yield str(option.min - 1)
    if option.max is not None:
        yield str(option.max + 1)


def wrongly_called() -> Iterator[tuple[str, ...]]:
    """Every command with one wrong value, and with a word too many."""
    for path, command in commands():
        named = [each for each in command.params if not each.opts[0].startswith("--")]
        needed = [
            part for each in command.params if each.required and each not in named for part in (each.opts[0], "x")
        ]
        yield (*path, *["surplus"] * 9)
        for option in command.params:
            for wrong in wrong_values(option):
                if option in named:
                    yield (*path, *needed, *(wrong if each is option else "x" for each in named))
                elif path not in STARTING or wrong in ("x", "nonsense"):
                    yield (*path, f"{option.opts[0]}={wrong}", *needed, *("harbor" for each in named if each.required))


class Kept:
    """What an installation holds: every row of every table."""

    def __init__(self, home: Path) -> None:
        self._database = pysqlite3.connect(str(home / "keyart.db"))

    def rows(self) -> dict[str, list[Any]]:
        """The rows by table."""
        tables = self._database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {name: self._database.execute(f'SELECT * FROM "{name}"').fetchall() for (name,) in tables}


@pytest.fixture
def filled(home: Path) -> Path:
    """A home with the title `harbor` and its artworks a, b and c."""
    with running(settings_in(home)) as installation:
        installation.put_title("harbor")
    return home


def test_every_option_refuses_what_it_cannot_be(keyart: Command, filled: Path) -> None:
    kept = Kept(filled)
    before = kept.rows()
    for arguments in wrongly_called():
        asked = arguments if arguments[:1] in STARTING or "migrate" in arguments else (*arguments, "--home", filled)
        assert keyart(*asked).refusal(), arguments
    assert kept.rows() == before


def spoiled_folders(folder: Path) -> Iterator[tuple[str, Path]]:
    """Catalogues of which nothing may be taken."""
    good = picture(1)
    for name, files in {
        "nothing": {},
        "no sub-folder": {"a.png": good},
        "a broken description": {"aa/a.png": good, "zz/title.json": b"{"},
        "a description of another type": {"aa/a.png": good, "zz/title.json": b'{"name": "Z", "year": "2021"}'},
        "a folder for a description": {"aa/a.png": good, "zz/title.json/x": b""},
        "no id for a title": {"aa/a.png": good, "the zz/a.png": good},
        "no id for an artwork": {"aa/a.png": good, "zz/the a.png": good},
        "two pictures of one artwork": {"aa/a.png": good, "zz/a.png": good, "zz/a.jpg": picture(2, form="JPEG")},
    }.items():
        root = folder / name
        root.mkdir(parents=True)
        for file, data in files.items():
            (root / file).parent.mkdir(parents=True, exist_ok=True)
            (root / file).write_bytes(data)
        yield name, root


def test_of_a_folder_with_a_mistake_nothing_is_taken(keyart: Command, filled: Path, tmp_path: Path) -> None:
    kept = Kept(filled)
    before = kept.rows()
    for name, folder in spoiled_folders(tmp_path / "folders"):
        assert keyart("catalog", "import", folder, "--home", filled).refusal(), name
    assert keyart(
        "artwork", "import", tmp_path / "folders" / "nothing", "--title", "harbor", "--home", filled
    ).refusal()
    assert kept.rows() == before


GOOD = json.dumps(an_event())
LINES = [
    "", "\n\n", "{", "[]", "null", '{"event": "a"}', GOOD + "\n{", GOOD + '\n{"event": "a"}',
    *(GOOD + "\n" + json.dumps(an_event(**wrong)) for wrong in (
        {"gender": "x"}, {"seconds": "9"}, {"seconds": True}, {"seconds": float("nan")}, {"at": 1767225600},
        {"at": "2026-01-01"}, {"at": "0001-01-01T00:00:00Z"}, {"action": "sneeze"}, {"viewer": ""},
        {"viewer": "x" * 257},
    )),
]  # fmt: skip


def test_of_a_history_with_a_wrong_line_nothing_is_taken(keyart: Command, filled: Path, tmp_path: Path) -> None:
    kept, history = Kept(filled), tmp_path / "history.jsonl"
    before = kept.rows()
    for lines in LINES:
        history.write_text(lines)
        assert keyart("events", "import", history, "--home", filled).refusal(), lines
    history.write_bytes(b"\xff\xfe")
    assert keyart("events", "import", history, "--home", filled).refusal()
    assert kept.rows() == before


def test_a_refused_event_is_named_and_the_others_are_kept(keyart: Command, filled: Path, tmp_path: Path) -> None:
    history = tmp_path / "history.jsonl"
    history.write_text(f"{GOOD}\n{json.dumps(an_event(title='nowhere'))}")
    ended = keyart("events", "import", history, "--home", filled, "--json")
    assert ended.json() == {"accepted": 1, "duplicates": 0, "rejected": 1}
    assert "1 of 2 events" in ended.err
    assert "nowhere" in ended.err
    history.write_text(json.dumps(an_event(title="nowhere")))
    assert keyart("events", "import", history, "--home", filled).code == 2


ASKED = """
artwork import pictures --title nowhere
artwork pause harbor nothing
artwork pause nowhere a
artwork pause harbor b --reason=
artwork pause harbor b --reason=LONG
artwork pause harbor b --reason=CONTROL
artwork pin harbor nothing
artwork pin harbor b --from=yesterday
artwork pin harbor b --from=2026-01-01
artwork pin harbor b --from=1767225600
artwork pin harbor b --until=9999-12-31T00:00:00-12:00
artwork pin harbor b --locale=
artwork pin harbor b --locale=french
artwork schedule harbor b
artwork schedule harbor b --from=2026-02-01T00:00:00Z --until=2026-01-01T00:00:00Z
artwork share harbor b
artwork share harbor b --minimum=2
artwork share harbor b --minimum=.9 --maximum=.1
artwork lift harbor 99
artwork lift harbor 9999999999999999999999
artwork guards nowhere
artwork report --title nowhere
viewer busiest --title nowhere
promote nothing
promote default --stage canary
promote default --stage canary --share=0
promote default --share=.5
promote default --reason=CONTROL
retire nothing
retire uniform
rollback
key create
key create --scope=serving --name=
key create --scope=serving --name=CONTROL
key create --scope=serving --expires-in-days=0
key create --scope=serving --expires-in-days=1e9
key rotate nobody
key revoke aaaaaaaaaa
viewer erase
viewer erase LONG
viewer erase CONTROL
viewer erase v --resume
viewer erase v --exports nowhere
viewer exclude v --reason=LONG
viewer include CONTROL
experiment create e --cell=a
experiment create e --cell=a=live --cell=b=nothing
experiment create E! --cell=a=live --cell=b=default
experiment create e --cell=a=live --cell=b=default:nan
experiment create e --cell=a=live --cell=b=default --share=0
experiment create e --cell=a=live --cell=b=default --guardrail=nothing
experiment create e --cell=a=live --cell=b=default --hypothesis=LONG
experiment create e --cell=a=live --cell=b=default --hypothesis=CONTROL
experiment start nothing
experiment stop nothing
experiment show nothing
learn --from=nothing
learn --reward=nothing
learn --window=9999999999999999999999
learn
evaluate --policy=nothing
evaluate --policy=uniform --log=nowhere.csv
plan --policy=nothing
forecasts --version=nothing
log export --reward=nothing
log export --out=FILE
reward revalue --days=9999999999999999999999
artwork report --days=9999999999999999999999
audit-log --after=9999999999999999999999
foundation train
foundation evaluate
foundation inspect
audit nowhere
policies --home=FILE
"""
"""A line a command; LONG is a text of two thousand letters, CONTROL one with a control character, FILE a file."""


def test_what_the_installation_does_not_hold_is_refused(keyart: Command, filled: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "working" / "pictures").mkdir()
    (tmp_path / "working" / "pictures" / "a.png").write_bytes(picture(1))
    texts = {"LONG": "x" * 2000, "CONTROL": "a\x00b", "FILE": str(tmp_path / "file")}
    kept = Kept(filled)
    before = kept.rows()
    for line in ASKED.strip().splitlines():
        words = line.split()
        for name, text in texts.items():
            words = [part.replace(name, text) for part in words]
        assert keyart(*words, *([] if "--home" in line else ["--home", filled])).refusal(), line
    assert kept.rows() == before
