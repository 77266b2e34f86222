"""Bad input to every route: the right status, a problem that says the remedy, and nothing written.

The matrix is made from the description: each operation's example is spoiled, one thing at a time, in every field that
its schema knows, so a new route or field is in it from its first day.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree
from typing import Any

import pysqlite3
import pytest
from httpx import Response
from msgspec.structs import replace

from api.credentials import Scope
from api.dependencies.permissions import PERMISSIONS
from api.routes.examples import Description, Example, load_examples
from api.storage.database import transaction
from api.storage.keys import KeyOrder, create_key
from tests.api.installation import Installation, running, settings_in
from tests.api.routes.mistakes import mistakes
from tests.api.routes.performed import ask, perform

EXAMPLES = load_examples()
WITH_BODY = [operation for operation, example in EXAMPLES.items() if example.body is not None]
WITH_PATH = [operation for operation, example in EXAMPLES.items() if example.path]
BODY_MISTAKES = {400, 422}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
STRANGE = ("a b", "%00", "é", "x" * 300, "-", "..%2F..", "%F0%9F%8E%AC", "a%0Ab", "9" * 40, "-1", "0")


class Watched:
    """A server, and whether anything was written into its database since it was asked last."""

    def __init__(self, installation: Installation, known: Mapping[str, str]) -> None:
        self.installation, self.known = installation, known
        self._keys = {scope: self._key(scope) for scope in Scope}
        self._expired = self._key(Scope.ADMIN, days_ago=2)
        installation.services.refresh()
        self._other = pysqlite3.connect(str(installation.home / "keyart.db"))
        self._seen = self._version()

    def untouched(self) -> bool:
        """Tell whether no other connection committed a change."""
        before, self._seen = self._seen, self._version()
        return before == self._seen

    def callers(self, method: str, path: str) -> Iterator[tuple[str, int]]:
        """What those send who may not ask for a route, and how they are answered."""
        yield from (("", 401), ("Bearer keyart_0123456789_x", 401), (self._expired, 401))
        allowed = {*(PERMISSIONS[method, path] or ()), Scope.ADMIN}
        yield from ((key, 403) for scope, key in self._keys.items() if scope not in allowed)

    def _key(self, scope: Scope, *, days_ago: int = 0) -> str:
        """A key that was made so long ago, for a day."""
        at = datetime.now(UTC) - timedelta(days=days_ago)
        order = KeyOrder(
            name=f"{scope}-{days_ago}",
            scopes=frozenset({scope}),
            actor="test",
            at=at,
            expires_at=at + timedelta(days=1),
        )
        with transaction(self.installation.engine) as connection:
            return f"Bearer {create_key(connection, order)[1].text}"

    def _version(self) -> int:
        found: int = self._other.execute("PRAGMA data_version").fetchone()[0]
        return found


@pytest.fixture(scope="module")
def watched(prepared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """A server on which every example was carried out, so that what is named exists."""
    home = Path(copytree(prepared_home, tmp_path_factory.mktemp("spoiled") / "home"))
    with running(settings_in(home, requests_per_minute=10**9, failed_keys_per_minute=10**9)) as installation:
        yield Watched(installation, perform(installation, EXAMPLES)[1])


def send(watched: Watched, operation: str, body: bytes, **headers: str) -> Response:
    method, _, path = operation.partition(" ")
    address = path.format(**EXAMPLES[operation].path)
    json = {"Content-Type": "application/json", **headers}
    return watched.installation.http.request(method, address, content=body, headers=json)


def complaint(answer: Response, allowed: set[int]) -> str | None:
    """What is wrong with how a mistake was answered; None where nothing is."""
    if answer.status_code not in allowed:
        return f"{answer.status_code} {answer.text[:200]}"
    if answer.headers["content-type"] != "application/problem+json":
        return answer.headers["content-type"]
    body: dict[str, Any] = answer.json()
    missing = [name for name in ("type", "title", "detail", "remedy", "request") if not body.get(name)]
    return f"no {', '.join(missing)}: {body}" if missing else None


@pytest.fixture(scope="module")
def description(watched: Watched) -> Description:
    """What the server says of itself."""
    told: Description = watched.installation.http.get("/openapi.json").json()
    return told


@pytest.mark.parametrize("operation", WITH_BODY)
def test_a_spoiled_body_is_refused_and_nothing_is_written(
    watched: Watched, description: Description, operation: str
) -> None:
    method, _, path = operation.partition(" ")
    schema = description["paths"][path][method.lower()]["requestBody"]["content"]["application/json"]["schema"]
    wrong: dict[str, str] = {}
    watched.untouched()
    for name, body in mistakes(schema, EXAMPLES[operation].body, description["components"]["schemas"]):
        said = complaint(send(watched, operation, body), BODY_MISTAKES)
        if said is None and not watched.untouched():
            said = "something was written"
        if said is not None:
            wrong[name] = said
    assert wrong == {}


@pytest.mark.parametrize("operation", WITH_BODY)
def test_a_body_of_another_kind_or_size_is_refused(watched: Watched, operation: str) -> None:
    body = b'{"viewer": "x"}'
    watched.untouched()
    for kind in (
        "text/plain",
        "application/xml",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded",
    ):
        assert complaint(send(watched, operation, body, **{"Content-Type": kind}), {415}) is None
    assert complaint(send(watched, operation, body, **{"Content-Length": "32000001"}), {413}) is None
    assert complaint(send(watched, operation, b"[" * 100_000), BODY_MISTAKES) is None
    assert complaint(send(watched, operation, b"\xff\xfe{}"), BODY_MISTAKES) is None
    assert watched.untouched()


@pytest.mark.parametrize("operation", WITH_PATH)
def test_a_strange_or_unknown_name_in_the_address_is_refused(watched: Watched, operation: str) -> None:
    method, _, path = operation.partition(" ")
    example = EXAMPLES[operation]
    watched.untouched()
    for name in example.path:
        for strange in STRANGE:
            if method == "PUT" and strange in ("0", "9" * 40):
                continue  # as good a name of a title as any
            address = path.format(**{**example.path, name: strange})
            answer = watched.installation.http.request(method, address, json=example.body)
            assert complaint(answer, {404, 405, 409, 422}) is None, address
    assert watched.untouched()


def taken_at(address: str) -> set[str]:
    """The methods of all operations that an address could mean: `default:promote` could be a version's name."""
    matching = re.compile(r"\{\w+\}")
    found = (operation.partition(" ") for operation in EXAMPLES)
    return {method for method, _, path in found if re.fullmatch(matching.sub("[^/]+", path), address)}


