"""A foundation survives being written and read, and damage never passes for one."""

import hashlib

import msgspec
import numpy as np
import pytest
import safetensors.numpy
import torch

from benchmarks.viewers import Audience
from foundation.checkpoint import ENTRY, Sealed, from_bytes, opened, seal, to_bytes, version_of
from foundation.encoder import encode_viewers, next_title_scores, title_vectors
from foundation.errors import DamagedCheckpoint, IncompatibleCheckpoint
from foundation.trained import Foundation


@pytest.fixture(scope="module")
def data(hurried: Foundation) -> bytes:
    return to_bytes(hurried)


def test_what_is_read_back_answers_the_same(crowd: Audience, hurried: Foundation, data: bytes) -> None:
    again = from_bytes(data)
    assert (again.vocabulary, again.config, again.report) == (hurried.vocabulary, hurried.config, hurried.report)
    histories = crowd.histories[:20]
    assert np.array_equal(encode_viewers(again, histories), encode_viewers(hurried, histories))
    assert np.array_equal(next_title_scores(again, histories), next_title_scores(hurried, histories))
    assert title_vectors(again).keys() == title_vectors(hurried).keys()


def test_the_same_foundation_gives_the_same_bytes_before_and_after_it_was_asked(crowd: Audience, data: bytes) -> None:
    again = from_bytes(data)
    encode_viewers(again, crowd.histories[:2])
    assert to_bytes(again) == data


def test_reading_leaves_the_callers_chance_alone(data: bytes) -> None:
    before = torch.random.get_rng_state()
    from_bytes(data)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_version_names_the_bytes(data: bytes) -> None:
    assert version_of(data) == "viewers-" + hashlib.sha256(data).hexdigest()[:12]


def test_any_safetensors_reader_opens_it(data: bytes) -> None:
    assert "titles.weight" in safetensors.numpy.load(data)


def test_every_flipped_bit_is_noticed(data: bytes) -> None:
    header = 8 + int.from_bytes(data[:8], "little")
    rng = np.random.default_rng(0)
    places = [*range(0, 8), *rng.integers(8, header, 200), *rng.integers(header, len(data), 100)]
    for place in places:
        damaged = bytearray(data)
        damaged[place] ^= 1 << int(rng.integers(8))
        with pytest.raises(DamagedCheckpoint):
            from_bytes(bytes(damaged))


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9, 0.9999])
def test_every_cut_is_noticed(data: bytes, share: float) -> None:
    with pytest.raises(DamagedCheckpoint, match="keyart foundation train"):
        from_bytes(data[: int(len(data) * share)])


@pytest.mark.parametrize("other", [b"<html>404</html>", safetensors.numpy.save({"a": np.zeros(3, dtype=np.float32)})])
def test_another_kind_of_file_is_refused(other: bytes) -> None:
    with pytest.raises(DamagedCheckpoint):
        from_bytes(other)


def test_another_format_is_refused_by_name(data: bytes) -> None:
    sealed, weights = opened(data)
    name = "keyart-foundation/9"
    newer = Sealed(format=name, sha256=seal(name, bytes(sealed.head), weights=weights), head=sealed.head)
    with pytest.raises(IncompatibleCheckpoint, match="keyart-foundation/9"):
        from_bytes(safetensors.numpy.save(weights, metadata={ENTRY: msgspec.json.encode(newer).decode()}))


def test_a_whole_file_whose_head_does_not_describe_its_weights_is_refused(data: bytes) -> None:
    sealed, weights = opened(data)
    fewer = {name: values for name, values in weights.items() if name != "norm.weight"}
    resealed = Sealed(
        format=sealed.format, sha256=seal(sealed.format, bytes(sealed.head), weights=fewer), head=sealed.head
    )
    with pytest.raises(IncompatibleCheckpoint):
        from_bytes(safetensors.numpy.save(fewer, metadata={ENTRY: msgspec.json.encode(resealed).decode()}))
