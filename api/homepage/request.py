"""What a caller asks of a page, as plain records. Knows no wire format."""

from dataclasses import dataclass

import msgspec

from artwork.catalog import TitleId
from bandit.context import RequestContext, Vector
from foundation.events import ViewerId


class AskedTitle(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A title that a slot was given to; `position` counts from 0, `score` is the title ranker's."""

    title: TitleId
    position: int
    score: float | None = None


class KnownViewer(msgspec.Struct, frozen=True, kw_only=True):
    """A viewer as the page knows them: a pseudonym and, where there is history, a vector of a foundation version.

    `intent` says what they are after right now, in a version of its own; nobody states one yet.
    `finished` are those of the page's titles that they watched to the end; looked up only where it matters.
    """

    viewer: ViewerId
    vector: Vector | None = None
    foundation_version: str | None = None
    intent: Vector | None = None
    intent_version: str | None = None
    finished: frozenset[TitleId] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What an installation has set for all pages: the strength of diversity, and the highest rating of a picture."""

    diversity: float = 0.0
    maturity_limit: str | None = None


class PageRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One call for a page."""

    viewer: KnownViewer
    context: RequestContext
    titles: tuple[AskedTitle, ...]
