"""The closed schema: what it refuses, and what its hash notices."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import msgspec
import pytest

from artwork.description import LABELS, Measure
from bandit.context import RequestContext
from bandit.errors import RefusedFeature
from bandit.features import DEFAULT_FEATURES, DEFAULT_LOOKS, Feature, FeatureSpec, Look, refuse_age_and_gender

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


@pytest.mark.parametrize("name", ["age", "gender", "women", "is_male"])
def test_c10_labels_and_measures_that_mean_age_or_gender_are_refused(name: str) -> None:
    with pytest.raises(RefusedFeature, match="never used"):
        Look(name, "who is in the picture")
    with pytest.raises(RefusedFeature, match="never used"):
        Look("people", "who is in the picture", ("1", name))


def test_c10_nothing_that_can_be_described_means_age_or_gender() -> None:
    for text in [*LABELS, *(value for values in LABELS.values() for value in values), *Measure]:
        refuse_age_and_gender(text)


def test_c10_a_label_or_measure_outside_the_lists_cannot_be_used() -> None:
    with pytest.raises(RefusedFeature, match="known"):
        Look("hair", "attracts", ("red", "black"))
    with pytest.raises(RefusedFeature, match="known"):
        Look("people", "attracts", ("0", "many"))
    with pytest.raises(RefusedFeature, match="known"):
        Look("beauty", "attracts")


def test_everything_that_can_be_described_is_used() -> None:
    assert {look.name: look.values for look in DEFAULT_LOOKS} == {**LABELS, **{name.value: () for name in Measure}}


def test_a_feature_is_listed_once() -> None:
    for listed in ({"features": (DEVICE, DEVICE)}, {"looks": (DEFAULT_LOOKS[0], DEFAULT_LOOKS[0])}):
        with pytest.raises(RefusedFeature, match="twice"):
            FeatureSpec(**listed)


def test_every_feature_is_documented_with_its_columns() -> None:
    page = (Path(__file__).parents[2] / "docs" / "features.md").read_text()
    rows = {line.split("|")[1].strip().strip("`"): line for line in page.splitlines() if line.startswith("| ")}
    for feature in DEFAULT_FEATURES:
        columns = f"{len(feature.values)} + other" if feature.values else "1"
        assert rows[feature.name].split("|")[2].strip() == columns
    for look in DEFAULT_LOOKS:
        assert all(value in rows[look.name] for value in look.values)


def test_every_feature_states_a_purpose() -> None:
    with pytest.raises(RefusedFeature, match="purpose"):
        Feature("position", " ")
    with pytest.raises(RefusedFeature, match="purpose"):
        Look("brightness", "")
    assert all(each.purpose for each in (*FeatureSpec().features, *FeatureSpec().looks))


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
    for listed, smuggled in ((b'"tv"', b'"women"'), (b'"crown"', b'"girl"'), (b'"warmth"', b'"age"')):
        with pytest.raises(RefusedFeature, match="never used"):
            msgspec.json.decode(text.replace(listed, smuggled), type=FeatureSpec)


@pytest.mark.parametrize(
    "dimensions",
    [{"viewer_dimensions": 65}, {"intent_dimensions": -1}, {"artwork_dimensions": 0}, {"artwork_dimensions": 64}],
)
def test_vectors_are_projected_to_few_dimensions(dimensions: dict[str, int]) -> None:
    with pytest.raises(RefusedFeature, match="64"):
        FeatureSpec(**dimensions)
