"""What an analyst is warned of beside the numbers: thresholds, sentences and remedies. Knows diagnostics only."""

from collections.abc import Iterator
from dataclasses import dataclass

from bandit.ope.diagnosis.diagnostics import Findings

FEW_EFFECTIVE_ROWS = 100.0
HEAVY_WEIGHT_SHARE = 0.05
LARGE_SHARE_AT_FLOOR = 0.05
LARGE_MASS_BELOW_FLOOR = 0.01
LARGE_DRIFT = 0.1
_MORE = "log longer, or with more exploration"


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """A number is given, and this should be known with it."""

    code: str
    message: str
    remedy: str

    def to_json(self) -> dict[str, str]:
        """As on the wire."""
        return {"code": self.code, "message": self.message, "remedy": self.remedy}


def warnings(known: Findings) -> list[Warned]:
    """What should be known beside the numbers."""
    return [*_of_weights(known), *_of_support(known), *_of_log(known)] if known.weights.rows else []


def _of_weights(known: Findings) -> Iterator[Warned]:
    weights = known.weights
    if not weights.one_propensity:
        yield Warned(
            code="replay_needs_uniform_log",
            message="replay is left out: the log's probabilities differ, and only uniform logs can be replayed",
            remedy="go by snips, which needs no uniform log",
        )
    if weights.effective_rows < FEW_EFFECTIVE_ROWS:
        yield Warned(
            code="few_effective_rows",
            message=f"{weights.rows} rows are worth {weights.effective_rows:.0f} drawn by the target",
            remedy=f"{_MORE}; expect wide intervals until then",
        )
    if weights.rewarded_effective_rows < FEW_EFFECTIVE_ROWS:
        yield Warned(
            code="few_rewarded_effective_rows",
            message=f"rewards rest on {weights.rewarded_effective_rows:.0f} effective rows",
            remedy=f"{_MORE}; go by intervals that know the bounds of rewards and weights, not by normal ones",
        )
    if weights.heaviest_share > HEAVY_WEIGHT_SHARE:
        yield _heavy(known)


def _heavy(known: Findings) -> Warned:
    one = known.counts.heaviest.to_json()[0]
    share = known.weights.heaviest_share
    return Warned(
        code="heavy_weight",
        message=f"row {one['row']}, logged with {one['propensity']:.3g}, carries {share:.0%} of all weight",
        remedy="see whether that probability is true; compare snips with clipped and doubly robust estimates",
    )


def _of_support(known: Findings) -> Iterator[Warned]:
    weights, support = known.weights, known.support
    if weights.thin_share > LARGE_SHARE_AT_FLOOR:
        yield Warned(
            code="weight_at_floor",
            message=(
                f"{weights.ends.thin} of {weights.rows} rows were logged with less than {known.floor:g} and carry "
                f"{weights.thin_share:.0%} of all weight; the smallest is {weights.ends.smallest_propensity:.3g}"
            ),
            remedy="floor probabilities when drawing: smaller ones are often estimated or cut, not what was drawn from",
        )
    below = support.below_floor / support.decisions if support.rows else 0.0
    if below > LARGE_MASS_BELOW_FLOOR:
        yield Warned(
            code="mass_below_floor",
            message=f"the target gives {below:.1%} of its probability to artworks logged below {known.floor:g}",
            remedy="log with a higher floor, or evaluate a target that stays nearer to what was logged",
        )


def _of_log(known: Findings) -> Iterator[Warned]:
    draws, drift = known.draws, known.counts.drift
    if draws is not None and draws.off and not draws.wrong:
        worst = draws.cells[0]
        yield Warned(
            code="propensities_off",
            message=(
                f"{worst.in_words} was drawn {worst.drawn:.0f} times where the logged probabilities state "
                f"{worst.stated:.0f} (p = {draws.p_value:.2g} over {len(draws.cells)} cells)"
            ),
            remedy="log the probability of the draw itself; estimates from many draws are biased by small errors",
        )
    if drift.moved > LARGE_DRIFT:
        worst = drift.trends()[0]
        yield Warned(
            code="logging_policy_drifts",
            message=(
                f"{drift.moved:.0%} of the log's probability moved from its first to its last day: "
                f"{worst.artwork} went from {worst.first:.2g} to {worst.last:.2g}"
            ),
            remedy="look at the days: evaluate the last ones alone where viewers may have changed as well",
        )
