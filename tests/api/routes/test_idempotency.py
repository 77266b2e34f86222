"""C2: the same Idempotency-Key gives the same answer, byte for byte; with another body it is refused."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from api.storage.database import reading
from api.storage.pages import count_decisions
from tests.api.installation import AT, Installation
from tests.api.problems import is_problem


def logged_pages(installation: Installation) -> int:
    with reading(installation.engine) as connection:
        return count_decisions(connection)[0]


def test_the_same_request_again_is_answered_with_the_same_bytes(harbor: Installation) -> None:
    first = harbor.ask(key="k1")
    harbor.put_title("tundra")
    again = harbor.ask(key="k1")
    assert again.content == first.content
    assert again.headers["content-type"] == first.headers["content-type"]
    assert logged_pages(harbor) == 1
    assert harbor.ask().content != first.content


def test_the_same_key_with_another_body_is_refused(harbor: Installation) -> None:
    first = harbor.ask(key="k1")
    is_problem(harbor.ask(key="k1", viewer="viewer-2"), 422, "repeated_key")
    is_problem(harbor.ask(key="k1", at=AT + timedelta(seconds=1)), 422, "repeated_key")
    assert harbor.ask(key="k1").content == first.content
    assert logged_pages(harbor) == 1


def test_the_default_time_is_no_part_of_the_request(harbor: Installation) -> None:
    sent = {"viewer": "v", "titles": [{"title": "harbor"}]}
    first, again = (harbor.http.post("/v1/select", json=sent, headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert first.content == again.content


def test_the_same_request_many_times_at_once_is_decided_once(harbor: Installation) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: harbor.ask(key="k1").content, range(16)))
    assert len(set(answers)) == 1
    assert logged_pages(harbor) == 1


def test_a_key_that_is_too_long_is_refused(harbor: Installation) -> None:
    is_problem(harbor.ask(key="k" * 256), 422, "invalid_request")
