"""A catalogue as lines of text, and back: all that a page of default and pinned artworks needs, and no vectors.

So no policy can look at what comes back: pages from it show default artworks, and none is logged.
"""

from collections.abc import Iterable, Iterator
from types import MappingProxyType

import msgspec
import numpy as np

from api.homepage.catalogue import Catalogue, TitleEntry, title_entry
from artwork.catalog import Artwork, Title
from bandit.context import Candidate
from bandit.guards import TitleGuards

TITLES_A_LINE = 100
"""So few that other threads hardly notice how long one line takes."""

_UNSEEN = np.zeros(0, dtype=np.float32)


class _Said(msgspec.Struct, frozen=True, omit_defaults=True):
    """A title with the artworks that pages may show."""

    title: Title
    artworks: tuple[Artwork, ...]
    guards: TitleGuards = TitleGuards()


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(list[_Said])


def lines_of(catalogue: Catalogue) -> Iterator[bytes]:
    """Say a catalogue, some titles a line."""
    entries = [*catalogue.titles.values()]
    for start in range(0, len(entries), TITLES_A_LINE):
        yield _encoder.encode([_said(entry) for entry in entries[start : start + TITLES_A_LINE]])


def catalogue_from(lines: Iterable[bytes]) -> Catalogue:
    """Return the catalogue that was said: for showing default artworks, and for nothing else.

    Raises:
        msgspec.MsgspecError: these are not its lines.
    """
    entries = (_entry(said) for line in lines for said in _decoder.decode(line))
    return Catalogue(titles=MappingProxyType({entry.title.title: entry for entry in entries}), remembered=True)


def _said(entry: TitleEntry) -> _Said:
    shown = tuple(each for each in entry.artworks if each.artwork in entry.candidates)
    return _Said(entry.title, shown, entry.guards)


def _entry(said: _Said) -> TitleEntry:
    shown = [
        Candidate(artwork=each.artwork, image=each.image, vector=_UNSEEN, default=each.default)
        for each in said.artworks
        if each.image is not None
    ]
    return title_entry(said.title, said.artworks, shown, guards=said.guards)
