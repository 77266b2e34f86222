# Two commands matter: `make demo` runs the main job, `make test` runs the tests. Both set up .venv first.
PYTHON ?= python3.11
BIN := .venv/bin
export OMP_NUM_THREADS ?= 2

.PHONY: setup demo demo-check test test-all check format bench train-lite clean

setup: .venv/.ready

.venv/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev]"
	touch $@

demo: setup
	$(BIN)/keyart demo --home demo

demo-check: setup
	$(BIN)/keyart demo --home demo --seeds 10

test: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest

test-all: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "slow or not slow"

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup
	$(BIN)/python -m benchmarks

train-lite: setup
	$(BIN)/python -m artwork.lite.training

clean:
	rm -rf .venv demo build *.egg-info
