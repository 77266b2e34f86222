"""Versions that cannot go wrong: bytes are checked whole before any of them is believed (damage: test_damage.py)."""

import io
import json
import zipfile
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bandit.errors import IncompatibleModel
from bandit.registry import Manifest, digest_of, load_policy, manifest_from_json


def repacked(bundle: bytes, **changes: bytes | None) -> bytes:
    """The bundle with members replaced by name ("header" for header.json), or left out."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(bundle)) as old, zipfile.ZipFile(packed, "w") as new:
        for name in old.namelist():
            part = changes.get(name.split(".")[0].replace("/", "_"), old.read(name))
            if part is not None:
                new.writestr(name, part)
    return packed.getvalue()


def header_of(bundle: bytes) -> dict[str, Any]:
    with zipfile.ZipFile(io.BytesIO(bundle)) as opened:
        return json.loads(opened.read("header.json"))


def test_a_version_loads_and_decides_as_the_same_version(learned: Any, small_log: Any) -> None:
    first, second = (load_policy(learned.bundle, learned.manifest.digest) for _ in range(2))
    assert first.version == learned.manifest.version
    assert first.digest == learned.manifest.digest == digest_of(learned.bundle)
    slots = [(small_log.context(viewer), small_log.candidates[viewer % 6]) for viewer in range(60)]
    assert np.array_equal(first.page(slots), second.page(slots))


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 99},
        {"schema_hash": "0" * 64},
        {"spec": {"features": [{"name": "device", "purpose": "p", "values": ["women"]}]}},
        {"spec": {"features": [{"name": "postcode", "purpose": "p"}]}},
        {"settings": {"epsilon": "much"}},
    ],
)
def test_a_model_of_another_schema_is_refused(learned: Any, changes: dict[str, Any]) -> None:
    other = repacked(learned.bundle, header=json.dumps(header_of(learned.bundle) | changes).encode())
    with pytest.raises(IncompatibleModel, match="learn it again"):
        load_policy(other, digest_of(other))


@pytest.mark.parametrize("member", ["header", "model", "arrays_known", "arrays_artworks"])
def test_a_model_that_lacks_a_part_is_refused(learned: Any, member: str) -> None:
    other = repacked(learned.bundle, **{member: None})
    with pytest.raises(IncompatibleModel):
        load_policy(other, digest_of(other))


@pytest.mark.parametrize("weights", [b"", b"not weights", b"PK\x03\x04", b"PK\x05\x06" + bytes(18)])
def test_weights_that_never_were_any_are_refused(learned: Any, weights: bytes) -> None:
    other = repacked(learned.bundle, model=weights)
    with pytest.raises(IncompatibleModel, match="learn the version again"):
        load_policy(other, digest_of(other))


@pytest.mark.parametrize("foreign", [b"", b"not a model", b"PK\x05\x06" + bytes(18)])
def test_bytes_that_never_were_a_model_are_refused(foreign: bytes) -> None:
    with pytest.raises(IncompatibleModel, match="learn it again"):
        load_policy(foreign, digest_of(foreign))


def test_a_manifest_survives_json(learned: Any) -> None:
    text = learned.manifest.to_json()
    assert manifest_from_json(text) == learned.manifest
    assert manifest_from_json(text).to_json() == text


def test_c10_the_manifest_lists_every_feature_with_its_purpose(learned: Any) -> None:
    told = json.loads(learned.manifest.to_json())
    assert {feature["name"] for feature in told["spec"]["features"]} >= {"device", "daypart", "row", "position"}
    assert all(feature["purpose"] for feature in told["spec"]["features"])


def test_a_manifest_of_another_schema_is_refused(learned: Any) -> None:
    manifest: Manifest = replace(learned.manifest, schema_hash="0" * 64)
    with pytest.raises(IncompatibleModel, match="schema hash"):
        manifest_from_json(manifest.to_json())
    with pytest.raises(IncompatibleModel, match="learn the version again"):
        manifest_from_json(b'{"version": "squarecb-1"}')
    with pytest.raises(IncompatibleModel, match="learn the version again"):
        manifest_from_json(learned.manifest.to_json().replace(b'"tv"', b'"women"'))
