"""A play in rounds: decide, learn from all rows so far, decide better. Knows no learner's insides and no storage.

What comes out is exact: every round is valued by the World's truth over the very slots that it decided.
"""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bandit.decision import Page, PolicyVersionId, RewardedDecision
from bandit.policies.policy import Policy
from bandit.policies.uniform import UniformPolicy
from bandit.simulator.play import PlayedLog
from bandit.simulator.rehearsal import Rehearsal, rewarded
from bandit.simulator.takeover import Takeover, Watch
from bandit.simulator.yardsticks import oracle_in, uniform_in, value_on

Learner = Callable[[Sequence[RewardedDecision]], Policy]
"""All rows that are known so far, oldest first → the policy of the next round."""

_CHANCE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One round: what its policy earned in truth a decision, and what uniform and the oracle would have.

    `rows` were learned from before it, `smallest` is the smallest probability that it logged.
    """

    policy: PolicyVersionId
    decisions: int
    rows: int
    value: float
    uniform: float
    oracle: float
    smallest: float

    @property
    def gap(self) -> float:
        """The share of the way from uniform to the oracle that was gone in this round."""
        return (self.value - self.uniform) / (self.oracle - self.uniform)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """What a whole play came to. `final_gap` and `final_smallest` are of the policy learned after the last round."""

    rounds: tuple[Round, ...]
    takeovers: tuple[Takeover, ...]
    final_gap: float
    final_smallest: float

    @property
    def gap(self) -> float:
        """The share of the way from uniform to the oracle, over all decisions that were made, the first round's too."""
        gone = sum(each.decisions * (each.value - each.uniform) for each in self.rounds)
        return gone / sum(each.decisions * (each.oracle - each.uniform) for each in self.rounds)

    @property
    def smallest(self) -> float:
        """The smallest probability in the log."""
        return min(each.smallest for each in self.rounds)

    def decisions_until_taken_over(self, *, late: bool) -> float:
        """The median, over titles, of the decisions that the best artwork needed to hold half of its title.

        Of titles whose best is born `late`, or of the others; infinite where half of them never came so far.

        Raises:
            statistics.StatisticsError: there is no such title.
        """
        needed = [each.decisions for each in self.takeovers if (each.born > 0) is late]
        return float(statistics.median(np.inf if one is None else one for one in needed))


def rehearse(rehearsal: Rehearsal, learner: Learner, *, decisions: int = 20_000, rounds: int = 20) -> Rehearsed:
    """Play `decisions` in `rounds` of equal length; the first is uniform, each later policy is learned from all before.

    A learner is given the rows that are known when its round begins: seen, with what was reported by then. Slots, draws
    and responses come from the rehearsal's seed, so two learners meet the same viewers and the same chance.

    Raises:
        ValueError: there are no rounds, or more rounds than decisions.
    """
    if not 1 <= rounds <= decisions:
        raise ValueError(f"{decisions} decisions in {rounds} rounds cannot be played; give at least one a round")
    policy: Policy = UniformPolicy()
    rng = np.random.default_rng([rehearsal.seed, _CHANCE])
    watch = Watch.over(rehearsal)
    played: list[tuple[PlayedLog, list[tuple[Page, int]]]] = []
    told: list[Round] = []
    rows: list[RewardedDecision] = []
    for slots in rehearsal.plan(decisions).parts(rounds):
        if played:
            rows = _known(played, now=float(slots.at[0]))
            policy = learner(rows)
        watch.look(policy, at=float(slots.at[0]))
        log = rehearsal.play(policy, slots, rng=rng)
        watch.count(slots)
        played.append((log, rehearsal.decisions(log, policy)))
        told.append(_round(rehearsal, log, policy, rows=len(rows)))
    final = learner(_known(played, now=1.0))
    watch.look(final, at=1.0)
    final_gap, final_smallest = rehearsal.gap(final)
    return Rehearsed(
        rounds=tuple(told), takeovers=watch.takeovers(), final_gap=final_gap, final_smallest=final_smallest
    )


def _known(played: Sequence[tuple[PlayedLog, list[tuple[Page, int]]]], *, now: float) -> list[RewardedDecision]:
    return [row for log, decisions in played for row in rewarded(log, decisions, now=now)]


def _round(rehearsal: Rehearsal, log: PlayedLog, policy: Policy, *, rows: int) -> Round:
    world, slots = rehearsal.world, log.slots
    eligible = world.eligible(slots.titles, at=slots.at)
    return Round(
        policy=policy.version,
        decisions=len(log),
        rows=rows,
        value=value_on(world, lambda _: log.probabilities, slots),
        uniform=value_on(world, uniform_in(world), slots),
        oracle=value_on(world, oracle_in(world), slots),
        smallest=float(log.logged[eligible].min()),
    )
