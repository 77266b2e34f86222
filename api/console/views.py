"""What some viewers would be shown of a title now, and what their history has to do with it. Logs nothing."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from api.dependencies.pages import image_address
from api.dependencies.services import Services
from api.homepage.artwork import eligible
from api.homepage.catalogue import TitleEntry
from api.homepage.experiment import slot_context
from api.homepage.request import AskedTitle, KnownViewer, PageRequest
from api.storage.database import reading
from api.storage.events import histories
from api.storage.foundation import live_foundation_version, some_viewer_vectors
from artwork.catalog import TitleId
from bandit.context import Candidate, RequestContext, Vector
from bandit.policies.policy import Policy, Probabilities
from bandit.policies.uniform import UNIFORM
from bandit.sampling import draw, draw_uniform, window_of
from foundation.events import Action, Event, ViewerId

VIEWERS_SHOWN = 3
VIEWERS_LOOKED_AT = 300
NOTABLE_CHANGE = 0.02
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
    with reading(services.engine) as connection:
        live = live_foundation_version(connection)
        vectors = {} if live is None else some_viewer_vectors(connection, live.version, limit=VIEWERS_LOOKED_AT)
        chosen = unlike(vectors)
        watched = dict(histories(connection, chosen))
    version = None if live is None else live.version
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
    asked = AskedTitle(title=entry.title.title, position=0)
    request = PageRequest(viewer=viewer, context=RequestContext(at=now), titles=(asked,))
    candidates = eligible(entry, request.context)
    with_history = policy.probabilities(slot_context(policy, request, asked), candidates)
    stranger = PageRequest(viewer=KnownViewer(viewer=viewer.viewer), context=request.context, titles=(asked,))
    without = policy.probabilities(slot_context(policy, stranger, asked), candidates)
    window = window_of(now, services.settings.sticky_seconds)
    u = draw_uniform(services.settings.draw_salt, viewer.viewer, asked.title, window)
    index = draw(with_history.tolist(), u)
    drawn = candidates[index]
    return View(
        viewer=viewer.viewer,
        history=_history(services, history),
        artwork=drawn.artwork,
        image=image_address(services, drawn.image),
        probability=float(with_history[index]),
        rows=_rows(candidates, with_history, without),
        why=why(policy, drawn.artwork, before=float(without[index]), after=float(with_history[index])),
    )


def _rows(candidates: Sequence[Candidate], stated: Probabilities, without: Probabilities) -> list[Row]:
    rows = zip(candidates, stated.tolist(), without.tolist(), strict=True)
    return [Row(candidate.artwork, here, elsewhere) for candidate, here, elsewhere in rows]


def why(policy: Policy, artwork: str, *, before: float, after: float) -> str:
    """Say in one sentence what the viewer's history did to the probability of the drawn artwork."""
    if policy.version == UNIFORM:
        return "The uniform policy shows every artwork with the same probability: nothing is learned yet."
    change = f"from {100 * before:.1f} % to {100 * after:.1f} %"
    if abs(after - before) < NOTABLE_CHANGE:
        return f"This viewer's history hardly matters here: {artwork} goes {change}."
    return f"This viewer's history {'raises' if after > before else 'lowers'} {artwork} {change}."


def _history(services: Services, history: Sequence[Event]) -> str:
    titles = services.catalogue.current.titles
    watched = [
        titles[TitleId(each.title)].title for each in history if each.action in _WATCHED and each.title in titles
    ]
    if not watched:
        return "No history."
    genres = Counter(genre for title in watched for genre in title.genres)
    latest = list(dict.fromkeys(title.name for title in reversed(watched)))[:3]
    return f"Mostly {', '.join(name for name, _ in genres.most_common(2))}. Last watched: {', '.join(latest)}."
