"""A home with a catalogue for every test of faults, servers over it, and the figures that the tests hand in."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from api.storage.blobs import BlobStore
from api.storage.catalog import list_artworks, list_titles
from api.storage.database import open_engine, reading
from artwork.catalog import ArtworkState
from bandit.decision import IMAGE_KEY_DIGITS
from tests.api.installation import fill_title, prepare, settings_in
from tests.faults.figures import Record, recorder
from tests.faults.server import Server
from tests.faults.traffic import Pictures

TITLES, ARTWORKS = 8, 4


@pytest.fixture
def figure() -> Record:
    """Takes what a fault did, for benchmarks/faults.json."""
    return recorder()


@pytest.fixture(scope="session")
def catalogued(tmp_path_factory: pytest.TempPathFactory, no_settings_of_this_machine: None) -> tuple[Path, Pictures]:
    """A home with eight titles of four artworks, and their pictures. Copy it to change it."""
    home = tmp_path_factory.mktemp("catalogued") / "home"
    prepare(home)
    return home, fill(home)


def fill(home: Path, database_url: str | None = None) -> Pictures:
    """Put the titles into a migrated database, with their files in `home`."""
    engine = open_engine(database_url or settings_in(home).database_url)
    titles = [f"title-{number}" for number in range(TITLES)]
    keys = {title: fill_title(engine, BlobStore(home), title, artworks=ARTWORKS) for title in titles}
    engine.dispose()
    return {title: dict(zip("abcdefghij", found, strict=False)) for title, found in keys.items()}


def pictures_of(home: Path) -> Pictures:
    """The active artworks of every title in the embedded database of a home."""
    engine = open_engine(settings_in(home).database_url)
    with reading(engine) as connection:
        found: dict[str, dict[str, str]] = {}
        for title in list_titles(connection):
            for artwork in list_artworks(connection, title.title):
                if artwork.state is ArtworkState.ACTIVE and artwork.image is not None:
                    found.setdefault(title.title, {})[artwork.artwork] = artwork.image[:IMAGE_KEY_DIGITS]
    engine.dispose()
    return found


@pytest.fixture
def stocked(catalogued: tuple[Path, Pictures], tmp_path: Path) -> Path:
    """A home of the test's own with the catalogue."""
    return Path(shutil.copytree(catalogued[0], tmp_path / "stocked"))


@pytest.fixture
def pictures(catalogued: tuple[Path, Pictures]) -> Pictures:
    """The active artworks of every title."""
    return catalogued[1]


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Make servers that are gone when the test ends."""
    with ExitStack() as servers:

        def make(home: Path, *options: str, **settings: str) -> Server:
            server = Server(home, *options, **settings)
            servers.callback(server.close)
            return server

        yield make
