"""The examples of the description, carried out one after the other against an installation.

What cannot be the same twice (a decision's id, a key's prefix, an image's hash) stands for itself in the examples, and
is replaced by what this installation has.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from httpx import Response

from api.routes.examples import Example
from api.storage.database import transaction
from api.storage.images import activate_image
from api.storage.jobs import JobKind, claim, complete
from api.storage.vectors import add_embedding_version, put_vector
from artwork.catalog import ImageHash
from tests.api.installation import EMBEDDING, Installation, unit_vector
from tests.api.pictures import picture

DECISION = "019b7c3e5a0f7d21a4c86e0f9b3d5172-00-5c0f9a1be2d34f60"
PREFIX = "k7m2x9qd4f"
SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
TITLE = "/v1/titles/the-last-harbour"


def perform(installation: Installation, examples: Mapping[str, Example]) -> tuple[dict[str, Response], dict[str, str]]:
    """Carry out all examples in their order; return the answers, and what stood for what."""
    answers: dict[str, Response] = {}
    known: dict[str, str] = {}
    for operation, example in examples.items():
        if operation in BEFORE:
            BEFORE[operation](installation)
        answers[operation] = answer = ask(installation, operation, example, known)
        if operation in LEARNT:
            name, found = LEARNT[operation](answer.json())
            known[name] = found
    return answers, known


def ask(installation: Installation, operation: str, example: Example, known: Mapping[str, str]) -> Response:
    """Make one request as its example says."""
    method, _, path = operation.partition(" ")
    text = json.dumps([path.format(**example.path), example.query, example.headers, example.body])
    for name, real in known.items():
        text = text.replace(name, real)
    address, query, headers, body = json.loads(text)
    if example.content is not None:
        headers["Content-Type"] = example.content
        return installation.http.request(method, address, params=query, headers=headers, content=picture(7))
    return installation.http.request(method, address, params=query, headers=headers, json=body)


def _embed(installation: Installation) -> None:
    """Do what a worker does for every picture that waits, and have a second artwork beside."""
    installation.http.put(f"{TITLE}/artworks/boat-alone", json={"label": "A boat"})
    installation.http.put(f"{TITLE}/artworks/boat-alone/image", content=picture(8))
    now = datetime.now(UTC)
    with transaction(installation.engine) as connection:
        add_embedding_version(connection, EMBEDDING, now=now)
        while job := claim(connection, owner="test", now=now, lease=timedelta(minutes=1), kinds=[JobKind.EMBED_IMAGE]):
            image = ImageHash(job.payload["image"])
            put_vector(connection, image, version=EMBEDDING.version, vector=unit_vector(image))
            activate_image(connection, image, now=now)
            complete(connection, job, now=now)
    installation.services.refresh()


def _promote(installation: Installation) -> None:
    said = {"stage": "live", "reason": "To have something to take back"}
    assert installation.http.post("/v1/policies/default:promote", json=said).status_code == 200


BEFORE: Mapping[str, Callable[[Installation], None]] = {
    "GET /v1/titles/{title}/artworks/{artwork}": _embed,
    "POST /v1/policies:rollback": _promote,
}
LEARNT: Mapping[str, Callable[[Any], tuple[str, str]]] = {
    "POST /v1/select": lambda page: (DECISION, page["slots"][0]["decision"]),
    "PUT /v1/titles/{title}/artworks/{artwork}/image": lambda upload: (SHA256, upload["sha256"]),
    "POST /v1/keys/{name}:rotate": lambda key: (PREFIX, key["prefix"]),
}
