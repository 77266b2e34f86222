"""A foundation as bytes and back: one safetensors file that names and proves itself. Knows no storage, no training.

The file's metadata has one entry, `keyart`: JSON with the format, vocabulary, config and report, sealed by a SHA-256
over them and the weights. The same foundation gives the same bytes, so the hash of the bytes is its version.
"""

import hashlib
from dataclasses import dataclass
from typing import cast

import msgspec
import numpy as np
import safetensors.numpy
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError

from foundation.computing import seeded
from foundation.errors import DamagedCheckpoint, IncompatibleCheckpoint, InvalidConfig
from foundation.model import ViewerModel
from foundation.trained import Foundation, Report, TrainingConfig
from foundation.vocabulary import Vocabulary

FORMAT = "keyart-foundation/1"
ENTRY = "keyart"
VERSION_DIGITS = 12
REMEDY = "fetch the file again, or train anew with `keyart foundation train`"
HEADER_LENGTH_BYTES = 8

Weights = dict[str, NDArray[np.float32]]


@dataclass(frozen=True, kw_only=True)
class Head:
    """Everything of a foundation but its weights."""

    vocabulary: Vocabulary
    config: TrainingConfig
    report: Report


class Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """What the metadata entry holds: `head` is the JSON of a `Head`, `sha256` proves it and the weights."""

    format: str
    sha256: str
    head: msgspec.Raw


def to_bytes(foundation: Foundation) -> bytes:
    """Return the foundation as a safetensors file; the same foundation always gives the same bytes."""
    head = msgspec.json.encode(
        Head(vocabulary=foundation.vocabulary, config=foundation.config, report=foundation.report)
    )
    weights = {name: tensor.numpy() for name, tensor in foundation.model.state_dict().items()}
    sealed = Sealed(format=FORMAT, sha256=seal(FORMAT, head, weights=weights), head=msgspec.Raw(head))
    return safetensors.numpy.save(weights, metadata={ENTRY: msgspec.json.encode(sealed).decode()})


def from_bytes(data: bytes) -> Foundation:
    """Read a foundation back.

    Raises:
        DamagedCheckpoint: the bytes are cut short, changed or no checkpoint at all.
        IncompatibleCheckpoint: the file is whole, but of another format.
    """
    sealed, weights = opened(data)
    if seal(sealed.format, bytes(sealed.head), weights=weights) != sealed.sha256:
        raise DamagedCheckpoint(f"the checkpoint's contents do not match their SHA-256; {REMEDY}")
    if sealed.format != FORMAT:
        raise IncompatibleCheckpoint(
            f"the checkpoint's format is {sealed.format}, this version reads {FORMAT}; "
            "train anew with `keyart foundation train`"
        )
    try:
        head = msgspec.json.decode(sealed.head, type=Head)
        model = restored(head, weights)
    except (msgspec.ValidationError, InvalidConfig, RuntimeError) as cause:
        raise IncompatibleCheckpoint(f"the checkpoint is whole but not understood ({cause}); {REMEDY}") from cause
    return Foundation(model=model, vocabulary=head.vocabulary, config=head.config, report=head.report)


def version_of(data: bytes) -> str:
    """Return the version that a checkpoint's bytes are known by, such as `viewers-1a2b3c4d5e6f`."""
    return f"viewers-{hashlib.sha256(data).hexdigest()[:VERSION_DIGITS]}"


def opened(data: bytes) -> tuple[Sealed, Weights]:
    """Take the file apart without believing any of it."""
    try:
        weights = safetensors.numpy.load(data)
        length = int.from_bytes(data[:HEADER_LENGTH_BYTES], "little")
        header = msgspec.json.decode(
            data[HEADER_LENGTH_BYTES : HEADER_LENGTH_BYTES + length], type=dict[str, msgspec.Raw]
        )
        entries = msgspec.json.decode(header["__metadata__"], type=dict[str, str])
        return msgspec.json.decode(entries[ENTRY], type=Sealed), cast("Weights", weights)
    except (SafetensorError, msgspec.MsgspecError, ValueError, KeyError) as cause:
        raise DamagedCheckpoint(f"these bytes are not a whole checkpoint ({cause}); {REMEDY}") from cause


def seal(name: str, head: bytes, *, weights: Weights) -> str:
    """Return the SHA-256, hex, of format, head and every tensor's name, type, shape and little-endian bytes."""
    digest = hashlib.sha256(name.encode() + b"\n" + head)
    for tensor, values in sorted(weights.items()):
        digest.update(f"\n{tensor} {values.dtype.name} {values.shape}\n".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()


def restored(head: Head, weights: Weights) -> ViewerModel:
    """Build the model that the head describes and give it its weights."""
    with seeded(head.config.seed):
        model = ViewerModel(head.config.model, head.vocabulary.sizes)
    model.load_state_dict({name: torch.tensor(values) for name, values in weights.items()})
    return model.eval().requires_grad_(False)
