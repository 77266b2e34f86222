"""The one door to numba: arithmetic in a fixed order, compiled once. Knows no features, no policy and no log.

Nothing here lets sums be reordered or products be fused into them (no `fastmath`), so a slot gets the same bits alone
and beside any others, whichever vector instructions the processor has. One thread.

Kernels that call each other live in one file, here or elsewhere: the machine code that numba keeps is made again when
the file of a kernel changes, not when that of another kernel does which it calls.
"""

import math
from collections.abc import Callable
from typing import Any, ParamSpec, TypeAlias, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
Floats: TypeAlias = NDArray[np.float64]
Vectors: TypeAlias = NDArray[np.float32]
Indices: TypeAlias = NDArray[np.int64]

Questions: TypeAlias = tuple[Vectors, Indices, Floats, Indices]
"""n slots: context rows (m, C), each slot's row (n,), its numbers (n, S) and the place of its block (n,)."""

Blocks: TypeAlias = tuple[Indices, Indices, Vectors, Floats]
"""Artworks by title: where each block starts and how many artworks it has (both counted in artworks), rows, terms.

A block of K artworks has A · K row numbers, column by column, and (2 + S) · K terms: what each artwork costs whatever
the context, the γ of each, and what each number of a slot adds to each.
"""

Hashes: TypeAlias = NDArray[np.uint64]
Crossing: TypeAlias = tuple[Hashes, Floats, Hashes, Floats, Hashes]
"""n rows and A artworks: hashes and values (n, J), artworks' hashes (A,) and vectors (A, D), dimensions' hashes (D,).

Crossed features are each of a row's J, the first of which is the constant, by itself, with the artwork's hash, and
times every number of its vector.
"""
Told: TypeAlias = tuple[Indices, Floats, Floats, Indices]
"""n rows: place of the artwork shown, reward, weight, bucket."""
Asked: TypeAlias = tuple[Indices, Indices, Indices, Floats]
"""n rows with m entries: where rows' entries begin (n + 1,), artworks (m,), the entry shown (n,), two shares (m, 2)."""
CrossedSums: TypeAlias = tuple[Floats, Floats, Floats]
"""(buckets, width, width), (buckets, width), (width,)."""


