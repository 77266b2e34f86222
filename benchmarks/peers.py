"""Plain Vowpal Wabbit as its documentation shows it, learning decision by decision in a World: what ours is held to.

Each gets the World's vectors as they are, crossed as documented, and an id for every artwork. It is asked and taught
after every single decision, which no service could do for a page that is on its way.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import vowpal_wabbit_next as vw

from bandit.context import Candidate, Context, RequestContext
from bandit.decision import PolicyVersionId
from bandit.policies.policy import Policy, Probabilities
from bandit.simulator.rehearsal import START, Rehearsal
from bandit.simulator.yardsticks import oracle_in, uniform_in, value_on

REQUEST = RequestContext(at=START)
CROSSED = ("--cb_explore_adf", "--interactions", "UA", "--ignore_linear", "U", "--quiet")
ARGUMENTS = {
    "vw_default": (*CROSSED, "--squarecb"),
    "vw_tuned": (*CROSSED, "--squarecb", "--gamma_scale", "1000", "--epsilon", "0.01"),
    "greedy": (*CROSSED, "--epsilon", "0"),
    # The default learning settings of Azure Personalizer's documentation.
    "personalizer": (
        "--cb_explore_adf",
        "--epsilon",
        "0.2",
        "--power_t",
        "0",
        "-l",
        "0.001",
        *("--cb_type", "mtr", "-q", "::"),
        "--quiet",
    ),
}


@dataclass(frozen=True)
class Learned:
    """What a play came to: the share of the gap over all decisions, that of the policy at the end, smallest chances."""

    gap: float
    final_gap: float
    smallest: float


class PlainEngine(Policy):
    """One workspace, asked and taught through text, as its documentation does it."""

    def __init__(self, name: str) -> None:
        self.version, self.digest = PolicyVersionId(name), "0" * 64
        self._workspace = vw.Workspace([*ARGUMENTS[name], "--random_seed", "0"])
        self._parser = vw.TextFormatParser(self._workspace)
        self._lines: dict[str, str] = {}

    def probabilities(self, context: Context, artworks: Sequence[Candidate]) -> Probabilities:
        answer = self._workspace.predict_one(self._examples(context, artworks))
        stated = np.zeros(len(artworks))
        for place, probability in answer:
            stated[place] = probability
        return stated / stated.sum()

    def teach(self, context: Context, artworks: Sequence[Candidate], *, chosen: int, label: str) -> None:
        self._workspace.learn_one(self._examples(context, artworks, chosen=chosen, label=label))

    def _examples(
        self, context: Context, artworks: Sequence[Candidate], *, chosen: int = -1, label: str = ""
    ) -> list[vw.Example]:
        assert context.viewer_vector is not None
        lines = [f"shared |U {numbers(context.viewer_vector)}"]
        lines += [(label if place == chosen else "") + self._line(artwork) for place, artwork in enumerate(artworks)]
        return [self._parser.parse_line(line) for line in lines]

    def _line(self, artwork: Candidate) -> str:
        if artwork.image not in self._lines:
            self._lines[artwork.image] = f"|A {numbers(artwork.vector)} i{artwork.image[:16]}"
        return self._lines[artwork.image]


def numbers(vector: np.ndarray) -> str:
    """A vector as the engine's text has it."""
    return " ".join(f"{place}:{value:.5g}" for place, value in enumerate(vector.tolist()))


def play_online(rehearsal: Rehearsal, name: str, *, decisions: int) -> Learned:
    """Let the engine decide and learn `decisions` times, and value every decision and the last policy by the truth."""
    engine, world, slots = PlainEngine(name), rehearsal.world, rehearsal.plan(decisions)
    rates = world.play_rates(slots.viewers, slots.titles)
    chance = np.random.default_rng([rehearsal.seed, 2]).random((len(slots), 2))
    stated = np.zeros(rates.shape)
    for row, (viewer, title) in enumerate(zip(slots.viewers.tolist(), slots.titles.tolist(), strict=True)):
        artworks = rehearsal.candidates[title]
        context = Context(request=REQUEST, viewer_vector=rehearsal.viewers[viewer])
        stated[row] = engine.probabilities(context, artworks)
        chosen = int(min((chance[row, 0] >= stated[row].cumsum()).sum(), len(artworks) - 1))
        cost, probability = float(chance[row, 1] >= rates[row, chosen]), stated[row, chosen]
        engine.teach(context, artworks, chosen=chosen, label=f"0:{cost}:{probability:.6f} ")
    value, uniform, oracle = (
        value_on(world, policy, slots) for policy in (lambda _: stated, uniform_in(world), oracle_in(world))
    )
    final_gap, smallest = rehearsal.gap(engine)
    return Learned((value - uniform) / (oracle - uniform), final_gap, min(smallest, float(stated.min())))
