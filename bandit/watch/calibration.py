"""Whether draws follow the logged probabilities (C6): mean 1[a] / p is 1 for every artwork. Knows no stage.

Under honest logging, whether an artwork is drawn is a coin of known chance p, whatever was seen before. Against it
stand coins whose odds are some other multiple; the likelihood ratio of the two is an e-value. Which one of a slot's
artworks is drawn stands against draws from p^τ, surer or less sure than what was logged: that finds a policy that
shows its best whatever it logs, though each artwork is the best equally often. A draw is keyed by viewer, title and
window, so whoever comes back in the same window gets the same number: only the first counts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
from numpy.typing import NDArray

from bandit.decision import Page, Reason
from bandit.sampling import draw_uniform
from bandit.watch.detector import PATIENCE, EDetector, KeptStream

_ODDS = np.array([0.25, 0.5, 0.7, 1.4, 2.0, 4.0])
_POWERS = np.array([0.0, 0.5, 1.5, 3.0, 9.0])
MOST_REMEMBERED = 500_000
"""Draws that are remembered, to know a repetition; beyond, every second key is left out, and so on."""


@dataclass(slots=True)
class _Coins:
    """An artwork's draws since its stream began; `chances` and `hits` are those of the present look."""

    chances: list[float] = field(default_factory=list[float])
    hits: int = 0
    draws: int = 0
    weighted: float = 0.0
    impossible: bool = False

    def add(self, chance: float, *, drawn: bool) -> None:
        self.draws += 1
        if chance > 0:
            self.chances.append(chance)
            self.hits += drawn
            self.weighted += drawn / chance
        elif drawn:
            self.impossible = True


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    """`coins` are title, artwork, draws and Σ 1[a]/p; `share` and `seen` as `_FirstDraws` has them."""

    streams: tuple[KeptStream, ...]
    coins: tuple[tuple[str, str, int, float], ...]
    share: float
    seen: dict[float, int]


class CalibrationWatch:
    """Takes in pages of one policy version; `look` names an artwork whose draws are not those of its probabilities."""

    def __init__(self, *, patience: float = PATIENCE, remembered: int = MOST_REMEMBERED) -> None:
        self._detector = EDetector(patience=patience)
        self._coins: dict[tuple[str, str], _Coins] = {}
        self._drawn = _FirstDraws(remembered)
        self._sureness = _Sureness()

    def add(self, pages: Iterable[Page]) -> None:
        """Take in pages, each once."""
        for page in pages:
            for slot in page.slots:
                if slot.reason is Reason.POLICY and self._drawn.is_first(page.viewer, slot.title, page.window):
                    self._sureness.add(slot.probabilities, slot.chosen)
                    for place, (artwork, chance) in enumerate(zip(slot.artworks, slot.probabilities, strict=True)):
                        coins = self._coins.setdefault((slot.title, artwork), _Coins())
                        coins.add(chance, drawn=place == slot.chosen)

    def kept(self) -> bytes:
        """The evidence so far, between two looks, and the draws that are remembered."""
        coins = tuple((*name, each.draws, each.weighted) for name, each in self._coins.items())
        return msgspec.msgpack.encode(_Kept(self._detector.kept(), coins, self._drawn.share, self._drawn.seen))

    def go_on(self, kept: bytes) -> None:
        """Go on from evidence that was kept."""
        found = msgspec.msgpack.decode(kept, type=_Kept)
        self._detector.go_on(found.streams)
        coins = {(title, artwork): (draws, weighted) for title, artwork, draws, weighted in found.coins}
        self._coins = {name: _Coins(draws=draws, weighted=weighted) for name, (draws, weighted) in coins.items()}
        self._drawn.share, self._drawn.seen = found.share, found.seen

    def look(self) -> str | None:
        """Judge what came since the last look; None: nothing speaks against the log."""
        found: list[str] = []
        if self._sureness.slots and self._detector.look(("sureness",), self._sureness.log_e):
            found.append(self._sureness.told())
        self._sureness = _Sureness()
        for name, coins in self._coins.items():
            if coins.impossible or (coins.chances and self._detector.look(name, _log_e(coins))):
                found.append(_told(name, coins))
                self._coins[name] = _Coins()
            coins.chances, coins.hits = [], 0
        return "; ".join(found[:3]) + (f"; and {len(found) - 3} more" if len(found) > 3 else "") if found else None


@dataclass(slots=True)
class _Sureness:
    """The slots of the present look: `log_e` of draws from p^τ / Σ p^τ, and the sum of 1 / (K p) of what was drawn."""

    slots: int = 0
    weighted: float = 0.0
    log_e: NDArray[np.float64] = field(default_factory=lambda: np.zeros(len(_POWERS)))

    def add(self, stated: Sequence[float], chosen: int) -> None:
        possible = np.log([each for each in stated if each > 0])
        if len(possible) > 1 and stated[chosen] > 0:
            tilted = np.logaddexp.reduce(_POWERS[:, np.newaxis] * possible[np.newaxis], axis=1)
            self.log_e = self.log_e + (_POWERS - 1.0) * np.log(stated[chosen]) - tilted
            self.weighted += 1.0 / (stated[chosen] * len(possible))
            self.slots += 1

    def told(self) -> str:
        mean = self.weighted / self.slots
        return f"what was drawn has a mean 1/(K p) of {mean:.2f} over the latest {self.slots:,} slots, not 1"


def _told(name: tuple[str, str], coins: _Coins) -> str:
    if coins.impossible:
        return f"{'/'.join(name)} was drawn with a logged probability of 0"
    return f"{'/'.join(name)} has a mean 1[a]/p of {coins.weighted / coins.draws:.2f} over {coins.draws:,} draws, not 1"


def _log_e(coins: _Coins) -> NDArray[np.float64]:
    """Π (q/p)^hit ((1−q)/(1−p))^miss for odds multiplied by θ, which is hits · log θ − Σ log(1 − p + θ p)."""
    chances = np.minimum(np.array(coins.chances), 1.0)
    spread = np.log1p((_ODDS[:, np.newaxis] - 1.0) * chances[np.newaxis]).sum(axis=1)
    return coins.hits * np.log(_ODDS) - spread


class _FirstDraws:
    """Knows draws that were met before, in bounded memory: it samples keys by their hash where too many come."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.share = 1.0
        self.seen: dict[float, int] = {}

    def is_first(self, viewer: str, title: str, window: int) -> bool:
        number = draw_uniform("first", viewer, title, window)
        if number >= self.share or number in self.seen:
            return False
        self.seen[number] = window
        if len(self.seen) > self._most:
            self._forget(window)
        return True

    def _forget(self, window: int) -> None:
        """Windows of the past come no more; if that is not enough, half of the keys are looked at from now on."""
        self.seen = {number: each for number, each in self.seen.items() if each >= window - 1}
        while len(self.seen) > self._most // 2:
            self.share /= 2
            self.seen = {number: each for number, each in self.seen.items() if number < self.share}
