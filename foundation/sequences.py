"""Cuts tokens into what is trained on and what is held out, and into batches. Knows no events and no model."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from foundation.tokens import WANTED, Token
from foundation.vocabulary import FIELDS, PADDING, START, UNKNOWN, Rows, Vocabulary

TITLE = FIELDS.index("title")
BUCKETED_BATCHES = 16
"""Windows are sorted by length inside groups of this many batches: little padding, and still a shuffle."""

Worth = NDArray[np.float32]


class Cut(NamedTuple):
    """Where one viewer's tokens are cut: the first `training` are trained on, two positions are to be predicted."""

    training: int
    validation: int | None = None
    test: int | None = None


@dataclass(frozen=True)
class Window:
    """A piece of a viewer's past: `rows` (n, fields) with `START` first, and what was wanted next after each of them.

    `targets` (n,) are title ids, `worth` (n,) what each is worth as a target; both are 0 where nothing wanted follows.
    """

    rows: Rows
    targets: NDArray[np.int32]
    worth: Worth


@dataclass(frozen=True)
class Question:
    """What a viewer did lately, rows (n, fields) with `START` first, and the id of the title wanted next.

    `met` are the ids of all titles of the viewer's past, also of what lies further back than `rows`.
    """

    rows: Rows
    met: NDArray[np.int32]
    target: int


@dataclass(frozen=True)
class Split:
    """Everything that one training run looks at; the three parts ask for no interaction twice."""

    training: tuple[Window, ...]
    validation: tuple[Question, ...]
    test: tuple[Question, ...]


@dataclass(frozen=True)
class Batch:
    """Windows padded on the right: `rows` (b, l, fields), `targets` (b, l), `weights` (b, l), 0 where none is."""

    rows: Rows
    targets: NDArray[np.int32]
    weights: Worth


def cut(tokens: Sequence[Token]) -> Cut:
    """Hold out a viewer's last wanted interaction for the test and the one before it for validation.

    A viewer with fewer than three wanted interactions is only trained on.
    """
    wanted = [position for position, token in enumerate(tokens) if token.worth >= WANTED]
    if len(wanted) < 3:
        return Cut(training=len(tokens))
    return Cut(training=wanted[-2], validation=wanted[-2], test=wanted[-1])


def split(histories: Sequence[Sequence[Token]], vocabulary: Vocabulary, *, length: int) -> Split:
    """Encode and cut every viewer's tokens into windows and questions of at most `length` rows.

    A window in which nothing was wanted has nothing to teach and is left out.
    """
    training: list[Window] = []
    validation: list[Question] = []
    test: list[Question] = []
    for tokens in histories:
        where, rows = cut(tokens), vocabulary.encode(tokens)
        past = wanted_next(rows[: 1 + where.training], [token.worth for token in tokens[: where.training]])
        training += [window for window in windows(past, length=length) if window.worth.any()]
        for position, questions in ((where.validation, validation), (where.test, test)):
            if position is not None:
                questions.append(asked(rows[: 2 + position], length=length))
    return Split(training=tuple(training), validation=tuple(validation), test=tuple(test))


def asked(rows: Rows, *, length: int) -> Question:
    """Ask for the title of the last row."""
    past = rows[:-1]
    return Question(rows=latest(past, length), met=np.unique(past[1:, TITLE]), target=int(rows[-1, TITLE]))


def wanted_next(rows: Rows, worth: Sequence[float]) -> Window:
    """Pair each row with the first wanted token after it: `rows` (1 + n, fields), `worth` (n,) of the tokens."""
    worths = np.array([*worth, 0.0], dtype=np.float32)
    titles = np.append(rows[1:, TITLE], PADDING).astype(np.int32)
    positions = np.where(worths[:-1] >= WANTED, np.arange(len(worth)), len(worth))
    following = np.minimum.accumulate(positions[::-1])[::-1]
    return Window(rows=rows[:-1], targets=titles[following], worth=worths[following])


def windows(past: Window, *, length: int) -> list[Window]:
    """Cut a long past, from its end backwards, into windows of `length` rows that each begin with `START`."""
    pieces = [slice(max(0, end - length), end) for end in range(len(past.rows), 0, -length)]
    return [
        Window(rows=np.concatenate([START, past.rows[piece][1:]]), targets=past.targets[piece], worth=past.worth[piece])
        for piece in pieces
    ]


def latest(rows: Rows, length: int) -> Rows:
    """Keep `START` and the last `length` - 1 tokens."""
    return rows if len(rows) <= length else np.concatenate([START, rows[len(rows) - length + 1 :]])


def padded(pieces: Sequence[Rows]) -> Rows:
    """Stack rows of different lengths, padded with zeros on the right: shape (pieces, longest, fields)."""
    stacked = np.zeros((len(pieces), max(len(rows) for rows in pieces), len(FIELDS)), dtype=np.int32)
    for position, rows in enumerate(pieces):
        stacked[position, : len(rows)] = rows
    return stacked


def batches(pieces: Sequence[Window], *, size: int, rng: np.random.Generator, hidden: float) -> Iterator[Batch]:
    """Yield every window once, in a random order, in batches of up to `size` windows of similar length.

    A share `hidden` of the titles read is replaced by "unknown", so that a title never met before means something.
    """
    order = [pieces[position] for position in shuffled(len(pieces), rng)]
    chosen: list[list[Window]] = []
    for group in chunks(order, size * BUCKETED_BATCHES):
        chosen += chunks(sorted(group, key=lambda window: len(window.rows)), size)
    for position in shuffled(len(chosen), rng):
        yield batch(chosen[position], rng=rng, hidden=hidden)


def shuffled(count: int, rng: np.random.Generator) -> list[int]:
    """Return the numbers below `count` in a random order."""
    return cast("list[int]", rng.permutation(count).tolist())


def chunks(pieces: Sequence[Window], size: int) -> list[list[Window]]:
    """Cut a sequence into lists of `size`, the last one shorter."""
    return [list(pieces[start : start + size]) for start in range(0, len(pieces), size)]


def batch(pieces: Sequence[Window], *, rng: np.random.Generator, hidden: float) -> Batch:
    """Stack windows, padded on the right."""
    rows = padded([window.rows for window in pieces])
    targets = np.zeros(rows.shape[:2], dtype=np.int32)
    weights = np.zeros(rows.shape[:2], dtype=np.float32)
    for position, window in enumerate(pieces):
        targets[position, : len(window.rows)] = window.targets
        weights[position, : len(window.rows)] = window.worth
    weights[targets <= UNKNOWN] = 0.0
    read = rows[..., TITLE]
    read[(rng.random(read.shape) < hidden) & (read > UNKNOWN)] = UNKNOWN
    return Batch(rows=rows, targets=targets, weights=weights)
