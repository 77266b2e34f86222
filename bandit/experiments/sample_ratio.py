"""Were viewers dealt as planned? A mismatch means that something loses viewers of one cell: no result is to be trusted.

Knows no reward. Two tests of the same counts: the usual χ² for one look, and one that may be looked at every hour, a
Dirichlet mixture against the planned shares (Lindon & Malek 2022, "Anytime-valid inference for multinomial counts").
"""

# scipy's special functions carry no annotations.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportMissingTypeStubs=false

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import chdtrc

MISMATCH_BELOW = 1e-3
_CONCENTRATIONS = (20.0, 1_000.0, 50_000.0)
"""How close to the planned shares the mixture expects real ones: great deviations are found among few viewers, small
ones among many."""


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """`p_value` is for one look; `always_valid_p` falls under 0.001 at some look in one of 1,000 sound experiments."""

    statistic: float
    p_value: float
    always_valid_p: float

    @property
    def mismatch(self) -> bool:
        """Whether the counts cannot have come by chance."""
        return self.always_valid_p < MISMATCH_BELOW


def sample_ratio(viewers: Sequence[int], shares: Sequence[float]) -> SampleRatio:
    """Hold the cells' counts of viewers against their planned shares, which sum to 1. No viewers: no mismatch."""
    total = sum(viewers)
    if not total:
        return SampleRatio(0.0, 1.0, 1.0)
    statistic = sum((n - total * share) ** 2 / (total * share) for n, share in zip(viewers, shares, strict=True))
    evidence = [_log_evidence(viewers, shares, each) for each in _CONCENTRATIONS]
    most = max(evidence)  # the mean of bets against the plan is a bet against it
    mean = most + math.log(sum(math.exp(each - most) for each in evidence) / len(evidence))
    return SampleRatio(
        statistic=statistic,
        p_value=float(chdtrc(len(shares) - 1, statistic)),
        always_valid_p=math.exp(min(0.0, -mean)),
    )


def _log_evidence(viewers: Sequence[int], shares: Sequence[float], concentration: float) -> float:
    """The logarithm of how much likelier the counts are under the mixture than under the plan."""
    prior = [concentration * share for share in shares]
    alternative = _log_beta([a + n for a, n in zip(prior, viewers, strict=True)]) - _log_beta(prior)
    return alternative - sum(n * math.log(share) for n, share in zip(viewers, shares, strict=True))


def _log_beta(parameters: Sequence[float]) -> float:
    return sum(map(math.lgamma, parameters)) - math.lgamma(sum(parameters))
