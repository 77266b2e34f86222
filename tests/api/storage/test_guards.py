"""Guards are set and lifted, states are changed, each with who and why; nothing is ever forgotten."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from api.errors import Conflict, UnknownArtwork, UnknownGuard, UnknownTitle
from api.storage.catalog import changed_since, find_artwork, put_artwork, put_title
from api.storage.database import reading, transaction
from api.storage.guards import (
    Edit,
    change_state,
    guards_in_force,
    lift_guard,
    list_changes,
    list_guards,
    set_guard,
    titles_reguarded_since,
)
from api.storage.images import Image, activate_image, attach_image
from api.storage.jobs import JobKind, count_unfinished
from api.storage.vectors import EmbeddingVersion, add_embedding_version, put_vector, set_live_embedding_version
from artwork.catalog import Artwork, ArtworkId, ArtworkState, ImageHash, Title, TitleId
from bandit.guards import Guard, Pin, Schedule, Share, Span
from tests.api.installation import unit_vector

HEAT = TitleId("heat")
A, B, C = (ArtworkId(name) for name in "abc")


@pytest.fixture
def edit(now: datetime) -> Edit:
    return Edit(actor="Ada", reason="premiere", at=now)


@pytest.fixture
def filled(engine: Engine, now: datetime) -> Engine:
    """The title `heat` with the active artworks a (the default), b and c."""
    with transaction(engine) as connection:
        put_title(connection, Title(title=HEAT, name="Heat"), now=now)
        version = EmbeddingVersion(version="fake-1", dimension=8, domain="rendered")
        add_embedding_version(connection, version, now=now)
        set_live_embedding_version(connection, "fake-1")
        for name in (A, B, C):
            sha256 = ImageHash(name * 64)
            image = Image(sha256=sha256, format="png", width=8, height=8, bytes=9, perceptual_hash=name * 64)
            attach_image(connection, HEAT, name, image=image, now=now)
            put_vector(connection, sha256, version="fake-1", vector=unit_vector(name))
            activate_image(connection, sha256, now=now)
    return engine


def put(engine: Engine, guard: Guard, edit: Edit) -> int:
    with transaction(engine) as connection:
        return set_guard(connection, HEAT, guard, edit=edit).number


def change(engine: Engine, artwork: ArtworkId, state: ArtworkState, edit: Edit) -> Artwork:
    with transaction(engine) as connection:
        return change_state(connection, HEAT, artwork, state=state, edit=edit)


def test_guards_come_back_as_they_were_set(filled: Engine, edit: Edit, now: datetime) -> None:
    span = Span(since=now, until=now + timedelta(hours=1))
    guards = [Pin(artwork=B, span=span, locale="de"), Schedule(artwork=C, span=span), Share(artwork=C, minimum=0.2)]
    numbers = [put(filled, guard, edit) for guard in guards]
    with reading(filled) as connection:
        listed = list_guards(connection, HEAT)
        assert guards_in_force(connection, [HEAT]) == {HEAT: guards}
    assert [(each.number, each.guard) for each in listed] == [*zip(numbers, guards, strict=True)][::-1]
    assert {(each.set, each.lifted) for each in listed} == {(edit, None)}


def test_a_lifted_guard_has_no_force_and_stays_on_the_record(filled: Engine, edit: Edit, now: datetime) -> None:
    number = put(filled, Pin(artwork=B), edit)
    other = Edit(actor="Bo", reason="over", at=now)
    with transaction(filled) as connection:
        assert lift_guard(connection, HEAT, number, edit=other).lifted == other
        assert guards_in_force(connection, [HEAT]) == {}
        [found] = list_guards(connection, HEAT)
    assert (found.set, found.lifted) == (edit, other)
    with transaction(filled) as connection, pytest.raises(Conflict, match="lifted before, by Bo"):
        lift_guard(connection, HEAT, number, edit=edit)


def test_whoever_polls_sees_which_titles_changed(filled: Engine, edit: Edit) -> None:
    def polled(since: int) -> tuple[int, set[TitleId]]:
        with reading(filled) as connection:
            return changed_since(connection, since).revision, titles_reguarded_since(connection, since)

    begun, _ = polled(0)
    number = put(filled, Pin(artwork=B), edit)
    pinned, titles = polled(begun)
    assert (pinned > begun, titles) == (True, {HEAT})
    with transaction(filled) as connection:
        lift_guard(connection, HEAT, number, edit=edit)
    lifted, titles = polled(pinned)
    assert (lifted > pinned, titles, polled(lifted)) == (True, {HEAT}, (lifted, set()))


def test_a_share_takes_the_place_of_the_former_one(filled: Engine, edit: Edit) -> None:
    put(filled, Share(artwork=B, minimum=0.6), edit)
    put(filled, Share(artwork=B, minimum=0.7), edit)
    with reading(filled) as connection:
        assert guards_in_force(connection, [HEAT]) == {HEAT: [Share(artwork=B, minimum=0.7)]}
        assert [each.lifted for each in list_guards(connection, HEAT)] == [None, edit]


def test_shares_that_cannot_be_kept_together_change_nothing(filled: Engine, edit: Edit) -> None:
    put(filled, Share(artwork=B, minimum=0.6), edit)
    with pytest.raises(Conflict, match=r"add up to 1\.1"):
        put(filled, Share(artwork=C, minimum=0.5), edit)
    put(filled, Share(artwork=A, maximum=0.1), edit)
    put(filled, Share(artwork=C, maximum=0.1), edit)
    with pytest.raises(Conflict, match="less than 1"):
        put(filled, Share(artwork=B, maximum=0.7), edit)
    with reading(filled) as connection:
        assert Share(artwork=B, minimum=0.6) in guards_in_force(connection, [HEAT])[HEAT]


@pytest.mark.parametrize(
    ("broken", "error"),
    [
        (lambda connection, edit: set_guard(connection, TitleId("no"), Pin(artwork=A), edit=edit), UnknownTitle),
        (lambda connection, edit: set_guard(connection, HEAT, Pin(artwork=ArtworkId("z")), edit=edit), UnknownArtwork),
        (lambda connection, edit: lift_guard(connection, HEAT, 99, edit=edit), UnknownGuard),
        (lambda connection, edit: list_guards(connection, TitleId("no")), UnknownTitle),
    ],
)
def test_what_does_not_exist_is_named(
    filled: Engine, edit: Edit, broken: Callable[[Any, Edit], object], error: type[Exception]
) -> None:
    with transaction(filled) as connection, pytest.raises(error):
        broken(connection, edit)


def test_an_artwork_is_paused_resumed_and_retired_on_the_record(filled: Engine, edit: Edit) -> None:
    steps = [ArtworkState.PAUSED, ArtworkState.ACTIVE, ArtworkState.RETIRED]
    reached = [change(filled, B, state, edit) for state in (*steps, ArtworkState.RETIRED)]
    assert [each.state for each in reached] == [*steps, ArtworkState.RETIRED]
    assert [each.reason for each in reached] == ["premiere", None, "premiere", "premiere"]
    with reading(filled) as connection:
        assert find_artwork(connection, HEAT, B) == reached[-1]
        changes = list_changes(connection, HEAT)
    assert [(each.artwork, each.state, each.edit) for each in changes] == [(B, state, edit) for state in steps[::-1]]
    with pytest.raises(Conflict, match="is retired"):
        put(filled, Pin(artwork=B), edit)


@pytest.mark.parametrize("state", [ArtworkState.PAUSED, ArtworkState.RETIRED])
def test_the_default_goes_only_after_another_is_named(
    filled: Engine, edit: Edit, now: datetime, state: ArtworkState
) -> None:
    with pytest.raises(Conflict, match="Make another one the default first"):
        change(filled, A, state, edit)
    with transaction(filled) as connection:
        put_artwork(connection, Artwork(title=HEAT, artwork=B, default=True), now=now)
    assert change(filled, A, state, edit).state is state
    with transaction(filled) as connection, pytest.raises(Conflict, match="Resume it first"):
        put_artwork(connection, Artwork(title=HEAT, artwork=A, default=True), now=now)


def test_what_is_resumed_without_a_vector_is_embedded_first(filled: Engine, edit: Edit, now: datetime) -> None:
    image = Image(sha256=ImageHash("d" * 64), format="png", width=8, height=8, bytes=9, perceptual_hash="d" * 64)
    with transaction(filled) as connection:
        attach_image(connection, HEAT, ArtworkId("d"), image=image, now=now)
        queued = count_unfinished(connection, JobKind.EMBED_IMAGE)
    assert change(filled, ArtworkId("d"), ArtworkState.PAUSED, edit).state is ArtworkState.PAUSED
    assert change(filled, ArtworkId("d"), ArtworkState.ACTIVE, edit).state is ArtworkState.PROCESSING
    with reading(filled) as connection:
        assert count_unfinished(connection, JobKind.EMBED_IMAGE) == queued


def test_a_paused_upload_does_not_become_the_default(engine: Engine, edit: Edit, now: datetime) -> None:
    image = Image(sha256=ImageHash("e" * 64), format="png", width=8, height=8, bytes=9, perceptual_hash="e" * 64)
    with transaction(engine) as connection:
        put_title(connection, Title(title=HEAT, name="Heat"), now=now)
        put_artwork(connection, Artwork(title=HEAT, artwork=A), now=now)
        change_state(connection, HEAT, A, state=ArtworkState.PAUSED, edit=edit)
        assert not attach_image(connection, HEAT, A, image=image, now=now).default


def test_devices_come_back(filled: Engine, now: datetime) -> None:
    described = Artwork(title=HEAT, artwork=B, devices=("tv", "phone"))
    with transaction(filled) as connection:
        assert put_artwork(connection, described, now=now).devices == ("tv", "phone")
        assert find_artwork(connection, HEAT, B).devices == ("tv", "phone")
