"""Worlds drawn from a seed, with play rates set to what was asked for. Knows no policy and no log."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bandit.simulator.hardship import Hardship, hardened
from bandit.simulator.world import Floats, InvalidWorld, Nature, World, build_world, logistic

_CALIBRATION_PAIRS = 8192
_HALVINGS = 22
_LARGEST_LOGIT = 40.0
_LARGEST_STRENGTH = 32.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldShape:
    """How large a World is; `traits` is the number of hidden dimensions in which artworks differ.

    Every title has `artworks` artworks or, with `fewest_artworks`, any number from that to this, each alike.
    """

    viewers: int = 2000
    titles: int = 40
    artworks: int = 6
    traits: int = 8
    fewest_artworks: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayRates:
    """The mean share of exposures that are played when artworks are shown at random, and when each viewer's best is.

    Titles with few artworks bound the second: with n of them it stays under n times the first.
    """

    uniform: float
    oracle: float


RARE = PlayRates(uniform=0.003, oracle=0.007)
"""Hardly any plays: 3 in 1,000 exposures. 20,000 decisions hold about 60."""

WEAK = PlayRates(uniform=0.046, oracle=0.091)
"""A faint signal: what an artwork can do for most titles."""

STRONG = PlayRates(uniform=0.109, oracle=0.392)
"""A loud signal, for short tests and demonstrations."""


def random_world(
    seed: int, *, shape: WorldShape | None = None, rates: PlayRates = STRONG, hardship: Hardship | None = None
) -> World:
    """Draw a World; the same seed gives the same World, and a knob that is turned leaves the rest of it as it was.

    Its play rates are `rates` to within about 1 % of themselves, all artworks taken as born and before the bait and
    the lift of `hardship` are added.

    Raises:
        InvalidWorld: the rates cannot be reached by any strength, or the shape cannot be.
    """
    shape = shape or WorldShape()
    rng = np.random.default_rng(seed)
    tastes = rng.normal(size=(shape.viewers, shape.traits))
    tastes /= np.linalg.norm(tastes, axis=1, keepdims=True)
    traits = rng.normal(size=(shape.titles, shape.artworks, shape.traits))
    nature = Nature(
        themes=rng.normal(size=(shape.titles, shape.traits)),
        appeal=rng.normal(scale=0.3, size=shape.titles),
        runtime_seconds=rng.integers(1200, 9000, size=shape.titles).astype(np.float64),
    )
    owned = [own[:count] for own, count in zip(traits, _counts(shape, rng), strict=True)]
    level = calibrated(build_world(tastes, owned, nature=nature), rates)
    return hardened(level, hardship, seed=seed) if hardship else level


def _counts(shape: WorldShape, rng: np.random.Generator) -> list[int]:
    """How many artworks each title has. Drawn last, so that other shapes' Worlds stay as they are."""
    if shape.fewest_artworks is None:
        return [shape.artworks] * shape.titles
    if not 1 <= shape.fewest_artworks <= shape.artworks:
        raise InvalidWorld(
            f"a title cannot have {shape.fewest_artworks} to {shape.artworks} artworks: give 1 <= fewest <= most"
        )
    return rng.integers(shape.fewest_artworks, shape.artworks, size=shape.titles, endpoint=True).tolist()


def calibrated(world: World, rates: PlayRates) -> World:
    """The same World with `base` and `strength` set so that its mean play rates are `rates`.

    Raises:
        InvalidWorld: the rates are not rising inside (0, 1), or no strength reaches them.
    """
    if not 0.0 < rates.uniform <= rates.oracle < 1.0:
        raise InvalidWorld(f"{rates} are no play rates: ask for 0 < uniform <= oracle < 1")
    scale = _Scale.of(world)
    high = 1.0
    while (reached := scale.oracle_rate(scale.base(high, rates.uniform), high)) < rates.oracle:
        high *= 2.0
        if high > _LARGEST_STRENGTH:
            raise InvalidWorld(
                f"no strength reaches {rates} (oracle {reached:.3f} at most): give more artworks, or ones that "
                "differ more, or ask for less"
            )
    strength = _bisected(
        lambda tried: scale.oracle_rate(scale.base(tried, rates.uniform), tried), rates.oracle, low=0.0, high=high
    )
    return replace(world, strength=strength, base=scale.base(strength, rates.uniform))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Scale:
    """Play rates as functions of base and strength alone, over pairs (n, artworks) that stand for everyone."""

    ground: Floats
    match: Floats
    eligible: NDArray[np.bool_]

    @classmethod
    def of(cls, world: World) -> "_Scale":
        viewers, titles = world.pairs()
        kept = np.unique(np.linspace(0, len(viewers) - 1, _CALIBRATION_PAIRS).astype(np.int64))
        level = replace(world, base=0.0, strength=0.0).play_logits(viewers[kept], titles[kept])
        lifted = replace(world, base=0.0, strength=1.0).play_logits(viewers[kept], titles[kept])
        return cls(ground=level, match=lifted - level, eligible=world.eligible(titles[kept]))

    def base(self, strength: float, uniform: float) -> float:
        """The base at which artworks shown at random are played at the rate `uniform`."""
        share = self.eligible / self.eligible.sum(axis=1, keepdims=True)
        return _bisected(
            lambda base: float((share * self.rates(base, strength)).sum(axis=1).mean()),
            uniform,
            low=-_LARGEST_LOGIT,
            high=_LARGEST_LOGIT,
        )

    def oracle_rate(self, base: float, strength: float) -> float:
        return float(self.rates(base, strength).max(axis=1).mean())

    def rates(self, base: float, strength: float) -> Floats:
        return np.where(self.eligible, logistic(base + self.ground + strength * self.match), 0.0)


def _bisected(rising: Callable[[float], float], target: float, *, low: float, high: float) -> float:
    """Where a rising function meets `target`, to 1e-6 of the bracket."""
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if rising(middle) < target else (low, middle)
    return (low + high) / 2.0
