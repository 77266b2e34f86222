"""What an evaluation prints on a terminal, from the object that `--json` prints. Knows no log."""

from collections.abc import Iterator
from itertools import chain
from typing import Any, cast

from rich.console import Console
from rich.table import Table

from api.cli.paper import paper


def print_evaluation(found: dict[str, Any], *, rows: str) -> None:
    """Print estimates, diagnostics and notes; `rows` says which rows they are of."""
    console = paper()
    viewers = "viewers unknown" if found["viewers"] is None else f"{found['viewers']:,} viewers"
    console.print(f"{found['rows']:,} rows ({rows}), {viewers}")
    for refusal in found["refusals"]:
        console.print(f"REFUSED {refusal['code']}: {refusal['message']}. Remedy: {refusal['remedy']}.")
    diagnostics = found["diagnostics"]
    table = Table("what", "estimator", "value", "interval", "method")
    for what, estimate in _told(found):
        table.add_row(what, *_estimate(estimate))
    if table.row_count:
        console.print(table)
    _print_segments(console, found)
    if diagnostics.get("interval_rule"):
        console.print(f"The interval of snips: {diagnostics['interval_rule']}.")
    plain = _flat({key: each for key, each in diagnostics.items() if key not in _PRINTED_APART})
    for name, value in chain(_picked(found), plain, _held_to_draws(diagnostics), _calibration(diagnostics)):
        console.print(f"{name:>38}  {value}")
    for warning in (*diagnostics["warnings"], *found.get("page", {}).get("warnings", ())):
        remedy = f" Remedy: {warning['remedy']}." if warning.get("remedy") else ""
        console.print(f"NOTE {warning['message']}.{remedy}")


_PRINTED_APART = (
    "warnings",
    "baselines",
    "interval_rule",
    "question",
    "largest_weights",
    "weight_histogram",
    "where_it_loses",
    "at_floor",
    "calibration",
    "drift",
)
_WORST_SHOWN = 3
_SEGMENTS_SHOWN = 12


def _print_segments(console: Console, found: dict[str, Any]) -> None:
    """A sentence on where the target loses, and the segments that it is told of, the worst first."""
    segments = cast(list[dict[str, Any]], found.get("segments") or [])
    if not segments:
        return
    table = Table("segment", "rows", "value", "difference", "adjusted p", "verdict")
    for one in segments[:_SEGMENTS_SHOWN]:
        adjusted = "" if one["adjusted_p"] is None else f"{one['adjusted_p']:.3g}"
        spans = _span(one["estimate"]), _span(one["difference"])
        table.add_row(f"{one['dimension']} {one['value']}", f"{one['rows']:,}", *spans, adjusted, one["verdict"])
    console.print(table)
    if len(segments) > _SEGMENTS_SHOWN:
        console.print(f"{len(segments) - _SEGMENTS_SHOWN} more segments are in --json and --html.")
    console.print(found["diagnostics"]["where_it_loses"])


def _span(span: dict[str, float] | None) -> str:
    return "" if span is None else f"{span['value']:.4f} ({span['low']:.4f} to {span['high']:.4f})"


def _told(found: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The estimates of the target, its differences to a baseline, then what was logged and uniform."""
    yield from (("the target", each) for each in found["estimates"])
    yield from (("more than the baseline", each) for each in found.get("differences", ()))
    page = cast(dict[str, Any], found.get("page") or {})
    yield from (("the target, a page", each) for each in page.get("estimates", ()))
    yield from (("more than the baseline, a page", each) for each in page.get("differences", ()))
    baselines = cast(dict[str, Any], found["diagnostics"].get("baselines") or {})
    names = {"logging": "what was logged", "uniform": "uniform"}
    yield from ((names[name], each) for name, each in baselines.items() if each is not None)


def _picked(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The hyper-parameters that a rule picked for the target's estimates, and what is promised at least."""
    for estimate in found["estimates"]:
        chosen = {**estimate.get("chosen", {})}
        rule, least = chosen.pop("rule", ""), chosen.pop("lower_bound", None)
        said = [f"{name} {value if isinstance(value, str) else f'{value:g}'}" for name, value in chosen.items()]
        if said:
            promised = [] if least is None else [f"at least {least:.4f}"]
            yield f"picked for {estimate['estimator']}", ", ".join([*said, f"by {rule}", *promised])


def _held_to_draws(diagnostics: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Rows at the floor, whether the log was drawn from what it states, and how its policy moved."""
    floor = cast(dict[str, Any], diagnostics.get("at_floor") or {})
    if floor:
        yield f"rows logged at {floor['floor']:g} or less", f"{floor['share_of_rows']:.2%}"
    calibration = cast(dict[str, Any], diagnostics.get("calibration") or {})
    tested = cast(dict[str, Any], calibration.get("test") or {})
    if tested:
        cell = tested["worst_cell"]
        worst = (
            f"{cell['kind']} {cell['name']} was drawn {cell['drawn']:,.0f} times where {cell['stated']:,.0f} are stated"
        )
        yield "drawn from what it states", f"p {tested['p_value']:.3g} over {tested['cells']} cells; {worst}"
    drift = cast(dict[str, Any], diagnostics.get("drift") or {})
    if drift:
        yield "logging policy moved", f"{drift['total_variation']:.1%} of its probability in {drift['days']:.0f} days"


def _calibration(diagnostics: dict[str, Any]) -> Iterator[tuple[str, str]]:
    known = cast(dict[str, Any], diagnostics.get("calibration") or {})
    for one in cast(list[dict[str, Any]], known.get("worst") or [])[:_WORST_SHOWN]:
        yield f"calibration of {one['artwork']}", f"{one['mean']:.3f} ± {one['standard_error']:.3f}, where 1 is right"


def _estimate(estimate: dict[str, Any]) -> tuple[str, str, str, str]:
    interval = estimate["interval"]
    if interval is None:
        return estimate["estimator"], f"{estimate['value']:.4f}", "none", ""
    bounds = f"{interval['low']:.4f} to {interval['high']:.4f}"
    return estimate["estimator"], f"{estimate['value']:.4f}", bounds, f"{interval['level']:.0%} {interval['method']}"


def _flat(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        label = f"{prefix} {name}".strip().replace("_", " ")
        if isinstance(value, dict):
            yield from _flat(cast(dict[str, Any], value), label)
        elif value is not None and not isinstance(value, list):
            yield label, f"{value:.6g}" if isinstance(value, float) else str(value)
