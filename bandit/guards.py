"""What people order of a title's artworks: pins, schedules and shares. Knows no policy, no draw and no storage.

Guards act before the draw: a pin leaves one artwork, a schedule takes artworks out, shares move the probabilities. So
the logged probabilities are those after guards, and a policy under guards can be valued like any other.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import fsum

import numpy as np
from numpy.typing import NDArray

from artwork.catalog import ArtworkId
from bandit.context import RequestContext
from bandit.errors import InvalidGuard

Probabilities = NDArray[np.float64]
Bounds = tuple[tuple[float, float], ...]
"""The least and the greatest probability of each artwork of a slot, in the order of its artworks."""

FLOOR = 0.01
"""What minima leave to the artworks without one, together; no maximum is lower."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From `since` on and before `until`, timezone-aware; None: without that end.

    Raises:
        InvalidGuard: it ends before it begins, or a time has no timezone.
    """

    since: datetime | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        if any(end is not None and end.tzinfo is None for end in (self.since, self.until)):
            raise InvalidGuard("a guard's time has no timezone: give one with its offset, 2026-01-31T18:00:00Z")
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise InvalidGuard(f"a guard from {self.since} until {self.until} never holds: let it end after it begins")

    def holds(self, at: datetime) -> bool:
        """Tell whether `at` lies in it."""
        return (self.since is None or self.since <= at) and (self.until is None or at < self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """Show this artwork and no other while the span holds: to everyone, or to requests of one locale."""

    artwork: ArtworkId
    span: Span = Span()
    locale: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Show this artwork only while the span holds; of several schedules of an artwork one is enough."""

    artwork: ArtworkId
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Keep this artwork's probability, in every slot that it is eligible in, between two bounds.

    Raises:
        InvalidGuard: they are not 0 ≤ minimum ≤ maximum ≤ 1, the minimum is above 1 − FLOOR or the maximum under FLOOR.
    """

    artwork: ArtworkId
    minimum: float = 0.0
    maximum: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.minimum <= self.maximum <= 1.0:
            raise InvalidGuard(
                f"shares of {self.minimum} to {self.maximum} cannot be kept: give 0 <= minimum <= maximum <= 1"
            )
        if self.minimum > 1.0 - FLOOR or self.maximum < FLOOR:
            raise InvalidGuard(
                f"a share below {FLOOR} or above {1 - FLOOR} teaches nothing: pause the artwork, or pin it, instead"
            )


Guard = Pin | Schedule | Share


@dataclass(frozen=True, slots=True, kw_only=True)
class TitleGuards:
    """The guards of one title; the pins with the one set last in front."""

    pins: tuple[Pin, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    shares: tuple[Share, ...] = ()

    def due(self, artwork: ArtworkId, at: datetime) -> bool:
        """Tell whether the schedules let an artwork be shown at `at`; one without a schedule always may."""
        own = [each.span for each in self.schedules if each.artwork == artwork]
        return not own or any(span.holds(at) for span in own)

    def pinned(self, eligible: Collection[ArtworkId], request: RequestContext) -> ArtworkId | None:
        """Return the artwork that this request must be shown, or None.

        A pin of the request's locale goes before one for everyone, then the one set last. A pin of an artwork that is
        not eligible here has no force.
        """
        holding = [
            each
            for each in self.pins
            if each.artwork in eligible
            and each.span.holds(request.at)
            and (each.locale is None or speaks(request.locale, each.locale))
        ]
        return max(holding, key=lambda pin: pin.locale is not None).artwork if holding else None

    def bounds(self, artworks: Sequence[ArtworkId]) -> Bounds | None:
        """Return the bounds of a slot's artworks, or None where no share says anything."""
        shares = {each.artwork: (each.minimum, each.maximum) for each in self.shares}
        if len(artworks) < 2 or shares.keys().isdisjoint(artworks):
            return None
        return tuple(shares.get(artwork, (0.0, 1.0)) for artwork in artworks)


def title_guards(guards: Sequence[Guard]) -> TitleGuards:
    """Sort a title's guards by kind; they are given in the order in which they were set."""
    return TitleGuards(
        pins=tuple(reversed([each for each in guards if isinstance(each, Pin)])),
        schedules=tuple(each for each in guards if isinstance(each, Schedule)),
        shares=tuple(each for each in guards if isinstance(each, Share)),
    )


