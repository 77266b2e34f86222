"""Why a logged decision fell as it did: in a sentence, and by the prediction of the version that made it."""

from api.dependencies.services import Services
from api.dependencies.versions import load_version
from api.errors import KeyartError
from api.homepage.catalogue import TitleEntry
from bandit.context import Candidate
from bandit.decision import IMAGE_KEY_DIGITS, Page, PolicyVersionId, Reason, Rung, Slot
from bandit.explanation import Explanation, explain
from bandit.policies.compiled import CompiledPolicy
from bandit.policies.policy import Policy
from bandit.rows import context_again


def explanation_of(services: Services, page: Page, slot: Slot) -> Explanation | None:
    """Take the prediction apart for the artwork that was drawn, against the title's default artwork.

    None where it cannot be done: no learned version drew it, that version cannot be loaded any more or was learned on
    other vectors than the catalogue's, an artwork or its image has changed since, or the default artwork was not
    eligible. Labels and measures are those of today.
    """
    if slot.reason is not Reason.POLICY:
        return None
    policy = services.live.deciding.known().get(page.policy) or _loaded(services, page.policy)
    entry = services.catalogue.current.titles.get(slot.title)
    default = entry.default() if entry else None
    if not isinstance(policy, CompiledPolicy) or not entry or not default:
        return None
    if policy.embedding_version != services.catalogue.current.embedding_version:
        return None
    artworks = _as_logged(slot, entry)
    if artworks is None or default.artwork not in slot.artworks:
        return None
    context = context_again(page, slot, foundation=policy.foundation_version, intent=policy.intent_version)
    return explain(policy, context, artworks, artwork=slot.artwork, other=default.artwork)


def reason_of(page: Page, slot: Slot) -> str:
    """Say in a sentence why a slot shows what it shows."""
    count, probability = len(slot.artworks), slot.probabilities[slot.chosen]
    said = _UNDRAWN.get(slot.reason) or f"Drawn by {page.policy} with probability {probability:.4g} of {count} artworks"
    bound = slot.bounds is not None and slot.bounds[slot.chosen] != (0.0, 1.0)
    return said + (", within what guards allow." if bound and slot.reason is Reason.POLICY else ".") + _RUNGS[page.rung]


_UNDRAWN = {
    Reason.PINNED: "A person pinned this artwork, so no other was eligible",
    Reason.DEFAULT: "The default artwork of the title, as the policy shows for everyone",
    Reason.FALLBACK: "The default artwork of the title, since no policy could decide in time",
}
_RUNGS = {
    Rung.LIVE: "",
    Rung.LAST_GOOD: " The live version could not decide; the last one that could took its place.",
    Rung.MOST_PLAYED: " No learned version could decide; what is played most took its place.",
    Rung.DEFAULT: " No policy could decide in time.",
    Rung.HOLD_BACK: " The viewer is in the hold-back, which always gets default artworks.",
}


def _loaded(services: Services, version: PolicyVersionId) -> Policy | None:
    """A version that is no longer in memory: another process examines it once, which takes a second."""
    try:
        return load_version(services.engine, services.blobs, version, examiner=services.live.examiner)
    except KeyartError:
        return None


def _as_logged(slot: Slot, entry: TitleEntry) -> list[Candidate] | None:
    """The slot's artworks as the catalogue holds them, or None where one is gone or shows another image by now."""
    found = [entry.candidates.get(artwork) for artwork in slot.artworks]
    candidates = [each for each in found if each is not None]
    images = tuple(each.image[:IMAGE_KEY_DIGITS] for each in candidates)
    return candidates if images == slot.images else None
