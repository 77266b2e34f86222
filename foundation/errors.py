"""Mistakes that the viewers' rooms refuse to make; every message says the remedy."""


class FoundationError(Exception):
    """The root of what `foundation` raises on purpose."""


class InvalidHistory(FoundationError):
    """A history is not one viewer's events with timezone-aware times."""


class InvalidConfig(FoundationError):
    """Settings of a model or of its training contradict each other or lie outside their range."""


class TooFewHistories(FoundationError):
    """There are not enough viewers with enough events to train on and to hold out from."""


class TrainingDiverged(FoundationError):
    """The loss stopped being a finite number."""


class DamagedCheckpoint(FoundationError):
    """A checkpoint's bytes are not the ones that were written."""


class IncompatibleCheckpoint(FoundationError):
    """A checkpoint is whole, but of a format that this version does not read."""
