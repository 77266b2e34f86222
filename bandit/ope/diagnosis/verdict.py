"""When the evaluator refuses: every threshold, with its sentence and its remedy, in one place. Knows diagnostics only.

What it warns of stands in `bandit.ope.diagnosis.warned`. Row-level faults are found in `bandit.ope.diagnosis.faults`.
"""

from bandit.ope.diagnosis.diagnostics import Findings
from bandit.ope.diagnosis.faults import Refusal

GREATEST_REWARD = 1.0
LARGEST_UNSUPPORTED_MASS = 1e-6
FEWEST_ROWS_TO_JUDGE_WEIGHTS = 30
WEIGHT_ERRORS = 5.0
SMALLEST_WEIGHT_GAP = 0.01
FEWEST_REWARDED_ROWS = 3.0


def refusals(known: Findings, *, greatest_reward: float = GREATEST_REWARD) -> list[Refusal]:
    """Why this log cannot value this target; empty where it can. `greatest_reward` is the most a decision can earn."""
    nothing = _too_few(known)
    if nothing:
        return [nothing]
    found = (
        _no_rewards(known),
        _only_rewards(known, greatest_reward=greatest_reward),
        _unsupported(known),
        _no_overlap(known),
        _few_rewarded(known),
    )
    refused = [refusal for refusal in found if refusal]
    # Draws and weights are judged last, one after the other: what was already named explains them.
    return refused or [refusal for refusal in [_wrong_draws(known) or _wrong_weights(known)] if refusal]


def _unsupported(known: Findings) -> Refusal | None:
    support = known.support
    mass = support.unsupported / support.decisions if support.rows else 0.0
    if mass <= LARGEST_UNSUPPORTED_MASS:
        return None
    return Refusal(
        code="unsupported_target",
        message=f"the target gives {mass:.3g} of its probability to artworks that the log could never show",
        remedy="evaluate a target that stays inside what was logged, or log with a floor on every artwork first",
        rows=support.named,
    )


def _no_overlap(known: Findings) -> Refusal | None:
    if known.weights.total > 0.0:
        return None
    return Refusal(
        code="no_overlap",
        message="the target would show none of the logged artworks",
        remedy="check that target and log name the same artworks; log with a floor on every artwork",
    )


def _too_few(known: Findings) -> Refusal | None:
    rows, viewers = known.weights.rows, known.viewers
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
            rows=known.counts.first_rows,
            bad_input=True,
        )
    if viewers == 1:
        return Refusal(
            code="one_viewer",
            message=f"all {rows} rows are of one viewer, who says nothing of others",
            remedy="log more viewers; where rows are independent, leave the viewer column out",
            rows=known.counts.first_rows,
            bad_input=True,
        )
    return None


def _no_rewards(known: Findings) -> Refusal | None:
    weights = known.weights
    if weights.rewarded > 0.0:
        return None
    if weights.ends.highest_reward == weights.ends.lowest_reward == 0.0:
        return Refusal(
            code="no_rewards",
            message=f"all {weights.rows} rewards are 0: nothing tells policies apart",
            remedy="check that outcomes are reported and joined; if they are, log until rewards are seen",
            rows=known.counts.first_rows,
            bad_input=True,
        )
    if weights.total == 0.0:
        return None  # no overlap says it
    return Refusal(
        code="no_rewards_of_target",
        message=f"none of {weights.rows} rows has both a reward and an artwork that the target would show",
        remedy="log until rewards are seen on what the target would show",
    )


def _only_rewards(known: Findings, *, greatest_reward: float) -> Refusal | None:
    weights = known.weights
    if not weights.ends.lowest_reward == weights.ends.highest_reward == greatest_reward:
        return None
    return Refusal(
        code="only_rewards",
        message=f"all {weights.rows} rewards are {greatest_reward:g}, the most there is: nothing tells policies apart",
        remedy="log decisions that earned nothing too, or state the range of rewards where they can be greater",
        rows=known.counts.first_rows,
        bad_input=True,
    )


def _few_rewarded(known: Findings) -> Refusal | None:
    """An interval is made of the rewards' spread: two or three rewards that count have none worth the name."""
    weights = known.weights
    effective = weights.rewarded_effective_rows
    if weights.rows < FEWEST_ROWS_TO_JUDGE_WEIGHTS or not 0.0 < effective < FEWEST_REWARDED_ROWS:
        return None
    return Refusal(
        code="too_few_rewarded_rows",
        message=f"what {weights.rows} rows earned for the target rests on {effective:.1f} effective rows",
        remedy="log longer, or with more exploration; a target nearer to the log rests on more of its rows",
    )


def _wrong_draws(known: Findings) -> Refusal | None:
    """Probabilities that the log did not draw from: chance does not explain it, and many draws are concerned."""
    draws = known.draws
    if draws is None or not draws.wrong:
        return None
    worst = draws.cells[0]
    return Refusal(
        code="propensities_not_drawn_from",
        message=(
            f"{worst.in_words} was drawn {worst.drawn:.0f} times where the logged probabilities state "
            f"{worst.stated:.0f}, {draws.statistic:.0f} standard errors apart: they are not what was drawn from"
        ),
        remedy="log the probability of each draw: an adaptive policy's own, not 1 / the number of artworks",
    )


def _wrong_weights(known: Findings) -> Refusal | None:
    """The mean weight must be 1: a bound that needs no list of artworks, and so finds what lists would have shown."""
    weights = known.weights
    error = known.mean_weight.standard_error()
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
