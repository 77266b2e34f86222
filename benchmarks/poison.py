"""What one viewer in a hundred who lies costs, with and without the protections: simulated, exact from the truth.

Liars push the artwork of each title that is worth least: they play it whole whenever they see it, and nothing else.
Quiet ones come as often as others; loud ones are a script that asks fifty times as often, for all titles or for one.
Learned in rounds from the start of the log, as a service does; a share is that of the way from uniform to the best
possible that the last policy goes. The caps and the rule for robots are to a viewer's usual day here (about one
decision) what Keyart's are to one of forty.

`python -m benchmarks.poison` prints the table (some minutes); `--small --decisions 3000` a shorter one.
"""

import argparse
import math
import statistics
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import product
from multiprocessing import get_context

from bandit.caps import Caps
from bandit.decision import RewardedDecision
from bandit.features import FeatureSpec
from bandit.learners import LearnerSettings
from bandit.learning import LearnConfig, Provenance, learn
from bandit.linear.settings import LinearSettings
from bandit.policies.most_played import MostPlayedPolicy, count_plays
from bandit.policies.policy import Policy
from bandit.policies.vowpal import EngineSettings
from bandit.registry import Holdout, load_policy
from bandit.simulator.attack import Attack, Deceived, Protection, worst_artworks
from bandit.simulator.online import Learner, rehearse
from bandit.simulator.random_world import WorldShape
from bandit.simulator.rehearsal import EMBEDDING_VERSION, FOUNDATION_VERSION, START, Rehearsal, title_id
from bandit.tuning.worlds import SHAPE, WORLDS

SHARE, LOUD, ROUNDS = 0.01, 50, 5
SMALL = WorldShape(titles=10, artworks=8, traits=8)
ATTACKS = {
    "nobody lies": (0.0, 1, None),
    "1 % lie, quietly": (SHARE, 1, None),
    "1 % lie, loudly": (SHARE, LOUD, None),
    "1 % lie, of one title": (SHARE, 10 * LOUD, title_id(0)),
}
PROTECTIONS = {
    "none": Protection(),
    "cap": Protection(caps=Caps(rows=10, title_rows=10)),
    "caps": Protection(caps=Caps(rows=10, title_rows=2)),
    "caps and robots": Protection(caps=Caps(rows=10, title_rows=2), plays_a_day=4),
}
LEARNERS: dict[str, LearnerSettings | None] = {
    "linear": LinearSettings(),
    "vowpal": EngineSettings(),
    "vowpal, clip 100": EngineSettings(clip=100.0),
    "vowpal, clip 20": EngineSettings(clip=20.0),
    "most played": None,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One play: a World, who lies, what stands against it, who learns."""

    world: str
    attack: str
    protection: str
    learner: str
    seed: int
    decisions: int
    small: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The share of the gap that the last policy goes, and the share of liars' rows among those it learned from."""

    gap: float
    of_liars: float


def play(case: Case) -> Outcome:
    """Play a case to its end."""
    rehearsal = WORLDS[case.world].rehearsal(case.seed, shape=SMALL if case.small else SHAPE)
    share, times, only = ATTACKS[case.attack]
    deceived = Deceived(
        learner=_learner(rehearsal, case),
        attack=Attack(share=share, pushed=worst_artworks(rehearsal), times=times, only=only),
        protection=PROTECTIONS[case.protection],
    )
    result = rehearse(rehearsal, deceived, decisions=case.decisions, rounds=ROUNDS)
    return Outcome(gap=result.final_gap, of_liars=deceived.of_liars / deceived.rows)


def _learner(rehearsal: Rehearsal, case: Case) -> Learner:
    settings = LEARNERS[case.learner]
    if settings is None:
        return lambda rows: MostPlayedPolicy(count_plays(rows))
    config = LearnConfig(
        embedding_version=EMBEDDING_VERSION,
        foundation_version=FOUNDATION_VERSION,
        settings=settings,
        holdout=Holdout(share=0.0),
        reward=WORLDS[case.world].reward,
        spec=FeatureSpec(viewer_dimensions=8, artwork_dimensions=8, looks=()) if case.small else FeatureSpec(),
        apart=False,
    )

    def learned(rows: Sequence[RewardedDecision]) -> Policy:
        model = learn(rows, rehearsal.known_pictures, config=config, provenance=Provenance(created_at=START))
        return load_policy(model.bundle, model.manifest.digest)

    return learned


def cases(asked: argparse.Namespace) -> Iterator[Case]:
    """Every learner under every attack and protection asked for; where nobody lies it shows what a protection costs."""
    for world, learner, attack, protection in product(asked.world, asked.learner, asked.attack, asked.protection):
        for seed in range(100, 100 + asked.seeds):
            yield Case(
                world=world,
                attack=attack,
                protection=protection,
                learner=learner,
                seed=seed,
                decisions=asked.decisions,
                small=asked.small,
            )


def main() -> None:
    """Play all cases in two processes and print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--decisions", type=int, default=20_000)
    parser.add_argument("--small", action="store_true", help="10 titles instead of 40, and fewer features")
    for name, known in (
        ("--world", ("weak", "strong")),
        ("--learner", LEARNERS),
        ("--attack", ATTACKS),
        ("--protection", PROTECTIONS),
    ):
        parser.add_argument(name, nargs="+", choices=[*known], default=[*known])
    wanted = [*cases(parser.parse_args())]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        found: dict[Case, list[Outcome]] = {}
        for case, outcome in zip(wanted, pool.map(play, wanted), strict=True):
            found.setdefault(replace(case, seed=0), []).append(outcome)
    print("| World | learner | attack | protection | share of the gap | rows of liars |")
    print("| --- | --- | --- | --- | ---: | ---: |")
    for case, outcomes in found.items():
        print(_line(case, outcomes))


def _line(case: Case, outcomes: list[Outcome]) -> str:
    gaps = [each.gap for each in outcomes]
    error = statistics.stdev(gaps) / math.sqrt(len(gaps)) if len(gaps) > 1 else math.nan
    liars = statistics.mean(each.of_liars for each in outcomes)
    told = f"{statistics.mean(gaps):.3f} ± {error:.3f} | {liars:.1%}"
    return f"| {case.world} | {case.learner} | {case.attack} | {case.protection} | {told} |"


if __name__ == "__main__":
    main()
