"""API keys: every one differs, a mistyped one is told from an unknown one, and a scanner finds them."""

import re

from hypothesis import given
from hypothesis import strategies as st

from api.credentials import Principal, Scope, digest_of, is_key, new_key, prefix_of, same

SCANNER = re.compile(r"keyart_[0-9a-z]{10}_[0-9A-Za-z]{38}")
MADE = new_key()


def test_every_key_is_another_one_and_a_scanner_finds_it() -> None:
    made = [new_key() for _ in range(200)]
    assert len({key.text for key in made}) == len({key.prefix for key in made}) == 200
    for key in made:
        assert SCANNER.findall(f"key={key.text};") == [key.text]
        assert is_key(key.text)
        assert prefix_of(key.text) == key.prefix
        assert digest_of(key.text).hex() == key.digest


@given(place=st.integers(0, len(MADE.text) - 1), letter=st.sampled_from("0123456789abcXYZ_-é "))
def test_one_wrong_character_is_noticed(place: int, letter: str) -> None:
    typed = MADE.text[:place] + letter + MADE.text[place + 1 :]
    assert is_key(typed) == (typed == MADE.text)


@given(st.text(max_size=80))
def test_any_text_can_be_sent_for_a_key(text: str) -> None:
    assert not is_key(text)
    assert len(digest_of(text)) == 32
    prefix_of(text)


def test_a_text_that_is_no_unicode_has_a_digest() -> None:
    assert not same(digest_of("\udcff"), digest_of("?"))


def test_an_admin_may_everything_and_others_what_is_theirs() -> None:
    both = Principal("ann", frozenset({Scope.ANALYST, Scope.CREATIVE}))
    assert both.actor == "key:ann"
    assert both.may(frozenset({Scope.CREATIVE}))
    assert not both.may(frozenset({Scope.SERVING}))
    assert not both.may(frozenset())
    assert Principal("bob", frozenset({Scope.ADMIN})).may(frozenset({Scope.SERVING}))