def kernel(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Compile `function` when it is first called; let that be while loading, never in a request.

    The machine code is kept in the `__pycache__` beside this file, or in the folder `NUMBA_CACHE_DIR`. Where neither
    they nor the user's cache folder can be written, every process compiles again.
    """
    njit = cast(Any, numba).njit
    try:
        return njit(function, cache=True, error_model="numpy")
    except RuntimeError:  # numba's word for having no folder to keep it in
        return njit(function, error_model="numpy")


def warm(call: Callable[[], object]) -> None:
    """Make `call` once so that its kernels are compiled. A full disk costs the kept machine code and nothing else."""
    try:
        call()
    except OSError:
        call()


@kernel
def product(rows: NDArray[np.floating[Any]], matrix: Floats) -> Floats:
    """Return rows (n, d) times matrix (d, k), each sum from the first column to the last."""
    result = np.zeros((rows.shape[0], matrix.shape[1]))
    for row in range(rows.shape[0]):
        for inner in range(rows.shape[1]):
            value = np.float64(rows[row, inner])
            if value != 0.0:
                for column in range(matrix.shape[1]):
                    result[row, column] += value * matrix[inner, column]
    return result


@kernel
def square_cb_slot(costs: Floats, gammas: Floats, stated: Floats) -> None:
    """Write one slot's `bandit.exploration.square_cb` into `stated`."""
    count, best = costs.shape[0], 0
    for artwork in range(1, count):
        if costs[artwork] < costs[best]:
            best = artwork
    for artwork in range(count):
        stated[artwork] = 1.0 / (count + gammas[artwork] * (costs[artwork] - costs[best]))
    others = 0.0
    for artwork in range(count):
        if artwork != best:
            others += stated[artwork]
    stated[best] = 1.0 - others


@kernel
def floor_slot(stated: Floats, epsilon: float) -> None:
    """Replace one slot's probabilities by `bandit.exploration.with_floor` of them.

    The amount that everything above the floor gives up is found by leaving out what sinks under it until nothing does
    (Michelot 1986): one or two rounds, where the usual way sorts.
    """
    count, total = stated.shape[0], 0.0
    for artwork in range(count):
        total += stated[artwork]
    floor = epsilon / count
    for artwork in range(count):
        stated[artwork] = stated[artwork] / total - floor
    given, before, above = -np.inf, count + 2, count + 1
    while above < before:
        before, above, total = above, 0, 0.0
        for artwork in range(count):
            if stated[artwork] > given:
                total += stated[artwork]
                above += 1
        if above > 0:
            given = (total - (1.0 - epsilon)) / above
    for artwork in range(count):
        stated[artwork] = floor + max(stated[artwork] - given, 0.0)


@kernel
def bounds_of(places: Indices, counts: Indices) -> Indices:
    """Where each slot's artworks begin and, last, where all end: (n + 1,)."""
    bounds = np.zeros(places.shape[0] + 1, dtype=np.int64)
    for slot in range(places.shape[0]):
        bounds[slot + 1] = bounds[slot] + counts[places[slot]]
    return bounds


@kernel
def costs_slot(taste: Floats, numbers: Floats, rows: Vectors, terms: Floats, costs: Floats) -> None:
    """Write what one slot's artworks cost (K,) on the linear scale: by themselves, by the slot, by the taste (A,)."""
    count = costs.shape[0]
    for artwork in range(count):
        costs[artwork] = terms[artwork]
    for number in range(numbers.shape[0]):
        start = (2 + number) * count
        for artwork in range(count):
            costs[artwork] += numbers[number] * terms[start + artwork]
    fours = taste.shape[0] // 4
    four_columns = rows[: 4 * fours * count].reshape(fours, 4, count)
    for column in range(fours):
        first, second = taste[4 * column], taste[4 * column + 1]
        third, fourth = taste[4 * column + 2], taste[4 * column + 3]
        for artwork in range(count):
            costs[artwork] = (
                (
                    (costs[artwork] + first * four_columns[column, 0, artwork])
                    + second * four_columns[column, 1, artwork]
                )
                + third * four_columns[column, 2, artwork]
            ) + fourth * four_columns[column, 3, artwork]
    for column in range(4 * fours, taste.shape[0]):
        for artwork in range(count):
            costs[artwork] += taste[column] * rows[column * count + artwork]


@kernel
def predicted_costs(questions: Questions, blocks: Blocks, crossed: Floats) -> tuple[Floats, Indices]:
    """Return the predicted costs of all slots' artworks, slot after slot, and the bounds of the slots in them.

    `crossed` is (C, A).
    """
    contexts, context_of, numbers, places = questions
    starts, counts, rows, terms = blocks
    tastes = product(contexts, crossed)
    width, terms_each = crossed.shape[1], 2 + numbers.shape[1]
    bounds = bounds_of(places, counts)
    costs = np.empty(bounds[-1])
    for slot in range(places.shape[0]):
        start, end = starts[places[slot]], starts[places[slot]] + counts[places[slot]]
        own = costs[bounds[slot] : bounds[slot + 1]]
        own_rows, own_terms = rows[start * width : end * width], terms[start * terms_each : end * terms_each]
        costs_slot(tastes[context_of[slot]], numbers[slot], own_rows, own_terms, own)
    return costs, bounds


@kernel
def stated_slots(questions: Questions, blocks: Blocks, crossed: Floats, epsilon: float) -> tuple[Floats, Indices]:
    """Return the probabilities of all slots' artworks, slot after slot, and the bounds of the slots in them."""
    _, _, numbers, places = questions
    starts, counts, _, terms = blocks
    costs, bounds = predicted_costs(questions, blocks, crossed)
    stated = np.empty(costs.shape[0])
    for slot in range(places.shape[0]):
        begin, end = bounds[slot], bounds[slot + 1]
        gammas = starts[places[slot]] * (2 + numbers.shape[1]) + counts[places[slot]]
        square_cb_slot(costs[begin:end], terms[gammas : gammas + end - begin], stated[begin:end])
        floor_slot(stated[begin:end], epsilon)
    return stated, bounds


@kernel
def square_cb_table(costs: Floats, gammas: Floats) -> Floats:
    """Return `square_cb_slot` of every row: (n, K), (n, K) → (n, K)."""
    stated = np.empty(costs.shape)
    for slot in range(costs.shape[0]):
        square_cb_slot(costs[slot], gammas[slot], stated[slot])
    return stated


@kernel
def floor_table(probabilities: Floats, epsilon: float) -> Floats:
    """Return `floor_slot` of every row: (n, K) → (n, K)."""
    stated = probabilities.copy()
    for slot in range(stated.shape[0]):
        floor_slot(stated[slot], epsilon)
    return stated


@kernel
def drawn_slots(probabilities: Floats, bounds: Indices, numbers: Floats, tolerance: float) -> Indices:
    """Return the index that each slot's number in [0, 1) falls on, or -1 for a slot that holds no distribution."""
    chosen = np.full(numbers.shape[0], -1, dtype=np.int64)
    for slot in range(numbers.shape[0]):
        total, found, last, valid = 0.0, -1, -1, True
        for place in range(bounds[slot], bounds[slot + 1]):
            valid = valid and probabilities[place] >= 0.0
            total += probabilities[place]
            if probabilities[place] > 0.0:
                last = place - bounds[slot]
            if found < 0 and numbers[slot] < total:
                found = place - bounds[slot]
        if valid and abs(total - 1.0) <= tolerance:
            chosen[slot] = found if found >= 0 else last
    return chosen


@kernel
def best_of_normals_slot(mean: Floats, spread: Floats, grid: Floats, stated: Floats) -> None:
    """Write one slot's `bandit.exploration.best_of_normals` into `stated`; `grid` are evenly spaced z, from −z to z."""
    total = 0.0
    for artwork in range(mean.shape[0]):
        chance = 0.0
        for z in grid:
            value, density = mean[artwork] + spread[artwork] * z, math.exp(-0.5 * z * z)
            for other in range(mean.shape[0]):
                if other != artwork:
                    density *= 0.5 * math.erfc((mean[other] - value) / (spread[other] * math.sqrt(2.0)))
            chance += density
        stated[artwork] = chance
        total += chance
    for artwork in range(mean.shape[0]):
        stated[artwork] /= total


@kernel
def best_of_normals_table(mean: Floats, spread: Floats, grid: Floats) -> Floats:
    """Return `best_of_normals_slot` of every row: (n, K), (n, K) → (n, K)."""
    stated = np.empty(mean.shape)
    for slot in range(mean.shape[0]):
        best_of_normals_slot(mean[slot], spread[slot], grid, stated[slot])
    return stated


@kernel
def text_keys(letters: NDArray[np.uint8], bounds: Indices) -> NDArray[np.uint64]:
    """Return a 64-bit key for each of n texts, `letters[bounds[i]:bounds[i + 1]]` (n + 1,), the same everywhere.

    FNV-1a (Fowler, Noll & Vo 1991), its bits then mixed as splitmix64 ends (Steele, Lea & Flood 2014).
    """
    keys = np.empty(bounds.shape[0] - 1, dtype=np.uint64)
    for row in range(keys.shape[0]):
        key = np.uint64(0xCBF29CE484222325)
        for place in range(bounds[row], bounds[row + 1]):
            key = (key ^ np.uint64(letters[place])) * np.uint64(0x100000001B3)
        key = (key ^ (key >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        key = (key ^ (key >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        keys[row] = key ^ (key >> np.uint64(31))
    return keys


@kernel
def crossed_place(context: np.uint64, side: np.uint64, width: int) -> int:
    """Return the column, 1 to width − 1, of a context's hash crossed with that of an artwork's side (splitmix64)."""
    key = context ^ side
    key = (key ^ (key >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    key = (key ^ (key >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return 1 + int(((key >> np.uint64(32)) * np.uint64(width - 1)) >> np.uint64(32))


@kernel
def crossed_scores(crossing: Crossing, bounds: Indices, artworks: Indices, folds: Indices, weights: Floats) -> Floats:
    """Return weights (folds, width) times the crossed features of each entry (m,); row i has `bounds[i]` and on."""
    hashes, values, sides, vectors, dimensions = crossing
    width, scores, taste = weights.shape[1], np.empty(artworks.shape[0]), np.zeros(dimensions.shape[0])
    for row in range(folds.shape[0]):
        own, by_itself, taste[:] = weights[folds[row]], 0.0, 0.0
        for column in range(hashes.shape[1]):
            value, key = values[row, column], hashes[row, column]
            by_itself += value * own[crossed_place(key, np.uint64(0), width) if column else 0]
            for dimension in range(dimensions.shape[0]):
                taste[dimension] += value * own[crossed_place(key, dimensions[dimension], width)]
        for entry in range(bounds[row], bounds[row + 1]):
            score, side = by_itself, np.uint64(sides[artworks[entry]])
            for column in range(hashes.shape[1]):
                score += values[row, column] * own[crossed_place(hashes[row, column], side, width)]
            for dimension in range(dimensions.shape[0]):
                score += taste[dimension] * vectors[artworks[entry], dimension]
            scores[entry] = score
    return scores


@kernel
def crossed_features(crossing: Crossing, row: int, artwork: int, columns: Indices, numbers: Floats) -> None:
    """Write where the crossed features of a row and an artwork lie and how large they are, `numbers`' width deep.

    `columns[0]` holds that width when it is called: the number of weights. Column 0 is the constant.
    """
    hashes, values, sides, vectors, dimensions = crossing
    width, place = columns[0], 0
    for column in range(hashes.shape[1]):
        value, key = values[row, column], hashes[row, column]
        columns[place], numbers[place] = crossed_place(key, np.uint64(0), width) if column else 0, value
        columns[place + 1], numbers[place + 1] = crossed_place(key, sides[artwork], width), value
        place += 2
        for dimension in range(dimensions.shape[0]):
            columns[place] = crossed_place(key, dimensions[dimension], width)
            numbers[place] = value * vectors[artwork, dimension]
            place += 1


@kernel
def add_crossed(crossing: Crossing, order: Indices, told: Told, sums: CrossedSums) -> None:
    """Add rows, in this order, to the sums of their buckets: Σ w x xᵀ, Σ w r x and, in all, Σ w 1[x ≠ 0]."""
    artworks, rewards, weights, buckets = told
    squares, products, touched = sums
    each = crossing[0].shape[1] * (2 + crossing[4].shape[0])
    columns, numbers = np.empty(each, dtype=np.int64), np.empty(each)
    for row in order:
        columns[0], weight, bucket = products.shape[1], weights[row], buckets[row]
        crossed_features(crossing, row, int(artworks[row]), columns, numbers)
        for one in range(each):
            share = weight * numbers[one]
            products[bucket, columns[one]] += share * rewards[row]
            touched[columns[one]] += weight if numbers[one] != 0.0 else 0.0
            for other in range(each):
                squares[bucket, columns[one], columns[other]] += share * numbers[other]


@kernel
def add_crossed_totals(crossing: Crossing, asked: Asked, told: Floats, buckets: Indices, totals: Floats) -> None:
    """Add each row's entries' crossed features, times what is told of them, to the totals (buckets, width, k).

    `told` (n, k, 3) is what counts for the entry that was shown, and what an entry's two shares are multiplied by.
    """
    bounds, artworks, chosen, shares = asked
    each, width = crossing[0].shape[1] * (2 + crossing[4].shape[0]), totals.shape[1]
    columns, numbers = np.empty(each, dtype=np.int64), np.empty(each)
    counts = np.empty(totals.shape[2])
    for row in range(buckets.shape[0]):
        own = totals[buckets[row]]
        for entry in range(bounds[row], bounds[row + 1]):
            columns[0] = width
            crossed_features(crossing, row, int(artworks[entry]), columns, numbers)
            for term in range(counts.shape[0]):
                counts[term] = told[row, term, 1] * shares[entry, 0] + told[row, term, 2] * shares[entry, 1]
                counts[term] += told[row, term, 0] if entry == chosen[row] else 0.0
            for place in range(each):
                for term in range(counts.shape[0]):
                    own[columns[place], term] += counts[term] * numbers[place]
