"""What the linear learner is told. Knows no rows and no weights."""

import math
from typing import Literal

import msgspec

from bandit.exploration import Exploration

Sampling = Literal["squarecb", "thompson"]


class LinearSettings(msgspec.Struct, frozen=True, kw_only=True, tag_field="learner", tag="linear"):
    """How a version is learned by Bayesian linear regression, and how it explores.

    `epsilon` / K is the smallest probability of K artworks. Under SquareCB, `gamma_scale` · n ^ `gamma_exponent` is an
    artwork's γ after n decisions that showed it. With `half_life_days` a row counts half as much for every so many
    days that it is older than the newest: for tastes that move. A row of a log that was shed counts 1 / kept times,
    but no more than `clip`; unset, as versions were before there was this bound, however often. The defaults are those
    of the comparisons in docs/log.md.
    """

    gamma_scale: float = 10_000.0
    gamma_exponent: float = 0.5
    epsilon: float = 0.01
    half_life_days: float | None = None
    sampling: Sampling = "squarecb"
    clip: float | msgspec.UnsetType = msgspec.UNSET

    def __post_init__(self) -> None:
        gammas_fit = 0 <= self.gamma_scale < math.inf and 0 <= self.gamma_exponent < math.inf
        if not (0 <= self.epsilon <= 1 and gammas_fit):
            raise ValueError(f"{self}: epsilon lies in [0, 1], the parts of gamma are finite and not negative")
        if self.half_life_days is not None and not 0 < self.half_life_days < math.inf:
            raise ValueError(f"a half-life of {self.half_life_days} days is none; give more than 0, or leave it out")
        if not self.largest_weight >= 1:
            raise ValueError(f"a clip of {self.clip} is none: rows weigh 1 or more; give more, or leave it out")

    @property
    def largest_weight(self) -> float:
        """The most that a row may count."""
        return math.inf if self.clip is msgspec.UNSET else self.clip

    def exploration(self) -> Exploration:
        """How a model that learned with these settings explores."""
        return Exploration(gamma_scale=self.gamma_scale, gamma_exponent=self.gamma_exponent, epsilon=self.epsilon)

    def arguments(self) -> list[str]:
        """The settings as a command line would say them, for the manifest."""
        forgetting = [] if self.half_life_days is None else ["--half_life_days", f"{self.half_life_days!r}"]
        clipping = [] if self.clip is msgspec.UNSET else ["--clip", f"{self.clip!r}"]
        return [
            *("--learner", "linear", "--sampling", self.sampling, "--epsilon", f"{self.epsilon!r}"),
            *("--gamma_scale", f"{self.gamma_scale!r}", "--gamma_exponent", f"{self.gamma_exponent!r}", *forgetting),
            *clipping,
        ]
