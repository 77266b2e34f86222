"""/images: bytes by their hash, which may be cached for ever."""

from tests.api.installation import Installation
from tests.api.problems import is_problem


def address_of(installation: Installation) -> str:
    address: str = installation.http.get("/v1/titles/harbor/artworks/a").json()["image"]
    return address


def test_an_image_may_be_cached_for_ever(shared: Installation) -> None:
    address = address_of(shared)
    answer = shared.http.get(address)
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["etag"] == f'"{address.removeprefix("/images/")}"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    again = shared.http.get(address, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["cache-control"] == answer.headers["cache-control"]


def test_another_hash_is_not_found_and_no_hash_is_refused(shared: Installation) -> None:
    is_problem(shared.http.get(f"/images/{'0' * 64}"), 404, "unknown_image")
    is_problem(shared.http.get("/images/..%2f..%2fsecret.key"), 404, "no_such_route")
    is_problem(shared.http.get("/images/secret.key"), 422, "invalid_request")


def test_an_image_that_changed_on_disk_is_never_sent(harbor: Installation) -> None:
    address = address_of(harbor)
    sha256 = address.removeprefix("/images/")
    file = harbor.home / "images" / sha256[:2] / f"{sha256}.png"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    is_problem(harbor.http.get(address), 500, "damaged_file")
    file.unlink()
    is_problem(harbor.http.get(address), 500, "missing_file")


def test_c8_pictures_load_while_the_database_is_away(harbor: Installation) -> None:
    address = address_of(harbor)
    (harbor.home / "keyart.db").write_bytes(b"no database any more" * 1000)
    harbor.services.engine.dispose()
    answer = harbor.http.get(address)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    is_problem(harbor.http.get(f"/images/{'0' * 64}"), 503, "storage_unavailable")
