"""Files by hash: whole or absent, and never other bytes than their name says."""

import hashlib
from pathlib import Path

import pytest

from api.errors import DamagedFile, MissingFile
from api.storage.blobs import BlobStore

DATA = b"the clean bytes of an image"
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    """A store in a folder, and one in fsspec's memory for what stands for every other file system."""
    return BlobStore(tmp_path) if request.param == "folder" else BlobStore(f"memory://{tmp_path.name}")


def test_an_image_comes_back(store: BlobStore) -> None:
    store.put_image(SHA256, "jpeg", DATA)
    store.put_image(SHA256, "jpeg", DATA)
    assert store.get_image(SHA256, "jpeg") == DATA


def test_a_model_comes_back_by_its_digest(store: BlobStore) -> None:
    digest = store.put_model(DATA)
    assert digest == SHA256
    assert store.get_model(digest) == DATA


def test_a_missing_file_is_named(store: BlobStore) -> None:
    with pytest.raises(MissingFile, match="is missing"):
        store.get_model(SHA256)


def test_bytes_that_are_not_what_the_name_says_are_not_taken(store: BlobStore) -> None:
    with pytest.raises(DamagedFile):
        store.put_image(SHA256, "png", DATA + b"x")
    with pytest.raises(MissingFile):
        store.get_image(SHA256, "png")


@pytest.mark.parametrize("name", ["../secret.key", "", "A" * 64, SHA256 + "/x", SHA256[:-1]])
def test_a_name_that_is_no_hash_reaches_no_file(store: BlobStore, name: str) -> None:
    with pytest.raises(ValueError, match="64 hex digits"):
        store.get_model(name)
    with pytest.raises(ValueError, match="64 hex digits"):
        store.get_image(name, "png")


def test_a_format_is_one_of_three(store: BlobStore) -> None:
    with pytest.raises(ValueError, match="jpeg, png, webp"):
        store.put_image(SHA256, "../../x", DATA)  # type: ignore[arg-type]


def test_files_lie_where_the_docs_say_and_no_draft_is_left(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    store.put_image(SHA256, "webp", DATA)
    store.put_model(DATA)
    files = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert files == [f"images/{SHA256[:2]}/{SHA256}.webp", f"models/{SHA256}"]


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-1], lambda data: b"", lambda data: bytes([data[0] ^ 1]) + data[1:]]
)
def test_damage_on_disk_is_noticed(tmp_path: Path, damage) -> None:  # noqa: ANN001
    store = BlobStore(tmp_path)
    digest = store.put_model(DATA)
    (tmp_path / "models" / digest).write_bytes(damage(DATA))
    with pytest.raises(DamagedFile, match="Restore it from a backup"):
        store.get_model(digest)


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", no_space)
    with pytest.raises(OSError, match="No space"):
        BlobStore(tmp_path).put_model(DATA)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
