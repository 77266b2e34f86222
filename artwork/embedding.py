"""The one door to open_clip: from images and texts to unit vectors. Knows which weights it holds, not who asks.

A vector without real weights behind it is worse than none, so every way to load a model either loads all of its
weights or raises EmbeddingModelUnavailable with the remedy.
"""

import hashlib
import io
import json
import pickle
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import open_clip  # pyright: ignore[reportMissingTypeStubs]
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors import SafetensorError
from torch import Tensor, nn

from artwork.catalog import Domain
from artwork.hub import answers, cached_file, endpoint
from artwork.lite.weights import (
    DamagedWeights,
    place_trained_part,
    place_trunk,
    read_config,
    read_trained_part,
)

FloatArray = NDArray[np.float32]

LITE = "keyart-lite"
_LOCAL_DIR = "local-dir:"
_BATCH = 16

# open_clip has no type stubs: what comes out of it is typed where it is received.
_clip = cast(Any, open_clip)


class EmbeddingModelUnavailable(RuntimeError):
    """The embedding model cannot be loaded with real weights; the message says what to set."""


class UndecodableImage(ValueError):
    """Bytes that are no image were to be embedded: clean them with `artwork.intake` first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedderConfig:
    """Which model, with which weights.

    `model` is "keyart-lite", an open_clip architecture such as "ViT-B-32", or "local-dir:FOLDER". `pretrained` is an
    open_clip tag such as "laion2b_s34b_b79k", the path of a checkpoint (safetensors preferred), or "local-dir:FOLDER";
    keyart-lite and folders bring their own. `offline` never tries a network. `threads` is for torch, process-wide.
    """

    model: str = LITE
    pretrained: str = ""
    offline: bool = False
    threads: int = 2


class Embedder:
    """A loaded model. Build it with `load_embedder`; it is not to be shared between threads.

    `version` names model, weights and preprocessing; `dimension` is a vector's length; `domain` is what the text tower
    learned on; `logit_scale` turns cosines into the logits that it was trained with.
    """

    def __init__(
        self,
        model: nn.Module,
        tokenize: Callable[[Sequence[str]], Tensor],
        *,
        name: str,
        domain: Domain,
    ) -> None:
        self._model = cast(Any, model.eval().requires_grad_(False))
        # Convolutions are about 1.4 times as fast on one CPU thread in this layout; the numbers stay the same.
        self._model.visual.to(memory_format=torch.channels_last)
        self._tokenize = tokenize
        preprocessing: dict[str, Any] = _clip.get_model_preprocess_cfg(model)
        transform: Callable[[Image.Image], Tensor] = _clip.transform.image_transform_v2(
            _clip.transform.PreprocessCfg(**preprocessing), is_train=False
        )
        self._preprocess = transform
        self.version = f"{name}-{_fingerprint(model, preprocessing)}"
        self.domain: Domain = domain
        self.logit_scale = float(self._model.logit_scale.exp())
        self.dimension = self.embed_images([_blank_image()]).shape[1]

    def embed_images(self, images: Sequence[bytes]) -> FloatArray:
        """Encoded images as float32 (n, dimension), each row of unit norm. Raises UndecodableImage."""
        pixels = [self._preprocess(_decoded(image)) for image in images]
        return self._encoded(self._model.encode_image, pixels)

    def embed_texts(self, texts: Sequence[str]) -> FloatArray:
        """Texts as float32 (n, dimension), each row of unit norm."""
        return self._encoded(self._model.encode_text, list(self._tokenize(texts)) if texts else [])

    def _encoded(self, encode: Callable[[Tensor], Tensor], rows: Sequence[Tensor]) -> FloatArray:
        if not rows:
            return np.zeros((0, self.dimension), dtype=np.float32)
        with torch.inference_mode():
            parts = [encode(_stacked(batch)).float().numpy() for batch in _batches(rows)]
        vectors = np.concatenate(parts)
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def load_embedder(config: EmbedderConfig) -> Embedder:
    """Load a model with all of its weights; raises EmbeddingModelUnavailable, within 2 seconds if the hub is away."""
    torch.set_num_threads(config.threads)
    if config.model == LITE:
        if config.pretrained:
            raise EmbeddingModelUnavailable(
                f"keyart-lite brings its own weights, yet pretrained is {config.pretrained!r}: unset it, or set the "
                "model that those weights are of"
            )
        return _load_lite()
    folder = _folder_of(config)
    if folder is not None:
        return _load(f"{_LOCAL_DIR}{folder}", None, name=folder.name)
    return _load_named(config)


def new_lite_model() -> nn.Module:
    """keyart-lite's architecture with the real trunk and an untrained rest: for its training alone."""
    config = read_config()
    settings: dict[str, Any] = {name: part for name, part in config["model_cfg"].items() if name != "custom_text"}
    model: nn.Module = _clip.CustomTextCLIP(**settings)
    preprocessing = {"size": settings["vision_cfg"]["image_size"], "mode": "RGB", **config["preprocess_cfg"]}
    _clip.model.set_model_preprocess_cfg(model, preprocessing)
    place_trunk(model)
    return model


def _load_lite() -> Embedder:
    try:
        model = new_lite_model()
        part = read_trained_part()
        place_trained_part(model, part)
    except DamagedWeights as error:
        raise EmbeddingModelUnavailable(str(error)) from error
    return Embedder(model, lambda texts: torch.as_tensor(part.tokenizer(texts)), name=LITE, domain="rendered")


