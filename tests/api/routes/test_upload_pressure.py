"""Many uploads at once are refused, not queued until no other request finds a thread."""

import pytest

from artwork.intake import CleanImage
from artwork.sandbox import SandboxUnavailable
from tests.api.installation import Installation
from tests.api.pictures import picture

PUT = "/v1/titles/harbor/artworks/late/image"
UNAVAILABLE = "https://keyart.invalid/problems/unavailable"


def test_beyond_a_short_queue_an_upload_is_asked_to_come_again(harbor: Installation) -> None:
    waiting = harbor.services.uploads
    while waiting.acquire(blocking=False):
        pass
    refused = harbor.http.put(PUT, content=picture(1))
    assert (refused.status_code, refused.json()["type"]) == (503, UNAVAILABLE)
    assert refused.headers["retry-after"] == "1"
    waiting.release()
    for _ in range(2):
        assert harbor.http.put(PUT, content=picture(1)).status_code == 202


def test_a_sandbox_that_cannot_start_is_named(harbor: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    def cannot(_: bytes) -> CleanImage:
        raise SandboxUnavailable("no process could be started")

    monkeypatch.setattr(harbor.services.sandbox, "clean", cannot)
    refused = harbor.http.put(PUT, content=picture(1))
    assert (refused.status_code, refused.json()["type"]) == (503, UNAVAILABLE)
    assert "no process could be started" in refused.json()["detail"]
