# Everything runs from .venv, made from requirements.lock on first use.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: nightly test test-slow test-gpu test-browser check ui lock bench

nightly: $(STAMP)  ## the main job, on the embedded default: no network, key or GPU
	$(BIN)/prefline run nightly

test: $(STAMP)  ## all tests but the slow ones and those for a GPU or a browser
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --dist loadfile -m "not slow and not gpu and not browser"

test-slow: $(STAMP)
	$(BIN)/pytest -m slow

test-gpu: $(STAMP)
	$(BIN)/pytest -m gpu

test-browser: $(STAMP)  ## the annotation page in a real browser; Chromium must be there
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "playwright>=1.55"
	$(BIN)/pytest -m browser

check: $(STAMP)  ## lint, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

ui: $(STAMP)  ## Prefect server with its UI, and every flow served as a deployment
	$(BIN)/prefline serve

lock: $(STAMP)  ## write down the versions that are installed now
	$(BIN)/pip freeze --exclude-editable | sed 's/+cpu$$//' > requirements.lock

$(STAMP): requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@
