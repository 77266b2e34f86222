"""The stage that lists the eligible artworks of every asked title. Knows no policy and draws nothing."""

from collections.abc import Iterable, Sequence

from api.homepage.catalogue import Catalogue, TitleEntry
from api.homepage.request import AskedTitle
from artwork.catalog import Artwork, TitleId
from bandit.context import Candidate, RequestContext


class UnknownTitles(LookupError):
    """Titles were asked for that the catalogue does not hold."""

    def __init__(self, titles: Sequence[TitleId]) -> None:
        super().__init__(", ".join(titles))
        self.titles = tuple(titles)


class TitlesWithoutArtwork(LookupError):
    """Titles were asked for that have no eligible artwork, not even a default one."""

    def __init__(self, titles: Sequence[TitleId]) -> None:
        super().__init__(", ".join(titles))
        self.titles = tuple(titles)


def entries_of(catalogue: Catalogue, asked: Iterable[AskedTitle]) -> list[TitleEntry]:
    """Look up every asked title, in order.

    Raises:
        UnknownTitles: some are not in the catalogue; all of them are named.
        TitlesWithoutArtwork: some have nothing to show; all of them are named.
    """
    names = [each.title for each in asked]
    unknown = [name for name in names if name not in catalogue.titles]
    if unknown:
        raise UnknownTitles(unknown)
    entries = [catalogue.titles[name] for name in names]
    bare = [entry.title.title for entry in entries if not entry.candidates]
    if bare:
        raise TitlesWithoutArtwork(bare)
    return entries


def eligible(entry: TitleEntry, request: RequestContext) -> tuple[Candidate, ...]:
    """List the candidates that this request may be shown, in canonical order; the default is always among them."""
    default = entry.default()
    fitting = {each.artwork for each in entry.artworks if _fits_locale(each, request.locale)}
    return tuple(
        each
        for each in entry.candidates.values()
        if each.artwork in fitting or (default is not None and each.artwork == default.artwork)
    )


def _fits_locale(artwork: Artwork, locale: str | None) -> bool:
    if locale is None or not artwork.locales:
        return True
    language = locale.split("-")[0]
    return locale in artwork.locales or language in artwork.locales
