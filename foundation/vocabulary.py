"""Maps tokens to integers and back. Knows no events, no model; anything it has not met becomes "unknown".

A token is one row of `FIELDS` integers. In every field 0 is padding; in title, device and canvas 1 is unknown.
The first row of every sequence is `START`: it stands for a viewer of whom nothing is known yet.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from foundation.events import Action
from foundation.tokens import DAYPARTS, GAPS, SHARES, WEEKDAYS, Token

FIELDS = ("title", "action", "device", "canvas", "daypart", "weekday", "gap", "share")
PADDING, UNKNOWN, KNOWN = 0, 1, 2
"""The first two ids of an open field; the ids of what it knows begin at `KNOWN`."""

PLACES_KEPT = 32
"""Devices and canvases are free text on the wire: only the commonest get an id of their own."""

Rows = NDArray[np.int32]
"""Encoded tokens, shape (tokens, len(FIELDS))."""

ACTION_IDS = {action: 2 + position for position, action in enumerate(Action)}
START: Rows = np.array([[PADDING, 1, 0, 0, 0, 0, 0, 0]], dtype=np.int32)


@dataclass(frozen=True)
class Vocabulary:
    """What a model knows by name: titles in id order, and the commonest devices and canvases."""

    titles: tuple[str, ...]
    devices: tuple[str, ...]
    canvases: tuple[str, ...]

    @cached_property
    def title_ids(self) -> dict[str, int]:
        """The id of every known title."""
        return _ids(self.titles)

    @cached_property
    def _place_ids(self) -> tuple[dict[str, int], dict[str, int]]:
        return _ids(self.devices), _ids(self.canvases)

    @property
    def sizes(self) -> tuple[int, ...]:
        """The number of ids of each of `FIELDS`, padding and unknown counted."""
        opened = KNOWN + len(self.titles), KNOWN + len(self.devices), KNOWN + len(self.canvases)
        return (opened[0], 2 + len(Action), opened[1], opened[2], 1 + DAYPARTS, 1 + WEEKDAYS, 1 + GAPS, 1 + SHARES)

    def encode(self, tokens: Sequence[Token]) -> Rows:
        """Return `START` and one row a token, shape (1 + tokens, len(FIELDS))."""
        devices, canvases = self._place_ids
        rows = [
            (
                self.title_ids.get(token.title, UNKNOWN),
                ACTION_IDS[token.action],
                devices.get(token.device or "", UNKNOWN),
                canvases.get(token.canvas or "", UNKNOWN),
                1 + token.daypart,
                1 + token.weekday,
                1 + token.gap,
                1 + token.share,
            )
            for token in tokens
        ]
        encoded = np.array(rows, dtype=np.int32).reshape(len(rows), len(FIELDS))
        return np.concatenate([START, encoded])


def build_vocabulary(histories: Iterable[Sequence[Token]]) -> Vocabulary:
    """Collect every title and the commonest devices and canvases; the same tokens give the same ids in any order."""
    titles: set[str] = set()
    devices: Counter[str] = Counter()
    canvases: Counter[str] = Counter()
    for tokens in histories:
        titles.update(token.title for token in tokens)
        devices.update(token.device for token in tokens if token.device)
        canvases.update(token.canvas for token in tokens if token.canvas)
    return Vocabulary(titles=tuple(sorted(titles)), devices=_commonest(devices), canvases=_commonest(canvases))


def _commonest(counts: Counter[str]) -> tuple[str, ...]:
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(name for name, _ in ranked[:PLACES_KEPT])


def _ids(names: Sequence[str]) -> dict[str, int]:
    return {name: KNOWN + position for position, name in enumerate(names)}
