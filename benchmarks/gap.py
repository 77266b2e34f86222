"""How much of the way from uniform to the best possible a version learns from 20,000 uniform decisions, in Worlds.

`python -m benchmarks.gap --seeds 3` prints one line a variant. 40 titles × 8 artworks; viewers and artworks are known
only through noisy vectors, as they are in life; values are exact, from the World's truth.
"""

import argparse
from dataclasses import replace

import numpy as np

from bandit.decision import RewardedDecision
from bandit.features import FeatureSpec
from bandit.learning import LearnConfig, Provenance, learn
from bandit.policies.uniform import UniformPolicy
from bandit.policies.vowpal import EngineSettings
from bandit.registry import Holdout, load_policy
from bandit.simulator.random_world import STRONG, WEAK, PlayRates, WorldShape, random_world
from bandit.simulator.rehearsal import EMBEDDING_VERSION, FOUNDATION_VERSION, START, Rehearsal
from bandit.simulator.sight import rehearsal_in

DECISIONS = 20_000
SHAPE = WorldShape(titles=40, artworks=8)
RATES = {"weak": WEAK, "strong": STRONG}
CONFIG = LearnConfig(
    embedding_version=EMBEDDING_VERSION, foundation_version=FOUNDATION_VERSION, holdout=Holdout(share=0.0)
)
VARIANTS = {
    "as shipped": CONFIG,
    "one pass": replace(CONFIG, settings=EngineSettings(passes=1)),
    "learning rate 0.05": replace(CONFIG, settings=EngineSettings(learning_rate=0.05)),
    "no own term": replace(CONFIG, spec=FeatureSpec(own_term=False)),
    "8 dimensions": replace(CONFIG, spec=FeatureSpec(viewer_dimensions=8, artwork_dimensions=8)),
    "gamma scale 10": replace(CONFIG, settings=EngineSettings(gamma_scale=10.0)),
}


def _rehearsal(seed: int, rates: PlayRates) -> Rehearsal:
    return rehearsal_in(random_world(seed, shape=SHAPE, rates=rates), seed=seed)


def _uniform_rows(rehearsal: Rehearsal) -> list[RewardedDecision]:
    uniform = UniformPolicy()
    log = rehearsal.play(uniform, rehearsal.plan(DECISIONS), rng=np.random.default_rng(rehearsal.seed))
    return rehearsal.rows(log, uniform)


def main() -> None:
    """Print the share of the gap that each variant recovers, with its standard error over the seeds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    seeds = range(parser.parse_args().seeds)
    rehearsals = {name: [_rehearsal(seed, rates) for seed in seeds] for name, rates in RATES.items()}
    logs = {name: [_uniform_rows(one) for one in own] for name, own in rehearsals.items()}
    for variant, config in VARIANTS.items():
        told: list[str] = []
        least = 1.0
        for name, own in rehearsals.items():
            gaps = [_learned_gap(one, rows, config) for one, rows in zip(own, logs[name], strict=True)]
            shares = [share for share, _ in gaps]
            least = min(least, *(smallest for _, smallest in gaps))
            told.append(f"{name} {np.mean(shares):.3f} ± {np.std(shares, ddof=1) / np.sqrt(len(shares)):.3f}")
        print(f"{variant:20s} {'   '.join(told)}   smallest p {least:.2g}", flush=True)


def _learned_gap(rehearsal: Rehearsal, rows: list[RewardedDecision], config: LearnConfig) -> tuple[float, float]:
    learned = learn(rows, rehearsal.known_pictures, config=config, provenance=Provenance(created_at=START))
    return rehearsal.gap(load_policy(learned.bundle, learned.manifest.digest))


if __name__ == "__main__":
    main()
