"""/v1/titles and artworks: what is put is read back; uploads are checked, and a refused one leaves nothing behind."""

import hashlib
import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import update

from api.storage.database import reading, transaction
from api.storage.jobs import JobKind, count_unfinished
from api.storage.tables import artworks
from artwork.catalog import ArtworkId, TitleId
from artwork.intake import DEFAULT_LIMITS
from tests.api.installation import Installation
from tests.api.pictures import picture, png_claiming
from tests.api.problems import is_problem

HARBOR = {
    "name": "Harbor",
    "kind": "series",
    "genres": ["drama", "crime"],
    "year": 2021,
    "language": "en",
    "runtime_seconds": 3000,
    "cast": ["Ada Sund"],
    "maturity": "16",
}


def stored_images(installation: Installation) -> list[Path]:
    return [path for path in (installation.home / "images").rglob("*") if path.is_file()]


def waiting(installation: Installation) -> int:
    with reading(installation.engine) as connection:
        return count_unfinished(connection, JobKind.EMBED_IMAGE)


def test_a_title_is_put_read_and_replaced(installation: Installation) -> None:
    put = installation.http.put("/v1/titles/harbor", json=HARBOR)
    assert put.status_code == 200
    assert put.json() == {"title": "harbor", **HARBOR} == installation.http.get("/v1/titles/harbor").json()
    installation.http.put("/v1/titles/harbor", json={"name": "The Harbor"})
    read = installation.http.get("/v1/titles/harbor").json()
    assert (read["name"], read["kind"], read["genres"], read["year"]) == ("The Harbor", "film", [], None)


def test_titles_are_listed_in_parts(installation: Installation) -> None:
    for name in ("c", "a", "b"):
        installation.http.put(f"/v1/titles/{name}", json={"name": name})
    first = installation.http.get("/v1/titles", params={"limit": 2}).json()
    assert [each["title"] for each in first["titles"]] == ["a", "b"]
    rest = installation.http.get("/v1/titles", params={"limit": 2, "cursor": first["next"]}).json()
    assert ([each["title"] for each in rest["titles"]], rest["next"]) == (["c"], None)


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"name": ""}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"kind": "opera"}, "kind"),
        ({"year": 1066}, "year"),
        ({"runtime_seconds": -1}, "runtime_seconds"),
        ({"genres": "drama"}, "genres"),
        ({"rating": 5}, "rating"),
    ],
)
def test_a_wrong_field_of_a_title_is_named_and_nothing_is_put(
    shared: Installation, changes: dict[str, Any], where: str
) -> None:
    answer = shared.http.put("/v1/titles/wrong", json={"name": "Wrong", **changes})
    assert is_problem(answer, 422, "invalid_request")["errors"][0]["where"] == where
    is_problem(shared.http.get("/v1/titles/wrong"), 404, "unknown_title")


@pytest.mark.parametrize("name", ["%2e%2e", "a%20b", ".hidden", "x" * 129, "caf%C3%A9"])
def test_an_id_with_other_characters_is_refused(shared: Installation, name: str) -> None:
    is_problem(shared.http.put(f"/v1/titles/{name}", json={"name": "x"}), 422, "invalid_request")


def test_an_artwork_is_described_before_its_image_comes(installation: Installation) -> None:
    installation.http.put("/v1/titles/harbor", json={"name": "Harbor"})
    described = {"label": "two at the pier", "default": True, "locales": ["de"], "maturity": "12", "spoiler": True}
    put = installation.http.put("/v1/titles/harbor/artworks/pier", json=described)
    assert put.status_code == 200
    read = installation.http.get("/v1/titles/harbor/artworks/pier").json()
    assert read == put.json()
    assert read | described == read
    assert (read["state"], read["image"], read["sha256"]) == ("processing", None, None)
    assert "no image" in read["reason"]
    listed = installation.http.get("/v1/titles/harbor/artworks").json()
    assert [each["artwork"] for each in listed["artworks"]] == ["pier"]


def test_a_locale_is_a_language_tag_and_an_older_one_that_is_none_is_still_told(installation: Installation) -> None:
    installation.http.put("/v1/titles/harbor", json={"name": "Harbor"})
    for locale in ("french", "f", "fr-", "fr FR", "*", "", "fr-FR.UTF-8", "-fr"):
        refused = installation.http.put("/v1/titles/harbor/artworks/pier", json={"locales": [locale]})
        is_problem(refused, 422, "invalid_request")
    kept = installation.http.put("/v1/titles/harbor/artworks/pier", json={"locales": ["fr_FR", "zh-Hant-TW", "es-419"]})
    assert kept.json()["locales"] == ["fr_FR", "zh-Hant-TW", "es-419"], "as it was written"
    with transaction(installation.services.engine) as connection:
        connection.execute(update(artworks).values(locales=["french"]))
    assert installation.http.get("/v1/titles/harbor/artworks/pier").json()["locales"] == ["french"]


