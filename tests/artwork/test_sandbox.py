"""The sandbox: same answers as the pure function, and one bad upload never costs the next."""

import io
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image

from artwork.intake import ImageFault, RejectedImage, clean_image
from artwork.sandbox import ImageSandbox, SandboxUnavailable


def png(colour: str = "navy", side: int = 64) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (side, side), colour).save(out, "PNG")
    return out.getvalue()


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ImageSandbox]:
    with ImageSandbox() as made:
        yield made


def child_of(sandbox: ImageSandbox) -> int:
    children = sandbox.child_pid()
    assert children is not None
    return children


def test_the_child_answers_as_the_pure_function_does(sandbox: ImageSandbox) -> None:
    assert sandbox.clean(png()) == clean_image(png())


def test_a_refusal_travels_with_its_code_and_remedy(sandbox: ImageSandbox) -> None:
    with pytest.raises(RejectedImage, match="HTML") as caught:
        sandbox.clean(b"<!doctype html>")
    assert caught.value.reason_code is ImageFault.NOT_AN_IMAGE


def test_one_child_serves_many_images_from_many_threads(sandbox: ImageSandbox) -> None:
    sandbox.clean(png())
    child = child_of(sandbox)
    colours = ["red", "lime", "blue", "white"] * 5
    with ThreadPoolExecutor(4) as pool:
        cleaned = list(pool.map(sandbox.clean, map(png, colours)))
    assert [image.sha256 for image in cleaned] == [clean_image(png(colour)).sha256 for colour in colours]
    assert child_of(sandbox) == child


def test_the_child_does_not_see_our_secrets(sandbox: ImageSandbox) -> None:
    sandbox.clean(png())
    with open(f"/proc/{child_of(sandbox)}/environ", "rb") as environment:
        names = {entry.split(b"=")[0] for entry in environment.read().split(b"\0") if entry}
    assert names == {b"PYTHONPATH", b"OMP_NUM_THREADS", b"OPENBLAS_NUM_THREADS"}


def test_a_dead_child_is_replaced(sandbox: ImageSandbox) -> None:
    sandbox.clean(png())
    first = child_of(sandbox)
    os.kill(first, signal.SIGKILL)
    time.sleep(0.05)
    assert sandbox.clean(png()).width == 64
    assert child_of(sandbox) != first


def test_a_child_that_hangs_costs_one_upload_only() -> None:
    with ImageSandbox(timeout_seconds=0.3) as sandbox:
        sandbox.clean(png())
        os.kill(child_of(sandbox), signal.SIGSTOP)
        with pytest.raises(RejectedImage, match=r"longer than 0\.3 seconds") as caught:
            sandbox.clean(png())
        assert caught.value.reason_code is ImageFault.TOO_COSTLY
        assert sandbox.clean(png()).width == 64


def test_a_child_that_dies_at_work_costs_one_upload_only() -> None:
    with ImageSandbox(timeout_seconds=20) as sandbox:
        sandbox.clean(png())
        child = child_of(sandbox)
        os.kill(child, signal.SIGSTOP)
        killer = threading.Timer(0.1, os.kill, (child, signal.SIGKILL))
        killer.start()
        with pytest.raises(RejectedImage, match="crashed the decoder"):
            sandbox.clean(png())
        killer.join()
        assert sandbox.clean(png()).width == 64


def test_an_image_that_needs_too_much_memory_is_refused() -> None:
    with ImageSandbox(memory_bytes=320 << 20) as sandbox:
        with pytest.raises(RejectedImage) as caught:
            sandbox.clean(png(side=4990))
        assert caught.value.reason_code is ImageFault.TOO_COSTLY
        assert sandbox.clean(png()).width == 64


def test_a_child_that_cannot_start_is_not_the_images_fault() -> None:
    with ImageSandbox(memory_bytes=1 << 20) as sandbox, pytest.raises(SandboxUnavailable, match="allow it more"):
        sandbox.clean(png())


def test_closing_ends_the_child() -> None:
    sandbox = ImageSandbox()
    sandbox.clean(png())
    child = child_of(sandbox)
    sandbox.close()
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
    assert sandbox.child_pid() is None
