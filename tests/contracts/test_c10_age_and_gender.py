"""C10: age and gender are never used: nothing on the wire can carry them (registration: tests/bandit/test_features)."""

import pytest

from api.routes.events import EventBody
from api.routes.select import AskedBody, ContextBody
from tests.api.installation import Installation
from tests.api.problems import is_problem


@pytest.mark.parametrize("name", ["age", "gender", "sex", "birth_year"])
def test_c10_a_context_that_carries_them_is_refused(shared: Installation, name: str) -> None:
    is_problem(shared.ask("harbor", context={name: "x"}), 422, "invalid_request")


def test_c10_the_wire_has_no_field_but_these() -> None:
    assert set(ContextBody.model_fields) == {"device", "at", "row", "canvas", "locale"}
    assert set(AskedBody.model_fields) == {"title", "position", "score"}
    assert set(EventBody.model_fields) == {
        *("event", "viewer", "title", "action", "at"),
        *("device", "canvas", "row", "seconds", "of_seconds"),
    }
