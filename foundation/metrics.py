"""How well scores rank what was wanted next, and the popularity that any model must beat. Knows no model."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foundation.sequences import Question
from foundation.tokens import WANTED, Token
from foundation.vocabulary import KNOWN

Scores = NDArray[np.float32]
"""Scores of every known title for each question, shape (questions, titles)."""

DEPTH = 10


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """Mean quality of a ranking over `questions` held-out titles; a wanted title that is not known counts as missed."""

    ndcg_at_10: float
    hit_at_10: float
    reciprocal_rank: float
    questions: int


def ranks(scores: Scores, questions: Sequence[Question], *, mask_history: bool) -> NDArray[np.float64]:
    """Return the rank, from 1, of each question's wanted title; infinity where it is not known.

    Titles that score the same as the wanted one are ranked before it, so a constant score earns nothing.
    With `mask_history` the titles that the viewer has met are taken out of the ranking.
    """
    known = [max(question.target - KNOWN, 0) for question in questions]
    wanted = scores[np.arange(len(questions)), known]
    above = scores >= wanted[:, None]
    if mask_history:
        for position, question in enumerate(questions):
            above[position, question.met[question.met >= KNOWN] - KNOWN] = False
    above[np.arange(len(questions)), known] = True
    missed = np.array([question.target < KNOWN for question in questions])
    return np.where(missed, np.inf, above.sum(axis=1))


def ranking(places: NDArray[np.float64]) -> Ranking:
    """Summarise ranks: NDCG@10 with one relevant title (1 / log2(1 + rank)), hit@10 and the mean reciprocal rank."""
    hit = places <= DEPTH
    return Ranking(
        ndcg_at_10=float(np.where(hit, 1.0 / np.log2(1.0 + places), 0.0).mean()),
        hit_at_10=float(hit.mean()),
        reciprocal_rank=float((1.0 / places).mean()),
        questions=len(places),
    )


def popularity(histories: Iterable[Sequence[Token]], titles: Sequence[str]) -> Scores:
    """Return what the wanted interactions with each of `titles` are worth together, shape (titles,)."""
    wanted = dict.fromkeys(titles, 0.0)
    for token in (token for tokens in histories for token in tokens if token.worth >= WANTED):
        wanted[token.title] += token.worth
    return np.array(list(wanted.values()), dtype=np.float32)
