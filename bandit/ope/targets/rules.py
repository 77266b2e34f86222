"""A fixed rule that a person wrote: which artwork is shown when. Knows no file; a rule is given as its text.

    {"rules": [{"when": {"device": "tv"}, "show": {"harbour/close-up": 0.9, "*": 0.1}}], "otherwise": "uniform"}

The first rule whose `when` holds for a row decides it. `show` gives shares by artwork (`title/artwork`, or the artwork
alone); `*` is shared by the eligible artworks that are not named. Shares are scaled to 1 over what is eligible.
"""

from typing import final

import msgspec
import numpy as np

from bandit.errors import InvalidExample
from bandit.ope.batch import Batch, Eligible, Floats, Labels, Mask
from bandit.ope.targets.target import Target

EVERY_OTHER = "*"


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is shown where every column of `when` has the value that is named; no `when`: everywhere."""

    show: dict[str, float]
    when: dict[str, str] = {}


class Rules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rules in the order in which they are tried, and what happens where none holds: `uniform` or `logging`."""

    rules: list[Rule]
    otherwise: str = "uniform"


@final
class RuleTarget(Target):
    """Shows what rules say."""

    def __init__(self, rules: Rules, *, name: str = "rules") -> None:
        self.name = name
        self.reads_logged = rules.otherwise == "logging"
        self._rules = rules

    def probabilities(self, batch: Batch, eligible: Eligible) -> Floats:
        """See `Target.probabilities`.

        Raises:
            InvalidExample: a rule asks for a column that the log has not.
        """
        stated = eligible.logged.copy() if self._rules.otherwise == "logging" else self._uniform(eligible)
        free = np.ones(len(batch), dtype=np.bool_)
        for rule in self._rules.rules:
            rows = free & _holds(rule, batch)
            shares = _shares(rule, eligible)
            totals = eligible.row_sums(shares)
            rows &= totals > 0.0  # none of the named artworks is eligible here: the rule has nothing to show
            entries = np.repeat(rows, eligible.counts)
            stated[entries] = (shares / np.repeat(np.where(totals > 0.0, totals, 1.0), eligible.counts))[entries]
            free &= ~rows
        return stated

    def _uniform(self, eligible: Eligible) -> Floats:
        return np.repeat(1.0 / eligible.counts, eligible.counts)


def parse_rules(text: str | bytes) -> Rules:
    """Read rules from JSON.

    Raises:
        InvalidExample: it is no such JSON, or a share is negative, infinite or all of a rule's are 0.
    """
    try:
        rules = msgspec.json.decode(text, type=Rules)
    except msgspec.MsgspecError as error:
        raise InvalidExample(f"these are no rules ({error}): see docs/targets.md for an example") from error
    if rules.otherwise not in ("uniform", "logging"):
        raise InvalidExample(f"otherwise `{rules.otherwise}` is nothing to show: write uniform or logging")
    for place, rule in enumerate(rules.rules):
        shares = np.array([*rule.show.values()])
        if not (len(shares) and np.isfinite(shares).all() and (shares >= 0).all() and shares.sum() > 0):
            raise InvalidExample(f"rule {place} has no shares above 0: give each artwork a number, such as 0.9")
    return rules


def _holds(rule: Rule, batch: Batch) -> Mask:
    holds = np.ones(len(batch), dtype=np.bool_)
    for column, value in rule.when.items():
        labels = batch.labels.get(column) or batch.features.get(column)
        if not isinstance(labels, Labels):
            known = ", ".join(sorted({*batch.labels, *batch.features})) or "none"
            raise InvalidExample(f"a rule asks for the column {column}, and the log has {known}: give it --segment")
        codes = [code for code, name in enumerate(labels.names) if name == value]
        holds &= np.isin(labels.codes, codes)
    return holds


def _shares(rule: Rule, eligible: Eligible) -> Floats:
    """Each entry's share before scaling: (m,)."""
    named = np.array([_named(rule, name) for name in eligible.names])
    shares = np.nan_to_num(named)[eligible.artworks]
    others = np.isnan(named)[eligible.artworks]
    rest = rule.show.get(EVERY_OTHER, 0.0)
    count = np.maximum(eligible.row_sums(others.astype(np.float64)), 1.0)
    return np.where(others, np.repeat(rest / count, eligible.counts), shares)


def _named(rule: Rule, name: str) -> float:
    """The share of an artwork by its whole name or by its own alone; NaN where it is not named."""
    own = name.rsplit("/", 1)[-1]
    return rule.show.get(name, rule.show.get(own, float("nan")) if own != EVERY_OTHER else float("nan"))
