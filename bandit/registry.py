"""A policy version as bytes: packed whole, named by its SHA-256, checked whole before it may decide. Knows no storage.

A damaged model loads into the engine in silence, so nothing is parsed before its digest is verified. The digest is a
function of what was learned; when and from which parent it was learned is told by the manifest beside it.
"""

import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from artwork.projection import InvalidProjection
from bandit.decision import PolicyVersionId
from bandit.encoding import FeatureSpace, space_from_arrays
from bandit.errors import DamagedModel, IncompatibleModel, RefusedFeature
from bandit.features import FeatureSpec
from bandit.golden import Golden, check_golden, golden_pages
from bandit.learners import LearnerSettings
from bandit.linear.model import linear_model_from
from bandit.policies.compiled import CompiledPolicy
from bandit.policies.most_played import is_most_played, most_played_from
from bandit.policies.policy import Policy
from bandit.policies.thompson import ThompsonPolicy
from bandit.policies.vowpal import EngineSettings, VowpalPolicy, export_weights

FORMAT = 2
_HEADER, _MODEL, _ARRAYS, _GOLDEN = "header.json", "model", "arrays/", "golden.json"
_CHECKSUM = "checksum"
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdout:
    """The share of viewers, chosen by a hash of `salt` and pseudonym, whose rows were kept for evaluation."""

    share: float = 0.3
    salt: str = "holdout"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a policy version was made of. `digest` is the SHA-256 of its bundle, `watermark` the end of the log it read.

    `rows` were learned from, `held_out` were kept for evaluation, `not_drawn` were no draws of a policy (defaults,
    fallbacks) and never learned from, `of_other_viewers` carried a viewer vector of another foundation version.
    `reward` names the definition that the rows were valued under, `provisional` says that some rewards could still
    rise. `onward`: learning went on from the sums of `parent`, so `rows`, `held_out` and the like count what came
    since. `examples` counts all that was learned, faded as it is; `settled` artworks are explored no more than the
    floor. `sums` is the SHA-256 of the sums that learning can go on from in turn.
    `window_seconds` is there when the rows were valued under that window, not under the installation's. `left_out` is a
    digest of whose rows up to the watermark did not count, where somebody told.
    `golden` are the pages that it is checked with whenever it is loaded; its bundle holds the same.
    """

    version: PolicyVersionId
    digest: str
    created_at: datetime
    parent: PolicyVersionId | None
    onward: bool
    watermark: str | None
    embedding_version: str
    foundation_version: str | None
    intent_version: str | None = None
    spec: FeatureSpec
    schema_hash: str
    reward: str
    provisional: bool
    settings: LearnerSettings
    arguments: tuple[str, ...]
    holdout: Holdout
    rows: int
    held_out: int
    not_drawn: int
    of_other_viewers: int
    settled: int
    examples: int
    metrics: dict[str, float]
    sums: str | None
    golden: Golden
    window_seconds: int | msgspec.UnsetType = msgspec.UNSET
    left_out: str | msgspec.UnsetType = msgspec.UNSET

    @property
    def checksum(self) -> str:
        """SHA-256 over everything that the manifest says, hex."""
        return hashlib.sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()

    def to_json(self) -> bytes:
        """The manifest as deterministic JSON, with its checksum."""
        told = msgspec.json.encode(self, order="deterministic")
        return told[:-1] + f',"{_CHECKSUM}":"{self.checksum}"}}'.encode()


def manifest_from_json(text: bytes | str) -> Manifest:
    """Read back what `Manifest.to_json` gave.

    Raises:
        IncompatibleModel: it is no manifest of this schema.
        DamagedModel: it is not what was written.
    """
    try:
        manifest = msgspec.json.decode(text, type=Manifest)
        written = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RefusedFeature) as error:
        raise IncompatibleModel(f"this is no manifest of this Keyart ({error}); learn the version again") from error
    if manifest.spec.schema_hash != manifest.schema_hash:
        raise IncompatibleModel("the manifest's schema hash is not its features'; learn the version again")
    if written != msgspec.json.decode(manifest.to_json()):
        raise DamagedModel("the manifest is not what was written; restore it from a backup or learn the version again")
    return manifest


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """How to read the rest of a bundle."""

    format: int
    spec: FeatureSpec
    schema_hash: str
    settings: LearnerSettings
    examples: int


def pack(space: FeatureSpace, model: bytes, *, settings: LearnerSettings, examples: int) -> bytes:
    """Return one bundle, deterministic: an uncompressed zip of header, model, projections and golden pages."""
    header = Header(
        format=FORMAT,
        spec=space.spec,
        schema_hash=space.spec.schema_hash,
        settings=settings,
        examples=examples,
    )
    parts = {_HEADER: msgspec.json.encode(header, order="deterministic"), _MODEL: model}
    parts |= {f"{_ARRAYS}{name}.npy": _npy(array) for name, array in sorted(space.to_arrays().items())}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as bundle:
        for name, part in parts.items():
            bundle.writestr(zipfile.ZipInfo(name, _EPOCH), part)
    return _with_golden_pages(packed.getvalue())


def _with_golden_pages(bundle: bytes) -> bytes:
    """Add the golden pages, stated by the version in `bundle` as `load_policy` will let it."""
    _, space, _ = _unpack(bundle)
    golden = golden_pages(load_policy(bundle, digest_of(bundle)), space)
    whole = io.BytesIO(bundle)
    with zipfile.ZipFile(whole, "a", zipfile.ZIP_STORED) as opened:
        opened.writestr(zipfile.ZipInfo(_GOLDEN, _EPOCH), golden.to_json())
    return whole.getvalue()


def digest_of(bundle: bytes) -> str:
    """The name of these bytes: SHA-256, 64 hex digits."""
    return hashlib.sha256(bundle).hexdigest()


def version_of(digest: str) -> PolicyVersionId:
    """The policy version that a learned bundle with this digest is."""
    return PolicyVersionId(f"squarecb-{digest[:12]}")


def load_policy(bundle: bytes, expected_digest: str) -> Policy:
    """Return the policy in `bundle`, checked whole before any of it is parsed. `examine` checks what it states besides.

    Raises:
        DamagedModel: the bytes are not those that `expected_digest` names.
        IncompatibleModel: they were packed under another format or feature schema.
    """
    _check_digest(bundle, expected_digest)
    if is_most_played(bundle):
        return most_played_from(bundle)
    header, space, model = _unpack(bundle)
    version, settings = version_of(expected_digest), header.settings
    if isinstance(settings, EngineSettings):
        weights = export_weights(space, model, examples=header.examples)
    else:
        linear = linear_model_from(model)
        if linear.certainty is not None:
            return ThompsonPolicy(space, linear, version=version, digest=expected_digest, epsilon=settings.epsilon)
        weights = linear.weights
    return CompiledPolicy(space, weights, version=version, digest=expected_digest, exploration=settings.exploration())


def load_engine(bundle: bytes, expected_digest: str) -> VowpalPolicy:
    """Return the same version asked through the engine it was learned by: what `load_policy` is held against.

    Raises as `load_policy` does.
    """
    _check_digest(bundle, expected_digest)
    header, space, model = _unpack(bundle)
    if not isinstance(header.settings, EngineSettings):
        raise IncompatibleModel("this version was not learned by the engine; load it with load_policy")
    return VowpalPolicy(
        space,
        model,
        version=version_of(expected_digest),
        digest=expected_digest,
        epsilon=header.settings.epsilon,
    )


def space_of(bundle: bytes, expected_digest: str) -> FeatureSpace:
    """Return the features that the version in `bundle` looks at. Raises as `load_policy` does."""
    _check_digest(bundle, expected_digest)
    return _unpack(bundle)[1]


def examine(bundle: bytes, expected_digest: str) -> None:
    """Refuse a version that does not state its golden probabilities: the check before it may decide.

    A broken engine library or a model that only looks whole can end this process or hang it: serving processes call
    `bandit.examination.Examiner`, which lets another process call this.

    Raises:
        DamagedModel, IncompatibleModel: see `load_policy`.
        GoldenMismatch: it states other probabilities than when it was packed.
    """
    policy = load_policy(bundle, expected_digest)
    check_golden(policy, golden_of(bundle))


def golden_of(bundle: bytes) -> Golden:
    """Return the golden pages in `bundle`, whose digest the caller has checked.

    Raises:
        IncompatibleModel: it holds none that are read here.
    """
    try:
        return msgspec.json.decode(_parts(bundle)[_GOLDEN], type=Golden)
    except (*_UNREADABLE, KeyError, msgspec.MsgspecError) as error:
        raise IncompatibleModel(f"the version carries no golden pages ({error}); learn it again") from error


def check_manifest(manifest: Manifest, bundle: bytes) -> None:
    """Refuse a manifest beside a bundle that it does not describe.

    Raises:
        IncompatibleModel: it is the manifest of another version.
    """
    header, space, _ = _unpack(bundle)
    told = (manifest.version, manifest.digest, manifest.schema_hash, manifest.embedding_version, manifest.golden)
    digest = digest_of(bundle)
    held = (version_of(digest), digest, header.schema_hash, space.embedding_version, golden_of(bundle))
    if told != held:
        raise IncompatibleModel(
            f"the manifest of {manifest.version} does not describe the model beside it; restore both from one backup "
            "or learn the version again"
        )


def _check_digest(bundle: bytes, expected: str) -> None:
    digest = digest_of(bundle)
    if digest != expected:
        raise DamagedModel(
            f"the model's SHA-256 is {digest[:12]}…, not {expected[:12]}…; "
            "restore the file from a backup or learn the version again; the live version stays"
        )


def _unpack(bundle: bytes) -> tuple[Header, FeatureSpace, bytes]:
    try:
        parts = _parts(bundle)
        header = msgspec.json.decode(parts[_HEADER], type=Header)
        if header.format != FORMAT or header.spec.schema_hash != header.schema_hash:
            raise IncompatibleModel(
                f"format {header.format} with schema {header.schema_hash[:12]}… is not read here; learn it again"
            )
        arrays = {name.removeprefix(_ARRAYS)[:-4]: _array(part) for name, part in parts.items() if _ARRAYS in name}
        return header, space_from_arrays(header.spec, arrays), parts[_MODEL]
    except (*_UNREADABLE, KeyError, msgspec.MsgspecError, InvalidProjection, RefusedFeature) as error:
        raise IncompatibleModel(f"this is no policy version of this Keyart ({error}); learn it again") from error


_UNREADABLE = (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OverflowError, ValueError)
"""What `zipfile` and `numpy.load` raise on bytes that are no bundle."""


def _parts(bundle: bytes) -> Mapping[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(bundle)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def _npy(array: NDArray[Any]) -> bytes:
    file = io.BytesIO()
    np.save(file, np.ascontiguousarray(array), allow_pickle=False)
    return file.getvalue()


def _array(part: bytes) -> NDArray[Any]:
    return np.load(io.BytesIO(part), allow_pickle=False)
