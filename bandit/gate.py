"""The gate before a version may decide: what its off-policy evaluation must show. Knows no storage and no stage.

A version passes when its log says, with confidence, that it is about as good as what is live now, or better. All
thresholds and sentences are here.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bandit.decision import PolicyVersionId


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRules:
    """What a version must show.

    `tolerance`: the version may be worse than the live policy by this share of its value, at the low end of the
    interval of their difference. `fewest_rewarded`: so many effective rows (Kish 1965) with a reward must stand behind
    the value. `level`: of the interval.
    """

    tolerance: float = 0.05
    fewest_rewarded: float = 30.0
    level: float = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class OffPolicyResult:
    """What an evaluation said of `version`, and of what was `live` then, on the same rows.

    Decisions were valued under the definition `reward`. `value` with `low` and `high` is the self-normalised estimate
    at `level`; the three are None where the evaluation refused, and `refusals` says why. `live_value` is None where the
    live policy cannot be valued on these rows. `difference` with `difference_low` and `difference_high` is the
    version's value less the live policy's, paired row by row; None where one of the two has no value.
    `baits` are the artworks whose bait index was in alarm. `entropy` is how much the version leaves to chance on these
    rows, 0 to 1 (`bandit.watch.entropy`); None where it was not measured.
    """

    version: PolicyVersionId
    live: PolicyVersionId
    reward: str
    rows: int
    level: float
    value: float | None = None
    low: float | None = None
    high: float | None = None
    live_value: float | None = None
    difference: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None
    rewarded_effective_rows: float = 0.0
    refusals: tuple[str, ...] = ()
    baits: tuple[str, ...] = ()
    entropy: float | None = None


@dataclass(frozen=True, slots=True)
class Failing:
    """One thing that a version does not show, and what to do about it. `code` never changes."""

    code: str
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class GateVerdict:
    """Whether a version may decide, and what speaks against it."""

    reasons: tuple[Failing, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.reasons


def judge(
    result: OffPolicyResult | None, *, live: PolicyVersionId, reward: str, rules: GateRules | None = None
) -> GateVerdict:
    """Say whether a version with this latest evaluation may decide in the place of `live`; None: never evaluated.

    `reward` is the definition that the version was learned from: it is valued by what it shall bring.
    """
    if result is None:
        return GateVerdict((Failing("not_evaluated", "it was never evaluated", "run `keyart evaluate` on it first"),))
    wrong = () if result.reward == reward else (_of_another_reward(result.reward, reward),)
    return GateVerdict((*wrong, *_failing(result, live, rules or GateRules())))


def _of_another_reward(valued: str, learned: str) -> Failing:
    return Failing(
        "another_reward",
        f"it was valued under {valued}, and learned from {learned}",
        f"evaluate it again with --reward {learned}",
    )


def _failing(result: OffPolicyResult, live: PolicyVersionId, rules: GateRules) -> Iterator[Failing]:
    if result.live != live:
        yield Failing(
            "compared_with_another",
            f"it was compared with {result.live}, and {live} is live by now",
            "evaluate it again",
        )
    if result.level < rules.level:
        yield Failing(
            "low_level",
            f"its interval has a level of {result.level:g} only",
            f"evaluate it again with a level of {rules.level:g}",
        )
    for refusal in result.refusals:
        yield Failing("refused", f"its evaluation was refused: {refusal}", "do what the evaluation says, then again")
    yield from _of_value(result, rules)
    yield from _of_baits(result.baits)


def _of_value(result: OffPolicyResult, rules: GateRules) -> Iterator[Failing]:
    if result.low is None or result.value is None:
        if not result.refusals:
            yield Failing("no_value", "its evaluation gave no value", "evaluate it again once more is logged")
        return
    if not result.rewarded_effective_rows >= rules.fewest_rewarded:
        yield Failing(
            "few_rewards",
            f"its value rests on {result.rewarded_effective_rows:.0f} effective rows with a reward, fewer than "
            f"{rules.fewest_rewarded:.0f}",
            "log more decisions and outcomes, then evaluate it again",
        )
    if result.live_value is None:
        yield Failing(
            "live_unknown",
            f"{result.live}, which is live, cannot be valued on the same rows",
            "log decisions of a policy that explores, then evaluate it again",
        )
    elif not _least_gain(result, result.low, result.live_value) >= -rules.tolerance * result.live_value:  # NaN: no pass
        yield Failing(
            "below_live",
            f"it may be worth {-_least_gain(result, result.low, result.live_value):.4f} less than {result.live} (the "
            f"low end of their difference), which is worth {result.live_value:.4f} on the same rows",
            "log more decisions for a narrower interval, or learn a better version",
        )


def _least_gain(result: OffPolicyResult, low: float, live_value: float) -> float:
    """The low end of the paired difference; evaluations of earlier Keyarts only hold an interval of the version."""
    return low - live_value if result.difference_low is None else result.difference_low


def _of_baits(baits: Iterable[str]) -> Iterator[Failing]:
    named = ", ".join(baits)
    if named:
        yield Failing("bait", f"artworks start more plays than they hold: {named}", "pause them, then evaluate again")
