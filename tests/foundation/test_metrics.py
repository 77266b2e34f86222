"""Rankings are measured as the literature measures them, and never in the model's favour."""

import math

import numpy as np
import pytest

from foundation.events import Action
from foundation.metrics import Scores, popularity, ranking, ranks
from foundation.sequences import Question
from foundation.tokens import Token
from foundation.vocabulary import KNOWN, START, UNKNOWN


def question(target: int, *met: int) -> Question:
    return Question(rows=START, met=np.array(met, dtype=np.int32), target=target)


def scores(*values: float) -> Scores:
    return np.array([values], dtype=np.float32)


def test_the_rank_counts_the_titles_that_score_higher() -> None:
    assert ranks(scores(0.1, 0.9, 0.5), [question(KNOWN + 2)], mask_history=False).tolist() == [2.0]


def test_a_constant_score_ranks_the_wanted_title_last() -> None:
    assert ranks(scores(1.0, 1.0, 1.0), [question(KNOWN)], mask_history=False).tolist() == [3.0]


def test_a_title_that_is_not_known_is_missed() -> None:
    assert ranks(scores(0.1, 0.9), [question(UNKNOWN)], mask_history=False).tolist() == [math.inf]


def test_titles_of_the_history_can_be_taken_out_but_never_the_wanted_one() -> None:
    asked = [question(KNOWN + 2, KNOWN + 1, KNOWN + 2, UNKNOWN)]
    assert ranks(scores(0.9, 0.8, 0.1), asked, mask_history=False).tolist() == [3.0]
    assert ranks(scores(0.9, 0.8, 0.1), asked, mask_history=True).tolist() == [2.0]


def test_the_summary_by_hand() -> None:
    made = ranking(np.array([1.0, 3.0, 10.0, 11.0, math.inf]))
    assert made.ndcg_at_10 == pytest.approx((1.0 + 0.5 + 1.0 / math.log2(11)) / 5)
    assert made.hit_at_10 == pytest.approx(3 / 5)
    assert made.reciprocal_rank == pytest.approx((1 + 1 / 3 + 1 / 10 + 1 / 11) / 5)
    assert made.questions == 5


def test_popularity_counts_what_was_wanted_and_nothing_else() -> None:
    def token(title: str, worth: float) -> Token:
        return Token(title, Action.PLAY, None, None, 0, 0, 0, 0, worth)

    history = [token("a", 1.0), token("b", 0.5), token("a", 0.25), token("b", 0.2), token("c", 0.0)]
    assert popularity([history, history], ["a", "b", "c"]).tolist() == [2.5, 1.0, 0.0]
