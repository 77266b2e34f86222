"""The stage in which the live policy states probabilities and the keyed draw picks one artwork a slot."""

from collections.abc import Sequence
from dataclasses import dataclass

from api.homepage.artwork import eligible
from api.homepage.catalogue import Catalogue, TitleEntry
from api.homepage.request import AskedTitle, PageRequest
from bandit.context import Candidate, Context
from bandit.decision import IMAGE_KEY_DIGITS, Reason, Slot
from bandit.errors import IncompatibleModel
from bandit.policies.default_artwork import DEFAULT
from bandit.policies.policy import Policy
from bandit.sampling import draw, draw_uniform


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawKey:
    """The parts of a draw's key that are the same for a whole page (see `bandit.sampling`)."""

    salt: str
    window: int


def drawn_slots(
    policy: Policy, request: PageRequest, entries: Sequence[TitleEntry], *, key: DrawKey
) -> tuple[Slot, ...]:
    """Let the policy state the probabilities of every slot's eligible artworks, and draw one a slot.

    Raises:
        InvalidProbabilities: the policy stated something that is no distribution.
    """
    offered = [eligible(entry, request.context) for entry in entries]
    contexts = [slot_context(policy, request, asked) for asked in request.titles]
    stated = policy.page(list(zip(contexts, offered, strict=True)))
    # What explores nothing teaches nothing: the default policy's slots are never learned from.
    reason = Reason.DEFAULT if policy.version == DEFAULT else Reason.POLICY
    return tuple(
        _slot(
            asked,
            candidates,
            probabilities=tuple(probabilities.tolist()),
            chosen=draw(probabilities.tolist(), draw_uniform(key.salt, request.viewer.viewer, asked.title, key.window)),
            reason=reason,
        )
        for asked, candidates, probabilities in zip(request.titles, offered, stated, strict=True)
    )


def slot_context(policy: Policy, request: PageRequest, asked: AskedTitle) -> Context:
    """What the policy may look at for one slot; a viewer vector only in the version that it understands (C12)."""
    viewer = request.viewer
    understood = viewer.foundation_version is not None and viewer.foundation_version == policy.foundation_version
    return Context(
        request=request.context,
        viewer_vector=viewer.vector if understood else None,
        position=asked.position,
        score=asked.score,
    )


def check_versions(policy: Policy, catalogue: Catalogue) -> None:
    """Refuse to let a policy look at vectors of an embedding version that it was not learned on (C12).

    Raises:
        IncompatibleModel: the catalogue's vectors are of another version.
    """
    if policy.embedding_version not in (None, catalogue.embedding_version):
        raise IncompatibleModel(
            f"{policy.version} was learned on {policy.embedding_version}, the catalogue is embedded in "
            f"{catalogue.embedding_version}: learn a new version and promote it"
        )


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
