"""Pseudonyms, decision ids and keys: stable, unforgeable, and made once."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from api.errors import BadSettings, ForgedDecision
from api.security import Keys, load_keys
from api.settings import Settings
from bandit.decision import PageId

KEYS = Keys(b"the secret of this installation")
PAGE = PageId("019aa0b1c2d37e4f8a9b0c1d2e3f4a5b")
LOGGED = "019aa0b1c2d37e4f8a9b0c1d2e3f4a5b-07-4f78c60fc0a86bc9"
UNLOGGED = "019aa0b1c2d37e4f8a9b0c1d2e3f4a5b-07-3b0391e6b07f45aa"


def test_what_databases_hold_already_keeps_its_form() -> None:
    """Another form would orphan every known viewer and every decision that is out there."""
    assert KEYS.pseudonym("viewer@example.org") == "2b7e36e94fc34dffbd4a615cba20ccfe"
    for decision, logged in ((LOGGED, True), (UNLOGGED, False)):
        read = KEYS.read_decision(decision)
        assert (read.page, read.slot, read.logged) == (PAGE, 7, logged)


def test_a_page_is_signed_at_once_as_its_slots_are_one_by_one() -> None:
    for logged in (True, False):
        each = [KEYS.sign_decision(PAGE, slot, logged=logged) for slot in range(100)]
        assert KEYS.sign_page(PAGE, 100, logged=logged) == each
        assert len({decision.rpartition("-")[2] for decision in each}) == 100


def test_another_secret_gives_other_pseudonyms_and_signatures() -> None:
    other = Keys(b"the secret of another installation")
    assert other.pseudonym("viewer@example.org") != KEYS.pseudonym("viewer@example.org")
    with pytest.raises(ForgedDecision):
        other.read_decision(LOGGED)


@given(st.text(alphabet=st.characters()))
def test_any_viewer_id_has_a_pseudonym_of_32_hex_digits(viewer: str) -> None:
    pseudonym = KEYS.pseudonym(viewer)
    assert len(pseudonym) == 32
    assert set(pseudonym) <= set("0123456789abcdef")


@given(page=st.uuids().map(lambda each: PageId(each.hex)), slot=st.integers(0, 999), logged=st.booleans())
def test_a_decision_id_says_what_was_signed(page: PageId, slot: int, logged: bool) -> None:
    read = KEYS.read_decision(KEYS.sign_decision(page, slot, logged=logged))
    assert (read.page, read.slot, read.logged) == (page, slot, logged)


@given(position=st.integers(0, len(LOGGED) - 1), digit=st.sampled_from("0123456789abcdef-Z٣\n"))
def test_one_changed_character_is_a_forgery(position: int, digit: str) -> None:
    forged = LOGGED[:position] + digit + LOGGED[position + 1 :]
    if forged != LOGGED:
        with pytest.raises(ForgedDecision):
            KEYS.read_decision(forged)


@pytest.mark.parametrize(
    "forged", ["", "x", LOGGED + "0", LOGGED.upper(), " " + LOGGED, LOGGED.replace("-07-", "-007-")]
)
def test_other_spellings_are_forgeries(forged: str) -> None:
    with pytest.raises(ForgedDecision, match="not issued here"):
        KEYS.read_decision(forged)


def test_the_secret_file_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "new" / "home")
    first = load_keys(settings).pseudonym("someone")
    assert load_keys(settings).pseudonym("someone") == first
    [file] = (tmp_path / "new" / "home").iterdir()
    assert file.name == "secret.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_processes_that_start_together_share_one_secret(tmp_path: Path) -> None:
    for attempt in range(20):
        settings = Settings(home=tmp_path / str(attempt))
        with ThreadPoolExecutor(8) as pool:
            pseudonyms = list(pool.map(lambda _: load_keys(settings).pseudonym("someone"), range(8)))  # noqa: B023
        assert len(set(pseudonyms)) == 1
        assert [file.name for file in settings.home.iterdir()] == ["secret.key"]


def test_two_installations_have_two_secrets(tmp_path: Path) -> None:
    one, other = (load_keys(Settings(home=tmp_path / name)).pseudonym("someone") for name in ("one", "other"))
    assert one != other


def test_a_secret_of_the_settings_needs_no_file(tmp_path: Path) -> None:
    load_keys(Settings(home=tmp_path, secret=SecretStr("sixteen characters")))
    assert list(tmp_path.iterdir()) == []


def test_an_emptied_secret_file_is_refused_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_text("\n")
    with pytest.raises(BadSettings, match="Restore it from a backup"):
        load_keys(Settings(home=tmp_path))


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file where the folder should be")
    with pytest.raises(BadSettings, match=r"secret\.key cannot be used"):
        load_keys(Settings(home=tmp_path / "home"))
