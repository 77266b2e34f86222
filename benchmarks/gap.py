"""How much of the way from uniform to the best possible is learned online, in 20,000 decisions, in Worlds.

40 titles × 8 artworks, weak (4.6 % → 9.1 % of exposures played) and strong (10.9 % → 39.2 %), ten seeds that no setting
was chosen on. Ours decides in rounds of 2,000 (4,000 where it is harder) and learns between them, as a service does;
plain engines learn after every decision. A share is that of the policy at the end, on fresh slots, exact from the
World's truth.

Run by `make bench`, in two processes; `python -m benchmarks.gap --seeds 2` prints the table of a shorter run.
"""

import argparse
import math
import os
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context

import numpy as np

from bandit.decision import RewardedDecision
from bandit.learning import LearnConfig
from bandit.linear.settings import LinearSettings
from bandit.policies.most_played import MostPlayedPolicy, count_plays
from bandit.policies.policy import Policy
from bandit.registry import Holdout
from bandit.simulator.hardship import Hardship
from bandit.simulator.online import Rehearsed, rehearse
from bandit.simulator.random_world import STRONG, WEAK, PlayRates, WorldShape, random_world
from bandit.simulator.rehearsal import EMBEDDING_VERSION, FOUNDATION_VERSION, Rehearsal
from bandit.simulator.sight import CLEAR, Sight, rehearsal_in
from bandit.simulator.world import World
from bandit.tuning.playing import learner_in
from benchmarks.peers import ARGUMENTS, Learned, play_online
from benchmarks.rendered import rendered_rehearsal

DECISIONS, ROUNDS, SEEDS, PROCESSES = 20_000, 10, range(100, 110), 2
HARDER_ROUNDS = 5
SHAPE = WorldShape(titles=40, artworks=8, traits=16)
SEEN = replace(CLEAR, viewer_dimensions=16, artwork_dimensions=16)
BLURRED = Sight(blur=0.3)
SUPPORTED = 1e-4
"""A policy whose smallest probability is below has no support: another policy cannot be valued on its log."""

CONFIG = LearnConfig(
    embedding_version=EMBEDDING_VERSION,
    foundation_version=FOUNDATION_VERSION,
    holdout=Holdout(share=0.0),
    reward="take/1",
    apart=False,
)
THOMPSON = replace(CONFIG, settings=LinearSettings(sampling="thompson"))
FORGETTING = replace(CONFIG, settings=LinearSettings(half_life_days=14.0))
RATES = {"weak": WEAK, "strong": STRONG}
LATE = Hardship(late_share=0.5, born_at=0.5, lift=6.0)
Run = Callable[[int], Learned]


def random_rehearsal(
    seed: int, rates: PlayRates, *, hardship: Hardship | None = None, sight: Sight = SEEN, plays: bool = True
) -> Rehearsal:
    """A World in which a reward is a play or, without `plays`, a quality play."""
    world = random_world(seed, shape=SHAPE, rates=rates, hardship=hardship)
    return rehearsal_in(_of_plays(world) if plays else world, seed=seed, sight=sight)


def clickbait_rehearsal(seed: int) -> Rehearsal:
    """A strong World in which one artwork in ten is clickbait and quality plays are what counts."""
    return random_rehearsal(seed, STRONG, hardship=Hardship(bait_share=0.1), plays=False)


def _of_plays(world: World) -> World:
    return replace(world, qualities=np.ones_like(world.qualities))


def ours(
    seed: int, *, rehearsal: Callable[[int], Rehearsal], config: LearnConfig = CONFIG, rounds: int = ROUNDS
) -> Learned:
    """Our learner in a World."""
    world = rehearsal(seed)
    return _told(rehearse(world, learner_in(world, config), decisions=DECISIONS, rounds=rounds))


def most_played(seed: int, *, rehearsal: Callable[[int], Rehearsal]) -> Learned:
    """What is played most, for everyone alike."""
    return _told(
        rehearse(rehearsal(seed), lambda rows: MostPlayedPolicy(count_plays(rows)), decisions=DECISIONS, rounds=ROUNDS)
    )


def engine(seed: int, *, rehearsal: Callable[[int], Rehearsal], name: str) -> Learned:
    """A plain engine, taught after every decision."""
    return play_online(rehearsal(seed), name, decisions=DECISIONS)


def _told(result: Rehearsed) -> Learned:
    return Learned(result.gap, result.final_gap, min(result.smallest, result.final_smallest))


@dataclass(frozen=True)
class Summary:
    """A figure over seeds: mean and standard error of the final share, mean share online, smallest probability."""

    mean: float
    error: float
    online: float
    smallest: float

    @classmethod
    def of(cls, runs: Sequence[Learned]) -> "Summary":
        shares = [run.final_gap for run in runs]
        error = statistics.stdev(shares) / math.sqrt(len(shares)) if len(shares) > 1 else math.nan
        online = statistics.fmean(run.gap for run in runs)
        return cls(statistics.fmean(shares), error, online, min(run.smallest for run in runs))

    @property
    def unit(self) -> str:
        return f"share ± {self.error:.3f} (while learning {self.online:.3f}, smallest p {self.smallest:.2g})"


def compared(name: str) -> dict[str, Run]:
    """Every compared policy in the World of this name."""
    world = partial(random_rehearsal, rates=RATES[name])
    plain = {peer: partial(engine, rehearsal=world, name=peer) for peer in ARGUMENTS}
    return {
        "ours": partial(ours, rehearsal=world),
        "thompson": partial(ours, rehearsal=world, config=THOMPSON),
        "most_played": partial(most_played, rehearsal=world),
        **plain,
    }