@pytest.mark.parametrize("path", sorted({operation.partition(" ")[2] for operation in EXAMPLES}))
def test_another_method_is_refused_with_one_that_is_taken(watched: Watched, path: str) -> None:
    example = next(each for operation, each in EXAMPLES.items() if operation.partition(" ")[2] == path)
    address = path.format(**example.path)
    taken = taken_at(address)
    for method in set(METHODS) - taken:
        answer = watched.installation.http.request(method, address)
        assert complaint(answer, {405}) is None
        assert set(answer.headers["allow"].split(", ")) <= taken


def test_an_address_that_leads_nowhere_says_where_to_look(watched: Watched) -> None:
    for path in ("/v1", "/v1/nothing", "/v2/titles", "/v1/titles/a/b/c"):
        assert complaint(watched.installation.http.get(path), {404}) is None


def keyed() -> list[str]:
    return [operation for operation, example in EXAMPLES.items() if "Idempotency-Key" in example.headers]


def changed(body: Any) -> Any:
    """A body whose first text is another one."""
    if isinstance(body, str):
        return body + "-2"
    name = next(iter(body)) if isinstance(body, dict) else 0
    return {**body, name: changed(body[name])} if isinstance(body, dict) else [changed(body[0]), *body[1:]]


@pytest.mark.parametrize("operation", keyed())
def test_a_replayed_key_with_another_body_changes_nothing(watched: Watched, operation: str) -> None:
    """The examples were carried out with their keys; now each comes with another body."""
    example: Example = EXAMPLES[operation]
    watched.untouched()
    answer = ask(watched.installation, operation, replace(example, body=changed(example.body)), watched.known)
    assert complaint(answer, {422}) is None
    assert answer.json()["type"].endswith("/repeated_key")
    assert watched.untouched()


def test_every_change_takes_an_idempotency_key() -> None:
    changing = {each for each in EXAMPLES if each.startswith(("POST /v1", "PUT /v1"))}
    assert changing - {*keyed()} == {
        "PUT /v1/titles/{title}/artworks/{artwork}/image",  # takes one; its body is no JSON
        "POST /v1/select:batch",  # each page has its own
    }


@pytest.mark.parametrize("operation", [each for each in EXAMPLES if "/v1/" in each])
def test_an_unknown_parameter_is_refused(watched: Watched, operation: str) -> None:
    example = EXAMPLES[operation]
    for query in ({"limt": 5}, {"limit": [1, 2]}, {"dry_run": "true"}):
        answer = ask(watched.installation, operation, replace(example, query=query, headers={}), watched.known)
        assert complaint(answer, {422}) is None, query
        assert answer.json()["type"].endswith("/bad_input")
    assert watched.untouched()


@pytest.mark.parametrize("operation", [each for each in EXAMPLES if "/v1/" in each])
def test_who_may_not_ask_is_told_so_before_anything_is_read(watched: Watched, operation: str) -> None:
    """An expired key and a wrong scope open nothing: not even what is wrong with a body is said."""
    method, _, path = operation.partition(" ")
    address = path.format(**EXAMPLES[operation].path)
    watched.untouched()
    for authorization, status in watched.callers(method, path):
        headers = {"Content-Type": "application/json", "Authorization": authorization}
        for body in (b"{", b"{}", b"[" * 10_000, b"\xff"):
            answer = watched.installation.http.request(method, address, content=body, headers=headers)
            assert complaint(answer, {status}) is None, (authorization[:15], body[:5])
    assert watched.untouched()


def test_head_is_answered_as_get_without_the_body(watched: Watched) -> None:
    http = watched.installation.http
    for path, status in (("/healthz", 200), ("/v1/titles", 200), ("/v1/titles/nowhere", 404), ("/v1/select", 405)):
        got, headed = http.get(path), http.head(path)
        assert (headed.status_code, headed.content, got.status_code) == (status, b"", status)
        assert headed.headers["content-length"] == got.headers["content-length"]
