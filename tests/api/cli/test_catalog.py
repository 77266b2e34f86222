"""`keyart catalog` and `keyart artwork`: folders of pictures become titles; one bad file does not stop the others."""

import json
from pathlib import Path

import pytest

from tests.api.cli.command import Command
from tests.api.pictures import picture


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    for title in ("harbor", "tundra"):
        (folder / title).mkdir(parents=True)
        for number, form in enumerate(("PNG", "JPEG", "WEBP")):
            (folder / title / f"p{number}.{form.lower()}").write_bytes(picture(number, form=form))
    (folder / "harbor" / "title.json").write_text(json.dumps({"name": "The Harbor", "genres": ["drama"]}))
    (folder / "harbor" / "notes.txt").write_text("no picture")
    (folder / "readme.txt").write_text("no title")
    return folder


def test_a_folder_becomes_titles_with_artworks_and_may_be_imported_again(
    keyart: Command, home: Path, pictures: Path
) -> None:
    for _ in range(2):
        taken = keyart("catalog", "import", pictures, "--home", home, "--json").json()
        assert taken == {"titles": 2, "artworks": 6, "refused": []}
    assert keyart("catalog", "list", "--home", home, "--json").json()["titles"] == [
        {"title": "harbor", "name": "The Harbor", "artworks": {"processing": 3}},
        {"title": "tundra", "name": "tundra", "artworks": {"processing": 3}},
    ]
    assert "3 processing" in keyart("catalog", "list", "--home", home).out


def test_an_empty_catalogue_is_an_empty_list(keyart: Command, home: Path) -> None:
    assert keyart("catalog", "list", "--home", home, "--json").json() == {"titles": []}


def test_a_file_that_is_no_picture_is_named_and_the_others_are_taken(
    keyart: Command, home: Path, pictures: Path
) -> None:
    (pictures / "harbor" / "p1.jpeg").write_bytes(b"<html>not found</html>")
    for _ in range(2):
        ended = keyart("catalog", "import", pictures, "--home", home, "--json")
        taken = json.loads(ended.out)
        assert (ended.code, taken["artworks"], len(taken["refused"])) == (2, 5, 1)
        assert "p1.jpeg" in taken["refused"][0]
        assert "1 of 6 pictures" in ended.err
        assert "p1.jpeg" in ended.err
        assert len(ended.err.splitlines()) == 1
    states = keyart("catalog", "list", "--home", home, "--json").json()["titles"]
    assert [each["artworks"] for each in states] == [{"processing": 2}, {"processing": 3}]


def test_pictures_are_added_to_a_title_that_exists(keyart: Command, home: Path, pictures: Path) -> None:
    refused = keyart("artwork", "import", pictures / "tundra", "--home", home).refusal()
    assert "tundra" in refused
    keyart("catalog", "import", pictures, "--home", home)
    more = keyart("artwork", "import", pictures / "tundra", "--title", "harbor", "--home", home, "--json").json()
    assert more == {"titles": 1, "artworks": 3, "refused": []}


def test_wrong_folders_and_descriptions_are_one_line(keyart: Command, home: Path, pictures: Path) -> None:
    assert "nowhere" in keyart("catalog", "import", "nowhere", "--home", home).refusal()
    assert "readme.txt" in keyart("catalog", "import", pictures / "readme.txt", "--home", home).refusal()
    for wrong in (b'{"name": 1}', b"{", b'{"name": "x", "stars": 5}', b"\xff\xfe"):
        (pictures / "harbor" / "title.json").write_bytes(wrong)
        assert "title.json" in keyart("catalog", "import", pictures, "--home", home).refusal()
    (pictures / "harbor").rename(pictures / "the harbor")
    assert "cannot be an id" in keyart("catalog", "import", pictures, "--home", home).refusal()