def harder() -> dict[str, tuple[Run, Run]]:
    """Ours where it is harder, beside a peer: without forgetting, judged by plays, or plain Vowpal Wabbit."""
    mine = partial(ours, rounds=HARDER_ROUNDS)
    moving = partial(random_rehearsal, rates=STRONG, hardship=Hardship(turn=1.0))
    blurred = partial(random_rehearsal, rates=WEAK, sight=BLURRED)
    tuned = partial(engine, name="vw_tuned")
    return {
        "gap_moving": (partial(mine, rehearsal=moving, config=FORGETTING), partial(mine, rehearsal=moving)),
        "gap_clickbait": (partial(mine, rehearsal=clickbait_rehearsal), misled),
        "gap_weak:blurred": (partial(mine, rehearsal=blurred), partial(tuned, rehearsal=blurred)),
        "gap_rendered": (partial(mine, rehearsal=rendered_rehearsal), partial(tuned, rehearsal=rendered_rehearsal)),
    }


def misled(seed: int) -> Learned:
    """Ours, learning from plays in the World of clickbait, and judged by quality plays."""
    truth = clickbait_rehearsal(seed)
    seen = replace(truth, world=_of_plays(truth.world))
    next_policy = learner_in(seen, CONFIG)
    last: list[Policy] = []

    def remembered(rows: Sequence[RewardedDecision]) -> Policy:
        last[:] = [next_policy(rows)]
        return last[0]

    result = rehearse(seen, remembered, decisions=DECISIONS, rounds=HARDER_ROUNDS)
    return replace(_told(result), final_gap=truth.gap(last[0])[0])


def late_ratio(seed: int) -> tuple[float, float]:
    """The decisions of its title that the best artwork needs to hold half of it: born at half-time, and at the start.

    In a strong World in which one artwork a title is best for nearly everyone; looked at every 800 decisions.
    """
    world = random_rehearsal(seed, STRONG, hardship=LATE)
    result = rehearse(world, learner_in(world, CONFIG), decisions=DECISIONS, rounds=25)
    return result.decisions_until_taken_over(late=True), result.decisions_until_taken_over(late=False)


def run() -> list[dict[str, object]]:
    """Everything, with `SEEDS` each: Worlds that no setting was chosen in."""
    return measured(SEEDS)


def measured(seeds: Iterable[int]) -> list[dict[str, object]]:
    """The rows of results.json."""
    seeds = [*seeds]
    os.environ["OMP_NUM_THREADS"] = "1"
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:

        def over_seeds(runs: dict[str, Run]) -> dict[str, Summary]:
            started = {name: [pool.submit(one, seed) for seed in seeds] for name, one in runs.items()}
            return {name: Summary.of([each.result() for each in own]) for name, own in started.items()}

        rows: list[dict[str, object]] = []
        smallest: dict[str, float] = {}
        for world in RATES:
            found = over_seeds(compared(world))
            rows += _compared_rows(f"gap_{world}", found, n=len(seeds))
            smallest |= {name: min(one.smallest, smallest.get(name, 1.0)) for name, one in found.items()}
        rows += _smallest_rows(smallest, n=len(seeds))
        for name, (mine, peer) in harder().items():
            found = over_seeds({"ours": mine, "peer": peer})
            rows.append(_row(name, found["ours"], peer=found["peer"].mean, n=len(seeds)))
        rows += _late_rows([*pool.map(late_ratio, seeds)])
    return rows


def _compared_rows(name: str, found: dict[str, Summary], *, n: int) -> list[dict[str, object]]:
    """Ours beside the best other that has support, and every other beside ours."""
    mine = found["ours"]
    best = max(one.mean for peer, one in found.items() if peer != "ours" and one.smallest >= SUPPORTED)
    others = [_row(f"{name}:{peer}", one, peer=mine.mean, n=n) for peer, one in found.items() if peer != "ours"]
    return [_row(name, mine, peer=best, n=n), *others]


def _row(name: str, found: Summary, *, peer: float, n: int) -> dict[str, object]:
    value, against = round(found.mean, 3), round(peer, 3)
    return {"name": name, "value": value, "unit": found.unit, "peer": against, "ratio": value / against, "n": n}


def _smallest_rows(smallest: dict[str, float], *, n: int) -> list[dict[str, object]]:
    goal = 1e-3
    return [
        {
            "name": "gap_min_p" if name == "ours" else f"gap_min_p:{name}",
            "value": float(f"{least:.3g}"),
            "unit": "smallest logged probability (beside the goal)",
            "peer": goal,
            "ratio": least / goal,
            "n": n,
        }
        for name, least in smallest.items()
    ]


def _late_rows(found: Sequence[tuple[float, float]]) -> list[dict[str, object]]:
    """One row, or none where half of the late artworks never took over: there is no number for that."""
    late, early = (statistics.median(column) for column in zip(*found, strict=True))
    if not (math.isfinite(late) and 0 < early < math.inf):
        print(f"late_artwork_ratio: no ratio of {late} (late) to {early} (first-day) decisions; play longer")
        return []
    unit = "decisions of its title until a late-born best artwork holds half of it (beside a first-day one)"
    ratio = late / early
    return [{"name": "late_artwork_ratio", "value": late, "unit": unit, "peer": early, "ratio": ratio, "n": len(found)}]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=2)
    started = time.perf_counter()
    for row in measured(SEEDS[: parser.parse_args().seeds]):
        print(f"{row['name']:24s} {row['value']:<8} {row['unit']}   peer {row['peer']}", flush=True)
    print(f"{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