def _folder_of(config: EmbedderConfig) -> Path | None:
    source = next((text for text in (config.pretrained, config.model) if text.startswith(_LOCAL_DIR)), None)
    if source is None:
        return None
    folder = Path(source.removeprefix(_LOCAL_DIR))
    if not (folder / "open_clip_config.json").is_file():
        raise EmbeddingModelUnavailable(
            f"{folder} has no open_clip_config.json: point local-dir: at a folder with it and the weights"
        )
    return folder


def _load_named(config: EmbedderConfig) -> Embedder:
    model, pretrained = config.model, config.pretrained
    if model not in _clip.list_models():
        raise EmbeddingModelUnavailable(
            f"{model!r} is no model of open_clip: use keyart-lite, a name such as ViT-B-32, or local-dir:FOLDER"
        )
    name = re.sub(r"[^A-Za-z0-9.]+", "-", model)
    if Path(pretrained).is_file():
        return _load(model, pretrained, name=name)
    tags = cast(list[str], _clip.list_pretrained_tags_by_model(model))
    if pretrained not in tags:
        raise EmbeddingModelUnavailable(
            f"{pretrained!r} is neither a file nor a tag of {model}, and random weights are no embedding: set "
            f"KEYART_CLIP_PRETRAINED to a checkpoint's path or to one of {', '.join(tags) or '(no tags)'}"
        )
    tag = cast(dict[str, Any], _clip.get_pretrained_cfg(model, pretrained))
    _require_same_activation(model, tag)
    cached = cached_file(str(tag.get("hf_hub", "")))
    if cached is None:
        _require_hub(config)
    # A cached file is given by path, so that no network is asked; its tag still says how pixels are prepared.
    preprocessing = {part: tag[part] for part in ("mean", "std", "interpolation", "resize_mode") if part in tag}
    return _load(model, cached or pretrained, name=name, preprocessing=preprocessing)


def _require_hub(config: EmbedderConfig) -> None:
    wanted = f"the weights {config.pretrained} of {config.model} are not on this machine"
    remedy = "download them where there is a network and set KEYART_CLIP_PRETRAINED to the file, or use keyart-lite"
    if config.offline:
        raise EmbeddingModelUnavailable(f"{wanted} and KEYART_OFFLINE is set: {remedy}")
    if not answers(endpoint()):
        raise EmbeddingModelUnavailable(f"{wanted} and {endpoint()} does not answer: {remedy}")


def _require_same_activation(model: str, tag: dict[str, Any]) -> None:
    """Weights trained with another activation give vectors, but wrong ones."""
    wanted, built = bool(tag.get("quick_gelu")), bool(_clip.get_model_config(model).get("quick_gelu"))
    if wanted != built:
        other = f"{model}-quickgelu" if wanted else model.removesuffix("-quickgelu")
        raise EmbeddingModelUnavailable(
            f"these weights were trained with another activation than {model} has: set KEYART_CLIP_MODEL to {other}"
        )


def _load(model: str, pretrained: str | None, *, name: str, preprocessing: dict[str, Any] | None = None) -> Embedder:
    try:
        loaded: nn.Module = _clip.create_model(
            model, pretrained, force_preprocess_cfg=preprocessing, require_pretrained=True, weights_only=True
        )
    except (RuntimeError, OSError, ValueError, KeyError, SafetensorError, pickle.UnpicklingError) as error:
        raise EmbeddingModelUnavailable(
            f"the weights {pretrained or model} cannot be loaded: {_first_line(error)}; check that they are complete "
            f"and belong to {model}"
        ) from error
    return Embedder(loaded, _LazyTokenizer(model), name=name, domain="photographs")


class _LazyTokenizer:
    """open_clip's own tokenizer of a model; some come from the hub, so it is asked for when the first text is."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._tokenizer: Callable[[list[str]], Tensor] | None = None

    def __call__(self, texts: Sequence[str]) -> Tensor:
        if self._tokenizer is None:
            self._tokenizer = cast(Callable[[list[str]], Tensor], _clip.get_tokenizer(self._model))
        return self._tokenizer(list(texts))


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0][:300] or type(error).__name__


def _fingerprint(model: nn.Module, preprocessing: dict[str, Any]) -> str:
    """First 12 hex digits of a SHA-256 over every weight, in the order of names, and the preprocessing."""
    digest = hashlib.sha256(json.dumps(preprocessing, sort_keys=True, default=str).encode())
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().contiguous().view(-1).view(torch.uint8).numpy())
    return digest.hexdigest()[:12]


def _decoded(image: bytes) -> Image.Image:
    try:
        opened = Image.open(io.BytesIO(image))
        if not opened.has_transparency_data:
            return opened.convert("RGB")
        white = Image.new("RGBA", opened.size, "white")
        return Image.alpha_composite(white, opened.convert("RGBA")).convert("RGB")
    except (OSError, SyntaxError, ValueError) as error:
        raise UndecodableImage(f"image cannot be decoded ({error}): clean it with artwork.intake first") from error


def _blank_image() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (32, 32)).save(out, "PNG")
    return out.getvalue()


def _batches(rows: Sequence[Tensor]) -> Iterator[Sequence[Tensor]]:
    return (rows[start : start + _BATCH] for start in range(0, len(rows), _BATCH))


def _stacked(batch: Sequence[Tensor]) -> Tensor:
    stacked = torch.stack(list(batch))
    return stacked.contiguous(memory_format=torch.channels_last) if stacked.ndim == 4 else stacked
