"""The compiled version against the engine it was exported from, and against the words of its documentation."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import vowpal_wabbit_next as vw

from bandit.context import Candidate, Context
from bandit.errors import InvalidExample, NoEligibleArtwork
from bandit.exploration import square_cb, with_floor
from bandit.features import FeatureSpec
from bandit.kernels import stated_slots
from bandit.learning import LearnConfig, LearnedModel, Provenance, learn
from bandit.policies.compiled import CompiledPolicy
from bandit.policies.slots import Slots
from bandit.policies.vowpal import EngineSettings, VowpalPolicy
from bandit.policies.weights import Weights
from bandit.registry import load_engine, load_policy
from bandit.slate import Slate

PAGES, FEWER_PAGES = 10_000, 2000
Page = list[tuple[Context, list[Candidate]]]


def random_pages(small_log: Any, make_candidate: Any, *, pages: int, seed: int = 11) -> list[Page]:
    """Pages of 1 to 3 slots: viewers of the log and newcomers, artworks of the log and newborn ones, 1 to 9 a title."""
    rng = np.random.default_rng(seed)
    known = [candidate for artworks in small_log.candidates for candidate in artworks]
    newborn = [make_candidate(f"new{n}") for n in range(8)]
    pool = [replace(candidate, artwork=f"{n}") for n, candidate in enumerate([*known, *newborn])]

    def slot(context: Context, position: int) -> tuple[Context, list[Candidate]]:
        shown = rng.permutation(len(pool))[: rng.integers(1, 10)]
        return replace(context, position=position, score=float(rng.normal())), [pool[n] for n in shown]

    def page(number: int) -> Page:
        shown = small_log.context(int(rng.integers(60)))
        context = replace(shown, viewer_vector=shown.viewer_vector if number % 5 else None)
        return [slot(context, position) for position in range(rng.integers(1, 4))]

    return [page(number) for number in range(pages)]


def engine_costs(policy: VowpalPolicy, slots: Page) -> list[np.ndarray]:
    """The engine's own float32 costs: the same weights, loaded where nothing explores, asked slot by slot."""
    learned = policy._workspace
    bits = int(learned.weights().shape[0]).bit_length() - 1
    plain = vw.Workspace(
        ["--cb_adf", "--interactions", "UA", "--ignore_linear", "U", "--noconstant", "-b", f"{bits}", "--quiet"]
    )
    plain.weights()[:, 0, 0] = learned.weights()[:, 0, 0]
    asking = VowpalPolicy.__new__(VowpalPolicy)
    asking.__dict__ |= policy.__dict__ | {"_cache": {}}
    rows = policy._space.context_rows([context for context, _ in slots])
    costs = []
    for row, (_, artworks) in zip(rows, slots, strict=True):
        owns = policy._space.own_terms([each.image[:16] for each in artworks])
        examples = [asking._artwork(each, own) for each, own in zip(artworks, owns, strict=True)]
        answer = dict(plain.predict_one([policy._examples.context(row), *examples]))
        costs.append(np.array([answer[place] for place in range(len(artworks))]))
    return costs


def arrays_of(slots: Page) -> Slots:
    return Slots(
        requests=[context for context, _ in slots],
        request_of=np.arange(len(slots)),
        positions=np.array([float(context.position) for context, _ in slots]),
        scores=np.array([context.score or 0.0 for context, _ in slots]),
        slates=[Slate(artworks) for _, artworks in slots],
    )


def random_slots(small_log: Any, make_candidate: Any, *, pages: int) -> Page:
    """Every slot of so many random pages, artworks in canonical order."""
    asked = random_pages(small_log, make_candidate, pages=pages)
    return [(context, sorted(artworks, key=lambda each: each.artwork)) for page in asked for context, artworks in page]


@pytest.fixture(scope="module", params=[FEWER_PAGES, pytest.param(PAGES, marks=pytest.mark.slow)])
def slots(request: pytest.FixtureRequest, small_log: Any, make_candidate: Any) -> Page:
    return random_slots(small_log, make_candidate, pages=request.param)


@pytest.fixture(scope="module")
def engine(engine_learned: LearnedModel) -> VowpalPolicy:
    return load_engine(engine_learned.bundle, engine_learned.manifest.digest)


@pytest.fixture(scope="module")
def costs(engine: VowpalPolicy, slots: Page) -> list[np.ndarray]:
    return engine_costs(engine, slots)


@pytest.fixture(scope="module")
def answers(engine: VowpalPolicy, slots: Page) -> list[np.ndarray]:
    return engine.page(slots)


@pytest.fixture(scope="module")
def compiled(engine_learned: LearnedModel) -> CompiledPolicy:
    loaded = load_policy(engine_learned.bundle, engine_learned.manifest.digest)
    assert isinstance(loaded, CompiledPolicy)
    return loaded


