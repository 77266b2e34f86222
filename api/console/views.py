"""What some viewers would be shown of a title now, and what their history has to do with it. Logs nothing."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from api.dependencies.answers import image_address
from api.dependencies.pages import draw_key, house_of
from api.dependencies.services import Services
from api.homepage.catalogue import TitleEntry
from api.homepage.experiment import check_versions, drawn_slots
from api.homepage.request import AskedTitle, KnownViewer, PageRequest
from api.storage.database import reading
from api.storage.events import histories
from api.storage.foundation import some_viewer_vectors
from artwork.catalog import TitleId
from bandit.context import RequestContext, Vector
from bandit.decision import Reason, Slot
from bandit.policies.policy import Policy
from bandit.policies.uniform import UNIFORM
from foundation.events import Action, Event, ViewerId

VIEWERS_SHOWN = 3
VIEWERS_LOOKED_AT = 300
NOTABLE_CHANGE = 0.02
PINNED = "This artwork is pinned: every viewer it holds for is shown it, and nothing is learned from that."
_WATCHED = (Action.PLAY, Action.FINISH, Action.REWATCH)


@dataclass(frozen=True, slots=True)
class Row:
    """One eligible artwork: its probability for this viewer, and for a viewer without history."""

    artwork: str
    probability: float
    without_history: float


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What one viewer is shown, and why."""

    viewer: ViewerId
    history: str
    artwork: str
    image: str
    probability: float
    rows: list[Row]
    why: str


def views_of(services: Services, entry: TitleEntry) -> list[View]:
    """Decide a title, as a page would now, for three viewers who differ as much as possible."""
    version = services.live.viewer_version
    with reading(services.engine) as connection:
        vectors = {} if version is None else some_viewer_vectors(connection, version, limit=VIEWERS_LOOKED_AT)
        chosen = unlike(vectors)
        watched = dict(histories(connection, chosen))
    viewers = [KnownViewer(viewer=each, vector=vectors[each], foundation_version=version) for each in chosen]
    return [_view(services, entry, viewer, history=watched.get(viewer.viewer, [])) for viewer in viewers]


def unlike(vectors: Mapping[ViewerId, Vector]) -> list[ViewerId]:
    """Choose viewers that are far from one another: the first by id, then always the farthest from those chosen."""
    viewers = sorted(vectors)
    if not viewers:
        return []
    table = np.stack([vectors[viewer] for viewer in viewers])
    picked = [0]
    while len(picked) < min(VIEWERS_SHOWN, len(viewers)):
        likeness = (table @ table[picked].T).max(axis=1)
        likeness[picked] = np.inf
        picked.append(int(likeness.argmin()))
    return [viewers[index] for index in picked]


def _view(services: Services, entry: TitleEntry, viewer: KnownViewer, *, history: Sequence[Event]) -> View:
    policy, now = services.live.current, datetime.now(UTC)
    check_versions(policy, services.catalogue.current)
    slot = _slot(services, entry, viewer, now=now)
    without = _slot(services, entry, KnownViewer(viewer=viewer.viewer), now=now)
    before = dict(zip(without.artworks, without.probabilities, strict=True))
    return View(
        viewer=viewer.viewer,
        history=history_of(services, history),
        artwork=slot.artwork,
        image=image_address(services, entry.candidates[slot.artwork].image),
        probability=slot.probability,
        rows=[Row(name, p, before[name]) for name, p in zip(slot.artworks, slot.probabilities, strict=True)],
        why=PINNED
        if slot.reason is Reason.PINNED
        else why(policy, slot.artwork, before=before[slot.artwork], after=slot.probability),
    )


def _slot(services: Services, entry: TitleEntry, viewer: KnownViewer, *, now: datetime) -> Slot:
    """Decide the title as a page would now, without logging it."""
    asked = AskedTitle(title=entry.title.title, position=0)
    request = PageRequest(viewer=viewer, context=RequestContext(at=now), titles=(asked,))
    key, house = draw_key(services, now), house_of(services)
    return drawn_slots(services.live.current, request, [entry], key=key, house=house)[0]


def why(policy: Policy, artwork: str, *, before: float, after: float) -> str:
    """Say in one sentence what the viewer's history did to the probability of the drawn artwork."""
    if policy.version == UNIFORM:
        return "The uniform policy shows every artwork with the same probability: nothing is learned yet."
    change = f"from {100 * before:.1f} % to {100 * after:.1f} %"
    if abs(after - before) < NOTABLE_CHANGE:
        return f"This viewer's history hardly matters here: {artwork} goes {change}."
    return f"This viewer's history {'raises' if after > before else 'lowers'} {artwork} {change}."


def history_of(services: Services, history: Sequence[Event]) -> str:
    """Say in a sentence or two what a viewer watched, of the titles that are in the catalogue."""
    titles = services.catalogue.current.titles
    watched = [
        titles[TitleId(each.title)].title for each in history if each.action in _WATCHED and each.title in titles
    ]
    if not watched:
        return "No history."
    genres = Counter(genre for title in watched for genre in title.genres)
    latest = list(dict.fromkeys(title.name for title in reversed(watched)))[:3]
    return f"Mostly {', '.join(name for name, _ in genres.most_common(2))}. Last watched: {', '.join(latest)}."
