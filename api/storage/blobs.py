"""The files of an installation: images and models, named by the SHA-256 of their bytes. Knows no database.

A file is written whole or not at all, never changed, and checked against its name whenever it is read.
"""

import hashlib
import os
import re
import secrets
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any, cast, get_args

from fsspec.core import url_to_fs  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]
from fsspec.implementations.local import LocalFileSystem  # pyright: ignore[reportMissingTypeStubs]

from api.errors import DamagedFile, MissingFile
from artwork.catalog import ImageFormat

IMAGE_FORMATS: tuple[ImageFormat, ...] = get_args(ImageFormat)

_SHA256 = re.compile(r"[0-9a-f]{64}")


class BlobStore:
    """Files under `root`: a folder, or any URL that fsspec knows (`s3://bucket/prefix`, with its driver installed)."""

    def __init__(self, root: str | Path) -> None:
        opened = cast(tuple[Any, str], url_to_fs(str(root)))
        self._filesystem = opened[0]
        self._root = PurePosixPath(opened[1])

    def put_image(self, sha256: str, image_format: ImageFormat, data: bytes) -> None:
        """Keep the bytes of an image.

        Raises:
            DamagedFile: they do not have this SHA-256.
        """
        self._put(self._image(sha256, image_format), data, sha256)

    def get_image(self, sha256: str, image_format: ImageFormat) -> bytes:
        """Return the bytes of an image.

        Raises:
            MissingFile: they are not kept here.
            DamagedFile: they have changed on disk.
        """
        return self._get(self._image(sha256, image_format), sha256)

    def find_image(self, sha256: str) -> tuple[ImageFormat, bytes]:
        """Return the format and the bytes of an image of which nothing but its hash is known.

        Raises:
            MissingFile: they are not kept here, in any format.
            DamagedFile: they have changed on disk.
        """
        for image_format in IMAGE_FORMATS:
            with suppress(MissingFile):
                return image_format, self.get_image(sha256, image_format)
        raise MissingFile(f"The file of the image {sha256} is missing.", "Restore it from a backup.")

    def put_model(self, data: bytes) -> str:
        """Keep the bytes of a model and return their digest, SHA-256 as 64 hex digits."""
        digest = hashlib.sha256(data).hexdigest()
        self._put(self._model(digest), data, digest)
        return digest

    def get_model(self, digest: str) -> bytes:
        """Return the bytes of a model.

        Raises:
            MissingFile: they are not kept here.
            DamagedFile: they have changed on disk.
        """
        return self._get(self._model(digest), digest)

    def _image(self, sha256: str, image_format: ImageFormat) -> PurePosixPath:
        if image_format not in IMAGE_FORMATS:
            raise ValueError(f"An image is one of {', '.join(IMAGE_FORMATS)}, not {image_format!r}.")
        return self._root / "images" / _checked(sha256)[:2] / f"{sha256}.{image_format}"

    def _model(self, digest: str) -> PurePosixPath:
        return self._root / "models" / _checked(digest)

    def _put(self, path: PurePosixPath, data: bytes, sha256: str) -> None:
        _verify(path, data, sha256)
        if isinstance(self._filesystem, LocalFileSystem):
            _write_local(Path(path), data)
        else:
            self._filesystem.pipe_file(str(path), data)  # object stores show a file only when it is whole

    def _get(self, path: PurePosixPath, sha256: str) -> bytes:
        try:
            data: bytes = self._filesystem.cat_file(str(path))
        except FileNotFoundError as error:
            raise MissingFile(f"The file {path.name} is missing.", "Restore it from a backup.") from error
        _verify(path, data, sha256)
        return data


def _checked(sha256: str) -> str:
    if not _SHA256.fullmatch(sha256):
        raise ValueError(f"A SHA-256 is 64 hex digits, not {sha256!r}.")
    return sha256


def _verify(path: PurePosixPath, data: bytes, sha256: str) -> None:
    if hashlib.sha256(data).hexdigest() != sha256:
        raise DamagedFile(f"The bytes of {path.name} are not the ones it was named by.", "Restore it from a backup.")


def _write_local(path: Path, data: bytes) -> None:
    """Write beside, sync, rename, sync the folder: a crash leaves the whole file or none under its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        with draft.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
