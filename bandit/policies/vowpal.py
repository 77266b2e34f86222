"""Vowpal Wabbit behind one door: learns from rows of numbers, states SquareCB's probabilities. Knows no log.

Facts this file guards against: the engine is not thread-safe; it accepts NaN, p = 0 and damaged models in silence;
its answers are float32 and sorted by probability. So calls are locked, rows are checked before they come here, model
bytes are checked by digest (`bandit.registry`), and every answer is put back in order and made exact.

Features are numbers at fixed indices, never text. Contexts (group U) are crossed with artworks (group A); artworks also
count by themselves, as what is described of them does (group M); the weight that an artwork has of its own sits in
group I.
"""

import math
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import msgspec
import numpy as np
import vowpal_wabbit_next as vw
from numpy.typing import NDArray

from bandit.context import Candidate, Context, Vector
from bandit.decision import IMAGE_KEY_DIGITS, PolicyVersionId
from bandit.encoding import ArtworkRows, FeatureSpace
from bandit.errors import InvalidExample, InvalidProbabilities
from bandit.exploration import Exploration, with_floor
from bandit.policies.policy import Policy, Probabilities, require_artworks
from bandit.policies.weights import Weights

Workspace = vw.Workspace[Literal[False]]

HASH_STEP = 16_777_619
"""The engine crosses index u with index a at (16777619 · u) XOR a, modulo the number of weights."""
MOST_BITS = 24
_CONSTANT_COLUMN = 0
CACHED_ARTWORKS = 100_000


class EngineSettings(msgspec.Struct, frozen=True, kw_only=True, tag_field="learner", tag="vowpal"):
    """What the engine is told. `epsilon` / K is the smallest probability of K artworks; `seed` fixes all chance.

    A row weighs 1 / (p · kept), where p is the probability of what was drawn and kept that of its page being logged,
    but no more than `clip`; unset, as versions were before there was this bound, however much. The defaults are those
    that recovered most of the uniform-to-oracle gap in the comparison of docs/log.md.
    """

    gamma_scale: float = 1000.0
    gamma_exponent: float = 0.5
    epsilon: float = 0.01
    learning_rate: float = 0.005
    passes: int = 2
    seed: int = 0
    clip: float | msgspec.UnsetType = msgspec.UNSET

    def __post_init__(self) -> None:
        gammas_fit = 0 <= self.gamma_scale < math.inf and 0 <= self.gamma_exponent < math.inf
        if not (0 <= self.epsilon <= 1 and gammas_fit):
            raise ValueError(f"{self}: epsilon lies in [0, 1], the parts of gamma are finite and not negative")
        if not (0 < self.learning_rate < math.inf and self.passes >= 1):
            raise ValueError(f"{self}: give a finite learning rate above 0, and at least one pass")
        if not self.largest_weight >= 1:
            raise ValueError(f"a clip of {self.clip} is none: rows weigh 1 or more; give more, or leave it out")

    @property
    def largest_weight(self) -> float:
        """The most that a row may count."""
        return math.inf if self.clip is msgspec.UNSET else self.clip

    def exploration(self) -> Exploration:
        """How a model that learned with these settings explores."""
        return Exploration(gamma_scale=self.gamma_scale, gamma_exponent=self.gamma_exponent, epsilon=self.epsilon)


@dataclass(frozen=True, slots=True)
class LearningRow:
    """One checked row of the log as numbers.

    `context` is a row of `FeatureSpace.context_rows`; `artworks` are places in the table of artwork rows that the
    learner was given, in canonical order; `chosen` is an index into them.
    """

    context: Vector
    artworks: tuple[int, ...]
    chosen: int
    reward: float
    probability: float
    weight: float = 1.0
    """How many decisions the row stands for."""


@dataclass(frozen=True, slots=True)
class Lessons:
    """Rows to learn from, read once a pass in the same order, and the mean of their rewards."""

    rows: Callable[[], Iterable[LearningRow]]
    mean_reward: float


@dataclass(frozen=True, slots=True)
class Trained:
    """Model bytes, how many examples were learned, and the value (IPS) of each row's policy just before learning it."""

    model: bytes
    examples: int
    progressive_value: float


