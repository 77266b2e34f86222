"""One trial played in one World: learned online in rounds, and valued exactly. Knows no other trial and no search."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from bandit.decision import RewardedDecision
from bandit.learning import LearnConfig, LearnedModel, Provenance, learn
from bandit.linear.settings import LinearSettings
from bandit.policies.policy import Policy
from bandit.registry import Holdout, load_policy
from bandit.simulator.online import Learner, rehearse
from bandit.simulator.random_world import WorldShape
from bandit.simulator.rehearsal import EMBEDDING_VERSION, FOUNDATION_VERSION, START, Rehearsal
from bandit.tuning.trials import Trial
from bandit.tuning.worlds import SHAPE, WORLDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What is to be played: one trial in the World that `seed` draws, all its chance drawn by `seed` too."""

    trial: Trial
    world: str
    seed: int
    decisions: int = 20_000
    rounds: int = 10
    shape: WorldShape = SHAPE


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What came of a run: shares of the uniform→oracle gap, of the last policy and of all decisions on the way there.

    `smallest` is the smallest probability that any of its policies stated, `seconds` the processor time it took.
    """

    final_gap: float
    online_gap: float
    smallest: float
    seconds: float = field(compare=False)


def play_run(run: Run, *, clock: Callable[[], float] = time.process_time) -> Score:
    """Play a run to its end. The same run gives the same score, in whatever process.

    Raises:
        BanditError: nothing can be learned under these settings, or what was learned states no probabilities.
    """
    rehearsal = _rehearsal(run.world, run.seed, run.shape)
    learner = learner_in(rehearsal, _config(run))
    started = clock()
    result = rehearse(rehearsal, learner, decisions=run.decisions, rounds=run.rounds)
    return Score(
        final_gap=result.final_gap,
        online_gap=result.gap,
        smallest=min(result.smallest, result.final_smallest),
        seconds=clock() - started,
    )


def learner_in(rehearsal: Rehearsal, config: LearnConfig) -> Learner:
    """What `bandit.learning.learn` makes of the rows of a play whose outcomes come at once.

    The linear learner goes on from its last version with the rows since; the engine begins anew each time.
    """
    last: list[tuple[int, LearnedModel]] = []

    def next_policy(rows: Sequence[RewardedDecision]) -> Policy:
        known, version = last[0] if last else (0, None)
        provenance = Provenance(created_at=START)
        learned = learn(rows[known:], rehearsal.known_pictures, config=config, provenance=provenance, onward=version)
        if isinstance(config.settings, LinearSettings):
            last[:] = [(len(rows), learned)]
        return load_policy(learned.bundle, learned.manifest.digest)

    return next_policy


@lru_cache(maxsize=4)
def _rehearsal(world: str, seed: int, shape: WorldShape) -> Rehearsal:
    """Kept, since a search plays many trials in the same World, one after the other."""
    return WORLDS[world].rehearsal(seed, shape=shape)


def _config(run: Run) -> LearnConfig:
    return LearnConfig(
        embedding_version=EMBEDDING_VERSION,
        foundation_version=FOUNDATION_VERSION,
        spec=run.trial.spec,
        settings=run.trial.settings,
        holdout=Holdout(share=0.0),
        reward=WORLDS[run.world].reward,
        apart=False,
    )
