"""With an admin key set, only its holder gets in; images, health and metrics need none."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.installation import Installation, running, settings_in
from tests.api.problems import is_problem

KEY = "the key of the administrator"
GUARDED = (
    ("GET", "/v1/titles"),
    ("PUT", "/v1/titles/harbor"),
    ("POST", "/v1/select"),
    ("POST", "/v1/events"),
    ("POST", "/v1/outcomes"),
    ("GET", "/v1/policies"),
    ("POST", "/v1/policies:rollback"),
    ("PUT", "/v1/titles/harbor/artworks/a/image"),
    ("GET", "/gallery"),
    ("GET", "/gallery/harbor"),
    ("GET", "/"),
)


@pytest.fixture(scope="module")
def guarded(prepared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    home = tmp_path_factory.mktemp("guarded")
    (home / "keyart.db").write_bytes((prepared_home / "keyart.db").read_bytes())
    with running(settings_in(home, admin_key=KEY)) as started:
        yield started


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"anyone:{password}".encode()).decode()


@pytest.mark.parametrize(("method", "path"), GUARDED)
@pytest.mark.parametrize("sent", [None, "Bearer wrong", "Bearer ", "Basic ???", "Digest x", basic(KEY)])
def test_without_the_key_nothing_opens(guarded: Installation, method: str, path: str, sent: str | None) -> None:
    headers = {} if sent is None else {"Authorization": sent}
    answer = guarded.http.request(method, path, headers=headers, follow_redirects=False)
    is_problem(answer, 401, "not_allowed")
    assert answer.headers["www-authenticate"] == 'Bearer realm="keyart"'


@pytest.mark.parametrize("sent", [f"Bearer {KEY}", f"bearer {KEY}"])
def test_the_key_opens_as_token(guarded: Installation, sent: str) -> None:
    assert guarded.http.get("/v1/titles", headers={"Authorization": sent}).status_code == 200
    assert guarded.http.get("/gallery", headers={"Authorization": sent}).status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/openapi.json"])
def test_operations_need_no_key(guarded: Installation, path: str) -> None:
    assert guarded.http.get(path).status_code == 200
    assert KEY not in guarded.http.get(path).text
