"""From text to the numbers of keyart-lite's small vocabulary. Knows no model and no meaning."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from artwork.lite.captions import split_words

CONTEXT_LENGTH = 32
PAD, UNKNOWN, START = 0, 1, 2
_SPECIAL = 3


class UnknownWords(ValueError):
    """A text holds no word of the vocabulary, so its vector would mean nothing."""


class Tokenizer:
    """One number a word; the end of a text has the highest number, because open_clip pools there.

    Numbers go from 0 (padding) over 1 (a word outside the vocabulary), 2 (start) and the words in order to the end.
    """

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self.vocabulary = tuple(vocabulary)
        self._numbers = {word: number for number, word in enumerate(self.vocabulary, start=_SPECIAL)}
        self.end = _SPECIAL + len(self.vocabulary)

    @property
    def size(self) -> int:
        """How many numbers there are: what open_clip calls vocab_size."""
        return self.end + 1

    def __call__(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Texts as (n, CONTEXT_LENGTH); longer ones are cut. Raises UnknownWords."""
        tokens = np.full((len(texts), CONTEXT_LENGTH), PAD, dtype=np.int64)
        for row, text in enumerate(texts):
            numbers = [self._numbers.get(word, UNKNOWN) for word in split_words(text)]
            if all(number == UNKNOWN for number in numbers):
                raise UnknownWords(
                    f"keyart-lite knows no word of {text!r}; it knows {len(self.vocabulary)} words such as "
                    f"{', '.join(self.vocabulary[:8])}: use those, or a real CLIP for free text"
                )
            line = [START, *numbers[: CONTEXT_LENGTH - 2], self.end]
            tokens[row, : len(line)] = line
        return tokens
