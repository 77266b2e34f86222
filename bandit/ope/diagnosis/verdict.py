"""When the evaluator refuses, and what it warns of: every threshold, with its sentence and its remedy, in one place.

Knows diagnostics only. Row-level faults are found in `bandit.ope.diagnosis.faults`.
"""

from dataclasses import dataclass

from bandit.ope.diagnosis.diagnostics import Diagnostics
from bandit.ope.diagnosis.faults import Refusal

GREATEST_REWARD = 1.0
LARGEST_UNSUPPORTED_MASS = 1e-6
FEWEST_ROWS_TO_JUDGE_WEIGHTS = 30
WEIGHT_ERRORS = 5.0
SMALLEST_WEIGHT_GAP = 0.01
FEW_EFFECTIVE_ROWS = 100.0
HEAVY_WEIGHT_SHARE = 0.05
LARGE_MASS_BELOW_FLOOR = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """A number is given, and this should be known with it."""

    code: str
    message: str

    def to_json(self) -> dict[str, str]:
        """As on the wire."""
        return {"code": self.code, "message": self.message}


def refusals(diagnostics: Diagnostics, *, greatest_reward: float = GREATEST_REWARD) -> list[Refusal]:
    """Why this log cannot value this target; empty where it can. `greatest_reward` is the most a decision can earn."""
    found = (_too_few(diagnostics),)
    if not found[0]:
        found = (
            _no_rewards(diagnostics),
            _only_rewards(diagnostics, greatest_reward=greatest_reward),
            _unsupported(diagnostics),
            _no_overlap(diagnostics),
        )
    refused = [refusal for refusal in found if refusal]
    # Weights are judged last: what was already named explains them.
    return refused or [refusal for refusal in [_wrong_weights(diagnostics)] if refusal]


def _unsupported(diagnostics: Diagnostics) -> Refusal | None:
    support = diagnostics.support
    mass = support.unsupported / support.decisions if support.rows else 0.0
    if mass <= LARGEST_UNSUPPORTED_MASS:
        return None
    return Refusal(
        code="unsupported_target",
        message=f"the target gives {mass:.3g} of its probability to artworks that the log could never show",
        remedy="evaluate a target that stays inside what was logged, or log with a floor on every artwork first",
    )


def _no_overlap(diagnostics: Diagnostics) -> Refusal | None:
    if diagnostics.weights.total > 0.0:
        return None
    return Refusal(
        code="no_overlap",
        message="the target would show none of the logged artworks",
        remedy="check that target and log name the same artworks; log with a floor on every artwork",
    )


def _too_few(diagnostics: Diagnostics) -> Refusal | None:
    rows, viewers = diagnostics.weights.rows, len(diagnostics.viewers)
    if not rows:
        return Refusal(
            code="no_rows",
            message="the log has no row to evaluate",
            remedy="log decisions that were seen, report their outcomes, and join rewards first",
            bad_input=True,
        )
    if rows == 1:
        return Refusal(
            code="one_row",
            message="one row has no spread, so no interval",
            remedy="log more decisions first",
            bad_input=True,
        )
    if viewers == 1:
        return Refusal(
            code="one_viewer",
            message=f"all {rows} rows are of one viewer, who says nothing of others",
            remedy="log more viewers; where rows are independent, leave the viewer column out",
            bad_input=True,
        )
    return None


def _no_rewards(diagnostics: Diagnostics) -> Refusal | None:
    weights = diagnostics.weights
    if weights.rewarded > 0.0:
        return None
    if weights.highest_reward == weights.lowest_reward == 0.0:
        return Refusal(
            code="no_rewards",
            message=f"all {weights.rows} rewards are 0: nothing tells one policy from another",
            remedy="check that outcomes are reported and joined; if they are, log until rewards are seen",
            bad_input=True,
        )
    if weights.total == 0.0:
        return None  # no overlap says it
    return Refusal(
        code="no_rewards_of_target",
        message=f"none of {weights.rows} rows has both a reward and an artwork that the target would show",
        remedy="log until rewards are seen on what the target would show",
    )


def _only_rewards(diagnostics: Diagnostics, *, greatest_reward: float) -> Refusal | None:
    weights = diagnostics.weights
    if not weights.lowest_reward == weights.highest_reward == greatest_reward:
        return None
    return Refusal(
        code="only_rewards",
        message=f"all {weights.rows} rewards are {greatest_reward:g}, the greatest there is: nobody ever did not play",
        remedy="log decisions that earned nothing too, or state the range of rewards where they can be greater",
        bad_input=True,
    )


def _wrong_weights(diagnostics: Diagnostics) -> Refusal | None:
    """The mean weight must be 1: a bound that needs no list of artworks, and so finds what lists would have shown."""
    weights = diagnostics.weights
    error = diagnostics.mean_weight.standard_error()
    gap = weights.mean - 1.0
    if weights.rows < FEWEST_ROWS_TO_JUDGE_WEIGHTS or abs(gap) <= max(SMALLEST_WEIGHT_GAP, WEIGHT_ERRORS * error):
        return None
    weighed = f"the weights average {weights.mean:.3g} ± {error:.2g} over {weights.rows} rows"
    if gap < 0:
        return Refusal(
            code="weights_below_one",
            message=f"{weighed}, not 1: the log hardly or never shows what the target would",
            remedy="log with a floor on every artwork, or check that propensities are not too large",
        )
    return Refusal(
        code="weights_above_one",
        message=f"{weighed}, not 1: the logged probabilities are not those that were drawn from",
        remedy="log the probability used for the draw; check that the target's sum to 1 over a title's artworks",
    )


def warnings(diagnostics: Diagnostics) -> list[Warned]:
    """What should be known beside the numbers."""
    weights, support = diagnostics.weights, diagnostics.support
    if not weights.rows:
        return []
    below = support.below_floor / support.decisions if support.rows else 0.0
    candidates = (
        (
            not weights.one_propensity,
            "replay_needs_uniform_log",
            "replay is left out: the log's probabilities differ, and only uniform logs can be replayed",
        ),
        (
            weights.effective_rows < FEW_EFFECTIVE_ROWS,
            "few_effective_rows",
            f"{weights.rows} rows are worth {weights.effective_rows:.0f} drawn by the target: intervals may be short",
        ),
        (
            weights.rewarded_effective_rows < FEW_EFFECTIVE_ROWS,
            "few_rewarded_effective_rows",
            f"rewards rest on {weights.rewarded_effective_rows:.0f} effective rows: intervals may be short",
        ),
        (
            weights.heaviest_share > HEAVY_WEIGHT_SHARE,
            "heavy_weight",
            f"one row carries {weights.heaviest_share:.0%} of all weight: the estimate hangs on it",
        ),
        (
            below > LARGE_MASS_BELOW_FLOOR,
            "mass_below_floor",
            f"the target gives {below:.1%} of its probability to artworks logged below {diagnostics.floor:g}",
        ),
    )
    return [Warned(code=code, message=message) for applies, code, message in candidates if applies]
