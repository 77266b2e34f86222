"""Logged rows before any target is set beside them: what every log is read into. Knows no file and no policy."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bandit.ope.batch import Features, Floats, Integers, Labels, ViewerKeys


@dataclass(frozen=True, kw_only=True, eq=False)
class Slates:
    """The eligible artworks of n rows, row after row in flat arrays (m,), as in `bandit.ope.batch.Eligible`.

    `logged` are the logged probabilities, None where only that of the shown artwork was kept; `chosen` is None where
    the log does not say which artwork that was. `stated` are columns of lists that the log carries beside them, one
    number an eligible artwork, by their canonical names (`target_probabilities`, `baseline_probabilities`,
    `predictions`).
    """

    starts: Integers
    chosen: Integers | None
    artworks: Integers
    names: tuple[str, ...]
    logged: Floats | None = None
    stated: Mapping[str, Floats] = field(default_factory=dict[str, Floats])


@dataclass(frozen=True, kw_only=True, eq=False)
class Logged:
    """n logged rows, arrays (n,), in the order of the log; see `bandit.ope.batch.Batch` for what has the same name.

    `numbers` are those of the rows in the log, from 0: rows that do not count are not here, and some formats hold
    several rows a line, which is then what is numbered. `stated` are columns of one number a row that the
    log carries, by their canonical names (`target_propensity`, `baseline_propensity`).
    """

    numbers: Integers
    propensity: Floats
    reward: Floats
    stated: Mapping[str, Floats] = field(default_factory=dict[str, Floats])
    viewers: ViewerKeys | None = None
    titles: Labels | None = None
    slates: Slates | None = None
    kept: Floats | None = None
    decisions: ViewerKeys | None = None
    at: Integers | None = None
    pages: ViewerKeys | None = None
    positions: Integers | None = None
    labels: Mapping[str, Labels] = field(default_factory=dict[str, Labels])
    features: Features = field(default_factory=dict[str, Floats | Labels])

    def __len__(self) -> int:
        return len(self.reward)
