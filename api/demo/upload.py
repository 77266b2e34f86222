"""The demo's catalogue, uploaded as a creative team would: titles, pictures, then waiting until all are active."""

import io
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import msgspec

from api.demo.programme import Showing
from api.errors import BadInput, Conflict
from artwork.catalog import ArtworkId, Title, TitleId
from artwork.lite.rendering.drawing import render
from artwork.lite.scene import Scene

SIZE = (480, 270)
WAIT_SECONDS = 300.0
PICTURES = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp"}


def upload_programme(client: httpx.Client, programme: Sequence[Showing]) -> Iterator[ArtworkId]:
    """Put every title, draw its artworks and upload them; yield each when it is taken."""
    for showing in programme:
        put_title(client, showing.title)
        for artwork, scene in showing.scenes.items():
            described = {"label": describe(scene), "default": artwork == next(iter(showing.scenes))}
            _sent(client.put(f"/v1/titles/{showing.title.title}/artworks/{artwork}", json=described))
            _put_image(client, showing.title.title, artwork, data=picture(scene), media_type="image/jpeg")
            yield artwork


def upload_stills(client: httpx.Client, folder: Path) -> Iterator[tuple[TitleId, list[str]]]:
    """Upload real pictures, one sub-folder a title; yield each title with the files that were refused.

    Raises:
        BadInput: the folder cannot be read.
    """
    if not folder.is_dir():
        raise BadInput(
            f"{folder} is no folder of stills.", "Set KEYART_STILLS to a folder with one sub-folder a title."
        )
    for each in sorted(path for path in folder.iterdir() if path.is_dir()):
        title = TitleId(each.name)
        put_title(client, Title(title=title, name=each.name.replace("-", " ").title()))
        pictures = sorted(path for path in each.iterdir() if path.suffix.lower() in PICTURES)
        yield title, [path.name for path in pictures if not _took_still(client, title, path)]


def wait_until_active(client: httpx.Client, titles: Sequence[TitleId], *, show: Callable[[float], None]) -> None:
    """Wait until the worker has embedded every artwork.

    Raises:
        Conflict: one was rejected, or five minutes were not enough.
    """
    until = time.monotonic() + WAIT_SECONDS
    waiting: list[TitleId] = list(titles)
    while waiting:
        if time.monotonic() > until:
            raise Conflict(f"The artworks of {waiting[0]} do not become active.", "See the demo's server.log.")
        waiting = [title for title in waiting if not _all_active(client, title)]
        show(1 - len(waiting) / len(titles))
        time.sleep(0.2 if waiting else 0)


def post_events(client: httpx.Client, histories: Iterator[list[dict[str, Any]]]) -> Iterator[int]:
    """Post histories, many viewers at a time; yield how many viewers each request held."""
    batch: list[dict[str, Any]] = []
    viewers = 0
    for history in histories:
        batch.extend(history)
        viewers += 1
        if len(batch) >= 4000:
            _post_batch(client, batch)
            yield viewers
            batch, viewers = [], 0
    if batch:
        _post_batch(client, batch)
        yield viewers


def _post_batch(client: httpx.Client, batch: list[dict[str, Any]]) -> None:
    body = msgspec.json.encode({"events": batch})
    _sent(client.post("/v1/events", content=body, headers={"Content-Type": "application/json"}))


def put_title(client: httpx.Client, title: Title) -> None:
    """Describe one title."""
    body: dict[str, Any] = {"name": title.name, "kind": title.kind.value, "genres": list(title.genres)}
    known: Mapping[str, Any] = {"year": title.year, "runtime_seconds": title.runtime_seconds}
    body.update({name: value for name, value in known.items() if value is not None})
    _sent(client.put(f"/v1/titles/{title.title}", json=body))


def picture(scene: Scene) -> bytes:
    """Draw a scene as a JPEG."""
    file = io.BytesIO()
    render(scene, SIZE).save(file, "JPEG", quality=90)
    return file.getvalue()


def describe(scene: Scene) -> str:
    """Say what a scene shows, as a creative team would label it."""
    people = {0: "nobody", 1: "one person", 2: "two people", 3: "a group"}[scene.people]
    faces = "" if scene.expression is None else f", {scene.expression.value}"
    return (
        f"{people}{faces}, {scene.shot.value} shot, {scene.setting.value}, {scene.palette.value}, {scene.light.value}"
    )


def _took_still(client: httpx.Client, title: TitleId, path: Path) -> bool:
    artwork = ArtworkId("".join(each if each.isalnum() or each in "._-" else "-" for each in path.stem).strip("._-"))
    media_type = PICTURES[path.suffix.lower()]
    address = f"/v1/titles/{title}/artworks/{artwork}/image"
    answer = client.put(address, content=path.read_bytes(), headers={"Content-Type": media_type})
    if answer.status_code == 422:
        return False
    _sent(answer)
    return True


def _put_image(client: httpx.Client, title: str, artwork: str, *, data: bytes, media_type: str) -> None:
    address = f"/v1/titles/{title}/artworks/{artwork}/image"
    _sent(client.put(address, content=data, headers={"Content-Type": media_type}))


def _all_active(client: httpx.Client, title: TitleId) -> bool:
    artworks = _sent(client.get(f"/v1/titles/{title}/artworks")).json()["artworks"]
    rejected = [each for each in artworks if each["state"] == "rejected"]
    if rejected:
        raise Conflict(f"{title}/{rejected[0]['artwork']} was rejected: {rejected[0]['reason']}.", "")
    return all(each["state"] == "active" for each in artworks)


def _sent(answer: httpx.Response) -> httpx.Response:
    if answer.is_error:
        raise Conflict(f"{answer.request.url.path} answered {answer.status_code}: {answer.text[:300]}", "")
    return answer