def check_shares(shares: Sequence[Share], *, others: int) -> None:
    """Refuse shares of a title that cannot be kept together; `others` counts its artworks without a share.

    Raises:
        InvalidGuard: the minima leave less than FLOOR to the rest, or the maxima do not reach 1.
    """
    least, most = fsum(each.minimum for each in shares), fsum(each.maximum for each in shares)
    if least > 1.0 - FLOOR + 1e-9:
        raise InvalidGuard(
            f"the minimum shares of this title add up to {least:.4g}, and {1 - FLOOR} is all there is: lower one"
        )
    if not others and shares and most < 1.0 - 1e-9:
        raise InvalidGuard(f"the maximum shares of this title add up to {most:.4g}, less than 1: raise one")


def speaks(locale: str | None, named: str) -> bool:
    """Tell whether a request's locale (`fr-CA`) is the named one or part of it (`fr`): RFC 4647, basic filtering.

    Letters' case does not matter, nor whether parts are joined by `-` or, as in Java and POSIX, by `_`.
    """
    if locale is None:
        return False
    asked, wanted = _folded(locale), _folded(named)
    return asked == wanted or asked.startswith(f"{wanted}-")


def _folded(locale: str) -> str:
    return locale.replace("_", "-").lower()


def within(probabilities: Probabilities, bounds: Bounds | None, *, kept: Probabilities) -> Probabilities:
    """Return the distribution nearest to `probabilities`, (K,) → (K,), that keeps every bound and nothing under `kept`.

    That is the Euclidean projection onto {p: least ≤ p ≤ greatest, Σp = 1}, found exactly at the breakpoints of its
    one multiplier (as in Duchi et al. 2008 for the simplex). `kept`, (K,), adds up to at most 1 (see `floor_under`); a
    maximum goes before it. Bounds that eligibility makes impossible give way in proportion: minima share what `kept`
    leaves, maxima are raised until they reach 1. The order of the artworks changes no bit of the result.
    """
    least, greatest = _feasible(bounds or ((0.0, 1.0),) * len(kept), kept)
    if bool(np.all((least <= probabilities) & (probabilities <= greatest))):
        return probabilities
    lowered = _lowered_by(probabilities, least, greatest)
    return np.minimum(np.maximum(probabilities - lowered, least), greatest)


def floor_under(stated: Probabilities, floor: float) -> Probabilities:
    """What is kept for each of K artworks: the policy's floor / K (FLOOR / K where it has less), or what was stated.

    So what a policy leaves a chance keeps one that can be learned from, and what it never shows stays so.
    """
    return np.minimum(stated, max(floor, FLOOR) / len(stated))


def _feasible(bounds: Bounds, kept: Probabilities) -> tuple[Probabilities, Probabilities]:
    """Bounds between which a distribution lies: `kept` under every minimum, and neither side asking too much."""
    wanted, greatest = np.array(bounds).T
    reach = fsum(greatest)
    greatest = np.minimum(greatest / reach, 1.0) if reach < 1.0 else greatest
    ground = np.minimum(kept, greatest)
    least = np.maximum(wanted, ground)
    free, asked = 1.0 - fsum(ground), fsum(least - ground)
    return ground + (least - ground) * (free / asked) if asked > free else least, greatest


def _lowered_by(stated: Probabilities, least: Probabilities, greatest: Probabilities) -> float:
    """The t for which the sum of `stated` − t, held between the bounds, is 1: it falls in t, in straight pieces."""
    turns = np.unique(np.concatenate([stated - least, stated - greatest]))
    low, high = 0, len(turns) - 1
    while high - low > 1:
        middle = (low + high) // 2
        reached = fsum(np.minimum(np.maximum(stated - turns[middle], least), greatest))
        low, high = (middle, high) if reached >= 1.0 else (low, middle)
    between = (turns[low] + turns[high]) / 2.0
    under, over = stated - between <= least, stated - between >= greatest
    free = ~(under | over)
    if not free.any():
        return float(between)
    return (fsum(stated[free]) + fsum(least[under]) + fsum(greatest[over]) - 1.0) / int(free.sum())
