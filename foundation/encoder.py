"""What a trained foundation is asked for: viewer vectors, title vectors, next-title scores. Knows no training."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray

from foundation.computing import on_threads
from foundation.events import Event
from foundation.model import ViewerModel
from foundation.sequences import latest, padded
from foundation.tokens import tokenize
from foundation.trained import Foundation
from foundation.vocabulary import Rows

Vectors = NDArray[np.float32]
BATCH_SIZE = 256


def encode_viewers(foundation: Foundation, histories: Iterable[Sequence[Event]], *, threads: int = 1) -> Vectors:
    """Return where each viewer stands after their latest event, shape (viewers, dimension), float32, unit norm.

    A title that the foundation has not met is read as "unknown"; an empty history gives the vector of a viewer
    of whom nothing is known. Only the latest `length` - 1 interactions are read. `threads` is torch's.

    Raises:
        InvalidHistory: a history holds events of several viewers, or a time has no timezone.
    """
    with on_threads(threads):
        parts = [vectors_after(foundation.model, rows) for rows in _encoded(foundation, histories)]
    return np.concatenate(parts) if parts else np.zeros((0, foundation.config.model.dimension), dtype=np.float32)


def title_vectors(foundation: Foundation) -> dict[str, Vectors]:
    """Return the vector of every known title, each of shape (dimension,), float32, unit norm.

    They lie in the viewers' space: the larger the product with a viewer's vector, the more fitting the title.
    """
    with torch.inference_mode():
        vectors = foundation.model.title_vectors().numpy().astype(np.float32)
    return dict(zip(foundation.vocabulary.titles, vectors, strict=True))


def next_title_scores(foundation: Foundation, histories: Iterable[Sequence[Event]], *, threads: int = 1) -> Vectors:
    """Return the log-probability of each known title to be wanted next, shape (viewers, titles), float32.

    Columns are in the order of `foundation.vocabulary.titles`. Raises as `encode_viewers` does.
    """
    viewers = encode_viewers(foundation, histories, threads=threads)
    with on_threads(threads):
        return scores_of(foundation.model, viewers)


def vectors_after(model: ViewerModel, pieces: Sequence[Rows]) -> Vectors:
    """Return the model's vector after the last row of every piece, shape (pieces, dimension)."""
    last = torch.tensor([len(rows) - 1 for rows in pieces])
    with torch.inference_mode():
        states = model(torch.tensor(padded(pieces), dtype=torch.long))
        return states[torch.arange(len(pieces)), last].numpy()


def scores_of(model: ViewerModel, viewers: Vectors) -> Vectors:
    """Return the log-probabilities of the next title for viewer vectors: (n, dimension) to (n, titles)."""
    with torch.inference_mode():
        return model.scores(torch.tensor(viewers)).log_softmax(-1).numpy()


def _encoded(foundation: Foundation, histories: Iterable[Sequence[Event]]) -> Iterator[list[Rows]]:
    length, vocabulary = foundation.config.model.length, foundation.vocabulary
    rows = (latest(vocabulary.encode(tokenize(history)), length) for history in histories)
    while chunk := list(islice(rows, BATCH_SIZE)):
        yield chunk
