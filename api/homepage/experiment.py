"""The stage in which a policy states probabilities and the keyed draw picks one artwork a slot."""

from dataclasses import dataclass

from api.homepage.artwork import eligible
from api.homepage.catalogue import TitleEntry
from api.homepage.request import AskedTitle, PageRequest
from bandit.context import Candidate, Context
from bandit.decision import IMAGE_KEY_DIGITS, Reason, Slot
from bandit.policies.policy import Policy
from bandit.sampling import draw, draw_uniform


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawKey:
    """The parts of a draw's key that are the same for a whole page (see `bandit.sampling`)."""

    salt: str
    window: int


def drawn_slot(policy: Policy, request: PageRequest, asked: AskedTitle, *, entry: TitleEntry, key: DrawKey) -> Slot:
    """Let the policy state the probabilities of one slot's eligible artworks, and draw one."""
    candidates = eligible(entry, request.context)
    context = Context(
        request=request.context,
        viewer_vector=request.viewer.vector,
        position=asked.position,
        score=asked.score,
    )
    probabilities = policy.probabilities(context, candidates)
    chosen = draw(probabilities, draw_uniform(key.salt, request.viewer.viewer, title=asked.title, window=key.window))
    return _slot(asked, candidates, probabilities=tuple(probabilities.tolist()), chosen=chosen, reason=Reason.POLICY)


def default_slot(asked: AskedTitle, entry: TitleEntry, *, reason: Reason) -> Slot:
    """Give a slot its title's default artwork, with probability 1; such a slot is never learned from."""
    default = entry.default()
    if default is None:
        raise ValueError(f"title {asked.title} has no artwork to fall back to: list the titles with entries_of first")
    return _slot(asked, (default,), probabilities=(1.0,), chosen=0, reason=reason)


def _slot(
    asked: AskedTitle,
    candidates: tuple[Candidate, ...],
    *,
    probabilities: tuple[float, ...],
    chosen: int,
    reason: Reason,
) -> Slot:
    return Slot(
        title=asked.title,
        artworks=tuple(each.artwork for each in candidates),
        images=tuple(each.image[:IMAGE_KEY_DIGITS] for each in candidates),
        probabilities=probabilities,
        chosen=chosen,
        position=asked.position,
        score=asked.score,
        reason=reason,
    )