def test_it_predicts_the_engines_costs(compiled: CompiledPolicy, slots: Page, costs: list[np.ndarray]) -> None:
    ours = compiled.costs(arrays_of(slots)).slots()
    assert len(ours) == len(slots) > FEWER_PAGES
    assert max(np.abs(one - other).max() for one, other in zip(ours, costs, strict=True)) < 1e-6


def test_it_explores_the_engines_costs_as_the_engine_does(
    engine_learned: LearnedModel, answers: list[np.ndarray], costs: list[np.ndarray]
) -> None:
    settings = engine_learned.manifest.settings
    gamma = settings.gamma_scale * float(engine_learned.manifest.rows * settings.passes) ** settings.gamma_exponent
    apart = [
        np.abs(with_floor(square_cb(own[np.newaxis], gamma=gamma), epsilon=settings.epsilon)[0] - stated).max()
        for own, stated in zip(costs, answers, strict=True)
    ]
    assert max(apart) < 1e-5


def test_under_the_engines_settings_only_its_rounding_of_near_ties_differs(
    compiled: CompiledPolicy, answers: list[np.ndarray], slots: Page
) -> None:
    # gamma of some 45,000 turns the engine's float32 error in a cost, 1e-7, into up to 1e-3 where two artworks tie
    apart = np.array([np.abs(one - other).max() for one, other in zip(compiled.page(slots), answers, strict=True)])
    assert np.mean(apart > 1e-5) < 0.03
    assert apart.max() < 5e-3


