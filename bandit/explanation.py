"""Why a version prefers one artwork to another for a viewer: its prediction, taken apart. Knows no log and no storage.

A compiled version predicts on a linear scale, so the difference between two artworks is exactly the sum of what each
feature adds to it; nothing is sampled or approximated. It tells what moved the prediction, not what moved the viewer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bandit.context import Candidate, Context
from bandit.errors import InvalidExample
from bandit.kernels import Floats
from bandit.policies.compiled import CompiledPolicy
from bandit.sampling import canonical
from bandit.slate import Slate

CLIP, OWN = "clip", "own"


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What speaks for `artwork` against `other`, in predicted reward: positive numbers speak for `artwork`.

    `contributions` by feature: `viewer`, `intent` and each context feature as crossed with the two pictures, `clip` as
    the pictures count whoever looks, each label and measure, and `own` for the artworks' own terms. Their sum is
    `advantage`: to rounding, `reward` − `other_reward`, the predicted rewards, 1 − cost.
    """

    artwork: str
    other: str
    advantage: float
    contributions: Mapping[str, float]
    reward: float
    other_reward: float


def explain(
    policy: CompiledPolicy, context: Context, artworks: Sequence[Candidate], *, artwork: str, other: str
) -> Explanation:
    """Take apart the predicted difference between two of a slot's `artworks`, given by their ids.

    Raises:
        InvalidExample: one of the two is not among `artworks`, or a vector does not fit.
        InvalidProjection: a CLIP vector does not fit.
    """
    slate = Slate(canonical(artworks))
    names: list[str] = [each.artwork for each in slate]
    missing = [name for name in (artwork, other) if name not in names]
    if missing:
        raise InvalidExample(f"{missing[0]!r} is none of the slot's artworks {names}; name two of them")
    pair = [names.index(artwork), names.index(other)]
    contributions = _contributions(policy, context, slate, pair)
    [costs] = policy.page_costs([(context, slate)])
    return Explanation(
        artwork=artwork,
        other=other,
        advantage=sum(contributions.values()),
        contributions=contributions,
        reward=1.0 - float(costs[pair[0]]),
        other_reward=1.0 - float(costs[pair[1]]),
    )


def _contributions(policy: CompiledPolicy, context: Context, slate: Slate, pair: list[int]) -> dict[str, float]:
    space, weights = policy.space, policy.weights
    shown = [slate[place] for place in pair]
    columns = space.context_rows([context])[0].astype(np.float64)
    rows = _less(space.artwork_rows(np.stack([each.vector for each in shown])))
    mains = _less(space.main_rows(shown))
    by_column = columns * (weights.crossed @ rows)
    by_look = weights.main * mains if len(weights.main) else np.zeros(len(mains))
    told = {name: float(by_column[[*where]].sum()) for name, where in space.spec.context_groups.items()}
    told |= {CLIP: float(weights.artwork @ rows)}
    told |= {name: float(by_look[[*where]].sum()) for name, where in space.spec.main_groups.items()}
    return told | {OWN: float(_less(policy.own_terms(slate)[pair]))}


def _less(pair: NDArray[np.floating[Any]]) -> Floats:
    """The other's numbers minus the artwork's own: costs are predicted, and less cost speaks for an artwork."""
    return pair[1].astype(np.float64) - pair[0].astype(np.float64)
