"""Locked-image tuning of keyart-lite: its projection and text tower learn from drawings, the trunk stays as it is.

`python -m artwork.lite.training --seed 0` draws the artworks, runs the trunk over each once, and trains on the kept
features (Zhai et al. 2022, "LiT"). In a batch a caption is often true of several images, so the contrastive target
spreads over all of them (Yang et al. 2022, "UniCL") instead of calling true sentences wrong.
"""

import argparse
import logging
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from artwork.embedding import new_lite_model
from artwork.lite.captions import PHRASES, Attribute, captions, sentence, values_of, words
from artwork.lite.rendering.drawing import render
from artwork.lite.scene import Scene, one_of, random_scene
from artwork.lite.tokens import Tokenizer
from artwork.lite.weights import TRUNK_PREFIX, WEIGHTS_PATH, TrainedPart, write_trained_part

_log = logging.getLogger(__name__)

_SIDE = 224
_SHAPES = ((384, 216), (216, 216), (160, 240))
_SHAPE_CHANCES = (0.7, 0.15, 0.15)
_TRUNK_BATCH = 16
_NOT_SEEN = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig:
    """What decides the weights, together with the code and the versions of torch and Pillow."""

    seed: int = 0
    images: int = 7000
    epochs: int = 50
    batch: int = 512
    captions: int = 128
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    feature_dropout: float = 0.1
    threads: int = 1


@dataclass(frozen=True, slots=True)
class Lesson:
    """Drawn scenes, the trunk's features of them (n, 1280), and the code of every attribute (n, attributes)."""

    scenes: Sequence[Scene]
    features: Tensor
    codes: Tensor


def train(config: TrainingConfig) -> tuple[TrainedPart, float]:
    """The trained part and its final loss; the same config gives the same weights on one machine."""
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)  # pyright: ignore[reportUnknownMemberType]
    model = new_lite_model()
    tokenizer = Tokenizer(words())
    rng = np.random.default_rng(config.seed)
    lesson = draw_lesson(model, [random_scene(rng) for _ in range(config.images)], rng=rng)
    standardised, mean, deviation = _standardised(lesson)
    loss = _Course(model, tokenizer, config=config, rng=rng).fit(standardised)
    _fold_standardisation(cast(Any, model).visual.head.mlp.fc1, mean, deviation)
    state = {
        name: tensor.detach().clone()
        for name, tensor in model.state_dict().items()
        if not name.startswith(TRUNK_PREFIX)
    }
    return TrainedPart(state, tokenizer), loss


def draw_lesson(model: nn.Module, scenes: Sequence[Scene], *, rng: np.random.Generator) -> Lesson:
    """Draw scenes in the shapes of a home page (wide, square, tall) and run the frozen trunk over them."""
    trunk = cast(Any, model).visual.trunk.eval().to(memory_format=torch.channels_last)
    shapes = rng.choice(len(_SHAPES), size=len(scenes), p=_SHAPE_CHANCES)
    features: list[Tensor] = []
    started = time.monotonic()
    for start in range(0, len(scenes), _TRUNK_BATCH):
        batch = range(start, min(start + _TRUNK_BATCH, len(scenes)))
        pixels = np.stack([prepared(render(scenes[place], _SHAPES[int(shapes[place])])) for place in batch])
        with torch.inference_mode():
            planes = torch.as_tensor(pixels).permute(0, 3, 1, 2)
            features.append(cast(Tensor, trunk(planes.contiguous(memory_format=torch.channels_last))))
        if start % (100 * _TRUNK_BATCH) == 0:
            _log.info("%d of %d drawn and seen, %.0f s", start, len(scenes), time.monotonic() - started)
    return Lesson(scenes, torch.cat(features).clone(), codes_of(scenes))


def codes_of(scenes: Sequence[Scene]) -> Tensor:
    """Attribute values as numbers (n, attributes), in the order of Attribute; -1 where nothing can be seen."""
    places = {attribute: list(PHRASES[attribute]) for attribute in Attribute}
    rows = [
        [places[attribute].index(values[attribute]) if attribute in values else _NOT_SEEN for attribute in Attribute]
        for values in map(values_of, scenes)
    ]
    return torch.tensor(rows)


def truth(codes: Tensor, spoken: Tensor) -> Tensor:
    """Whether caption j is true of image i (images, captions): all that it speaks of is as in its own scene.

    Caption j was written for image j; `codes` is (images, attributes), `spoken` (captions, attributes).
    """
    same = codes[:, None, :] == codes[None, : len(spoken), :]
    return (same | ~spoken[None, :, :]).all(dim=-1)


def contrastive_loss(logits: Tensor, matches: Tensor) -> Tensor:
    """Cross entropy both ways, its target spread evenly over all true pairs of a row or column (UniCL, eq. 3-4).

    `logits` and `matches` are (images, captions); an image that no caption is true of counts in the columns alone.
    """
    target = matches.float()
    told = target.sum(dim=1) > 0
    by_image = target[told] / target[told].sum(dim=1, keepdim=True)
    by_text = target / target.sum(dim=0, keepdim=True)
    loss_image = -(by_image * logits[told].log_softmax(dim=1)).sum(dim=1).mean()
    loss_text = -(by_text * logits.log_softmax(dim=0)).sum(dim=0).mean()
    return (loss_image + loss_text) / 2