@pytest.mark.parametrize(
    ("own_term", "pages"),
    [(True, FEWER_PAGES), (False, FEWER_PAGES // 2), pytest.param(True, PAGES, marks=pytest.mark.slow)],
)
def test_where_gamma_leaves_rounding_small_it_states_what_the_engine_states(
    small_log: Any, make_candidate: Any, config: LearnConfig, provenance: Provenance, own_term: bool, pages: int
) -> None:
    gentle = replace(config, settings=EngineSettings(gamma_scale=1.0), spec=FeatureSpec(own_term=own_term))
    model = learn(small_log.rows, small_log.pictures, config=gentle, provenance=provenance)
    engine, compiled = (load(model.bundle, model.manifest.digest) for load in (load_engine, load_policy))
    asked = random_slots(small_log, make_candidate, pages=pages)
    answers = zip(compiled.page(asked), engine.page(asked), strict=True)
    assert max(np.abs(one - other).max() for one, other in answers) <= 1e-5


def test_c6_a_slot_gets_the_same_alone_in_any_page_and_in_any_batch(
    compiled: CompiledPolicy, small_log: Any, make_candidate: Any
) -> None:
    pages = random_pages(small_log, make_candidate, pages=300, seed=5)
    alone = [compiled.probabilities(context, artworks) for page in pages for context, artworks in page]
    by_page = [stated for page in pages for stated in compiled.page(page)]
    flat = [slot for page in pages for slot in page]
    together = compiled.page(flat)
    backwards = compiled.page(flat[::-1])[::-1]
    for one, *others in zip(alone, by_page, together, backwards, strict=True):
        assert all(np.array_equal(one, other) for other in others)
    in_order = [(context, sorted(artworks, key=lambda each: each.artwork)) for context, artworks in flat]
    batch = compiled.state(arrays_of(in_order))
    expected = [compiled.probabilities(context, artworks) for context, artworks in in_order]
    assert np.array_equal(batch.flat, np.concatenate(expected))


def test_c6_sums_run_in_the_documented_order_on_every_machine(learned: LearnedModel, small_log: Any) -> None:
    loaded = load_policy(learned.bundle, learned.manifest.digest)
    assert isinstance(loaded, CompiledPolicy)
    space, weights = loaded.space, small_weights(loaded)
    policy = with_weights(loaded, weights)
    context, artworks = replace(small_log.context(2), score=0.5), small_log.candidates[1]
    asked = arrays_of([(context, artworks)])
    row = space.request_rows([context])[0].astype(np.float64).tolist()
    numbers = space.slot_numbers(asked.positions, asked.scores)[0].tolist()
    for index, stated in enumerate(policy.costs(asked).flat.tolist()):
        mine = space.artwork_rows(artworks[index].vector[np.newaxis])[0].astype(np.float64).tolist()
        cost = (
            in_order(mine, weights.artwork.tolist()) + weights.own[space.known_places([artworks[index].image[:16]])[0]]
        )
        for number, column in zip(numbers, space.slot_columns.values(), strict=True):
            cost += number * in_order(mine, weights.crossed[column].tolist())
        for column, number in enumerate(mine):
            cost += in_order(row, weights.crossed[:, column].tolist()) * number
        assert stated == cost


def in_order(numbers: list[float], others: list[float]) -> float:
    """The sum of products from the first to the last, each rounded, as Python does it."""
    total = 0.0
    for number, other in zip(numbers, others, strict=True):
        total += number * other
    return total


def small_weights(policy: CompiledPolicy, **other: Any) -> Weights:
    """Made-up weights that fit the policy's space."""
    rng, spec, known = np.random.default_rng(6), policy.space.spec, len(policy.space.known)
    made = Weights(
        crossed=rng.normal(size=(spec.context_width, spec.artwork_width)) / 10,
        artwork=rng.normal(size=spec.artwork_width) / 10,
        own=rng.normal(size=known) / 10,
        experience=np.full(known, 400.0),
    )
    return replace(made, **other)


def with_weights(policy: CompiledPolicy, weights: Weights) -> CompiledPolicy:
    exploration = EngineSettings(gamma_scale=10.0).exploration()
    return CompiledPolicy(policy.space, weights, version=policy.version, digest="0" * 64, exploration=exploration)


def test_an_artwork_is_explored_by_what_is_known_of_it(
    compiled: CompiledPolicy, small_log: Any, make_candidate: Any
) -> None:
    title, newborn = small_log.candidates[0], make_candidate("new")
    experience = np.full(len(compiled.space.known), 1e6)
    little = compiled.space.known_places([title[0].image[:16]])[0]
    experience[little] = 25.0
    policy = with_weights(compiled, small_weights(compiled, experience=experience))
    asked = arrays_of([(small_log.context(1), [*title, newborn])])
    [costs], [stated] = policy.costs(asked).slots(), policy.state(asked).slots()
    gammas = 10.0 * np.array([5.0, 1e3, 1e3, 1e3, 0.0])
    assert np.array_equal(stated, with_floor(square_cb(costs[np.newaxis], gamma=gammas), epsilon=0.01)[0])
    assert stated[-1] >= 1 / 5 - 0.01 or costs.argmin() == 4


def test_labels_and_measures_count_by_themselves(compiled: CompiledPolicy, small_log: Any) -> None:
    spec = compiled.space.spec
    shot = spec.main_groups["shot"][0]
    policy = with_weights(compiled, small_weights(compiled, main=np.eye(spec.main_width)[shot]))
    value = next(look for look in spec.looks if look.name == "shot").values[0]
    plain = small_log.candidates[0]
    close = [replace(plain[0], labels={"shot": value}), *plain[1:]]
    one, other = (policy.costs(arrays_of([(small_log.context(1), own)])).flat for own in (plain, close))
    assert other - one == pytest.approx([1.0, 0.0, 0.0, 0.0], abs=1e-12)


def test_1000_random_pages_of_1_to_500_artworks_are_distributions(
    compiled: CompiledPolicy, small_log: Any, make_candidate: Any
) -> None:
    rng = np.random.default_rng(8)
    pool = [make_candidate(f"many{n:03d}") for n in range(500)]
    slates = [Slate(pool[: rng.integers(1, 501)]) for _ in range(200)]
    for page in range(1000):
        context = replace(small_log.context(page % 60), position=page % 40, score=float(rng.normal()))
        [stated] = compiled.page([(context, slate := slates[rng.integers(200)])])
        assert stated.shape == (len(slate),)
        assert stated.sum() == pytest.approx(1.0, abs=1e-9)
        assert stated.min() >= 0.01 / len(slate) * (1 - 1e-12)


def test_meeting_other_artworks_changes_nothing_that_it_states(
    compiled: CompiledPolicy, engine_learned: LearnedModel, small_log: Any, make_candidate: Any
) -> None:
    before = compiled.probabilities(small_log.context(0), small_log.candidates[0])
    many = [make_candidate(f"many{n}") for n in range(600)]
    crowd = compiled.probabilities(small_log.context(0), many)
    assert np.array_equal(compiled.probabilities(small_log.context(0), small_log.candidates[0]), before)
    fresh = load_policy(engine_learned.bundle, engine_learned.manifest.digest)
    assert np.array_equal(fresh.probabilities(small_log.context(0), many), crowd)


def test_no_request_waits_for_the_compiler(engine_learned: LearnedModel, small_log: Any) -> None:
    fresh = load_policy(engine_learned.bundle, engine_learned.manifest.digest)
    compiled_for = len(stated_slots.signatures)
    assert compiled_for
    fresh.page([(small_log.context(viewer), small_log.candidates[viewer % 6]) for viewer in range(12)])
    assert len(stated_slots.signatures) == compiled_for


def test_no_slots_are_no_work(compiled: CompiledPolicy) -> None:
    assert compiled.page([]) == []


def test_arrays_that_do_not_fit_are_refused(compiled: CompiledPolicy, small_log: Any) -> None:
    asked = arrays_of([(small_log.context(0), small_log.candidates[0])])
    with pytest.raises(InvalidExample, match="count from 0"):
        compiled.state(replace(asked, request_of=np.array([1])))
    with pytest.raises(InvalidExample, match="as many"):
        compiled.costs(replace(asked, scores=np.zeros(2)))
    with pytest.raises(InvalidExample, match="finite score"):
        compiled.state(replace(asked, scores=np.array([np.nan])))
    with pytest.raises(NoEligibleArtwork):
        compiled.state(replace(asked, slates=[Slate([])]))
