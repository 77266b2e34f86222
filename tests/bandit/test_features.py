"""The closed schema: what it refuses, and what its hash notices."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest

from bandit.context import RequestContext
from bandit.errors import RefusedFeature
from bandit.features import DEFAULT_FEATURES, Feature, FeatureSpec, refuse_age_and_gender

AT = datetime(2026, 11, 21, 20, 30, tzinfo=UTC)
DEVICE = next(feature for feature in DEFAULT_FEATURES if feature.name == "device")


@pytest.mark.parametrize(
    "name", ["age", "viewer_age", "ageBand", "AGE", "gender", "is_female", "birthYear", "DOB", "sex"]
)
def test_c10_names_that_mean_age_or_gender_are_refused(name: str) -> None:
    with pytest.raises(RefusedFeature, match="never used"):
        refuse_age_and_gender(name)
    with pytest.raises(RefusedFeature, match="never used"):
        Feature("device", "smuggles", ("tv", name))


@pytest.mark.parametrize("name", ["language", "page", "image", "percentage", "canvas", "manual", "message", "stage"])
def test_c10_names_that_only_contain_such_letters_are_not(name: str) -> None:
    refuse_age_and_gender(name)


def test_c10_a_feature_outside_the_schema_cannot_be_used() -> None:
    with pytest.raises(RefusedFeature, match="known"):
        Feature("postcode", "where the viewer lives", ("1010",))
    with pytest.raises(RefusedFeature, match="known"):
        Feature("income", "what the viewer earns")


def test_every_feature_states_a_purpose() -> None:
    with pytest.raises(RefusedFeature, match="purpose"):
        Feature("position", " ")
    assert all(feature.purpose for feature in FeatureSpec().features)


def test_unknown_values_share_the_last_column_and_unsaid_ones_have_none() -> None:
    columns = [DEVICE.column(RequestContext(at=AT, device=device)) for device in ("tv", "phone", "fridge\n|x:1", None)]
    assert columns == [0, 1, len(DEVICE.values), None]
    assert DEVICE.width == len(DEVICE.values) + 1


def test_dayparts_and_weekdays_are_counted_in_utc() -> None:
    daypart, weekday = (next(each for each in DEFAULT_FEATURES if each.name == name) for name in ("daypart", "weekday"))
    for at in (AT, AT.astimezone(timezone(timedelta(hours=9)))):
        assert daypart.column(RequestContext(at=at)) == daypart.values.index("evening")
        assert weekday.column(RequestContext(at=at)) == weekday.values.index("saturday")
    week = {weekday.column(RequestContext(at=AT + timedelta(days=n))) for n in range(7)}
    assert week == {*range(7)}


def test_the_schema_hash_notices_every_change() -> None:
    spec = FeatureSpec()
    changed = [
        FeatureSpec(),
        replace(spec, viewer_dimensions=8),
        replace(spec, artwork_dimensions=8),
        replace(spec, own_term=False),
        replace(spec, features=spec.features[:-1]),
        replace(spec, features=(replace(DEVICE, values=("tv",)),)),
        replace(spec, features=(DEVICE,)),
        replace(spec, intent_dimensions=8),
        replace(spec, looks=()),
        replace(spec, looks=(replace(spec.looks[0], values=("0",)), *spec.looks[1:])),
    ]
    assert changed[0].schema_hash == spec.schema_hash
    assert len({one.schema_hash for one in changed}) == len(changed)


def test_a_spec_survives_json_and_is_checked_on_the_way_in() -> None:
    text = msgspec.json.encode(FeatureSpec())
    assert msgspec.json.decode(text, type=FeatureSpec) == FeatureSpec()
    with pytest.raises(RefusedFeature):
        msgspec.json.decode(text.replace(b'"tv"', b'"women"'), type=FeatureSpec)


@pytest.mark.parametrize(
    "dimensions", [{"viewer_dimensions": 65}, {"artwork_dimensions": 0}, {"artwork_dimensions": 64}]
)
def test_vectors_are_projected_to_few_dimensions(dimensions: dict[str, int]) -> None:
    with pytest.raises(RefusedFeature, match="64"):
        FeatureSpec(**dimensions)
