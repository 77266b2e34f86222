"""Secrets beside older secrets: every viewer is found again, and old decisions are taken for a stated time."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from api.errors import BadSettings, Conflict, ForgedDecision
from api.key_ring import MOST_SECRETS, Secret, add_secret, load_secrets, parse_secrets
from api.security import Keys, first_letter_of, generation_of, load_keys
from api.settings import Settings
from api.storage.pages import page_id_at
from bandit.decision import PageId

FIRST, SECOND, THIRD = b"the first secret here", b"the second secret here", b"the third secret of all"
ROTATED = datetime(2026, 3, 1, tzinfo=UTC)
RING = (Secret(FIRST), Secret(SECOND, ROTATED), Secret(THIRD, ROTATED + timedelta(days=100)))


def keys_at(now: datetime, ring: tuple[Secret, ...] = RING[:2]) -> Keys:
    return Keys(*ring, old_signatures_for=timedelta(days=30), clock=lambda: now)


def test_a_ring_of_one_is_what_one_secret_always_was() -> None:
    assert Keys(Secret(FIRST)).pseudonym("ada") == Keys(FIRST).pseudonym("ada")
    assert generation_of(Keys(FIRST).pseudonym("ada")) == Keys(FIRST).generation == 0


def test_older_pseudonyms_lead_to_the_newest_without_the_raw_id() -> None:
    newest = Keys(*RING)
    first, second, third = newest.pseudonyms("ada")
    assert first == Keys(FIRST).pseudonym("ada")
    assert second == Keys(*RING[:2]).pseudonym("ada")
    assert third == newest.pseudonym("ada") == newest.renamed(first) == newest.renamed(second) == newest.renamed(third)
    assert [generation_of(each) for each in (first, second, third)] == [0, 1, 2]
    assert first < first_letter_of(1) < second < first_letter_of(2) < third
    assert {len(each) for each in (first, second, third)} == {32}


def test_without_the_new_secret_nobody_finds_the_new_pseudonym() -> None:
    stolen = Keys(FIRST, b"a guess of the second")
    assert stolen.pseudonym("ada") != Keys(*RING[:2]).pseudonym("ada")


def test_decisions_of_the_older_secret_are_taken_for_the_stated_time_and_then_refused() -> None:
    page = page_id_at(ROTATED - timedelta(hours=3))
    old = Keys(FIRST).sign_decision(page, 3)
    assert keys_at(ROTATED + timedelta(days=29)).read_decision(old).slot == 3
    with pytest.raises(ForgedDecision):
        keys_at(ROTATED + timedelta(days=31)).read_decision(old)


def test_a_stolen_older_secret_signs_no_page_of_after_the_rotation() -> None:
    page = page_id_at(ROTATED + timedelta(days=2))
    with pytest.raises(ForgedDecision):
        keys_at(ROTATED + timedelta(days=3)).read_decision(Keys(FIRST).sign_decision(page, 0))
    between = page_id_at(ROTATED + timedelta(hours=2))
    assert keys_at(ROTATED + timedelta(days=3)).read_decision(Keys(FIRST).sign_decision(between, 0)), (
        "a server that was restarted two hours later signed truly"
    )


def test_new_decisions_are_signed_with_the_newest_secret() -> None:
    page = PageId("019aa0b1c2d37e4f8a9b0c1d2e3f4a5b")
    assert keys_at(ROTATED).sign_decision(page, 7) == Keys(SECOND).sign_decision(page, 7)


def test_rotating_keeps_the_older_secrets_and_the_files_owner(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    before = load_keys(settings)
    now = datetime.now(UTC)
    ring = add_secret(settings, now=now)
    assert load_secrets(settings) == ring
    assert [each.since for each in ring] == [None, now]
    assert load_keys(settings).pseudonyms("ada")[0] == before.pseudonym("ada")
    assert stat.S_IMODE((tmp_path / "secret.key").stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["secret.key"]


def test_a_secret_of_the_environment_is_not_rotated_by_a_command(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, secret=SecretStr("sixteen characters"))
    with pytest.raises(Conflict, match="Add a line `since 2026-03-01T00:00:00Z NEW` to it"):
        add_secret(settings, now=ROTATED)
    ring = "sixteen characters\nsince 2026-03-01T00:00:00Z another sixteen characters"
    both = load_keys(Settings(home=tmp_path, secret=SecretStr(ring)))
    assert both.pseudonyms("ada")[0] == load_keys(settings).pseudonym("ada")
    assert both.generation == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"short", "fewer than 16"),
        (FIRST + b"\nsince 2026-03-01T00:00:00Z short", "fewer than 16"),
        (FIRST + b"\nsince yesterday " + SECOND, "whose time is none"),
        (FIRST + b"\nsince 2026-03-01T00:00:00 " + SECOND, "without its offset"),
        (FIRST + 2 * (b"\nsince 2026-03-01T00:00:00Z " + SECOND), "out of order"),
    ],
)
def test_a_ring_that_is_none_is_refused_without_showing_a_secret(text: bytes, says: str) -> None:
    with pytest.raises(BadSettings, match=says) as refused:
        parse_secrets(text, place="the file")
    assert SECOND.decode() not in str(refused.value)


def test_there_is_a_letter_for_every_secret_that_may_be_held(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    for number in range(MOST_SECRETS - 1):
        add_secret_of_day(settings, number)
    assert load_keys(settings).pseudonym("ada")[0] == first_letter_of(MOST_SECRETS - 1)
    with pytest.raises(Conflict, match="20 secrets already"):
        add_secret_of_day(settings, 50)


def add_secret_of_day(settings: Settings, number: int) -> None:
    add_secret(settings, now=datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=number))


def test_a_clock_that_was_set_back_is_refused(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    add_secret_of_day(settings, 3)
    with pytest.raises(Conflict, match="clock"):
        add_secret_of_day(settings, 2)