def test_what_does_not_exist_is_not_found(shared: Installation) -> None:
    is_problem(shared.http.get("/v1/titles/nowhere"), 404, "unknown_title")
    is_problem(shared.http.get("/v1/titles/nowhere/artworks"), 404, "unknown_title")
    is_problem(shared.http.get("/v1/titles/harbor/artworks/zz"), 404, "unknown_artwork")
    is_problem(shared.http.put("/v1/titles/nowhere/artworks/a", json={}), 404, "unknown_title")
    is_problem(shared.http.put("/v1/titles/nowhere/artworks/a/image", content=picture()), 404, "unknown_title")
    is_problem(shared.http.get("/v1/nothing"), 404, "no_such_route")
    is_problem(shared.http.delete("/v1/titles/harbor"), 405, "method_not_allowed")


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_an_upload_is_cleaned_stored_by_hash_and_queued(shared: Installation, form: str) -> None:
    before = waiting(shared)
    answer = shared.http.put(f"/v1/titles/harbor/artworks/new-{form}/image", content=picture(77, form=form, side=96))
    assert answer.status_code == 202
    taken = answer.json()
    assert (taken["artwork"], taken["state"]) == (f"new-{form}", "processing")
    assert waiting(shared) == before + 1
    image = shared.http.get(f"/images/{taken['sha256']}")
    assert hashlib.sha256(image.content).hexdigest() == taken["sha256"]
    assert image.headers["content-type"] == f"image/{form.lower()}"
    assert shared.http.get(f"/v1/titles/harbor/artworks/new-{form}").json()["image"] == f"/images/{taken['sha256']}"


def test_an_active_artwork_shows_its_old_picture_until_the_new_one_is_embedded(harbor: Installation) -> None:
    before = harbor.http.get("/v1/titles/harbor/artworks/a").json()
    answer = harbor.http.put("/v1/titles/harbor/artworks/a/image", content=picture(78, side=96))
    taken = answer.json()
    assert (answer.status_code, taken["state"]) == (202, "processing")
    assert taken["sha256"] != before["sha256"]
    assert harbor.http.get("/v1/titles/harbor/artworks/a").json() == before | {"pending": taken["sha256"]}
    harbor.services.refresh()
    shown = harbor.services.catalogue.current.titles[TitleId("harbor")].candidates
    assert shown[ArtworkId("a")].image == before["sha256"]


def test_metadata_is_stripped_and_orientation_applied(shared: Installation) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a secret place"
    out = io.BytesIO()
    Image.new("RGB", (64, 40), "teal").save(out, "JPEG", exif=exif)
    taken = shared.http.put("/v1/titles/harbor/artworks/turned/image", content=out.getvalue()).json()
    clean = shared.http.get(f"/images/{taken['sha256']}").content
    assert b"secret" not in clean
    assert Image.open(io.BytesIO(clean)).size == (40, 64)


def test_near_duplicates_of_the_same_title_are_named(shared: Installation) -> None:
    first = shared.http.put("/v1/titles/harbor/artworks/first/image", content=picture(5, side=96)).json()
    assert first["near_duplicates"] == []
    darker = io.BytesIO()
    Image.open(io.BytesIO(picture(5, side=96))).point(lambda value: value * 0.97).save(darker, "PNG")
    again = shared.http.put("/v1/titles/harbor/artworks/again/image", content=darker.getvalue()).json()
    assert again["sha256"] != first["sha256"]
    assert again["near_duplicates"] == ["first"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"<!doctype html><html><body>404</body></html>", "not_an_image"),
        (b"hello", "not_an_image"),
        (b"", "empty"),
        (b"GIF89a" + b"\0" * 64, "unsupported_format"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "unsupported_format"),
        (picture(1, side=200)[:600], "damaged"),
        (picture(1, form="JPEG", side=200)[:600], "damaged"),
        (png_claiming(20_000, 10_000), "too_many_pixels"),
        (png_claiming(60_000, 60_000), "too_many_pixels"),
        (picture(1, side=16), "too_small"),
    ],
)
def test_a_broken_image_is_refused_with_its_reason_and_leaves_nothing(
    shared: Installation, data: bytes, reason: str
) -> None:
    files, jobs = stored_images(shared), waiting(shared)
    answer = shared.http.put("/v1/titles/harbor/artworks/broken/image", content=data)
    problem = is_problem(answer, 422, "rejected_image")
    assert problem["reason"] == reason
    assert (stored_images(shared), waiting(shared)) == (files, jobs)
    is_problem(shared.http.get("/v1/titles/harbor/artworks/broken"), 404, "unknown_artwork")


def test_a_refused_image_leaves_the_artwork_that_was_there(shared: Installation) -> None:
    before = shared.http.get("/v1/titles/harbor/artworks/a").json()
    is_problem(shared.http.put("/v1/titles/harbor/artworks/a/image", content=b"<html>"), 422, "rejected_image")
    assert shared.http.get("/v1/titles/harbor/artworks/a").json() == before


def test_an_upload_over_the_limit_is_refused_before_and_while_it_is_read(shared: Installation) -> None:
    too_long = DEFAULT_LIMITS.max_bytes + 1
    path = "/v1/titles/harbor/artworks/long/image"
    is_problem(shared.http.put(path, content=b"", headers={"Content-Length": str(too_long)}), 413, "too_large")

    def endless() -> Any:
        for _ in range(too_long // 1_000_000 + 1):
            yield b"\0" * 1_000_000

    is_problem(shared.http.put(path, content=endless()), 413, "too_large")


def test_a_locked_database_takes_no_upload_and_no_title(harbor: Installation) -> None:
    harbor.impatient()
    with harbor.locked():
        problem = is_problem(harbor.http.put("/v1/titles/tundra", json={"name": "T"}), 503, "storage_unavailable")
        assert problem["remedy"]
        upload = harbor.http.put("/v1/titles/harbor/artworks/new/image", content=picture(9))
        is_problem(upload, 503, "storage_unavailable")
        assert upload.headers["retry-after"]
        assert harbor.http.get("/v1/titles/harbor").status_code == 200
    is_problem(harbor.http.get("/v1/titles/tundra"), 404, "unknown_title")
    is_problem(harbor.http.get("/v1/titles/harbor/artworks/new"), 404, "unknown_artwork")
    assert harbor.http.put("/v1/titles/harbor/artworks/new/image", content=picture(9)).status_code == 202
