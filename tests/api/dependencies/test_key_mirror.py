"""Keys in memory: while the database never answered, a right key is not called a wrong one."""

import time
from pathlib import Path

import pytest

from api.credentials import new_key
from api.dependencies.key_mirror import KeyMirror
from api.errors import NotAllowed, StorageUnavailable
from api.storage.database import open_engine
from tests.api.installation import ADMIN_KEY, settings_in


def test_without_a_database_only_the_preset_key_is_known(tmp_path: Path) -> None:
    mirror = KeyMirror(open_engine(f"sqlite:///{tmp_path / 'empty.db'}"), settings_in(tmp_path))
    with pytest.raises(StorageUnavailable):
        mirror.refresh()
    assert mirror.principal_of(ADMIN_KEY, now=time.time()).name == "preset"
    with pytest.raises(StorageUnavailable, match="cannot be read yet"):
        mirror.principal_of(new_key().text, now=time.time())
    with pytest.raises(NotAllowed, match="This is no key"):
        mirror.principal_of("wrong", now=time.time())


def test_another_preset_key_ends_the_sessions_of_the_one_before(home: Path) -> None:
    engine = open_engine(settings_in(home).database_url)
    one, other = (KeyMirror(engine, settings_in(home, admin_key=key)) for key in ("one of them", "another"))
    prefix = one.principal_of("one of them", now=0).prefix
    assert one.principal_with(prefix, now=0) is not None
    assert other.principal_with(prefix, now=0) is None
    assert KeyMirror(engine, settings_in(home, admin_key=None)).principal_with(prefix, now=0) is None
    engine.dispose()
