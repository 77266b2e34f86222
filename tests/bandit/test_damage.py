"""C7: a thousand damaged versions, of every kind: none is served, each is refused by a named mistake with a remedy."""

import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from bandit.errors import BanditError, DamagedModel, GoldenMismatch, IncompatibleModel
from bandit.golden import Golden, largest_difference
from bandit.learning import LearnedModel
from bandit.policies.policy import Policy
from bandit.registry import (
    Manifest,
    check_manifest,
    digest_of,
    examine,
    golden_of,
    load_policy,
    manifest_from_json,
    version_of,
)

NAMED = (DamagedModel, IncompatibleModel, GoldenMismatch)
Case = tuple[bytes, bytes]
"""The JSON of a manifest, and the bundle beside it."""


def load(manifest_text: bytes, bundle: bytes) -> Policy:
    """Load a version as `api.dependencies.versions` does, without another process."""
    manifest = manifest_from_json(manifest_text)
    examine(bundle, manifest.digest)
    check_manifest(manifest, bundle)
    return load_policy(bundle, manifest.digest)


def flipped(data: bytes, rng: np.random.Generator) -> bytes:
    changed = bytearray(data)
    changed[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def named_again(manifest: Manifest, bundle: bytes, **changes: Any) -> bytes:
    """The manifest of whoever packed these bytes: their digest, a sound checksum."""
    digest = digest_of(bundle)
    return replace(manifest, version=version_of(digest), digest=digest, **changes).to_json()


def with_golden(bundle: bytes, golden: Golden) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(bundle)) as old, zipfile.ZipFile(packed, "w") as new:
        for name in old.namelist():
            new.writestr(name, golden.to_json() if name == "golden.json" else old.read(name))
    return packed.getvalue()


def nudged(golden: Golden, rng: np.random.Generator) -> Golden:
    """The golden pages with one probability a little off."""
    pages = [*golden.pages]
    place = int(rng.integers(len(pages)))
    [first, *rest] = pages[place].slots
    stated = (first.probabilities[0] + float(rng.choice((-1e-6, 1e-6, 1e-3))), *first.probabilities[1:])
    slots = (msgspec.structs.replace(first, probabilities=stated), *rest)
    pages[place] = msgspec.structs.replace(pages[place], slots=slots)
    return msgspec.structs.replace(golden, pages=tuple(pages))


def truncated_bundles(one: LearnedModel, _: LearnedModel, rng: np.random.Generator) -> Case:
    return one.manifest.to_json(), one.bundle[: rng.integers(len(one.bundle))]


def flipped_bundles(one: LearnedModel, _: LearnedModel, rng: np.random.Generator) -> Case:
    return one.manifest.to_json(), flipped(one.bundle, rng)


def truncated_manifests(one: LearnedModel, _: LearnedModel, rng: np.random.Generator) -> Case:
    text = one.manifest.to_json()
    return text[: rng.integers(len(text))], one.bundle


def flipped_manifests(one: LearnedModel, _: LearnedModel, rng: np.random.Generator) -> Case:
    return flipped(one.manifest.to_json(), rng), one.bundle


def of_another_schema(one: LearnedModel, _: LearnedModel, rng: np.random.Generator) -> Case:
    told = msgspec.json.decode(one.manifest.to_json())
    field = sorted(told)[rng.integers(len(told))]
    strange = ({"unheard": "of"}, [], "?", None, 1e300)[rng.integers(5)]
    changed = {key: value for key, value in told.items() if key != field} | {f"new_{field}": strange}
    return msgspec.json.encode(changed), one.bundle


def swapped_bundles(one: LearnedModel, other: LearnedModel, rng: np.random.Generator) -> Case:
    text, bundle = one.manifest.to_json(), other.bundle
    return text if rng.random() < 0.5 else named_again(one.manifest, bundle), bundle


def cut_and_named_again(one: LearnedModel, _: LearnedModel, rng: np.random.Generator) -> Case:
    bundle = one.bundle[: rng.integers(len(one.bundle))]
    return named_again(one.manifest, bundle), bundle


def golden_pages_that_do_not_fit(one: LearnedModel, _: LearnedModel, rng: np.random.Generator) -> Case:
    golden = nudged(one.manifest.golden, rng)
    bundle = with_golden(one.bundle, golden)
    return named_again(one.manifest, bundle, golden=golden), bundle


KINDS: dict[Callable[[LearnedModel, LearnedModel, np.random.Generator], Case], int] = {
    truncated_bundles: 250,
    flipped_bundles: 250,
    truncated_manifests: 100,
    flipped_manifests: 150,
    of_another_schema: 100,
    swapped_bundles: 50,
    cut_and_named_again: 50,
    golden_pages_that_do_not_fit: 50,
}


def cases(one: LearnedModel, other: LearnedModel) -> Iterator[tuple[str, Case]]:
    rng = np.random.default_rng(3)
    for kind, count in KINDS.items():
        for _ in range(count):
            yield kind.__name__, kind(one, other, rng)


def test_c7_a_thousand_damaged_versions_and_none_is_served(learned: Any, engine_learned: Any) -> None:
    refused = 0
    for kind, case in cases(learned, engine_learned):
        with pytest.raises(BanditError, match=r"again|restore|go back") as caught:
            load(*case)
        assert isinstance(caught.value, NAMED), kind
        refused += 1
    assert refused == sum(KINDS.values()) == 1000


def test_c7_a_sound_version_is_served(learned: Any, engine_learned: Any) -> None:
    for one in (learned, engine_learned):
        assert load(one.manifest.to_json(), one.bundle).version == one.manifest.version


def test_c7_a_model_that_was_damaged_before_it_was_named_is_refused_or_states_the_same(learned: Any) -> None:
    """Flips anywhere, under a digest and a manifest that fit: what is served then states what was packed."""
    rng = np.random.default_rng(4)
    golden = golden_of(learned.bundle)
    served = 0
    for _ in range(300):
        bundle = flipped(learned.bundle, rng)
        try:
            policy = load(named_again(learned.manifest, bundle), bundle)
        except NAMED:
            continue
        served += 1
        assert largest_difference(policy, golden) < 1e-9
    assert served < 30