def prepared(image: Image.Image) -> NDArray[np.float32]:
    """An RGB image as the trunk takes it (side, side, 3): squashed to a square, from -1 to 1."""
    squashed = image.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
    return np.asarray(squashed, dtype=np.float32) / 127.5 - 1.0


class _Course:
    """One training run: the two trained parts, what they learn from, and the generator that words the captions."""

    def __init__(
        self, model: nn.Module, tokenizer: Tokenizer, *, config: TrainingConfig, rng: np.random.Generator
    ) -> None:
        towers = cast(Any, model)
        self.head, self.text, self.scale = towers.visual.head, towers.text, towers.logit_scale
        self.tokenizer, self.config, self.rng = tokenizer, config, rng

    def fit(self, lesson: Lesson) -> float:
        """Train on the lesson and return the mean loss of the last epoch."""
        config = self.config
        parameters = [*self.head.train().parameters(), *self.text.train().parameters(), self.scale]
        steps = len(lesson.scenes) // config.batch
        optimizer = torch.optim.AdamW(parameters, config.learning_rate, weight_decay=config.weight_decay)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, config.learning_rate, total_steps=config.epochs * steps, pct_start=0.1
        )
        losses: list[float] = []
        for epoch in range(config.epochs):
            order = self.rng.permutation(len(lesson.scenes))[: steps * config.batch]
            losses = []
            for places in order.reshape(steps, config.batch):
                loss = self._loss(lesson, places)
                optimizer.zero_grad()
                loss.backward()  # pyright: ignore[reportUnknownMemberType]
                optimizer.step()  # pyright: ignore[reportUnknownMemberType]
                schedule.step()
                losses.append(loss.item())
            _log.info("epoch %d of %d, loss %.3f", epoch + 1, config.epochs, float(np.mean(losses)))
        return float(np.mean(losses))

    def _loss(self, lesson: Lesson, places: NDArray[np.int64]) -> Tensor:
        chosen = torch.as_tensor(places)
        codes = lesson.codes[chosen]
        features = functional.dropout(lesson.features[chosen], self.config.feature_dropout)
        images = self.scale.exp().clamp(max=100) * functional.normalize(self.head(features), dim=1)
        return self._caption_loss(images, codes, lesson, places) + self._value_loss(images, codes)

    def _caption_loss(self, images: Tensor, codes: Tensor, lesson: Lesson, places: NDArray[np.int64]) -> Tensor:
        """Against whole captions of the first images of the batch."""
        told = [captions(lesson.scenes[int(place)], self.rng)[0] for place in places[: self.config.captions]]
        spoken = torch.tensor([[attribute in caption.speaks_of for attribute in Attribute] for caption in told])
        logits = images @ self._sentences([caption.text for caption in told]).T
        return contrastive_loss(logits, truth(codes, spoken))

    def _value_loss(self, images: Tensor, codes: Tensor) -> Tensor:
        """Against captions of one attribute each: every value of it in some phrase, and one of them is true."""
        phrases = [
            sentence({attribute: one_of(self.rng, wordings)})
            for attribute, values in PHRASES.items()
            for wordings in values.values()
        ]
        logits = images @ self._sentences(phrases).T
        ends = np.cumsum([len(values) for values in PHRASES.values()])
        parts = [
            functional.cross_entropy(logits[:, end - len(values) : end], codes[:, column], ignore_index=_NOT_SEEN)
            for column, (values, end) in enumerate(zip(PHRASES.values(), ends, strict=True))
        ]
        return torch.stack(parts).mean()

    def _sentences(self, texts: Sequence[str]) -> Tensor:
        return functional.normalize(self.text(torch.as_tensor(self.tokenizer(texts))), dim=1)


def _standardised(lesson: Lesson) -> tuple[Lesson, Tensor, Tensor]:
    """The lesson with features of mean 0 and deviation 1, which a fresh projection learns from faster."""
    mean, deviation = lesson.features.mean(dim=0), lesson.features.std(dim=0) + 1e-4
    return Lesson(lesson.scenes, (lesson.features - mean) / deviation, lesson.codes), mean, deviation


def _fold_standardisation(layer: nn.Linear, mean: Tensor, deviation: Tensor) -> None:
    """Make a layer that was trained on standardised features take the trunk's own."""
    with torch.no_grad():
        layer.weight.div_(deviation)
        layer.bias.sub_(layer.weight @ mean)


def main() -> None:
    """Train and write the committed file; what `make train-lite` runs."""
    parser = argparse.ArgumentParser(description="Train keyart-lite on drawings. Example: --seed 0 --threads 2")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--images", type=int, default=TrainingConfig().images)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=WEIGHTS_PATH)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    config = TrainingConfig(seed=arguments.seed, images=arguments.images, threads=arguments.threads)
    started = time.monotonic()
    part, loss = train(config)
    notes = {name: str(value) for name, value in asdict(config).items()}
    write_trained_part(part, arguments.out, notes=notes)
    _log.info("wrote %s: loss %.3f, %.0f s", arguments.out.name, loss, time.monotonic() - started)


if __name__ == "__main__":
    main()
