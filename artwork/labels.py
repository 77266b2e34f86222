"""Words for what an artwork shows, found by comparing its vector with prompts. Knows vectors, not pixels.

A label holds within the domain of the model that gave it: keyart-lite learned its words on drawings, so its labels
say `rendered` and are never shown as facts about an uploaded photograph.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from artwork.catalog import Domain
from artwork.embedding import Embedder
from artwork.lite.captions import PHRASES, Attribute, prompt

LEAST_SCORE = 0.6
"""Below this share of the softmax no label is given. The model card says how often, and how right the rest is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One attribute's likeliest value, its share of the softmax over the values (0 to 1), and where it holds."""

    attribute: Attribute
    value: str
    score: float
    domain: Domain


class Labeller:
    """Zero-shot labels from one embedder: the prompts are embedded once."""

    def __init__(self, embedder: Embedder, *, least_score: float = LEAST_SCORE) -> None:
        self._domain: Domain = embedder.domain
        self._least = least_score
        self._scale = embedder.logit_scale
        self._prompts = {
            attribute: embedder.embed_texts([prompt(attribute, value) for value in values])
            for attribute, values in PHRASES.items()
        }

    def scores(self, vectors: NDArray[np.float32], attribute: Attribute) -> NDArray[np.float64]:
        """Softmax over the attribute's values (n, values), in the order of PHRASES, for unit vectors (n, d)."""
        logits = self._scale * (vectors.astype(np.float64) @ self._prompts[attribute].T)
        exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares: NDArray[np.float64] = exponents / exponents.sum(axis=1, keepdims=True)
        return shares

    def label(self, vectors: NDArray[Any]) -> list[tuple[Label, ...]]:
        """The labels of each vector (n, d), leaving out every attribute that is not clear.

        An expression is left out as well where no people are the likeliest.
        """
        shares = {attribute: self.scores(vectors, attribute) for attribute in PHRASES}
        return [self._clear({name: share[row] for name, share in shares.items()}) for row in range(len(vectors))]

    def _clear(self, shares: dict[Attribute, NDArray[np.float64]]) -> tuple[Label, ...]:
        best = {
            attribute: Label(
                attribute=attribute,
                value=list(PHRASES[attribute])[int(share.argmax())],
                score=float(share.max()),
                domain=self._domain,
            )
            for attribute, share in shares.items()
        }
        if best[Attribute.PEOPLE].value == "0":
            del best[Attribute.EXPRESSION]
        return tuple(label for label in best.values() if label.score >= self._least)
