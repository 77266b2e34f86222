"""ETags spare a reader what it has, and keep a writer from overwriting what it has not seen."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.api.installation import Installation
from tests.api.problems import is_problem

READ = (
    "/v1/titles",
    "/v1/titles/harbor",
    "/v1/titles/harbor/artworks",
    "/v1/titles/harbor/artworks/a",
    "/v1/titles/harbor/guards",
    "/v1/policies",
    "/v1/policies/uniform",
    "/v1/experiments",
    "/v1/forecasts",
    "/v1/keys",
    "/v1/audit",
    "/v1/viewers:excluded",
)


@pytest.mark.parametrize("path", READ)
def test_what_a_reader_has_is_not_sent_again(shared: Installation, path: str) -> None:
    first = shared.http.get(path)
    tag = first.headers["etag"]
    for sent in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        again = shared.http.get(path, headers={"If-None-Match": sent})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
    assert shared.http.get(path, headers={"If-None-Match": '"other"'}).content == first.content


def test_a_decision_and_an_erasure_have_tags(harbor: Installation) -> None:
    decision = f"/v1/decisions/{harbor.ask().json()['slots'][0]['decision']}"
    erasure = f"/v1/erasures/{harbor.http.post('/v1/viewers:erase', json={'viewer': 'x'}).json()['erasure']}"
    for path in (decision, erasure):
        tag = harbor.http.get(path).headers["etag"]
        assert harbor.http.get(path, headers={"If-None-Match": tag}).status_code == 304


def test_a_change_gives_another_tag(harbor: Installation) -> None:
    paths = ("/v1/titles", "/v1/titles/harbor", "/v1/titles/harbor/artworks/a")
    before = [harbor.http.get(path).headers["etag"] for path in paths]
    harbor.http.put("/v1/titles/harbor", json={"name": "The Harbor"})
    after = [harbor.http.get(path).headers["etag"] for path in paths]
    assert [one == other for one, other in zip(before, after, strict=True)] == [False, False, True]


def test_a_writer_changes_only_what_it_read(harbor: Installation) -> None:
    for path, body in (("/v1/titles/harbor", {"name": "A"}), ("/v1/titles/harbor/artworks/a", {"label": "A"})):
        tag = harbor.http.get(path).headers["etag"]
        written = harbor.http.put(path, json=body, headers={"If-Match": tag})
        assert written.status_code == 200
        assert written.headers["etag"] == harbor.http.get(path).headers["etag"] != tag
        refused = is_problem(harbor.http.put(path, json=body, headers={"If-Match": tag}), 412, "changed_meanwhile")
        assert "If-Match" in refused["remedy"]
        assert harbor.http.put(path, json=body, headers={"If-Match": "*"}).status_code == 200


def test_a_writer_makes_only_what_is_new(harbor: Installation) -> None:
    anew = {"If-None-Match": "*"}
    for path, body in (("/v1/titles/tundra", {"name": "A"}), ("/v1/titles/tundra/artworks/a", {"label": "A"})):
        is_problem(harbor.http.put(path, json=body, headers={"If-Match": "*"}), 412, "changed_meanwhile")
        assert harbor.http.put(path, json=body, headers=anew).status_code == 200
        is_problem(harbor.http.put(path, json={**body, **body}, headers=anew), 412, "changed_meanwhile")


def test_of_two_writers_at_once_one_is_told(harbor: Installation) -> None:
    tag = harbor.http.get("/v1/titles/harbor").headers["etag"]

    def write(number: int) -> int:
        said = {"name": f"Harbor {number}"}
        return harbor.http.put("/v1/titles/harbor", json=said, headers={"If-Match": tag}).status_code

    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(pool.map(write, range(8)))
    assert statuses == [200] + [412] * 7


def test_a_version_is_promoted_as_it_was_read(harbor: Installation) -> None:
    said = {"stage": "shadow", "reason": "a test"}
    tag = harbor.http.get("/v1/policies/default").headers["etag"]
    other = is_problem(
        harbor.http.post("/v1/policies/default:promote", json=said, headers={"If-Match": '"other"'}),
        412,
        "changed_meanwhile",
    )
    assert "Read it again" in other["remedy"]
    promoted = harbor.http.post("/v1/policies/default:promote", json=said, headers={"If-Match": tag})
    assert promoted.status_code == 200
    retired = harbor.http.post("/v1/policies/default:retire", json={"reason": "x"}, headers={"If-Match": tag})
    is_problem(retired, 412, "changed_meanwhile")
    assert harbor.http.get("/v1/policies/default").json()["stage"] == "shadow"


def test_an_artwork_is_paused_resumed_and_retired_as_it_was_read(harbor: Installation) -> None:
    artwork = "/v1/titles/harbor/artworks/b"
    for order in ("pause", "resume", "retire"):
        read = harbor.http.get(artwork).headers["etag"]
        done = harbor.http.post(f"{artwork}:{order}", json={"reason": "x"}, headers={"If-Match": read})
        assert done.status_code == 200
        assert done.headers["etag"] == harbor.http.get(artwork).headers["etag"] != read
        late = harbor.http.post(f"{artwork}:{order}", json={"reason": "x"}, headers={"If-Match": read})
        is_problem(late, 412, "changed_meanwhile")
    changes = harbor.http.get("/v1/titles/harbor/guards").json()["changes"]
    assert [each["state"] for each in changes] == ["retired", "active", "paused"]


def test_guards_are_set_and_lifted_on_the_list_that_was_read(harbor: Installation) -> None:
    guards = "/v1/titles/harbor/guards"
    pin = {"kind": "pin", "artwork": "b", "reason": "x"}
    none = {"If-Match": harbor.http.get(guards).headers["etag"]}
    assert harbor.http.post(guards, json=pin, headers=none).status_code == 201
    is_problem(harbor.http.post(guards, json={**pin, "artwork": "c"}, headers=none), 412, "changed_meanwhile")
    is_problem(harbor.http.post(f"{guards}/1:lift", json={"reason": "x"}, headers=none), 412, "changed_meanwhile")
    one = {"If-Match": harbor.http.get(guards).headers["etag"]}
    assert harbor.http.post(f"{guards}/1:lift", json={"reason": "x"}, headers=one).status_code == 200
    assert [each["artwork"] for each in harbor.http.get(guards).json()["guards"]] == ["b"]


def test_of_two_who_roll_back_at_once_one_is_told(harbor: Installation) -> None:
    for version in ("default", "uniform", "default"):
        assert harbor.http.post(f"/v1/policies/{version}:promote", json={"reason": "x"}).status_code == 200
    seen = {"If-Match": harbor.http.get("/v1/policies/default").headers["etag"]}
    first, second = (
        harbor.http.post("/v1/policies:rollback", json={"reason": "worse"}, headers=seen) for _ in range(2)
    )
    assert first.json()["version"] == "uniform"
    is_problem(second, 412, "changed_meanwhile")
    assert harbor.http.get("/v1/policies").json()["live"] == "uniform"
