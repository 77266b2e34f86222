"""What one viewer would be shown of one title, by which rung and version, and why. Logs nothing and counts nothing.

The page is decided by the same code that serves (`api.homepage.assemble`), so what is told here is what would happen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from api.console.hindrances import hindrances, orders_of
from api.console.views import history_of
from api.dependencies.answers import image_address
from api.dependencies.pages import draw_key, house_of, is_held_back
from api.dependencies.services import Services
from api.errors import Conflict, UnknownTitle
from api.homepage.assemble import PageOrder, PageStamp, assemble_pages
from api.homepage.catalogue import TitleEntry
from api.homepage.experiment import drawn_slots
from api.homepage.request import AskedTitle, KnownViewer, PageRequest
from api.storage.database import reading
from api.storage.events import finished_titles, histories
from api.storage.foundation import viewer_vector
from api.storage.pages import new_page_id
from artwork.catalog import Artwork, ArtworkId, TitleId
from bandit.context import RequestContext
from bandit.decision import Page, Rung, Slot
from bandit.errors import BanditError
from bandit.explanation import Explanation, explain
from bandit.policies.compiled import CompiledPolicy
from bandit.policies.policy import Policy
from bandit.rows import context_again
from foundation.events import ViewerId

LARGEST = 8
"""As many contributions are shown apart; the rest is added up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Who would be shown what, where and when; `viewer` is a pseudonym, `at` timezone-aware."""

    viewer: ViewerId
    title: TitleId
    context: RequestContext
    position: int = 0
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Contribution:
    """What a feature adds to the prediction against the default artwork, in reward; `x` and `width` place its bar in
    a box that is 200 wide, with 0 in the middle.
    """

    name: str
    value: float
    x: float
    width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ExploredArtwork:
    """One artwork of the title: what it would be shown with, what keeps it out, what speaks for it."""

    artwork: ArtworkId
    label: str | None
    default: bool
    image: str | None
    probability: float | None
    without_history: float | None
    drawn: bool
    bounds: tuple[float, float] | None
    explanation: Explanation | None
    contributions: Sequence[Contribution]
    hindered: Sequence[str] = ()
    orders: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Explored:
    """The answer to a question: who decides (`rung`, `policy`, `role`), and every artwork, the likeliest first.

    The viewer keeps the drawn artwork until `until`, for as long as probabilities stay as they are.
    """

    question: Question
    name: str
    rung: Rung
    policy: str
    role: str
    reason: str
    history: str
    has_vector: bool
    artworks: Sequence[ExploredArtwork]
    drawn: ExploredArtwork
    until: datetime
    failures: Sequence[str]


def explore(services: Services, question: Question) -> Explored:
    """Decide the title for the viewer as a page with this one title would be decided now.

    Raises:
        UnknownTitle: there is no such title.
        Conflict: it has nothing to show.
    """
    entry = services.catalogue.current.titles.get(question.title)
    if entry is None:
        raise UnknownTitle(f"There is no title {question.title!r}.", "The gallery lists all of them.")
    if not entry.candidates:
        raise Conflict(
            f"No artwork of {question.title!r} is active.", "Upload an image and let `keyart worker` embed it."
        )
    viewer, history = _viewer(services, entry, question.viewer)
    asked = AskedTitle(title=question.title, position=question.position, score=question.score)
    request = PageRequest(viewer=viewer, context=question.context, titles=(asked,))
    page, failures = _decided(services, request)
    slot = page.slots[0]
    policy = services.live.deciding.known().get(page.policy)
    artworks = _artworks(services, entry, request, page=page, policy=policy)
    window = services.settings.sticky_seconds
    return Explored(
        question=question,
        name=entry.title.name,
        rung=page.rung,
        policy=page.policy,
        role=_role(services, page),
        reason=slot.reason,
        history=history,
        has_vector=viewer.vector is not None,
        artworks=artworks,
        drawn=next(each for each in artworks if each.drawn),
        until=datetime.fromtimestamp((page.window + 1) * window, UTC),
        failures=failures,
    )


def _viewer(services: Services, entry: TitleEntry, viewer: ViewerId) -> tuple[KnownViewer, str]:
    """The viewer as the policy that decides for them knows them, and what they watched in words."""
    version = services.live.viewer_version_of(services.live.deciding.ruling_for(viewer).steps[0].policy)
    held_back = is_held_back(services, viewer)
    with reading(services.engine) as connection:
        vector = None if version is None or held_back else viewer_vector(connection, viewer, version=version)
        spoiled = [entry.title.title] if entry.spoilers else []
        finished = (
            frozenset(map(TitleId, finished_titles(connection, viewer, spoiled))) if spoiled else frozenset[TitleId]()
        )
        watched = dict(histories(connection, [viewer])).get(viewer, [])
    known = KnownViewer(
        viewer=viewer,
        vector=vector,
        foundation_version=None if held_back else version,
        finished=finished,
    )
    return known, history_of(services, watched)


def _decided(services: Services, request: PageRequest) -> tuple[Page, list[str]]:
    """The page, and what failed on the way to it; failures are told here and nowhere counted."""
    viewer, failures = request.viewer.viewer, list[str]()
    held_back = is_held_back(services, viewer)
    ruling = services.live.deciding.ruling_for(viewer)
    key = draw_key(services, request.context.at)
    order = PageOrder(
        request=request,
        stamp=PageStamp(page=new_page_id(), at=datetime.now(UTC), key=key),
        steps=() if held_back else ruling.steps,
        hold_back=held_back,
        cell=None if held_back else ruling.cell,
    )

    def failed(policy: Policy, error: Exception) -> None:
        failures.append(f"{policy.version} failed: {error}")

    [page] = assemble_pages([order], services.catalogue.current, house=house_of(services), failed=failed)
    return page, failures


def _role(services: Services, page: Page) -> str:
    canary = services.live.deciding.canary
    return "canary" if canary is not None and canary.policy.version == page.policy else "live"


@dataclass(frozen=True, slots=True)
class _Told:
    """What is known of the slot besides its record: by artwork, for somebody new, and what speaks for it."""

    without: Mapping[ArtworkId, float]
    explanations: Mapping[ArtworkId, Explanation]


def _artworks(
    services: Services, entry: TitleEntry, request: PageRequest, *, page: Page, policy: Policy | None
) -> list[ExploredArtwork]:
    slot = page.slots[0]
    told = _Told(
        _without_history(services, entry, request, policy=policy), _explanations(services, entry, page, policy)
    )
    house = house_of(services)
    listed = [
        replace(
            _artwork(services, each, slot, told=told),
            hindered=hindrances(each, entry, request, house=house),
            orders=orders_of(each, entry),
        )
        for each in entry.artworks
    ]
    return sorted(listed, key=lambda each: (-(each.probability or 0.0), not each.drawn, each.probability is None))


def _artwork(services: Services, artwork: Artwork, slot: Slot, *, told: _Told) -> ExploredArtwork:
    name = artwork.artwork
    place = slot.artworks.index(name) if name in slot.artworks else None
    explanation = told.explanations.get(name)
    return ExploredArtwork(
        artwork=name,
        label=artwork.label,
        default=artwork.default,
        image=None if artwork.image is None else image_address(services, artwork.image),
        probability=None if place is None else slot.probabilities[place],
        without_history=told.without.get(name),
        drawn=place == slot.chosen,
        bounds=slot.bounds[place] if slot.bounds is not None and place is not None else None,
        explanation=explanation,
        contributions=contributions_of(explanation) if explanation else (),
    )


def _without_history(
    services: Services, entry: TitleEntry, request: PageRequest, *, policy: Policy | None
) -> Mapping[ArtworkId, float]:
    """What the same policy would state for somebody new; nothing where the viewer has no history either."""
    if policy is None or request.viewer.vector is None:
        return {}
    stranger = PageRequest(
        viewer=KnownViewer(viewer=request.viewer.viewer, finished=request.viewer.finished),
        context=request.context,
        titles=request.titles,
    )
    key = draw_key(services, request.context.at)
    slot = drawn_slots(policy, stranger, [entry], key=key, house=house_of(services))[0]
    return dict(zip(slot.artworks, slot.probabilities, strict=True))


def _explanations(
    services: Services, entry: TitleEntry, page: Page, policy: Policy | None
) -> Mapping[ArtworkId, Explanation]:
    """What speaks for each eligible artwork against the default one; nothing where the policy predicts nothing."""
    slot, default = page.slots[0], entry.default()
    same = policy is not None and policy.embedding_version == services.catalogue.current.embedding_version
    if not isinstance(policy, CompiledPolicy) or not same or default is None or default.artwork not in slot.artworks:
        return {}
    context = context_again(page, slot, foundation=policy.foundation_version, intent=policy.intent_version)
    artworks = [entry.candidates[name] for name in slot.artworks]
    others = [name for name in slot.artworks if name != default.artwork]
    try:
        return {name: explain(policy, context, artworks, artwork=name, other=default.artwork) for name in others}
    except BanditError:
        return {}


def contributions_of(explanation: Explanation) -> list[Contribution]:
    """The largest contributions, and the rest added up, as bars that share a scale."""
    ordered = sorted(explanation.contributions.items(), key=lambda pair: -abs(pair[1]))
    shown = [(name, value) for name, value in ordered[:LARGEST] if value]
    rest = sum(value for _, value in ordered[LARGEST:])
    shown += [("all else", rest)] if rest else []
    scale = max((abs(value) for _, value in shown), default=1.0)
    return [_bar(name, value, scale) for name, value in shown]


def _bar(name: str, value: float, scale: float) -> Contribution:
    width = round(100 * abs(value) / scale, 1)
    return Contribution(name, value, x=100.0 if value >= 0 else round(100 - width, 1), width=width)
