"""How much of the way from uniform to the best possible a version learns from 20,000 uniform decisions, in Worlds.

`python -m benchmarks.gap --seeds 3` prints one line a variant. 40 titles × 8 artworks; viewers and artworks are known
only through noisy vectors, as they are in life; values are exact, from the World's truth.
"""

import argparse
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from artwork.catalog import ArtworkId, ImageHash, TitleId
from bandit.context import Candidate, Context, Picture, RequestContext, Vector
from bandit.decision import Page, PageId, PolicyVersionId, RewardedDecision, Slot
from bandit.features import FeatureSpec
from bandit.learning import LearnConfig, Provenance, learn
from bandit.policies.policy import Policy
from bandit.policies.vowpal import EngineSettings
from bandit.registry import Holdout, load_policy
from bandit.simulator.play import play
from bandit.simulator.random_world import STRONG, WEAK, PlayRates, WorldShape, random_world
from bandit.simulator.slots import slots_of
from bandit.simulator.yardsticks import oracle_in, uniform_in
from foundation.events import ViewerId

DECISIONS, VALUED = 20_000, 3000
SHAPE = WorldShape(titles=40, artworks=8)
AT = datetime(2026, 1, 1, tzinfo=UTC)
REQUESTS = [
    RequestContext(at=AT + timedelta(hours=hour), device=device) for hour in range(24) for device in ("tv", "phone")
]
CONFIG = LearnConfig(embedding_version="clip", foundation_version="viewers", holdout=Holdout(share=0.0))
VARIANTS = {
    "as shipped": CONFIG,
    "one pass": replace(CONFIG, settings=EngineSettings(passes=1)),
    "learning rate 0.05": replace(CONFIG, settings=EngineSettings(learning_rate=0.05)),
    "no own term": replace(CONFIG, spec=FeatureSpec(own_term=False)),
    "8 dimensions": replace(CONFIG, spec=FeatureSpec(viewer_dimensions=8, artwork_dimensions=8)),
    "gamma scale 10": replace(CONFIG, settings=EngineSettings(gamma_scale=10.0)),
}


@dataclass
class Rehearsal:
    """One World with a log of uniform decisions in it."""

    seed: int
    rates: PlayRates

    def __post_init__(self) -> None:
        self.world = random_world(self.seed, shape=SHAPE, rates=self.rates)
        self.rng = np.random.default_rng(self.seed + 1000)
        self.viewers = self._seen_through(self.world.tastes, 32)
        vectors = self._seen_through(self.world.traits, 64)
        self.candidates = [
            [
                Candidate(
                    artwork=ArtworkId(f"a{artwork}"),
                    image=ImageHash(hashlib.sha256(f"{title}/{artwork}".encode()).hexdigest()),
                    vector=vectors[title, artwork],
                )
                for artwork in range(SHAPE.artworks)
            ]
            for title in range(SHAPE.titles)
        ]
        self.pictures = {one.image[:16]: Picture(vector=one.vector) for artworks in self.candidates for one in artworks}
        self.rows = [*self._log()]

    def _seen_through(self, hidden: np.ndarray, dimensions: int) -> Vector:
        """Unit vectors that hold the hidden numbers, turned and blurred."""
        seen = hidden @ self.rng.normal(size=(hidden.shape[-1], dimensions))
        seen += 0.3 * seen.std() * self.rng.normal(size=seen.shape)
        return (seen / np.linalg.norm(seen, axis=-1, keepdims=True)).astype("<f4")

    def _log(self) -> Iterator[RewardedDecision]:
        log = play(self.world, uniform_in(self.world), rng=self.rng, decisions=DECISIONS)
        for number, (viewer, title, chosen) in enumerate(zip(log.viewers, log.titles, log.chosen, strict=True)):
            artworks = self.candidates[title]
            slot = Slot(
                title=TitleId(f"t{title}"),
                artworks=tuple(one.artwork for one in artworks),
                images=tuple(one.image[:16] for one in artworks),
                probabilities=(1 / SHAPE.artworks,) * SHAPE.artworks,
                chosen=int(chosen),
                position=number % 40,
            )
            page = Page(
                page=PageId(f"{number:032x}"),
                viewer=ViewerId(f"{viewer:032x}"),
                at=AT,
                request=REQUESTS[number % len(REQUESTS)],
                policy=PolicyVersionId("uniform"),
                policy_digest="",
                embedding_version="clip",
                foundation_version="viewers",
                viewer_vector=self.viewers[viewer].tobytes(),
                salt="",
                window=0,
                slots=(slot,),
            )
            yield RewardedDecision(page, 0, float(log.responses.rewards[number]))

    def gap(self, policy: Policy) -> tuple[float, float]:
        """The share of the way from uniform to the oracle that the policy goes, and its smallest probability."""
        rng = np.random.default_rng(self.seed + 2000)
        viewers, titles = rng.integers(self.world.viewer_count, size=VALUED), rng.integers(SHAPE.titles, size=VALUED)
        asked = [
            (
                Context(request=REQUESTS[n % len(REQUESTS)], viewer_vector=self.viewers[viewer], position=n % 40),
                self.candidates[title],
            )
            for n, (viewer, title) in enumerate(zip(viewers, titles, strict=True))
        ]
        stated = np.array(policy.page(asked))
        value, uniform, oracle = (
            self.world.policy_value(viewers, titles, probabilities=probabilities)
            for probabilities in (
                stated,
                uniform_in(self.world)(slots_of(viewers, titles)),
                oracle_in(self.world)(slots_of(viewers, titles)),
            )
        )
        return (value - uniform) / (oracle - uniform), float(stated.min())


def main() -> None:
    """Print the share of the gap that each variant recovers, with its standard error over the seeds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    seeds = range(parser.parse_args().seeds)
    worlds = {name: [Rehearsal(seed, rates) for seed in seeds] for name, rates in (("weak", WEAK), ("strong", STRONG))}
    for variant, config in VARIANTS.items():
        told: list[str] = []
        least = 1.0
        for name, rehearsals in worlds.items():
            gaps = [_learned_gap(rehearsal, config) for rehearsal in rehearsals]
            shares = [share for share, _ in gaps]
            least = min(least, *(smallest for _, smallest in gaps))
            told.append(f"{name} {np.mean(shares):.3f} ± {np.std(shares, ddof=1) / np.sqrt(len(shares)):.3f}")
        print(f"{variant:20s} {'   '.join(told)}   smallest p {least:.2g}", flush=True)


def _learned_gap(rehearsal: Rehearsal, config: LearnConfig) -> tuple[float, float]:
    provenance = Provenance(created_at=AT)
    learned = learn(rehearsal.rows, rehearsal.pictures, config=config, provenance=provenance)
    return rehearsal.gap(load_policy(learned.bundle, learned.manifest.digest))


if __name__ == "__main__":
    main()
