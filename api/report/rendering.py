"""The report as one HTML page that loads nothing: templates, words for numbers, the style sheet. Knows no figure."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from api.report.found import found_of
from api.report.numbers import count, percent, plain, signed, value
from api.report.sheet import sheet_of
from api.report.words import method_in_words

TEMPLATES = Path(__file__).parent / "templates"
STATIC = Path(__file__).parent / "static"
SHEETS = ("report.css", "evaluation.css")
FILTERS = (count, percent, plain, signed, value, method_in_words)


def render_report(found: Mapping[str, Any]) -> str:
    """Draw what `keyart evaluate --json` prints as one self-contained HTML page; the same object, the same bytes.

    Raises:
        BadInput: it is another object.
    """
    page = _environment().get_template("report.html")
    style = "\n".join((STATIC / name).read_text(encoding="utf-8") for name in SHEETS)
    return page.render(sheet=sheet_of(found_of(found)), style=style)


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update({each.__name__: each for each in FILTERS})
    return made
