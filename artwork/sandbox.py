"""Decoding in a child process with bounded memory and time. Knows what travels between the two, nothing of pictures.

The child (`python -m artwork.sandbox`) gets no environment of ours, so no secret; it cannot write files, and a decoder
that hangs, crashes or asks for too much memory costs one upload, never the server.
"""

import base64
import io
import json
import os
import resource
import struct
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from PIL import Image

from artwork.intake import (
    DEFAULT_LIMITS,
    CleanImage,
    ImageFault,
    ImageLimits,
    RejectedImage,
    clean_image,
)

_LENGTH = struct.Struct(">I")
_READY = b'{"ready": true}'
_PACKAGE_ROOT = str(Path(__file__).resolve().parents[1])


class SandboxUnavailable(RuntimeError):
    """The child process cannot be started, so no image can be checked."""


class ImageSandbox:
    """`clean_image` in a persistent child: started at the first image, restarted after a crash, safe between threads.

    `timeout_seconds` bounds one image, `memory_bytes` the child's address space (RLIMIT_AS).
    """

    def __init__(
        self,
        limits: ImageLimits = DEFAULT_LIMITS,
        *,
        timeout_seconds: float = 10.0,
        memory_bytes: int = 1 << 30,
    ) -> None:
        self._limits = limits
        self._timeout = timeout_seconds
        self._memory = memory_bytes
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None

    def clean(self, data: bytes) -> CleanImage:
        """`clean_image(data)`; raises RejectedImage also when the child takes too long, too much memory, or crashes."""
        if len(data) > self._limits.max_bytes:
            return clean_image(data, self._limits)
        with self._lock:
            child = self._running()
            answer = self._asked(child, data)
        return _read_answer(answer)

    def close(self) -> None:
        """End the child. The sandbox can be used again: the next image starts a new one."""
        with self._lock:
            self._end()

    def child_pid(self) -> int | None:
        """The process id of the running child, for a supervisor to watch; None when there is none."""
        child = self._child
        return child.pid if child is not None else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is not None and self._child.poll() is None:
            return self._child
        self._end()
        self._child = _start_child(self._memory, self._limits)
        if _read_frame(_pipe(self._child.stdout)) != _READY:
            self._end()
            raise SandboxUnavailable(
                f"the image checker did not start within {self._memory:,} bytes of memory: allow it more"
            )
        return self._child

    def _asked(self, child: subprocess.Popen[bytes], data: bytes) -> bytes:
        overdue = threading.Event()
        watchdog = threading.Timer(self._timeout, _kill, (child, overdue))
        watchdog.daemon = True
        watchdog.start()
        try:
            _write_frame(_pipe(child.stdin), data)
            answer = _read_frame(_pipe(child.stdout))
        except BrokenPipeError:
            answer = None
        finally:
            watchdog.cancel()
        if answer is not None:
            return answer
        self._end()
        why = f"took longer than {self._timeout:g} seconds" if overdue.is_set() else "crashed the decoder"
        raise RejectedImage(ImageFault.TOO_COSTLY, f"checking the image {why}: save it smaller or in another format")

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            _close_quietly(_pipe(pipe))


def _start_child(memory_bytes: int, limits: ImageLimits) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", "artwork.sandbox", str(memory_bytes), json.dumps(asdict(limits))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": _PACKAGE_ROOT, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        # A Ctrl-C in the terminal is for the server, which ends its child itself.
        start_new_session=True,
    )


def _kill(child: subprocess.Popen[bytes], overdue: threading.Event) -> None:
    overdue.set()
    child.kill()


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise SandboxUnavailable("the image checker has no pipe: start the server again")
    return stream


def _close_quietly(stream: IO[bytes]) -> None:
    try:
        stream.close()
    except BrokenPipeError:
        # Bytes that a dead child never read are of no use to anyone.
        return


def _write_frame(stream: IO[bytes], payload: bytes) -> None:
    stream.write(_LENGTH.pack(len(payload)))
    stream.write(payload)
    stream.flush()


def _read_frame(stream: IO[bytes]) -> bytes | None:
    """The next frame, or None at the end of the stream."""
    header = stream.read(_LENGTH.size)
    if len(header) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(header)
    payload = stream.read(length)
    return payload if len(payload) == length else None


def _read_answer(answer: bytes) -> CleanImage:
    # JSON, not pickle: the child handled bytes of strangers, so its answer is not trusted to run code.
    fields: dict[str, Any] = json.loads(answer)
    if "fault" in fields:
        raise RejectedImage(ImageFault(fields["fault"]), fields["message"])
    fields["data"] = base64.b64decode(fields["data"])
    return CleanImage(**fields)


def _answer(data: bytes, limits: ImageLimits) -> bytes:
    try:
        clean = clean_image(data, limits)
    except RejectedImage as error:
        return json.dumps({"fault": error.reason_code, "message": error.message}).encode()
    except MemoryError:
        message = "checking the image needs too much memory: save it with fewer pixels"
        return json.dumps({"fault": ImageFault.TOO_COSTLY, "message": message}).encode()
    fields = asdict(clean) | {"data": base64.b64encode(clean.data).decode()}
    return json.dumps(fields).encode()


def _confine(memory_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _serve(memory_bytes: int, limits: ImageLimits) -> None:
    trial = io.BytesIO()
    Image.new("RGB", (64, 64)).save(trial, "PNG")
    # Decoders and the hash's transform load at first use: once before the limits, and once under them as a self-test.
    clean_image(trial.getvalue())
    _confine(memory_bytes)
    clean_image(trial.getvalue())
    # Libraries that print must not write into the frames.
    frames = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    _write_frame(frames, _READY)
    while (data := _read_frame(sys.stdin.buffer)) is not None:
        _write_frame(frames, _answer(data, limits))


if __name__ == "__main__":
    try:
        _serve(int(sys.argv[1]), ImageLimits(**json.loads(sys.argv[2])))
    except MemoryError:
        sys.exit("the image checker ran out of its memory")
