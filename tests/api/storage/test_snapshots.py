"""Files that say what the database said last: whole or not believed, of one database, readable by their owner only."""

import os
import stat
from pathlib import Path

import pytest

from api.errors import DamagedFile, MissingFile
from api.storage.snapshots import Snapshot

DATABASE = "postgresql://keyart:secret@host/keyart"


def snapshot(folder: Path, database_url: str = DATABASE) -> Snapshot:
    return Snapshot(folder / "remembered" / "titles.jsonl", database_url=database_url)


def test_what_was_kept_comes_back_and_only_the_owner_may_read_it(tmp_path: Path) -> None:
    snapshot(tmp_path).keep("7", [b"[1]", b"", b"[2]"])
    assert snapshot(tmp_path).recall() == [b"[1]", b"", b"[2]"]
    assert snapshot(tmp_path).revision() == "7"
    [file] = (tmp_path / "remembered").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert b"secret" not in file.read_bytes()


def test_an_empty_state_is_a_state(tmp_path: Path) -> None:
    snapshot(tmp_path).keep("0", [])
    assert snapshot(tmp_path).recall() == []


def test_another_password_is_the_same_database_and_another_host_is_not(tmp_path: Path) -> None:
    snapshot(tmp_path).keep("7", [b"[1]"])
    assert snapshot(tmp_path, "postgresql://keyart:rotated@host/keyart").recall() == [b"[1]"]
    other = snapshot(tmp_path, "postgresql://keyart:secret@other/keyart")
    assert other.revision() is None
    with pytest.raises(MissingFile):
        other.recall()


@pytest.mark.parametrize("damage", [b"", b"x", b"[1]\n", b"another line of no meaning\n" * 9])
def test_a_damaged_file_is_not_believed(tmp_path: Path, damage: bytes) -> None:
    snapshot(tmp_path).keep("7", [b"[1]", b"[2]"])
    [file] = (tmp_path / "remembered").iterdir()
    file.write_bytes(damage)
    assert snapshot(tmp_path).revision() is None
    with pytest.raises(DamagedFile):
        snapshot(tmp_path).recall()


def test_no_byte_can_change_unnoticed(tmp_path: Path) -> None:
    snapshot(tmp_path).keep("7", [b"[1]"])
    [file] = (tmp_path / "remembered").iterdir()
    whole = file.read_bytes()
    for place in range(len(whole)):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(DamagedFile):
            snapshot(tmp_path).recall()


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    def broken() -> object:
        yield b"[2]"
        raise OSError(28, "No space left on device")

    snapshot(tmp_path).keep("7", [b"[1]"])
    with pytest.raises(OSError, match="No space"):
        snapshot(tmp_path).keep("8", broken())  # type: ignore[arg-type]
    assert snapshot(tmp_path).recall() == [b"[1]"]
    assert len([*(tmp_path / "remembered").iterdir()]) == 1


def test_drafts_of_killed_processes_go_and_those_of_others_stay(tmp_path: Path) -> None:
    dead, alive, other = (tmp_path / name for name in (".state.jsonl.dead", ".state.jsonl.alive", ".other.jsonl.dead"))
    for each in (dead, alive, other):
        each.write_bytes(b"half a")
    for each in (dead, other):
        os.utime(each, (0, 0))
    Snapshot(tmp_path / "state.jsonl", database_url=DATABASE).keep("1", [b"a"])
    assert [each.exists() for each in (dead, alive, other)] == [False, True, True]


def test_nothing_kept_is_missing(tmp_path: Path) -> None:
    assert snapshot(tmp_path).revision() is None
    with pytest.raises(MissingFile):
        snapshot(tmp_path).recall()
