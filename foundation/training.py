"""Trains a foundation model from histories. Knows no storage: histories come in, a new `Foundation` goes out."""

# torch annotates its optimisers and `backward` only in part.
# pyright: reportUnknownMemberType=false

import copy
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from foundation.computing import on_threads, seeded
from foundation.encoder import scores_of, vectors_after
from foundation.errors import TooFewHistories, TrainingDiverged
from foundation.events import Event
from foundation.metrics import Ranking, popularity, ranking, ranks
from foundation.model import ViewerModel
from foundation.objectives import next_title_loss
from foundation.sequences import Batch, Question, Split, Window, batches, cut, split
from foundation.tokens import Token, tokenize
from foundation.trained import Foundation, Report, TrainingConfig
from foundation.vocabulary import KNOWN, build_vocabulary

LEAST_VIEWERS = 10
WARM_UP = 0.05
"""Share of all steps over which the learning rate rises to its full value."""

LARGEST_GRADIENT = 1.0
RANKED_AT_ONCE = 256

Progress = Callable[[float], None]


def train(
    histories: Iterable[Sequence[Event]], *, config: TrainingConfig, progress: Progress | None = None
) -> Foundation:
    """Train on all but each viewer's last two wanted interactions, choose the epoch on one, report on the other.

    The same histories in the same order, the same config and the same torch give the same weights. `progress` is
    called with the share done, rising to 1. All histories are held in memory.

    Raises:
        TooFewHistories: fewer than 10 viewers have three interactions that they wanted (see `foundation.tokens`).
        InvalidHistory: a history holds events of several viewers, or a time has no timezone.
        TrainingDiverged: the loss stopped being finite.
    """
    tokens = [tokenize(history) for history in histories]
    trained_on = before_held_out(tokens)
    vocabulary = build_vocabulary(trained_on)
    data = split(tokens, vocabulary, length=config.model.length)
    wanted = popularity(trained_on, vocabulary.titles)
    with on_threads(config.threads), seeded(config.seed):
        model = ViewerModel(config.model, vocabulary.sizes)
        start_at_popularity(model, wanted)
        best = fit(model, data, config=config, progress=progress or _silent)
        test = judged(best.model, data.test, config=config)
    report = Report(
        viewers=len(tokens),
        interactions=sum(len(kept) for kept in trained_on),
        epoch=best.epoch,
        validation=best.validation,
        test=test,
        popularity=popular(wanted, data.test, mask_history=config.mask_history),
    )
    return Foundation(model=best.model, vocabulary=vocabulary, config=config, report=report)


def before_held_out(histories: Sequence[Sequence[Token]]) -> list[Sequence[Token]]:
    """Keep what is trained on; what only the held-out interactions hold stays unknown to the vocabulary, too."""
    cuts = [cut(tokens) for tokens in histories]
    held_out = sum(where.test is not None for where in cuts)
    if held_out < LEAST_VIEWERS:
        raise TooFewHistories(
            f"{held_out} viewers have three or more wanted interactions, training needs {LEAST_VIEWERS}; "
            "send more events to POST /v1/events (play, finish, add, thumb_up), then train again"
        )
    return [tokens[: where.training] for tokens, where in zip(histories, cuts, strict=True)]


@dataclass(frozen=True)
class Fitted:
    """The model of the epoch that ranked the validation titles best; epoch 0 is the untrained start at popularity."""

    model: ViewerModel
    epoch: int
    validation: Ranking


def fit(model: ViewerModel, data: Split, *, config: TrainingConfig, progress: Progress) -> Fitted:
    """Train for all epochs and keep the best one, or the start where none was better."""
    a_reading = math.ceil(len(data.training) / config.batch_size)
    epochs = max(config.epochs, math.ceil(config.least_steps / a_reading))
    trainer = Trainer(model, config=config, steps=epochs * a_reading, progress=progress)
    best = Fitted(model=frozen(model), epoch=0, validation=judged(model, data.validation, config=config))
    for epoch in range(1, epochs + 1):
        trainer.epoch(data.training)
        reached = judged(model, data.validation, config=config)
        if reached.ndcg_at_10 > best.validation.ndcg_at_10:
            best = Fitted(model=frozen(model), epoch=epoch, validation=reached)
    return best


def start_at_popularity(model: ViewerModel, wanted: NDArray[np.float32]) -> None:
    """Let the untrained model rank as popularity does, so that training only has to learn what is personal."""
    with torch.no_grad():
        model.familiarity.copy_(torch.tensor(np.log((wanted + 1.0) / (wanted + 1.0).mean())))


class Trainer:
    """One run of the optimiser: steps, learning rate and chance go on from epoch to epoch."""

    def __init__(self, model: ViewerModel, *, config: TrainingConfig, steps: int, progress: Progress) -> None:
        self.model, self.config, self.steps, self.progress = model, config, steps, progress
        self.optimizer = AdamW(model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
        self.schedule = LambdaLR(self.optimizer, lambda step: learning_share(step, steps))
        self.rng = np.random.default_rng(config.seed)
        self.done = 0

    def epoch(self, pieces: Sequence[Window]) -> None:
        """Read every window once."""
        self.model.train()
        for batch in batches(pieces, size=self.config.batch_size, rng=self.rng, hidden=self.config.hidden):
            self.step(batch)
            self.done += 1
            self.progress(self.done / self.steps)

    def step(self, batch: Batch) -> None:
        """Move the weights once."""
        loss = loss_of(self.model, batch)
        if not math.isfinite(loss.item()):
            raise TrainingDiverged(
                f"the loss became {loss.item()}; lower learning_rate from {self.config.learning_rate}"
            )
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), LARGEST_GRADIENT)
        self.optimizer.step()
        self.schedule.step()


def loss_of(model: ViewerModel, batch: Batch) -> Tensor:
    """Return the loss over the positions of a batch that have a target."""
    weights = torch.tensor(batch.weights)
    positions = weights > 0
    states = model(torch.tensor(batch.rows, dtype=torch.long))[positions]
    targets = torch.tensor(batch.targets, dtype=torch.long)[positions] - KNOWN
    return next_title_loss(model.scores(states), targets, weights=weights[positions])


def learning_share(step: int, steps: int) -> float:
    """Return the share of the full learning rate at `step`: a linear rise, then half a cosine down to a twentieth."""
    rise = max(1, int(steps * WARM_UP))
    if step < rise:
        return (step + 1) / rise
    return 0.05 + 0.95 * 0.5 * (1.0 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))


def judged(model: ViewerModel, questions: Sequence[Question], *, config: TrainingConfig) -> Ranking:
    """Rank the held-out titles with the model."""
    model.eval()
    places: list[NDArray[np.float64]] = []
    for start in range(0, len(questions), RANKED_AT_ONCE):
        asked = questions[start : start + RANKED_AT_ONCE]
        scores = scores_of(model, vectors_after(model, [question.rows for question in asked]))
        places.append(ranks(scores, asked, mask_history=config.mask_history))
    return ranking(np.concatenate(places))


def popular(wanted: NDArray[np.float32], questions: Sequence[Question], *, mask_history: bool) -> Ranking:
    """Rank the same held-out titles by popularity alone."""
    return ranking(ranks(np.broadcast_to(wanted, (len(questions), len(wanted))), questions, mask_history=mask_history))


def frozen(model: ViewerModel) -> ViewerModel:
    """Copy a model as it is now, ready to be asked and never to be trained again."""
    return copy.deepcopy(model).eval().requires_grad_(False)


def _silent(_: float) -> None:
    return