def crossed_index(context_columns: NDArray[np.int64], artwork_columns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where the engine keeps the weight of a context column crossed with an artwork column (broadcast together)."""
    return (HASH_STEP % (1 << MOST_BITS) * (context_columns + 1)) ^ artwork_columns


def main_start(space: FeatureSpace) -> int:
    """The index of the first main effect: above every crossed weight."""
    return 1 << int(crossed_index(np.array(space.spec.context_width), np.array(0))).bit_length()


def own_start(space: FeatureSpace) -> int:
    """The index of the first own weight: above every main effect."""
    return main_start(space) + space.spec.main_width


def engine_arguments(space: FeatureSpace, settings: EngineSettings) -> list[str]:
    """Return the engine's arguments for this space.

    Raises:
        InvalidExample: more artworks would have a weight of their own than the engine can hold.
    """
    bits = (own_start(space) + len(space.known)).bit_length()
    if bits > MOST_BITS:
        raise InvalidExample(
            f"{len(space.known)} artworks with a weight of their own do not fit; set own_term to false"
        )
    return [
        *("--cb_explore_adf", "--cb_type", "mtr", "--squarecb"),
        *("--gamma_scale", f"{settings.gamma_scale!r}", "--gamma_exponent", f"{settings.gamma_exponent!r}"),
        *("--epsilon", f"{settings.epsilon!r}", "--learning_rate", f"{settings.learning_rate!r}"),
        *("--interactions", "UA", "--ignore_linear", "U", "--noconstant", "--adaptive", "--invariant"),
        *("--bit_precision", f"{bits}", "--random_seed", f"{settings.seed}", "--quiet"),
    ]


class _Examples:
    """Makes the engine's examples, at the fixed indices of one space."""

    def __init__(self, space: FeatureSpace) -> None:
        self._artwork_indices = np.arange(space.spec.artwork_width)
        self._main_start = main_start(space)
        self._own_start = own_start(space)

    def context(self, row: Vector) -> vw.Example:
        example = vw.Example()
        example.set_label(vw.CBLabel(shared=True))
        used = np.flatnonzero(row)
        _push(example, "U", used + 1, row[used])
        return example

    def artwork(self, row: Vector, main: Vector, own: Sequence[int]) -> vw.Example:
        example = vw.Example()
        example.set_label(vw.CBLabel())
        _push(example, "A", self._artwork_indices, row)
        if (described := np.flatnonzero(main)).size:
            _push(example, "M", described + self._main_start, main[described])
        if own:
            _push(example, "I", np.array(own) + self._own_start, np.full(len(own), 1.0 / len(own)))
        return example


def _push(example: vw.Example, group: str, indices: NDArray[Any], values: NDArray[Any]) -> None:
    features = cast(Any, example[group])  # the engine's stubs misname numpy's types
    features.push_many_features(indices.astype(np.uint64), values.astype(np.float32))


class VowpalPolicy(Policy):
    """A trained policy version that asks the engine. Safe to share between threads: one asks at a time."""

    def __init__(
        self, space: FeatureSpace, model: bytes, *, version: PolicyVersionId, digest: str, epsilon: float
    ) -> None:
        """Load `model`, whose digest the caller has checked: a damaged one loads in silence."""
        self.version = version
        self.digest = digest
        self.embedding_version = space.embedding_version
        self.foundation_version = space.foundation_version
        self.intent_version = space.intent_version
        self.floor = epsilon
        self._space = space
        self._workspace: Workspace = vw.Workspace(["--quiet"], model_data=model)
        self._examples = _Examples(space)
        self._cache: dict[tuple[str, tuple[int, ...]], vw.Example] = {}
        self._lock = threading.Lock()

    def probabilities(self, context: Context, artworks: Sequence[Candidate]) -> Probabilities:
        """See `Policy.probabilities`. Raises InvalidExample or InvalidProjection on vectors that do not fit."""
        return self.page([(context, artworks)])[0]

    def page(self, slots: Sequence[tuple[Context, Sequence[Candidate]]]) -> list[Probabilities]:
        """See `Policy.page`."""
        require_artworks(*(artworks for _, artworks in slots))
        rows = self._space.context_rows([context for context, _ in slots])
        with self._lock:
            return [self._ask(row, artworks) for row, (_, artworks) in zip(rows, slots, strict=True)]

    def _ask(self, row: Vector, artworks: Sequence[Candidate]) -> Probabilities:
        order = sorted(range(len(artworks)), key=lambda index: artworks[index].artwork)
        keys = [artworks[index].image[:IMAGE_KEY_DIGITS] for index in order]
        owns = self._space.own_terms(keys)
        examples = [self._artwork(artworks[index], own) for index, own in zip(order, owns, strict=True)]
        answer = cast(list[tuple[int, float]], self._workspace.predict_one([self._examples.context(row), *examples]))
        stated = np.zeros(len(artworks))
        for place, probability in answer:
            stated[order[place]] = probability
        if len(answer) != len(artworks) or not (np.isfinite(stated).all() and (stated >= 0).all() and stated.any()):
            raise InvalidProbabilities(f"{self.version} stated {answer}; roll it back and learn it again")
        return with_floor(stated[np.newaxis], epsilon=self.floor)[0]

    def _artwork(self, artwork: Candidate, own: tuple[int, ...]) -> vw.Example:
        key = (artwork.image, own)
        if key not in self._cache:
            if len(self._cache) >= CACHED_ARTWORKS:
                self._cache.clear()
            row = self._space.artwork_rows(artwork.vector[np.newaxis])[0]
            self._cache[key] = self._examples.artwork(row, self._space.main_rows([artwork])[0], own)
        return self._cache[key]


def train(
    space: FeatureSpace,
    artworks: ArtworkRows,
    *,
    image_keys: Sequence[str],
    lessons: Lessons,
    settings: EngineSettings,
    progress: Callable[[int], None],
) -> Trained:
    """Learn from `lessons`. Cost is 1 − reward. Same input, same bytes.

    The weight of the artworks' constant starts at the mean cost: otherwise the first rows teach every weight to
    explain it, and the noise of that stays.

    `artworks` and `image_keys`, n each, are the table that rows point into; `progress` is told the number of examples
    learned so far. Rows must have been checked: the engine accepts anything.
    """
    workspace: Workspace = vw.Workspace(engine_arguments(space, settings))
    workspace.weights()[_CONSTANT_COLUMN, 0, 0] = 1.0 - lessons.mean_reward
    tutor = _Tutor(space, artworks, image_keys, least=1.0 / settings.largest_weight)
    learned, value, weight = 0, 0.0, 0.0
    for turn in range(settings.passes):
        for row in lessons.rows():
            with_label = tutor.examples(row)
            if turn == 0:
                answer = cast(list[tuple[int, float]], workspace.predict_then_learn_one(with_label))
                value += row.weight * dict(answer)[row.chosen] / row.probability * row.reward
                weight += row.weight
            else:
                workspace.learn_one(with_label)
            learned += 1
            progress(learned)
    return Trained(workspace.serialize(), learned, value / max(1.0, weight))


class _Tutor:
    """Makes a row's examples; those of artworks that were not chosen carry no label and are kept."""

    def __init__(self, space: FeatureSpace, table: ArtworkRows, image_keys: Sequence[str], *, least: float) -> None:
        """`least` is the smallest probability that the engine is told: one over the most that a row may weigh."""
        self._space = space
        self._least = least
        self._table = table
        self._keys = image_keys
        self._examples = _Examples(space)
        self._cache: dict[tuple[int, tuple[int, ...]], vw.Example] = {}

    def examples(self, row: LearningRow) -> list[vw.Example]:
        owns = self._space.own_terms([self._keys[place] for place in row.artworks])
        artworks = [self._artwork(place, own) for place, own in zip(row.artworks, owns, strict=True)]
        chosen = self._made(row.artworks[row.chosen], owns[row.chosen])
        # The engine knows one weight, 1 / p; a page that was kept with probability q is a draw with probability p · q.
        told = max(row.probability / row.weight, self._least)
        chosen.set_label(vw.CBLabel(label=(0, 1.0 - row.reward, told)))
        artworks[row.chosen] = chosen
        return [self._examples.context(row.context), *artworks]

    def _artwork(self, place: int, own: tuple[int, ...]) -> vw.Example:
        key = (place, own)
        if key not in self._cache:
            self._cache[key] = self._made(place, own)
        return self._cache[key]

    def _made(self, place: int, own: tuple[int, ...]) -> vw.Example:
        return self._examples.artwork(self._table.crossed[place], self._table.main[place], own)


def export_weights(space: FeatureSpace, model: bytes, *, examples: int) -> Weights:
    """Read the weights out of a model that learned so many examples, whose digest the caller has checked.

    The engine counts all examples as experience with every artwork, so the weights do.
    """
    workspace: Workspace = vw.Workspace(["--quiet"], model_data=model)
    flat = workspace.weights()[:, 0, 0].astype(np.float64)
    contexts, artworks = np.arange(space.spec.context_width), np.arange(space.spec.artwork_width)
    main, own = main_start(space), own_start(space)
    return Weights(
        crossed=flat[crossed_index(contexts[:, np.newaxis], artworks[np.newaxis])],
        artwork=flat[artworks],
        main=flat[main:own],
        own=flat[own : own + len(space.known)],
        experience=np.full(len(space.known), float(examples)),
        experience_of_others=float(examples),
    )


Hashed = tuple[NDArray[np.uint64], NDArray[np.float64]]
"""Features by their 64-bit hashes, and their values: (f,) each."""


class HashedEngine:
    """The engine under any arguments, for logs that are not ours: contexts in group U, artworks in group A.

    It chooses under `--cb_explore_adf`, else it foresees rewards. Arguments must have been checked, and rows too.
    """

    def __init__(self, arguments: Sequence[str], *, model: bytes | None = None) -> None:
        """Raises RuntimeError when the engine does not take the arguments."""
        self._workspace: Workspace = vw.Workspace(["--quiet", *arguments], model_data=model)

    def learn_choice(
        self, context: Hashed, artworks: Sequence[Hashed], *, chosen: int, cost: float, probability: float
    ) -> None:
        """Learn what the chosen of the artworks cost, that was drawn with this probability."""
        examples = self._choice(context, artworks)
        examples[1 + chosen].set_label(vw.CBLabel(label=(0, cost, probability)))
        self._workspace.learn_one(examples)

    def choose(self, context: Hashed, artworks: Sequence[Hashed]) -> list[float]:
        """Return the probability of every artwork, as the engine says it: float32 and unchecked."""
        answer = cast(list[tuple[int, float]], self._workspace.predict_one(self._choice(context, artworks)))
        return [probability for _, probability in sorted(answer)]

    def learn_reward(self, context: Hashed, artwork: Hashed, *, reward: float, weight: float) -> None:
        """Learn what an artwork earned, as much as `weight` rows would."""
        self._workspace.learn_one(_hashed_reward(context, artwork, vw.SimpleLabel(reward, weight)))

    def reward(self, context: Hashed, artwork: Hashed) -> float:
        """Return what the artwork is foreseen to earn."""
        return cast(float, self._workspace.predict_one(_hashed_reward(context, artwork, vw.SimpleLabel(0.0, 0.0))))

    def to_bytes(self) -> bytes:
        """Return the model that was learned."""
        return self._workspace.serialize()

    @staticmethod
    def _choice(context: Hashed, artworks: Sequence[Hashed]) -> list[vw.Example]:
        examples = [_hashed_example({"U": context}, vw.CBLabel(shared=True))]
        return [*examples, *(_hashed_example({"A": each}, vw.CBLabel()) for each in artworks)]


def _hashed_reward(context: Hashed, artwork: Hashed, label: vw.SimpleLabel) -> vw.Example:
    return _hashed_example({"U": context, "A": artwork}, label)


def _hashed_example(groups: Mapping[str, Hashed], label: vw.SimpleLabel | vw.CBLabel) -> vw.Example:
    example = vw.Example()
    example.set_label(label)
    for group, (hashes, values) in groups.items():
        _push(example, group, hashes, values)
    return example
