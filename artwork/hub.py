"""Whether weights of a model hub can be had, without waiting for a network that is not there. Knows no model."""

import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from pathlib import PurePosixPath

from huggingface_hub import constants, try_to_load_from_cache

PROBE_SECONDS = 1.5
_DEFAULT_FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")


def endpoint() -> str:
    """The hub's address; HF_ENDPOINT in the environment changes it."""
    return constants.ENDPOINT


def cached_file(location: str) -> str | None:
    """The path of a file that was downloaded before, or None.

    `location` is "owner/repository/file", or "owner/repository/" for the repository's usual file; a safetensors file
    is preferred to another of the same name.
    """
    repository, _, filename = location.rpartition("/")
    if not repository:
        return None
    names = (str(PurePosixPath(filename).with_suffix(".safetensors")), filename) if filename else _DEFAULT_FILES
    for name in names:
        path = try_to_load_from_cache(repository, name)
        if isinstance(path, str):
            return path
    return None


def answers(address: str) -> bool:
    """Whether anything answers at an http address within PROBE_SECONDS, proxies of the environment included."""
    pool = ThreadPoolExecutor(1)
    try:
        # Name resolution has no timeout of its own, hence the thread.
        return pool.submit(_asked, address).result(timeout=PROBE_SECONDS)
    except FutureTimeoutError:
        return False
    finally:
        pool.shutdown(wait=False)


def _asked(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=PROBE_SECONDS):  # noqa: S310 - the hub's own address
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
