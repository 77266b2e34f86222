"""The embedder: real weights or a named refusal, fingerprints, unit vectors."""

import io
import json
import socket
import time
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from huggingface_hub import constants
from PIL import Image
from safetensors.torch import save_file

from artwork.embedding import Embedder, EmbedderConfig, EmbeddingModelUnavailable, UndecodableImage, load_embedder
from artwork.lite.tokens import UnknownWords

TINY: dict[str, Any] = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 16},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
}


def png(colour: str, *, mode: str = "RGB") -> bytes:
    out = io.BytesIO()
    Image.new(mode, (64, 36), colour).save(out, "PNG")
    return out.getvalue()


@pytest.fixture(scope="module")
def lite() -> Embedder:
    return load_embedder(EmbedderConfig(threads=1, offline=True))


@pytest.fixture(scope="module")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random, but saved: weights that a loader either has or has not."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("tiny") / "tiny.safetensors"
    state = open_clip.CLIP(**TINY).state_dict()
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, path)
    return path


@pytest.fixture(scope="module")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory, tiny_weights: Path) -> Path:
    folder = tmp_path_factory.mktemp("clip") / "my-clip"
    folder.mkdir()
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": TINY, "preprocess_cfg": {}}))
    (folder / "open_clip_model.safetensors").write_bytes(tiny_weights.read_bytes())
    return folder


@pytest.fixture(scope="module")
def tiny_architecture(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("config") / "keyart-test-tiny.json"
    path.write_text(json.dumps(TINY))
    open_clip.add_model_config(path)
    return path.stem


def test_lite_gives_unit_vectors_of_its_dimension(lite: Embedder) -> None:
    vectors = lite.embed_images([png("navy"), png("gold"), png("#80000080", mode="RGBA")])
    assert vectors.shape == (3, lite.dimension)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert lite.domain == "rendered"


def test_one_image_gives_the_same_vector_alone_and_in_a_batch(lite: Embedder) -> None:
    images = [png(colour) for colour in ("navy", "gold", "red")] * 6
    np.testing.assert_allclose(lite.embed_images(images)[1], lite.embed_images(images[1:2])[0], atol=1e-5)


def test_nothing_gives_no_rows(lite: Embedder) -> None:
    assert lite.embed_images([]).shape == (0, lite.dimension)
    assert lite.embed_texts([]).shape == (0, lite.dimension)


def test_lites_version_is_stable_and_names_the_model(lite: Embedder) -> None:
    again = load_embedder(EmbedderConfig(threads=1))
    assert again.version == lite.version
    name, _, digest = lite.version.rpartition("-")
    assert name == "keyart-lite"
    assert len(digest) == 12


def test_lites_trunk_holds_real_imagenet_weights(lite: Embedder) -> None:
    """Random weights put all images close together; these tell a face from a landscape drawn in the same colours."""
    vectors = lite.embed_images([png("navy"), png("gold")])
    assert vectors[0] @ vectors[1] < 0.95


def test_a_text_without_a_known_word_is_refused(lite: Embedder) -> None:
    with pytest.raises(UnknownWords, match="a real CLIP"):
        lite.embed_texts(["xyzzy plugh"])


def test_bytes_that_are_no_image_are_refused(lite: Embedder) -> None:
    with pytest.raises(UndecodableImage, match="clean it"):
        lite.embed_images([b"<html>"])


def test_a_local_folder_is_loaded_with_its_weights(tiny_folder: Path) -> None:
    by_model = load_embedder(EmbedderConfig(model=f"local-dir:{tiny_folder}", threads=1, offline=True))
    by_pretrained = load_embedder(
        EmbedderConfig(model="ViT-B-32", pretrained=f"local-dir:{tiny_folder}", threads=1, offline=True)
    )
    assert by_model.version == by_pretrained.version
    assert by_model.version.startswith("my-clip-")
    assert by_model.dimension == 16
    assert by_model.domain == "photographs"
    np.testing.assert_array_equal(by_model.embed_images([png("red")]), by_pretrained.embed_images([png("red")]))
    assert by_model.embed_texts(["a photograph of a harbour"]).shape == (1, 16)


def test_a_checkpoint_file_is_loaded_with_its_weights(
    tiny_architecture: str, tiny_weights: Path, tiny_folder: Path
) -> None:
    by_file = load_embedder(
        EmbedderConfig(model=tiny_architecture, pretrained=str(tiny_weights), threads=1, offline=True)
    )
    by_folder = load_embedder(EmbedderConfig(model=f"local-dir:{tiny_folder}", threads=1))
    np.testing.assert_allclose(by_file.embed_images([png("red")]), by_folder.embed_images([png("red")]), atol=1e-6)


def test_other_weights_have_another_version(tiny_architecture: str, tiny_weights: Path, tmp_path: Path) -> None:
    torch.manual_seed(1)
    other = tmp_path / "other.pt"
    torch.save(open_clip.CLIP(**TINY).state_dict(), other)
    versions = {
        load_embedder(EmbedderConfig(model=tiny_architecture, pretrained=str(path), threads=1)).version
        for path in (tiny_weights, other)
    }
    assert len(versions) == 2


def refusal(model: str, pretrained: str = "", *, offline: bool = True) -> str:
    with pytest.raises(EmbeddingModelUnavailable) as caught:
        load_embedder(EmbedderConfig(model=model, pretrained=pretrained, threads=1, offline=offline))
    return str(caught.value)


def test_random_weights_never_pass(tiny_architecture: str, tmp_path: Path) -> None:
    assert "random weights are no embedding" in refusal("ViT-B-32")
    assert "random weights are no embedding" in refusal("ViT-B-32", "a_tag_nobody_made")
    assert "random weights are no embedding" in refusal(tiny_architecture, str(tmp_path / "missing.safetensors"))
    (tmp_path / "open_clip_config.json").write_text(json.dumps({"model_cfg": TINY, "preprocess_cfg": {}}))
    assert "cannot be loaded" in refusal(f"local-dir:{tmp_path}")


def test_weights_that_are_not_the_models_are_refused(
    tiny_architecture: str, tiny_weights: Path, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(tiny_weights.read_bytes()[:-1000])
    some = tmp_path / "some.safetensors"
    save_file({"visual.proj": torch.zeros(32, 16)}, some)
    code = tmp_path / "code.pt"
    torch.save({"visual.proj": Path}, code)
    for path in (cut, some, code):
        assert "cannot be loaded" in refusal(tiny_architecture, str(path))


def test_unknown_names_say_what_to_set(tmp_path: Path) -> None:
    assert "no model of open_clip" in refusal("ViT-B-33", "openai")
    assert "no open_clip_config.json" in refusal(f"local-dir:{tmp_path}")
    assert "brings its own weights" in refusal("keyart-lite", "openai")


def test_weights_of_another_activation_are_refused() -> None:
    assert "set KEYART_CLIP_MODEL to ViT-B-32-quickgelu" in refusal("ViT-B-32", "openai")


def test_offline_says_so_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    started = time.monotonic()
    assert "KEYART_OFFLINE is set" in refusal("ViT-B-32", "laion2b_s34b_b79k")
    assert time.monotonic() - started < 2


def test_a_hub_that_is_away_costs_less_than_two_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(1)
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        started = time.monotonic()
        message = refusal("ViT-B-32", "laion2b_s34b_b79k", offline=False)
        assert time.monotonic() - started < 2
    assert "does not answer" in message
    assert "KEYART_CLIP_PRETRAINED" in message
