"""A World: simulated viewers whose true response to every artwork is known at any time. Knows no policy and no log.

The truth: a viewer v who at time τ sees artwork a of title t plays with probability

    σ(base + appeal[t] + v(τ)·themes[t] + strength · v(τ)·traits[t, a] + lift[t, a] + bait[t, a])

and the play satisfies with probability σ(v(τ)·themes[t] − letdown[t, a]), which decides how long it is watched
(`bandit.simulator.watching`). Tastes turn with time: v(τ) = cos(τω) · tastes[v] + sin(τω) · turned[v], where ω is
`turn` quarter turns. `strength` is the knob: at 0 all artworks of a title are alike but for lift and bait. Bait starts
plays that end soon. Time runs from 0 to 1, the length of a play; an artwork is eligible from `born[t, a]` on.
Viewers, titles and artworks are indices; who runs a World keeps the ids.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bandit.errors import BanditError
from bandit.simulator.watching import quality_table, worth_of_ways

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Moments = float | Floats
"""When: one time in [0, 1] for all, or one a row, (n,)."""

_Number = TypeVar("_Number", np.float64, np.int64)

RUNTIME_SECONDS = 5400.0
"""How long a title lasts when nothing else is said."""


class InvalidWorld(BanditError):
    """The arrays given for a World do not fit together."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class World:
    """The hidden truth, in read-only arrays; made by `build_world` or `random_world`.

    `tastes` and `turned` (viewers, k), `traits` (titles, artworks, k), `themes` (titles, k), `appeal` (titles,),
    `lift`, `bait`, `letdown` and `born` (titles, artworks), `counts` (titles,) how many artworks each title will ever
    have, `runtime_seconds` (titles,), `qualities` (titles, shares) what a play that ends at each share is worth.
    `born` is infinite where a title has no such artwork.
    """

    tastes: Floats
    turned: Floats
    traits: Floats
    themes: Floats
    appeal: Floats
    lift: Floats
    bait: Floats
    letdown: Floats
    born: Floats
    counts: Indices
    runtime_seconds: Floats
    qualities: Floats
    base: float
    strength: float
    turn: float

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

    def eligible(self, titles: Indices, *, at: Moments = 0.0) -> NDArray[np.bool_]:
        """Which columns are artworks that the titles (n,) have by then: (n, artwork_count)."""
        return self.born[titles] <= _column(at)

    def tastes_at(self, viewers: Indices, *, at: Moments = 0.0) -> Floats:
        """The tastes of the viewers (n,) then: (n, k)."""
        if not self.turn:
            return self.tastes[viewers]
        angle = _column(at) * self.turn * np.pi / 2.0
        return np.cos(angle) * self.tastes[viewers] + np.sin(angle) * self.turned[viewers]

    def play_logits(self, viewers: Indices, titles: Indices, *, at: Moments = 0.0) -> Floats:
        """The log odds of a play: pairs (n,) → (n, artwork_count), also where the title has no such artwork."""
        tastes = self.tastes_at(viewers, at=at)
        match = np.einsum("nk,nak->na", tastes, self.traits[titles])
        ground = self.base + self.appeal[titles] + self._affinity(tastes, titles)
        return ground[:, None] + self.strength * match + (self.lift + self.bait)[titles]

    def play_rates(self, viewers: Indices, titles: Indices, *, at: Moments = 0.0) -> Floats:
        """The probability of a play, pairs (n,) → (n, artwork_count); 0 where the title has no such artwork then."""
        return np.where(self.eligible(titles, at=at), logistic(self.play_logits(viewers, titles, at=at)), 0.0)

    def satisfaction(self, viewers: Indices, titles: Indices, *, at: Moments = 0.0) -> Floats:
        """The probability that a play satisfies: pairs (n,) → (n, artwork_count)."""
        return logistic(self._affinity(self.tastes_at(viewers, at=at), titles)[:, None] - self.letdown[titles])

    def shown(
        self, viewers: Indices, titles: Indices, *, artworks: Indices, at: Moments = 0.0
    ) -> tuple[Floats, Floats]:
        """Probability of a play, and that it satisfies, of one artwork a pair: `artworks` (n,) → two arrays (n,).

        The same truth as `play_rates` and `satisfaction`, for the artworks that were shown only: much faster.
        """
        tastes = self.tastes_at(viewers, at=at)
        affinity = self._affinity(tastes, titles)
        match = np.einsum("nk,nk->n", tastes, self.traits[titles, artworks])
        ground = self.base + self.appeal[titles] + affinity
        logits = ground + self.strength * match + self.lift[titles, artworks] + self.bait[titles, artworks]
        rates = np.where(self.born[titles, artworks] <= at, logistic(logits), 0.0)
        return rates, logistic(affinity - self.letdown[titles, artworks])

    def expected_rewards(self, viewers: Indices, titles: Indices, *, at: Moments = 0.0) -> Floats:
        """The exact expected quality play then, pairs (n,) → (n, artwork_count); 0 where there is no such artwork."""
        disappointed, satisfied = worth_of_ways(self.qualities)[titles].T[:, :, None]
        worth = disappointed + self.satisfaction(viewers, titles, at=at) * (satisfied - disappointed)
        return self.play_rates(viewers, titles, at=at) * worth

    def expected_reward(self, viewer: int, title: int, *, at: float = 0.0) -> Floats:
        """The exact expected quality play of each artwork of the title, in [0, 1]: (counts[title],); 0 if not born."""
        rewards = self.expected_rewards(np.array([viewer]), np.array([title]), at=at)
        return rewards[0, : self.counts[title]]

    def policy_value(self, viewers: Indices, titles: Indices, *, probabilities: Floats, at: Moments = 0.0) -> float:
        """The true value, exact, of stating `probabilities` (n, artwork_count) for the pairs (n,): their mean reward.

        Raises:
            InvalidWorld: there are no pairs, or a row is no distribution over the artworks that its title has then.
        """
        impossible = np.where(self.eligible(titles, at=at), 0.0, probabilities)
        if not len(probabilities) or np.any(probabilities < 0) or np.any(impossible):
            raise InvalidWorld("state one non-negative probability an artwork that the title has by then, 0 elsewhere")
        if not np.allclose(probabilities.sum(axis=1), 1.0, atol=1e-6):
            raise InvalidWorld("a row of probabilities does not sum to 1: value only complete distributions")
        return float((probabilities * self.expected_rewards(viewers, titles, at=at)).sum(axis=1).mean())

    def _affinity(self, tastes: Floats, titles: Indices) -> Floats:
        return np.einsum("nk,nk->n", tastes, self.themes[titles])


