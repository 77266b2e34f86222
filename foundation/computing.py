"""How torch computes inside a block of code: its threads and its chance, put back afterwards. Knows no model."""

# torch annotates these functions only in part.
# pyright: reportUnknownMemberType=false

from collections.abc import Generator
from contextlib import contextmanager

import torch


@contextmanager
def on_threads(count: int) -> Generator[None]:
    """Compute with `count` threads; the setting is the process's, so run one such block at a time."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def seeded(seed: int) -> Generator[None]:
    """Draw initial weights and dropout from `seed`, and leave the caller's own generator where it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
