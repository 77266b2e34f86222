"""A World: simulated viewers whose true response to every artwork is known. Knows no policy, no log and no page.

The truth: a viewer v who sees artwork a of title t plays with probability

    σ(base + appeal[t] + tastes[v]·themes[t] + strength · tastes[v]·traits[t, a] + bait[t, a])

and the play satisfies with probability σ(tastes[v]·themes[t] − bait[t, a]), which decides how long it is watched
(`bandit.simulator.watching`). `strength` is the knob: at 0 all artworks of a title are alike. Bait starts plays
that end soon. Viewers, titles and artworks are indices; who runs a World keeps the ids.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bandit.errors import BanditError
from bandit.simulator.watching import quality_table, share_distribution

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

_Number = TypeVar("_Number", np.float64, np.int64)

RUNTIME_SECONDS = 5400.0
"""How long a title lasts when nothing else is said."""


class InvalidWorld(BanditError):
    """The arrays given for a World do not fit together."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class World:
    """The hidden truth, in read-only arrays; made by `build_world` or `random_world`.

    `tastes` (viewers, k), `traits` (titles, artworks, k), `themes` (titles, k), `appeal` (titles,), `bait`
    (titles, artworks), `counts` (titles,) how many artworks each title really has, `runtime_seconds` (titles,),
    `qualities` (titles, shares) what a play that ends at each share is worth.
    """

    tastes: Floats
    traits: Floats
    themes: Floats
    appeal: Floats
    bait: Floats
    counts: Indices
    runtime_seconds: Floats
    qualities: Floats
    base: float
    strength: float

    @property
    def viewer_count(self) -> int:
        """How many viewers live here."""
        return self.tastes.shape[0]

    @property
    def title_count(self) -> int:
        """How many titles can be watched."""
        return self.traits.shape[0]

    @property
    def artwork_count(self) -> int:
        """The largest number of artworks that a title has: the width of every table of probabilities."""
        return self.traits.shape[1]

    def pairs(self) -> tuple[Indices, Indices]:
        """Every (viewer, title) once, as two arrays (viewers · titles,): what a value over everyone is taken on."""
        viewers, titles = np.divmod(np.arange(self.viewer_count * self.title_count), self.title_count)
        return viewers, titles

    def eligible(self, titles: Indices) -> NDArray[np.bool_]:
        """Which columns are artworks that the titles (n,) really have: (n, artwork_count)."""
        return np.arange(self.artwork_count) < self.counts[titles, None]

    def play_logits(self, viewers: Indices, titles: Indices) -> Floats:
        """The log odds of a play: pairs (n,) → (n, artwork_count), also where the title has no such artwork."""
        match = np.einsum("nk,nak->na", self.tastes[viewers], self.traits[titles])
        ground = self.base + self.appeal[titles] + self._affinity(viewers, titles)
        return ground[:, None] + self.strength * match + self.bait[titles]

    def play_rates(self, viewers: Indices, titles: Indices) -> Floats:
        """The probability of a play, pairs (n,) → (n, artwork_count); 0 where the title has no such artwork."""
        return np.where(self.eligible(titles), logistic(self.play_logits(viewers, titles)), 0.0)

    def satisfaction(self, viewers: Indices, titles: Indices) -> Floats:
        """The probability that a play satisfies: pairs (n,) → (n, artwork_count)."""
        return logistic(self._affinity(viewers, titles)[:, None] - self.bait[titles])

    def expected_rewards(self, viewers: Indices, titles: Indices) -> Floats:
        """The exact expected quality play, pairs (n,) → (n, artwork_count); 0 where the title has no such artwork."""
        satisfaction = self.satisfaction(viewers, titles)
        worth = np.stack([self._worth(column, titles) for column in satisfaction.T], axis=1)
        return self.play_rates(viewers, titles) * worth

    def expected_reward(self, viewer: int, title: int) -> Floats:
        """The exact expected quality play of each artwork that the title has, in [0, 1]: (counts[title],)."""
        rewards = self.expected_rewards(np.array([viewer]), np.array([title]))
        return rewards[0, : self.counts[title]]

    def policy_value(self, viewers: Indices, titles: Indices, *, probabilities: Floats) -> float:
        """The true value, exact, of stating `probabilities` (n, artwork_count) for the pairs (n,): their mean reward.

        Raises:
            InvalidWorld: there are no pairs, or a row is no distribution over the artworks that its title has.
        """
        impossible = np.where(self.eligible(titles), 0.0, probabilities)
        if not len(probabilities) or np.any(probabilities < 0) or np.any(impossible):
            raise InvalidWorld("state one non-negative probability an artwork that the title has, 0 elsewhere")
        if not np.allclose(probabilities.sum(axis=1), 1.0, atol=1e-6):
            raise InvalidWorld("a row of probabilities does not sum to 1: value only complete distributions")
        return float((probabilities * self.expected_rewards(viewers, titles)).sum(axis=1).mean())

    def _affinity(self, viewers: Indices, titles: Indices) -> Floats:
        return np.einsum("nk,nk->n", self.tastes[viewers], self.themes[titles])

    def _worth(self, satisfaction: Floats, titles: Indices) -> Floats:
        return (share_distribution(satisfaction) * self.qualities[titles]).sum(axis=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Nature:
    """What a World may be given besides tastes and traits; what is left out is level.

    `themes` (titles, k) what a title is about (none: no viewer likes a title more than another does), `appeal`
    (titles,), `bait` (titles, artworks), `runtime_seconds` (titles,).
    """

    themes: ArrayLike | None = None
    appeal: ArrayLike | None = None
    bait: ArrayLike | None = None
    runtime_seconds: ArrayLike | None = None
    base: float = -2.0
    strength: float = 1.0


def build_world(tastes: ArrayLike, traits: Sequence[ArrayLike], *, nature: Nature | None = None) -> World:
    """Make a World from viewers' `tastes` (viewers, k) and, for each title, its artworks' traits (artworks, k).

    Titles may have different numbers of artworks. Scale tastes and traits so that their product is about 1.

    Raises:
        InvalidWorld: an array is empty, not finite, or of a shape that does not fit the others.
    """
    nature = nature or Nature()
    checked_tastes = _checked("tastes", tastes, (None, None))
    width = checked_tastes.shape[1]
    pictures = [_checked(f"traits of title {index}", one, (None, width)) for index, one in enumerate(traits)]
    if not pictures:
        raise InvalidWorld("a World needs a title: give the traits of its artworks")
    counts = np.array([len(one) for one in pictures])
    titles, artworks = len(pictures), int(counts.max())
    runtimes = _checked_or("runtime_seconds", nature.runtime_seconds, (titles,), level=RUNTIME_SECONDS)
    return World(
        tastes=checked_tastes,
        traits=_frozen(np.stack([np.pad(one, ((0, artworks - len(one)), (0, 0))) for one in pictures])),
        themes=_checked_or("themes", nature.themes, (titles, width), level=0.0),
        appeal=_checked_or("appeal", nature.appeal, (titles,), level=0.0),
        bait=_checked_or("bait", nature.bait, (titles, artworks), level=0.0),
        counts=_frozen(counts),
        runtime_seconds=runtimes,
        qualities=_frozen(quality_table(runtimes)),
        base=nature.base,
        strength=nature.strength,
    )


def logistic(logits: Floats) -> Floats:
    """σ: log odds to probabilities."""
    return 1.0 / (1.0 + np.exp(-logits))


def _checked_or(name: str, values: ArrayLike | None, shape: tuple[int, ...], *, level: float) -> Floats:
    return _frozen(np.full(shape, level)) if values is None else _checked(name, values, shape)


def _checked(name: str, values: ArrayLike, shape: tuple[int | None, ...]) -> Floats:
    array = np.array(values, dtype=np.float64)
    fits = array.ndim == len(shape) and all(want in (None, have) for want, have in zip(shape, array.shape, strict=True))
    if not (fits and array.size and np.isfinite(array).all()):
        raise InvalidWorld(f"{name} has shape {array.shape}; give finite numbers of shape {shape} (None: any above 0)")
    return _frozen(array)


def _frozen(array: NDArray[_Number]) -> NDArray[_Number]:
    array.setflags(write=False)
    return array
