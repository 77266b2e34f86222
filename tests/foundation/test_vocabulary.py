"""Tokens become integers, and what was never met becomes "unknown"."""

from collections.abc import Callable

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.events import Action, Event
from foundation.tokens import DAYPARTS, GAPS, SHARES, WEEKDAYS, Token, tokenize
from foundation.vocabulary import FIELDS, KNOWN, PLACES_KEPT, START, UNKNOWN, build_vocabulary

names = st.text(max_size=3)
tokens = st.builds(
    Token,
    title=names,
    action=st.sampled_from(Action),
    device=st.none() | names,
    canvas=st.none() | names,
    daypart=st.integers(0, DAYPARTS - 1),
    weekday=st.integers(0, WEEKDAYS - 1),
    gap=st.integers(0, GAPS - 1),
    share=st.integers(0, SHARES - 1),
    worth=st.floats(0, 1),
)


@settings(max_examples=30)
@given(met=st.lists(tokens), new=st.lists(tokens))
def test_every_id_lies_inside_its_field_and_only_the_new_is_unknown(met: list[Token], new: list[Token]) -> None:
    vocabulary = build_vocabulary([met])
    rows = vocabulary.encode(met + new)
    assert rows.shape == (1 + len(met) + len(new), len(FIELDS))
    assert np.array_equal(rows[:1], START)
    assert (rows[1:] >= 1).all()
    assert (rows < np.array(vocabulary.sizes)).all()
    known = {token.title for token in met}
    assert [row >= KNOWN for row in rows[1:, 0]] == [token.title in known for token in met + new]


@settings(max_examples=30)
@given(st.lists(st.lists(tokens)))
def test_the_order_of_histories_does_not_matter(histories: list[list[Token]]) -> None:
    assert build_vocabulary(histories) == build_vocabulary([history[::-1] for history in histories[::-1]])


def test_only_the_commonest_devices_are_known_by_name(make_event: Callable[..., Event]) -> None:
    rare = [make_event(str(number), device=f"rare-{number:03d}") for number in range(2 * PLACES_KEPT)]
    common = [make_event(f"again-{number}", device="zz-tv") for number in range(2)]
    vocabulary = build_vocabulary([tokenize(rare + common)])
    assert len(vocabulary.devices) == PLACES_KEPT
    assert vocabulary.devices[0] == "zz-tv"


def test_two_tokens_that_differ_anywhere_get_different_rows(make_event: Callable[..., Event]) -> None:
    (plain,) = tokenize([make_event("a", device="tv", canvas="home")])
    others = {
        "title": "b",
        "action": Action.PLAY,
        "device": "phone",
        "canvas": "search",
        "daypart": 7,
        "weekday": 6,
        "gap": 3,
        "share": 2,
    }
    changed = [plain._replace(**{name: value}) for name, value in others.items()]
    rows = build_vocabulary([[plain, *changed]]).encode([plain, *changed])[1:]
    assert [int((row != rows[0]).sum()) for row in rows[1:]] == [1] * len(FIELDS)
    assert [FIELDS[int((row != rows[0]).argmax())] for row in rows[1:]] == list(others)


def test_a_title_that_is_met_later_is_unknown(make_event: Callable[..., Event]) -> None:
    vocabulary = build_vocabulary([tokenize([make_event("a")])])
    assert vocabulary.encode(tokenize([make_event("never met")]))[1, 0] == UNKNOWN
