"""Why a logged decision was predicted to be better than the default artwork, by the version in memory that made it."""

from api.dependencies.services import Services
from api.homepage.catalogue import TitleEntry
from bandit.context import Candidate
from bandit.decision import IMAGE_KEY_DIGITS, Page, Reason, Slot
from bandit.explanation import Explanation, explain
from bandit.policies.compiled import CompiledPolicy
from bandit.rows import context_again


def explanation_of(services: Services, page: Page, slot: Slot) -> Explanation | None:
    """Take the prediction apart for the artwork that was drawn, against the title's default artwork.

    None where it cannot be done: no learned version drew it, that version is no longer in memory (live, canary or
    shadow), an artwork or its image has changed since, or the default artwork was not eligible. Labels and measures are
    those of today.
    """
    policy = services.live.deciding.known().get(page.policy)
    entry = services.catalogue.current.titles.get(slot.title)
    default = entry.default() if entry else None
    if slot.reason is not Reason.POLICY or not isinstance(policy, CompiledPolicy) or not entry or not default:
        return None
    if policy.embedding_version != services.catalogue.current.embedding_version:
        return None
    artworks = _as_logged(slot, entry)
    if artworks is None or default.artwork not in slot.artworks:
        return None
    context = context_again(page, slot, foundation=policy.foundation_version, intent=policy.intent_version)
    return explain(policy, context, artworks, artwork=slot.artwork, other=default.artwork)


def _as_logged(slot: Slot, entry: TitleEntry) -> list[Candidate] | None:
    """The slot's artworks as the catalogue holds them, or None where one is gone or shows another image by now."""
    found = [entry.candidates.get(artwork) for artwork in slot.artworks]
    candidates = [each for each in found if each is not None]
    images = tuple(each.image[:IMAGE_KEY_DIGITS] for each in candidates)
    return candidates if images == slot.images else None
