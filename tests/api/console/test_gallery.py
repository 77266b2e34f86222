"""The gallery: what is in the catalogue, escaped, under a strict policy; three viewers, or a reason why none."""

import re

from tests.api.installation import Installation, an_event, unit_vector
from tests.api.learned import Learned

NASTY = '<script>alert("1")</script>'


def test_it_shows_every_title(shared: Installation) -> None:
    page = shared.http.get("/gallery")
    assert page.headers["content-type"].startswith("text/html")
    assert "Harbor" in page.text
    assert 'href="/gallery/harbor"' in page.text
    assert shared.http.get(re.findall(r'src="(/images/[^"]+)"', page.text)[0]).status_code == 200


def test_nothing_but_own_images_and_styles_may_load(shared: Installation) -> None:
    for path in ("/gallery", "/gallery/harbor"):
        answer = shared.http.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
        assert "unsafe" not in policy
        assert not re.search(r"<script|\son\w+=|style=|https?://", answer.text)
    assert shared.http.get("/static/console.css").headers["content-type"].startswith("text/css")


def test_an_empty_catalogue_says_what_to_do(installation: Installation) -> None:
    assert "PUT /v1/titles" in installation.http.get("/gallery").text


def test_a_name_is_shown_as_it_is_and_never_as_markup(harbor: Installation) -> None:
    harbor.http.put("/v1/titles/harbor", json={"name": NASTY, "genres": [NASTY]})
    harbor.http.put("/v1/titles/harbor/artworks/a", json={"label": NASTY})
    harbor.services.refresh()
    for path in ("/gallery", "/gallery/harbor"):
        text = harbor.http.get(path).text
        assert "<script" not in text
        assert "&lt;script&gt;" in text


def test_without_viewers_the_artworks_are_shown_and_what_is_missing_is_said(shared: Installation) -> None:
    text = shared.http.get("/gallery/harbor").text
    assert "keyart foundation train" in text
    assert text.count('class="card"') == 3


def test_without_an_active_artwork_the_page_says_so(harbor: Installation) -> None:
    harbor.http.put("/v1/titles/bare", json={"name": "Bare"})
    harbor.http.put("/v1/titles/bare/artworks/a", json={})
    harbor.services.refresh()
    text = harbor.http.get("/gallery/bare").text
    assert "keyart worker" in text
    assert "no image yet" in text


def test_three_viewers_and_what_their_history_has_to_do_with_it(ready: Installation, learned: Learned) -> None:
    ready.http.post(f"/v1/policies/{learned.manifest.version}:promote", json={"reason": "look"})
    text = ready.http.get("/gallery/harbor").text
    assert learned.manifest.version in text
    assert text.count('class="view"') == 3
    assert text.count("This viewer") >= 3
    assert "Last watched:" in text


def test_two_viewers_are_two_views_under_the_uniform_policy(harbor: Installation) -> None:
    harbor.post_events(an_event("one"), an_event("two"))
    harbor.know_viewers({"one": unit_vector("1", 4), "two": unit_vector("2", 4)})
    text = harbor.http.get("/gallery/harbor").text
    assert text.count('class="view"') == 2
    assert "nothing is learned yet" in text
    assert text.count("33.3 %") >= 6


def test_looking_logs_nothing(ready: Installation) -> None:
    before = ready.http.get("/metrics").text.count("keyart_decisions_total{")
    ready.http.get("/gallery/harbor")
    assert ready.http.get("/metrics").text.count("keyart_decisions_total{") == before


def test_an_unknown_title_is_not_found(shared: Installation) -> None:
    answer = shared.http.get("/gallery/nowhere")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "The gallery lists all of them" in answer.text
