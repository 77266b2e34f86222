"""The eligible artworks of logged rows, from columns of lists. Knows no format and no target.

Where a log has lists of numbers but none of names, the artworks are numbered from 0 in the order of the lists.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from api.jobs.logs.bad_log import BadLog
from api.jobs.logs.codes import compacted, united
from api.jobs.logs.columns import Columns
from api.jobs.logs.table import LISTS
from bandit.ope.batch import Floats, Integers, Labels
from bandit.ope.logged import Slates

_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class _Named:
    """m entries by code, n shown artworks by the same codes (None where the log does not say), and their names."""

    entries: Integers
    shown: Integers | None
    names: tuple[str, ...]


def slates_of(columns: Columns, titles: Labels | None) -> Slates | None:
    """The eligible artworks of n rows; None where the log lists none, or does not say which of them was shown.

    Raises:
        BadLog: lists are missing, empty or of different lengths, or a row shows an artwork that is not eligible, or
            lists it twice.
    """
    held = [name for name in ("artworks", "probabilities", *LISTS) if name in columns]
    if not held or not len(columns):
        return None
    starts = columns.lists(held[0]).starts
    _refuse_empty(columns, starts)
    named = _named(columns, starts, titles)
    stated = {name: _numbers(columns, name, starts) for name in held if name != "artworks"}
    return Slates(
        starts=starts,
        chosen=None if named.shown is None else _chosen(columns, starts, named),
        artworks=named.entries,
        names=named.names,
        logged=stated.pop("probabilities", None),
        stated=stated,
    )


def shown_names(columns: Columns, titles: Labels | None) -> Labels:
    """The name of the artwork that each of n rows shows, with its title where the log has titles."""
    own = columns.labels("artwork")
    if titles is None:
        return own
    codes, names = _with_titles(titles.codes, titles.names, (own.codes, own.names))
    return Labels(codes=codes, names=names)


def propensities(columns: Columns, slates: Slates | None) -> Floats:
    """The probability of the shown artwork (n,): its own column, or its entry in the logged distribution.

    Raises:
        BadLog: the log has both, and they differ.
    """
    listed = None
    if slates is not None and slates.logged is not None and slates.chosen is not None:
        listed = slates.logged[slates.chosen]
    if "propensity" not in columns:
        return np.zeros(0) if listed is None else listed
    own = columns.floats("propensity")
    if listed is not None:
        differing = np.flatnonzero(np.abs(own - listed) > _TOLERANCE)
        if len(differing):
            message = "Some rows' propensity is not the shown artwork's entry in probabilities."
            remedy = "Map the column of the draw's probability; list probabilities in the order of artworks."
            raise BadLog(message, remedy, reason="propensity_contradicts", rows=columns.numbers[differing])
    return own


def _refuse_empty(columns: Columns, starts: Integers) -> None:
    empty = np.flatnonzero(np.diff(starts) == 0)
    if len(empty):
        remedy = "List at least the one that was shown."
        rows = columns.numbers[empty]
        raise BadLog("Some rows have no eligible artworks.", remedy, reason="no_eligible_artworks", rows=rows)


def _numbers(columns: Columns, name: str, starts: Integers) -> Floats:
    lists, values = columns.list_floats(name)
    differing = np.flatnonzero(lists.counts != np.diff(starts))
    if len(differing):
        message = f"Some rows list another number of {name} than of eligible artworks."
        rows = columns.numbers[differing]
        raise BadLog(message, "Give one entry an eligible artwork.", reason="lists_of_other_lengths", rows=rows)
    return values


def _named(columns: Columns, starts: Integers, titles: Labels | None) -> _Named:
    if "artworks" not in columns:
        return _numbered(columns, starts)
    values = Columns({"artworks": columns.lists("artworks").values}, np.repeat(columns.numbers, np.diff(starts)))
    listed = values.labels("artworks")
    codes, names = listed.codes, listed.names
    if "artwork" in columns:
        shown = columns.labels("artwork")
        codes, names = united(np.concatenate([codes, shown.codes + len(names)]), [*names, *shown.names])
    if titles is not None:
        owners = np.concatenate([np.repeat(titles.codes, np.diff(starts)), titles.codes])[: len(codes)]
        codes, names = _with_titles(owners, titles.names, (codes, names))
    return _Named(codes[: starts[-1]], codes[starts[-1] :] if "artwork" in columns else None, tuple(names))


def _numbered(columns: Columns, starts: Integers) -> _Named:
    counts = np.diff(starts)
    entries: Integers = np.arange(int(starts[-1])) - np.repeat(starts[:-1], counts)
    names = tuple(map(str, range(int(counts.max()))))
    if "artwork" not in columns:
        return _Named(entries, None, names)
    shown = columns.floats("artwork")
    whole = np.nan_to_num(shown, nan=-1.0).astype(np.int64)
    return _Named(entries, np.where(whole == shown, whole, -1), names)


def _with_titles(
    titles: Integers, title_names: Sequence[str], artworks: tuple[Integers, Sequence[str]]
) -> tuple[Integers, tuple[str, ...]]:
    """Put the title before each of m artworks: two titles may call an artwork the same."""
    codes, names = artworks
    places, pairs = compacted(titles * len(names) + codes, len(title_names) * len(names))
    owners, own = np.divmod(pairs, max(len(names), 1))
    both = tuple(
        f"{title_names[title]}/{names[artwork]}" for title, artwork in zip(owners.tolist(), own.tolist(), strict=True)
    )
    return places, both


def _chosen(columns: Columns, starts: Integers, named: _Named) -> Integers:
    assert named.shown is not None
    counts = np.diff(starts)
    shown = named.entries == np.repeat(named.shown, counts)
    found = np.add.reduceat(shown.astype(np.int64), starts[:-1])
    absent, twice = np.flatnonzero(found == 0), np.flatnonzero(found > 1)
    if len(absent):
        message = "Some rows show an artwork that is not among their eligible ones."
        remedy = "Give artwork and artworks the same names, or correct the log."
        raise BadLog(message, remedy, reason="unknown_artwork", rows=columns.numbers[absent])
    if len(twice):
        message = "Some rows list the shown artwork twice."
        raise BadLog(message, "List each once.", reason="artwork_listed_twice", rows=columns.numbers[twice])
    return np.flatnonzero(shown)
