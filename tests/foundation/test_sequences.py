"""Tokens are cut into training windows, held-out questions and batches."""

import numpy as np
import pytest

from foundation.events import Action
from foundation.sequences import TITLE, Window, asked, batch, batches, cut, latest, padded, split, wanted_next, windows
from foundation.tokens import Token
from foundation.vocabulary import FIELDS, START, UNKNOWN, Rows, build_vocabulary


def token(title: str, worth: float = 1.0) -> Token:
    return Token(title, Action.FINISH, None, None, 0, 0, 0, 0, worth)


def numbered(tokens: int) -> Rows:
    """Rows whose title ids count upwards from 2."""
    rows = np.zeros((tokens, len(FIELDS)), dtype=np.int32)
    rows[:, TITLE] = np.arange(tokens) + 2
    return np.concatenate([START, rows])


def window(tokens: int) -> Window:
    return wanted_next(numbered(tokens), [0.5] * tokens)


def test_the_last_two_wanted_interactions_are_held_out() -> None:
    worths = [1.0, 0.0, 1.0, 0.02, 1.0, 0.1, 0.5, 0.0]
    where = cut([token(str(number), worth) for number, worth in enumerate(worths)])
    assert (where.training, where.validation, where.test) == (4, 4, 6)


def test_a_viewer_with_two_wanted_interactions_is_only_trained_on() -> None:
    where = cut([token("a"), token("b", 0.0), token("c")])
    assert (where.training, where.validation, where.test) == (3, None, None)


def test_training_never_sees_what_is_asked() -> None:
    tokens = [token(f"t{number}") for number in range(7)]
    vocabulary = build_vocabulary([tokens])
    parts = split([tokens], vocabulary, length=100)
    (trained,), (validation,), (test,) = parts.training, parts.validation, parts.test
    ids = [vocabulary.title_ids[f"t{number}"] for number in range(7)]
    assert trained.rows[1:, TITLE].tolist() == ids[:4]
    assert trained.targets.tolist() == ids[:5]
    assert (validation.rows[1:, TITLE].tolist(), validation.target) == (ids[:5], ids[5])
    assert (test.rows[1:, TITLE].tolist(), test.target) == (ids[:6], ids[6])


def test_a_question_reads_the_latest_and_remembers_every_title_met() -> None:
    question = asked(numbered(6), length=3)
    assert question.rows[:, TITLE].tolist() == [0, 5, 6]
    assert question.met.tolist() == [2, 3, 4, 5, 6]
    assert question.target == 7


def test_a_question_about_a_title_that_is_not_known_stays_a_question() -> None:
    tokens = [token("a"), token("b"), token("new")]
    parts = split([tokens], build_vocabulary([tokens[:2]]), length=100)
    assert parts.test[0].target == UNKNOWN


def test_what_is_asked_is_the_next_wanted_title() -> None:
    past = wanted_next(numbered(6), [0.0, 0.5, 0.1, 0.0, 1.0, 0.0])
    assert past.rows[:, TITLE].tolist() == [0, 2, 3, 4, 5, 6]
    assert past.targets.tolist() == [3, 3, 6, 6, 6, 0]
    assert past.worth.tolist() == [0.5, 0.5, 1.0, 1.0, 1.0, 0.0]


@pytest.mark.parametrize("tokens", [0, 1, 4, 5, 11])
def test_windows_ask_for_every_token_once_and_begin_with_start(tokens: int) -> None:
    pieces = windows(window(tokens), length=5)
    assert all(np.array_equal(piece.rows[:1], START) for piece in pieces)
    assert all(1 <= len(piece.worth) == len(piece.targets) == len(piece.rows) <= 5 for piece in pieces)
    assert all(np.array_equal(piece.rows[1:, TITLE], piece.targets[:-1]) for piece in pieces)
    assert sorted(int(target) for piece in pieces for target in piece.targets) == list(range(2, 2 + tokens))


def test_the_latest_tokens_are_kept_behind_start() -> None:
    assert latest(numbered(9), 4)[:, TITLE].tolist() == [0, 8, 9, 10]
    assert latest(numbered(3), 4)[:, TITLE].tolist() == [0, 2, 3, 4]


def test_a_batch_asks_at_every_position_for_the_token_after_it() -> None:
    stacked = batch([window(3), window(1)], rng=np.random.default_rng(0), hidden=0.0)
    assert stacked.rows[..., TITLE].tolist() == [[0, 2, 3], [0, 0, 0]]
    assert stacked.targets.tolist() == [[2, 3, 4], [2, 0, 0]]
    assert stacked.weights.tolist() == [[0.5, 0.5, 0.5], [0.5, 0.0, 0.0]]


def test_an_unknown_title_is_never_a_target() -> None:
    rows = numbered(3)
    rows[2, TITLE] = UNKNOWN
    stacked = batch([wanted_next(rows, [0.5] * 3)], rng=np.random.default_rng(0), hidden=0.0)
    assert stacked.weights.tolist() == [[0.5, 0.0, 0.5]]


def test_hidden_titles_are_read_as_unknown_but_still_asked_for() -> None:
    stacked = batch([window(4)], rng=np.random.default_rng(0), hidden=1.0)
    assert stacked.rows[0, :, TITLE].tolist() == [0, UNKNOWN, UNKNOWN, UNKNOWN]
    assert stacked.targets.tolist() == [[2, 3, 4, 5]]


def test_an_epoch_reads_every_window_once_in_an_order_of_its_own() -> None:
    pieces = [window(1 + number % 7) for number in range(40)]
    for number, piece in enumerate(pieces):
        piece.targets[0] = 100 + number

    def firsts(seed: int) -> list[int]:
        made = batches(pieces, size=4, rng=np.random.default_rng(seed), hidden=0.0)
        return [int(first) for stacked in made for first in stacked.targets[:, 0]]

    assert sorted(firsts(0)) == list(range(100, 140))
    assert firsts(0) == firsts(0) != firsts(1)


def test_padding_is_on_the_right() -> None:
    assert padded([numbered(1), numbered(2)])[..., TITLE].tolist() == [[0, 2, 0], [0, 2, 3]]
