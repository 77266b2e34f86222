"""Mistakes that the choice refuses to make; every message says the remedy."""


class BanditError(Exception):
    """The root of what `bandit` raises on purpose."""


class NoEligibleArtwork(BanditError):
    """A slot without a single eligible artwork was to be decided."""


class InvalidProbabilities(BanditError):
    """A distribution is not one: a negative, non-finite or wrongly summing probability."""


class RefusedFeature(BanditError):
    """A feature is not part of the closed schema, states no purpose, or means age or gender."""


class InvalidExample(BanditError):
    """A row of the log cannot be learned from or evaluated on."""


class EmptyLog(BanditError):
    """There is nothing to learn from."""


class DamagedModel(BanditError):
    """A model's bytes do not match the digest of its manifest."""


class IncompatibleModel(BanditError):
    """A model was made under another feature schema or embedding version."""


class LearningFailed(BanditError):
    """The learning subprocess ended without a model."""


class InvalidGuard(BanditError):
    """A guard contradicts itself, or those that are set already."""


class GoldenMismatch(BanditError):
    """A version states other probabilities for its golden pages than when it was packed."""


class ExaminationFailed(BanditError):
    """The process that examined a version died or ran out of time: the version or the library under it is broken."""


class InvalidTrial(BanditError):
    """Settings that are to be tried, or a World to try them in, do not exist."""
