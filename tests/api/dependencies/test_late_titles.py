"""Titles that the mirror cannot show yet are looked for beside the pages, which never wait for it (C8)."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import pytest

from api.dependencies.catalogue import CatalogueMirror
from api.dependencies.late_titles import REST_SECONDS, LateTitles
from api.errors import StorageUnavailable
from api.homepage.catalogue import Catalogue, title_entry
from artwork.catalog import Artwork, ArtworkId, ArtworkState, ImageHash, Title, TitleId
from bandit.context import Candidate
from tests.api.installation import Installation, fill_title, running, settings_in, unit_vector
from tests.api.problems import is_problem

HARBOR, COMET = TitleId("harbor"), TitleId("comet")


def showing(*titles: TitleId) -> Catalogue:
    return Catalogue(titles={title: _entry(title) for title in titles})


def _entry(title: TitleId) -> object:
    image = ImageHash("0" * 64)
    own = Artwork(title=title, artwork=ArtworkId("a"), image=image, state=ArtworkState.ACTIVE)
    shown = Candidate(artwork=own.artwork, image=image, vector=unit_vector("a"))
    return title_entry(Title(title=title, name="A title"), [own], [shown])


class Mirror:
    """Reads when it is let, and finds what is there by then."""

    def __init__(self, *, found: Catalogue | None = None) -> None:
        self.current = showing(HARBOR)
        self.found = found
        self.let = threading.Event()
        self.looks = 0

    def refresh(self) -> None:
        self.looks += 1
        there = self.found
        assert self.let.wait(5)
        if there is None:
            raise StorageUnavailable("It is away.")
        self.current = there


def late(mirror: Mirror) -> LateTitles:
    return LateTitles(cast(CatalogueMirror, mirror))


def test_what_is_known_is_not_looked_for() -> None:
    mirror = Mirror()
    assert asyncio.run(late(mirror).look_for([HARBOR], budget=3.0)) == 3.0
    assert mirror.looks == 0


def test_all_who_wait_share_a_look_and_one_more_for_those_who_came_during_it() -> None:
    mirror = Mirror(found=showing(HARBOR))

    async def together() -> list[float]:
        titles = late(mirror)
        early = [asyncio.create_task(titles.look_for([COMET], budget=9.0)) for _ in range(20)]
        while not mirror.looks:
            await asyncio.sleep(0.001)
        mirror.found = showing(HARBOR, COMET)  # put after the first look had begun
        mirror.let.set()
        return await asyncio.gather(*early)

    left = asyncio.run(together())
    assert all(0 < each < 9.0 for each in left)
    assert mirror.current.lacks([HARBOR, COMET]) == []
    assert mirror.looks == 2


def test_a_database_that_does_not_answer_is_left_alone_for_a_moment() -> None:
    mirror, now = Mirror(), [0.0]
    mirror.let.set()

    async def thrice() -> None:
        titles = LateTitles(cast(CatalogueMirror, mirror), clock=lambda: now[0])
        for expected in (1, 1):
            with pytest.raises(StorageUnavailable, match="cannot show comet"):
                await titles.look_for([HARBOR, COMET], budget=9.0)
            assert mirror.looks == expected
        now[0] += REST_SECONDS
        with pytest.raises(StorageUnavailable):
            await titles.look_for([COMET], budget=9.0)
        assert mirror.looks == 2

    asyncio.run(thrice())


def test_a_title_that_another_server_put_a_moment_ago_is_shown(home: Path) -> None:
    with running(settings_in(home)) as one, running(settings_in(home)) as other:
        fill_title(other.engine, other.blobs, "comet", artworks=2)
        assert one.select("comet")["logged"] is True
        fill_title(other.engine, other.blobs, "atlas", artworks=2)
        body = {"requests": [{"viewer": "v", "titles": [{"title": title}]} for title in ("comet", "atlas")]}
        assert one.http.post("/v1/select:batch", json=body).status_code == 200


def test_c8_pages_of_known_titles_do_not_wait_while_the_catalogue_is_being_read(harbor: Installation) -> None:
    """As when a new embedding version is loaded, which takes seconds."""
    reading = harbor.services.catalogue._refreshing
    hurried = {"Keyart-Time-Budget": "400"}
    body = {"viewer": "v", "titles": [{"title": "harbor"}, {"title": "nobody"}]}
    with ThreadPoolExecutor(4) as callers:
        with reading:
            unknown = [callers.submit(harbor.http.post, "/v1/select", json=body, headers=hurried) for _ in range(3)]
            for number in range(20):
                page = harbor.select("harbor", viewer=f"v{number}")
                assert (page["logged"], page["policy"]) == (True, "uniform")
            refused = [each.result(10) for each in unknown]
        for each in refused:
            is_problem(each, 503, "storage_unavailable")
    harbor.services.late_titles._rests_until = 0.0
    is_problem(harbor.http.post("/v1/select", json=body), 404, "unknown_title")
