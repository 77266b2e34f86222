"""C10: age and gender are never used: nothing on the wire can carry them, and a manifest lists all that is looked at.

Refusal when a feature is registered: tests/bandit/test_features. The audit: tests/bandit/test_audit, tests/api/cli.
"""

import pytest

from api.routes.events import EventBody
from api.routes.select import AskedBody, ContextBody
from bandit.encoding import FeatureSpace
from bandit.features import refuse_age_and_gender
from bandit.registry import space_of
from tests.api.installation import Installation
from tests.api.learned import Learned
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


def test_c10_the_manifest_lists_every_column_that_the_model_has_with_its_purpose(learned: Learned) -> None:
    spec = learned.manifest.spec
    listed = (*spec.features, *spec.looks)
    assert all(each.purpose.strip() for each in listed)
    for each in listed:
        for text in (each.name, *each.values):
            refuse_age_and_gender(text)
    space = loaded(learned)
    assert (space.spec, space.spec.schema_hash) == (spec, learned.manifest.schema_hash)
    named = {"viewer", "intent", *(feature.name for feature in spec.features)}
    assert spec.context_groups.keys() == named
    assert sum(map(len, spec.context_groups.values())) == spec.context_width
    assert sum(map(len, spec.main_groups.values())) == spec.main_width


def loaded(learned: Learned) -> FeatureSpace:
    bundle = (learned.home / "models" / learned.manifest.digest).read_bytes()
    return space_of(bundle, learned.manifest.digest)
