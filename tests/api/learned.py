"""A home with a log of known taste, and the evaluated policy version that the real process learned from it."""

import json
import random
import shutil
from dataclasses import dataclass
from pathlib import Path

from api.jobs.assessing import assess_version
from api.jobs.evaluating import OwnOrder
from api.jobs.learning import learn_version
from bandit.registry import Manifest, manifest_from_json
from tests.api.installation import AT, Installation, an_event, an_outcome, running, settings_in, unit_vector

TITLES = ("harbor", "tundra")
VIEWERS = 120
_NOTE = "learned.json"


@dataclass(frozen=True)
class Learned:
    """The home, and the manifest of its one version. Viewers are `even-0`, `odd-1`, …; see `likes`."""

    home: Path
    manifest: Manifest


def name_of(number: int) -> str:
    """The raw id of a viewer."""
    return f"{'odd' if number % 2 else 'even'}-{number}"


def likes(viewer: str, artwork: str) -> bool:
    """The hidden taste: even viewers play what shows artwork a, odd viewers what shows artwork b."""
    return artwork == ("a" if viewer.startswith("even") else "b")


def make_learned(prepared: Path, home: Path) -> Learned:
    """Fill a copy of an empty home over HTTP, learn and evaluate; what is there already is taken as it is."""
    note = home / _NOTE
    if not note.exists():
        shutil.copytree(prepared, home)
        settings = settings_in(home)
        with running(settings) as installation:
            _live_through(installation)
            manifest = learn_version(installation.engine, installation.blobs, settings=settings).manifest
            assess_version(installation.engine, installation.blobs, order=OwnOrder(target=manifest.version))
        note.write_bytes(manifest.to_json())
    return Learned(home, manifest_from_json(json.dumps(json.loads(note.read_text()))))


def _live_through(installation: Installation) -> None:
    for title in TITLES:
        installation.put_title(title)
    viewers = [name_of(number) for number in range(VIEWERS)]
    installation.post_events(*(an_event(viewer, random.Random(viewer).choice(TITLES)) for viewer in viewers))
    poles = {"even": unit_vector("even", 6), "odd": unit_vector("odd", 6)}
    installation.know_viewers({viewer: poles[viewer.split("-")[0]] for viewer in viewers})
    outcomes = []
    for viewer in viewers:
        for day in range(3):
            page = installation.select(*TITLES, viewer=viewer, at=AT.replace(day=1 + day))
            for slot in page["slots"]:
                kind = "played" if likes(viewer, slot["artwork"]) else "seen"
                outcomes.append(an_outcome(slot["decision"], kind))
    installation.report(*outcomes)
