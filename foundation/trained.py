"""What training gives: a model, the vocabulary it reads with, and how well it did. A value, never half-trained."""

import math
from dataclasses import dataclass, field

from foundation.errors import InvalidConfig
from foundation.metrics import Ranking
from foundation.model import ModelConfig, ViewerModel
from foundation.vocabulary import Vocabulary


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """Everything that a training run depends on besides the histories: the same input gives the same foundation.

    All histories are read `epochs` times, and as often as it takes to reach `least_steps` steps of the optimiser.
    `hidden` is the share of titles read as "unknown" in training; `mask_history` leaves titles that a viewer has
    already met out of the held-out ranking; `threads` is the number of threads torch computes with.
    """

    model: ModelConfig = field(default_factory=ModelConfig)
    epochs: int = 8
    least_steps: int = 400
    batch_size: int = 32
    learning_rate: float = 5e-3
    weight_decay: float = 0.01
    hidden: float = 0.02
    mask_history: bool = False
    seed: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        if min(self.epochs, self.batch_size, self.threads) < 1:
            raise InvalidConfig("epochs, batch_size and threads must be at least 1")
        if not (0.0 < self.learning_rate < math.inf and 0.0 <= self.weight_decay < math.inf):
            raise InvalidConfig("learning_rate must be positive, weight_decay not negative, and both finite")
        if not 0.0 <= self.hidden < 1.0:
            raise InvalidConfig(f"hidden {self.hidden} must lie in [0, 1)")


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was trained on and how the held-out wanted titles were ranked, popularity's ranking beside the model's."""

    viewers: int
    interactions: int
    epoch: int
    validation: Ranking
    test: Ranking
    popularity: Ranking

    @property
    def beats_popularity(self) -> bool:
        """Whether the model ranks what was wanted next better than a list that is the same for every viewer."""
        return self.test.ndcg_at_10 > self.popularity.ndcg_at_10


@dataclass(frozen=True, kw_only=True)
class Foundation:
    """A trained foundation model; its weights are never changed again."""

    model: ViewerModel
    vocabulary: Vocabulary
    config: TrainingConfig
    report: Report
