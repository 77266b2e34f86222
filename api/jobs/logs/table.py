"""What a log's columns are called and which are wanted: one row is one decision. Knows no file and no format."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from api.errors import BadInput
from api.jobs.logs.bad_log import BadLog
from bandit.features import refuse_age_and_gender

NUMBERS = ("target_propensity", "baseline_propensity")
"""One number a row, as the log states it beside what it logged."""

LISTS = ("target_probabilities", "baseline_probabilities", "predictions")
"""One number an eligible artwork."""

SEGMENTS = ("title", "device", "row", "canvas", "logged_policy", "embedding_version")
"""Texts that say in which segments a row lies, whether or not anyone asked for them."""

CANONICAL = (
    "propensity",
    "reward",
    *NUMBERS,
    "policy",
    "decision",
    "viewer",
    "title",
    "artwork",
    "artworks",
    "probabilities",
    *LISTS,
    "at",
    "page",
    "position",
    "device",
    "row",
    "canvas",
    "logged_policy",
    "embedding_version",
    "kept",
    "excluded",
    "reason",
)

_PROPENSITY = "propensity"
_WITHOUT_PROPENSITIES = (
    "The log has no column for propensity: without the probabilities that were drawn from, nothing can be valued.",
    "Name it with --map propensity=COLUMN; the log has {present}. Where artworks were drawn uniformly, add a column of"
    " 1 / their number; where a policy's version and draws are known, state its probabilities again; otherwise log"
    " some traffic with them first.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogTable:
    """Where a log is and what its columns are called.

    `names` maps canonical names to the log's own. `needed` are canonical columns that the target cannot be stated
    without; of the others those are read that are there, and in `wanted` where that is not None. `features` and
    `segments` are columns by the log's own names. `query` is what a DuckDB file is asked. No reward may lie outside
    `reward_range`.
    """

    path: Path
    names: Mapping[str, str] = field(default_factory=dict[str, str])
    needed: Sequence[str] = ()
    wanted: frozenset[str] | None = None
    features: Sequence[str] = ()
    segments: Sequence[str] = ()
    reward_range: tuple[float, float] | None = None
    query: str | None = None

    def theirs(self, name: str) -> str:
        """What the log calls a canonical column."""
        return self.names.get(name, name)

    def columns(self, present: Sequence[str]) -> dict[str, str]:
        """The canonical columns that are read, by what the log calls them.

        Raises:
            BadLog: a column that is needed, mapped, or asked for as a feature or segment is not there.
            BadInput: a mapped name is no canonical one.
            RefusedFeature: a feature means age or gender.
        """
        self._refuse_unknown(present)
        held = {name: self.theirs(name) for name in CANONICAL if self.theirs(name) in present}
        self._refuse_missing(held, present)
        asked = (_PROPENSITY, "reward", "excluded", "reason", "kept", *self.needed)
        return {name: own for name, own in held.items() if self.wanted is None or name in self.wanted or name in asked}

    def _refuse_unknown(self, present: Sequence[str]) -> None:
        for name in self.names:
            if name not in CANONICAL:
                raise BadInput(f"{name} is no canonical column.", f"--map takes {', '.join(CANONICAL)}.")
        for name in self.features:
            refuse_age_and_gender(name)
        asked = (*self.names.values(), *self.features, *self.segments)
        for theirs in asked:
            if theirs not in present:
                raise _missing(theirs, present)
        for theirs in (*asked, *map(self.theirs, CANONICAL)):
            if present.count(theirs) > 1:
                message = f"The log has {present.count(theirs)} columns {theirs}."
                raise BadLog(message, "Rename all but one.", reason="column_twice")

    def _refuse_missing(self, held: Mapping[str, str], present: Sequence[str]) -> None:
        if _PROPENSITY not in held and not {"artwork", "probabilities"} <= held.keys():
            message, remedy = _WITHOUT_PROPENSITIES
            raise BadLog(message, remedy.format(present=", ".join(present)), reason="no_propensities")
        for name in ("reward", *self.needed):
            if name not in held:
                remedy = f"Name it with --map {name}=COLUMN; the log has {', '.join(present)}."
                raise BadLog(f"The log has no column for {name}.", remedy, reason="column_missing")


def _missing(theirs: str, present: Sequence[str]) -> BadLog:
    """The refusal of a column that somebody named and the log has not."""
    return BadLog(f"The log has no column {theirs}.", f"It has {', '.join(present)}.", reason="column_missing")
