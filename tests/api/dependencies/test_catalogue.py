"""The mirror of the catalogue: a large one is loaded once, held out of the collector's way, and kept in small steps."""

import gc
from collections.abc import Iterator
from typing import Any

import pytest

from api.dependencies import catalogue
from api.dependencies.catalogue import CatalogueMirror
from artwork.catalog import Artwork, ArtworkId, ArtworkState, ImageHash, TitleId
from bandit.context import Picture
from tests.api.installation import Installation, unit_vector


class TooMany(dict[Any, Any]):
    """The pictures of a whole catalogue: whoever goes through them does so once for every title."""

    def __iter__(self) -> Iterator[Any]:
        raise AssertionError("somebody goes through the pictures of all titles")

    keys = items = values = __iter__  # type: ignore[assignment]


def test_a_title_takes_its_own_pictures_and_does_not_go_through_all() -> None:
    artwork = Artwork(
        title=TitleId("harbor"), artwork=ArtworkId("a"), image=ImageHash("0" * 64), state=ArtworkState.ACTIVE
    )
    picture = Picture(vector=unit_vector("a"))
    pictures = TooMany({ImageHash("0" * 64): picture, ImageHash("1" * 64): picture})
    own = catalogue._own_pictures(None, {ArtworkId("a"): artwork}, pictures)
    assert own == {ImageHash("0" * 64): picture}


def test_a_large_catalogue_is_no_garbage_and_collecting_goes_on(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    for title in ("harbor", "comet"):
        installation.put_title(title)
    monkeypatch.setattr(catalogue, "MANY_TITLES", 2)
    frozen = gc.get_freeze_count()
    mirror = CatalogueMirror(installation.engine)
    try:
        mirror.refresh()
        held = gc.get_freeze_count()
        assert gc.isenabled()
        assert held > frozen
        before = mirror.current
        assert before.titles.keys() == {"harbor", "comet"}
        installation.put_title("atlas")
        mirror.refresh()
        assert mirror.current.titles["harbor"] is before.titles["harbor"], "what did not change is not read again"
        assert gc.get_freeze_count() <= held, "a small step freezes nothing"
    finally:
        gc.unfreeze()
