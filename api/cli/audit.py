"""`keyart audit`: whether what a policy looks at gives away an attribute of viewers. Nothing of the file is kept."""

import csv
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.options import AsJson, Home, settings_of


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command(epilog="Example: keyart audit ages.csv")(audit)


def audit(
    file: Annotated[Path, typer.Argument(help="CSV with the columns viewer (the id you send) and value.")],
    policy: Annotated[str | None, typer.Option(help="A learned version; else the live one.")] = None,
    level: Annotated[float, typer.Option(min=0.5, max=0.999, help="Level of the intervals.")] = 0.95,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Measure how well a version's features tell an attribute that it must not use, such as age or gender."""
    from api.jobs.auditing import audit_version
    from api.progress import progress_bar
    from api.security import load_keys
    from api.storage.blobs import BlobStore
    from api.storage.database import open_engine
    from bandit.decision import PolicyVersionId

    settings = settings_of(home)
    keys = load_keys(settings)
    attribute = {keys.pseudonym(viewer): value for viewer, value in _values(file).items()}
    with progress_bar("Auditing"):
        audited = audit_version(
            open_engine(settings.database_url),
            BlobStore(settings.blob_root),
            version=None if policy is None else PolicyVersionId(policy),
            attribute=attribute,
            level=level,
        )
    found = audited.audit
    told: dict[str, Any] = {
        "version": audited.version,
        "predicts": found.predicts,
        "chance": found.chance,
        **asdict(found),
        "unknown_viewers": audited.unknown,
    }
    typer.echo(json.dumps(told) if as_json else "\n".join(_lines(told)))


def _values(file: Path) -> dict[str, str]:
    """The value of every viewer in the file."""
    from api.errors import BadInput

    found: dict[str, str] = {}
    for number, viewer, value in _pairs(file):
        if not viewer or not value:
            raise BadInput(f"{file} line {number}: viewer or value is empty.", "Fill it in, or leave the line out.")
        if found.setdefault(viewer, value) != value:
            raise BadInput(f"{file} line {number}: a viewer has two values.", "Give each viewer one value.")
    return found


def _pairs(file: Path) -> Iterator[tuple[int, str, str]]:
    from api.errors import BadInput

    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.DictReader(lines)
            if not {"viewer", "value"} <= set(reader.fieldnames or ()):
                raise BadInput(f"{file} has no columns viewer and value.", "Name them in its first line: viewer,value.")
            for row in reader:
                yield reader.line_num, (row["viewer"] or "").strip(), (row["value"] or "").strip()
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror}.", "Give a CSV file: viewer,value.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(
            f"{file} is no CSV file ({error}).", "Save it as comma-separated UTF-8: viewer,value."
        ) from error


def _lines(told: dict[str, Any]) -> Iterator[str]:
    yield f"{told['version']}, {told['viewers']:,} viewers with decisions ({told['unknown_viewers']:,} without)"
    for each in told["values"]:
        yield (
            f"  {each['value']}: told from the others with AUC {each['auc']:.3f} "
            f"({each['low']:.3f} to {each['high']:.3f}; a coin: 0.5), {each['viewers']:,} viewers"
        )
    found, guess = told["balanced_accuracy"], told["chance"]
    yield f"  recognised: {found:.1%} of viewers, each value weighing the same (a guess: {guess:.1%})"
    if told["predicts"]:
        strongest = sorted(told["groups"].items(), key=lambda item: -item[1])[:3]
        alone = ", ".join(f"{name} {share:.1%}" for name, share in strongest)
        yield f"The features give this attribute away. Recognised by one feature alone: {alone}."
    else:
        yield f"At a level of {told['level']:.0%} the features do not tell this attribute better than chance."
