"""A page is counted once, whoever made its answer: the desk, or its caller when the time was up (C5)."""

import threading

import pytest

from api.dependencies.pages import Result, SelectCall, Serving, unlogged
from api.storage.database import reading
from api.storage.tallies import read_conservation
from tests.api.installation import Installation
from tests.stories.served import wait_until


def test_c5_a_page_that_is_shed_when_its_time_is_up_already_counts_once(
    harbor: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    going_on, done = threading.Event(), threading.Event()

    def shed(serving: Serving, call: SelectCall) -> Result:
        going_on.wait(10)
        done.set()
        return unlogged(serving, call)

    with monkeypatch.context() as patched:
        patched.setattr("api.dependencies.pages.keep_probability", lambda *_: 0.0)
        patched.setattr("api.dependencies.pages.unlogged", shed)
        body = {"viewer": "v", "titles": [{"title": "harbor"}]}
        page = harbor.http.post("/v1/select", json=body, headers={"Keyart-Time-Budget": "50"}).json()
        assert page["logged"] is False
        going_on.set()
        assert done.wait(10)
    wait_until(lambda: harbor.select()["logged"], within=30)
    harbor.services.refresh()
    with reading(harbor.engine) as connection:
        counts = read_conservation(connection)
    assert (counts.unlogged, counts.holds) == (1, True)
