"""A linear version as bytes: its weights, and with Thompson sampling how sure they are. Knows no rows."""

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bandit.errors import IncompatibleModel
from bandit.linear.learner import Inferred
from bandit.linear.moments import Floats, Indices
from bandit.linear.settings import Sampling
from bandit.policies.weights import Weights


@dataclass(frozen=True, slots=True)
class Certainty:
    """How sure the weights are, the known artworks in their order.

    `covariance` (Q, Q) of those feature `columns` (Q,) that the rows speak of (`bandit.linear.evidence.Design` numbers
    them, with the constant first), `leverage` (known, Q) and `own_variance` (known,) of own terms, `own_prior` the
    variance of an artwork that nobody was shown.
    """

    columns: Indices
    covariance: Floats
    leverage: Floats
    own_variance: Floats
    own_prior: float


@dataclass(frozen=True, slots=True)
class LinearModel:
    """The weights that a policy is compiled from; `certainty` only where it samples by Thompson's rule."""

    weights: Weights
    certainty: Certainty | None = None

    @classmethod
    def of(cls, inferred: Inferred, *, sampling: Sampling, order: Sequence[int]) -> "LinearModel":
        """Take what serving needs of a posterior; `order` are the known artworks' places in its table."""
        if sampling != "thompson":
            return cls(inferred.weights)
        spread = inferred.spread()
        columns: Indices = np.flatnonzero(inferred.posterior.covariance.diagonal()).astype(np.int64)
        places = np.array(order, dtype=np.int64)
        certainty = Certainty(
            columns=columns,
            covariance=inferred.posterior.covariance[columns[:, np.newaxis], columns],
            leverage=spread.leverage[places[:, np.newaxis], columns],
            own_variance=spread.variance[places],
            own_prior=1.0 / inferred.posterior.precisions["own"],
        )
        return cls(inferred.weights, certainty)

    def to_bytes(self) -> bytes:
        """One deterministic file of plain arrays."""
        weights = self.weights
        arrays: dict[str, NDArray[Any]] = {name: getattr(weights, name) for name in _WEIGHTS}
        if self.certainty is not None:
            arrays |= {f"certainty.{name}": np.asarray(getattr(self.certainty, name)) for name in _CERTAINTY}
        packed = io.BytesIO()
        np.savez(packed, allow_pickle=False, **arrays)
        return packed.getvalue()


_WEIGHTS = ("crossed", "artwork", "main", "own", "experience")
_CERTAINTY = ("columns", "covariance", "leverage", "own_variance", "own_prior")


def linear_model_from(packed: bytes) -> LinearModel:
    """Read back what `LinearModel.to_bytes` gave; the caller has checked the digest.

    Raises:
        IncompatibleModel: parts are missing, or a number is not finite.
    """
    try:
        with np.load(io.BytesIO(packed), allow_pickle=False) as arrays:
            held: dict[str, NDArray[Any]] = {name: arrays[name] for name in arrays.files}
        weights = Weights(
            crossed=held["crossed"],
            artwork=held["artwork"],
            main=held["main"],
            own=held["own"],
            experience=held["experience"],
        )
    except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise IncompatibleModel(f"these are no weights of this Keyart ({error}); learn the version again") from error
    if not all(np.isfinite(array).all() for array in held.values()):
        raise IncompatibleModel("a weight is not finite; learn the version again")
    if "certainty.covariance" not in held:
        return LinearModel(weights)
    certainty = Certainty(
        columns=held["certainty.columns"],
        covariance=held["certainty.covariance"],
        leverage=held["certainty.leverage"],
        own_variance=held["certainty.own_variance"],
        own_prior=float(held["certainty.own_prior"]),
    )
    return LinearModel(weights, certainty)
