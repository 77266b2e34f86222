"""What is to be done with a running experiment, in a word and a sentence. Knows no sums and no storage.

In this order: is it sound, does it harm, has a cell won, is there nothing to find, or is it open. Every ground holds at
all looks at once, so it may be asked as often as one likes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bandit.experiments.comparing import Comparison, Standing
from bandit.experiments.sample_ratio import SampleRatio


class Verdict(StrEnum):
    """What the cells say; BROKEN and HARM are grounds to stop without asking anyone."""

    BROKEN = "broken"
    HARM = "harm"
    BETTER = "better"
    SAME = "same"
    OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The verdict, why, and what to do; `cell` is the one that it is about."""

    verdict: Verdict
    message: str
    remedy: str
    cell: str | None = None

    @property
    def stops(self) -> bool:
        """Whether an experiment that stops itself stops now."""
        return self.verdict in (Verdict.BROKEN, Verdict.HARM)


def judge(
    comparisons: Sequence[Comparison], *, ratio: SampleRatio, crossed: int, misplaced: int, same_policy: bool
) -> Judged:
    """Judge the comparisons of all cells with control; `same_policy`: they cannot differ (A/A)."""
    return (
        _broken(comparisons, ratio, crossed + misplaced, same_policy)
        or _harm(comparisons)
        or _won(comparisons)
        or _undecided(comparisons, same_policy)
    )


def _broken(comparisons: Sequence[Comparison], ratio: SampleRatio, astray: int, same_policy: bool) -> Judged | None:
    if astray:
        return Judged(
            verdict=Verdict.BROKEN,
            message=f"{astray:,} viewers or decisions are in another cell than they were dealt to",
            remedy="stop it; was the secret rotated, or an older backup restored, while it ran?",
        )
    if ratio.mismatch:
        return Judged(
            verdict=Verdict.BROKEN,
            message=f"the cells' viewers are not in the planned ratio (p = {ratio.always_valid_p:.1g} at all looks)",
            remedy="stop it and find what loses viewers of one cell: no result of it can be trusted",
        )
    differing = next((each for each in comparisons if same_policy and _told_apart(each)), None)
    if differing is not None:
        return Judged(
            verdict=Verdict.BROKEN,
            message=f"cells of the same policy differ in {differing.metric}: {_lift(differing)}",
            remedy="look for what else differs between them before trusting any experiment here",
            cell=differing.cell,
        )
    return None


def _harm(comparisons: Sequence[Comparison]) -> Judged | None:
    harmed = next((each for each in comparisons if each.standing is Standing.WORSE), None)
    if harmed is None:
        return None
    return Judged(
        verdict=Verdict.HARM,
        message=f"{harmed.cell} is worse than control in {harmed.metric}: {_lift(harmed)}",
        remedy="stop it; what is live decides for its viewers again",
        cell=harmed.cell,
    )


def _won(comparisons: Sequence[Comparison]) -> Judged | None:
    rewards = [each for each in comparisons if not each.guardrail and each.standing is Standing.BETTER]
    if not rewards:
        return None
    best = max(rewards, key=lambda each: each.difference)
    unsure = [each.metric for each in comparisons if each.cell == best.cell and _may_harm(each)]
    still = f"; not known yet whether it harms {' and '.join(unsure)}" if unsure else ""
    return Judged(
        verdict=Verdict.BETTER,
        message=f"{best.cell} is better than control: {_lift(best)}{still}",
        remedy="promote its version" if not unsure else "let it run on, or promote its version and watch these",
        cell=best.cell,
    )


def _undecided(comparisons: Sequence[Comparison], same_policy: bool) -> Judged:
    rewards = [each for each in comparisons if not each.guardrail]
    if rewards and all(each.standing is Standing.SAME for each in rewards):
        what = "cells of the same policy, and" if same_policy else "whatever difference there is,"
        return Judged(
            verdict=Verdict.SAME,
            message=f"{what} none is as large as the smallest lift that matters",
            remedy="stop it: more viewers would not change what to do",
        )
    if not rewards:
        return Judged(
            verdict=Verdict.OPEN, message="there are too few viewers to compare", remedy="let it run on, or look again"
        )
    longest = max(each.more_needed for each in rewards)
    return Judged(
        verdict=Verdict.OPEN,
        message=f"not told apart yet: {'; '.join(f'{each.cell} {_lift(each)}' for each in rewards)}",
        remedy=f"let it run on; about {longest:,.1f} times the viewers so far tell the smallest lift that matters",
    )


def _told_apart(one: Comparison) -> bool:
    return one.standing in (Standing.BETTER, Standing.WORSE)


def _may_harm(one: Comparison) -> bool:
    return one.guardrail and one.standing is Standing.OPEN


def _lift(one: Comparison) -> str:
    return f"{one.lift:+.2%} ({one.lift_low:+.2%} to {one.lift_high:+.2%} at all looks)"