@dataclass(frozen=True, slots=True, kw_only=True)
class Nature:
    """What a World may be given besides tastes and traits; what is left out is level.

    `themes` (titles, k) what a title is about (none: no viewer likes a title more than another does), `appeal`
    (titles,), `runtime_seconds` (titles,); `lift`, `bait`, `letdown` (none: as much as it baits) and `born` (none: from
    the start) (titles, artworks), where columns of artworks that a title has not are not looked at. `turned`
    (viewers, k) is where tastes stand after a quarter turn; `turn` of them are made from time 0 to 1.
    """

    themes: ArrayLike | None = None
    appeal: ArrayLike | None = None
    lift: ArrayLike | None = None
    bait: ArrayLike | None = None
    letdown: ArrayLike | None = None
    born: ArrayLike | None = None
    turned: ArrayLike | None = None
    runtime_seconds: ArrayLike | None = None
    base: float = -2.0
    strength: float = 1.0
    turn: float = 0.0


def build_world(tastes: ArrayLike, traits: Sequence[ArrayLike], *, nature: Nature | None = None) -> World:
    """Make a World from viewers' `tastes` (viewers, k) and, for each title, its artworks' traits (artworks, k).

    Titles may have different numbers of artworks. Scale tastes and traits so that their product is about 1.

    Raises:
        InvalidWorld: an array is empty, not finite, or of a shape that does not fit the others, or a title has no
            artwork from the start.
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
    bait = _checked_or("bait", nature.bait, (titles, artworks), level=0.0)
    return World(
        tastes=checked_tastes,
        turned=_turned(nature, checked_tastes),
        traits=_frozen(np.stack([np.pad(one, ((0, artworks - len(one)), (0, 0))) for one in pictures])),
        themes=_checked_or("themes", nature.themes, (titles, width), level=0.0),
        appeal=_checked_or("appeal", nature.appeal, (titles,), level=0.0),
        lift=_checked_or("lift", nature.lift, (titles, artworks), level=0.0),
        bait=bait,
        letdown=bait if nature.letdown is None else _checked("letdown", nature.letdown, (titles, artworks)),
        born=births(_checked_or("born", nature.born, (titles, artworks), level=0.0), counts),
        counts=_frozen(counts),
        runtime_seconds=runtimes,
        qualities=_frozen(quality_table(runtimes)),
        base=nature.base,
        strength=nature.strength,
        turn=nature.turn,
    )


def births(born: Floats, counts: Indices) -> Floats:
    """When each artwork becomes eligible, (titles, artworks): `born`, and never in the columns that a title has not.

    Raises:
        InvalidWorld: a title has no artwork from the start.
    """
    checked = born.copy()
    checked[np.arange(born.shape[1]) >= counts[:, None]] = np.inf
    if checked.min(axis=1).max() > 0:
        raise InvalidWorld("a title has no artwork before the first is born: let one of each title be born at 0")
    return _frozen(checked)


def _turned(nature: Nature, tastes: Floats) -> Floats:
    if nature.turned is not None:
        return _checked("turned", nature.turned, tastes.shape)
    if nature.turn:
        raise InvalidWorld("tastes that turn need a place to turn to: give `turned`, or a turn of 0")
    return tastes


def logistic(logits: Floats) -> Floats:
    """σ: log odds to probabilities."""
    return 1.0 / (1.0 + np.exp(-logits))


def _column(at: Moments) -> Floats:
    return np.asarray(at, dtype=np.float64)[..., None]


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
