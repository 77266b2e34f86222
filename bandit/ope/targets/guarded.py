"""Any target under guards: pins, pauses and shares that people would set. Knows no file and no policy."""

from collections.abc import Mapping
from typing import final

import msgspec
import numpy as np

from artwork.catalog import ArtworkId
from bandit.errors import InvalidExample, InvalidGuard
from bandit.guards import Share, within
from bandit.ope.batch import Batch, Eligible, Floats
from bandit.ope.targets.target import Target


class TitleGuard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is ordered of one title: the only artwork shown, those not shown, and least and greatest shares."""

    pin: str | None = None
    pause: list[str] = []
    share: dict[str, tuple[float, float]] = {}


@final
class GuardedTarget(Target):
    """What another target states, over the artworks that guards leave, held between the shares.

    Where guards leave nothing of a row they do not act on it, as in serving.
    """

    def __init__(self, target: Target, guards: Mapping[str, TitleGuard]) -> None:
        """`guards` by title; artworks are named without their title."""
        self.name = f"{target.name}+guards"
        self.reads_logged = target.reads_logged
        self._target = target
        self._guards = dict(guards)

    def probabilities(self, batch: Batch, eligible: Eligible) -> Floats:
        """See `Target.probabilities`."""
        stated = self._target.probabilities(batch, eligible).copy()
        parts = [name.rpartition("/") for name in eligible.names]
        guarded = np.array([title in self._guards for title, _, _ in parts], dtype=np.bool_)
        rows: list[int] = np.flatnonzero(guarded[eligible.artworks[eligible.starts[:-1]]]).tolist()
        for row in rows:
            entries = slice(eligible.starts[row], eligible.starts[row + 1])
            codes: list[int] = eligible.artworks[entries].tolist()
            guard = self._guards[parts[codes[0]][0]]
            stated[entries] = _under(guard, [parts[code][2] for code in codes], stated[entries])
        return stated


def parse_guards(text: str | bytes) -> dict[str, TitleGuard]:
    """Read guards by title from JSON: `{"harbour": {"pin": "wide"}, "tundra": {"share": {"a": [0.2, 1.0]}}}`.

    Raises:
        InvalidExample: it is no such JSON, or a share cannot be kept.
    """
    try:
        guards = msgspec.json.decode(text, type=dict[str, TitleGuard])
        for guard in guards.values():
            for artwork, (least, greatest) in guard.share.items():
                Share(artwork=ArtworkId(artwork), minimum=least, maximum=greatest)
    except (msgspec.MsgspecError, InvalidGuard) as error:
        raise InvalidExample(f"these are no guards ({error}): see docs/targets.md for an example") from error
    return guards


def _under(guard: TitleGuard, artworks: list[str], stated: Floats) -> Floats:
    left = np.array([artwork not in guard.pause for artwork in artworks])
    if guard.pin in artworks:
        left = np.array([artwork == guard.pin for artwork in artworks])
    if not left.any():
        return stated
    total = stated[left].sum()
    result = np.zeros(len(artworks))
    result[left] = stated[left] / total if total > 0.0 else 1.0 / left.sum()
    if guard.share and left.sum() > 1:
        bounds = tuple(guard.share.get(name, (0.0, 1.0)) for name, kept in zip(artworks, left, strict=True) if kept)
        result[left] = within(result[left], bounds, kept=np.zeros(int(left.sum())))
    return result
