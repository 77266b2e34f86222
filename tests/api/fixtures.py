"""Installations for the tests of the edges: empty, with a title, and with a log that a policy was learned from."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.installation import Installation, prepare, running, settings_in
from tests.api.learned import Learned, make_learned


@pytest.fixture(scope="session", autouse=True)
def no_settings_of_this_machine() -> Iterator[None]:
    """No KEYART_ variable of the machine that runs the tests may reach them."""
    with pytest.MonkeyPatch.context() as environment:
        for name in [name for name in os.environ if name.startswith("KEYART_")]:
            environment.delenv(name)
        yield


@pytest.fixture(scope="session")
def prepared_home(tmp_path_factory: pytest.TempPathFactory, no_settings_of_this_machine: None) -> Path:
    """A migrated, empty home: copying it takes a millisecond, migrating fifty."""
    home = tmp_path_factory.getbasetemp() / "prepared"
    if not home.exists():
        prepare(home)
    return home


@pytest.fixture
def home(prepared_home: Path, tmp_path: Path) -> Path:
    """An empty home of the test's own."""
    return Path(shutil.copytree(prepared_home, tmp_path / "home"))


@pytest.fixture
def installation(home: Path) -> Iterator[Installation]:
    """An empty installation, serving."""
    with running(settings_in(home)) as started:
        yield started


@pytest.fixture
def harbor(installation: Installation) -> Installation:
    """An installation of the test's own with the title `harbor` and its artworks a, b and c."""
    installation.put_title("harbor")
    return installation


@pytest.fixture(scope="module")
def shared(prepared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One installation for all tests of a module, with the title `harbor`: for what changes nothing."""
    home = shutil.copytree(prepared_home, tmp_path_factory.mktemp("shared") / "home")
    with running(settings_in(Path(home))) as started:
        started.put_title("harbor")
        yield started


@pytest.fixture(scope="session")
def learned(prepared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Learned:
    """A home whose log a policy version was learned from, by the real learning process. Copy it to change it."""
    return make_learned(prepared_home, tmp_path_factory.getbasetemp() / "learned")


@pytest.fixture
def learned_home(learned: Learned, tmp_path: Path) -> Path:
    """A copy of the home with a learned version that is not promoted."""
    return Path(shutil.copytree(learned.home, tmp_path / "learned"))


@pytest.fixture
def ready(learned_home: Path) -> Iterator[Installation]:
    """An installation with a learned version that is not promoted, serving."""
    with running(settings_in(learned_home)) as started:
        yield started
