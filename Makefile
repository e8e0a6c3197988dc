# An environment in .venv, made with `venv` and `pip` alone, of the Python that it is first made with. Another one that is
# asked for later, `make test PYTHON=python3.13`, gets an environment of its own in .venv/3.13; the first stays as it is.
PYTHON ?= python3
VENV := .venv
ifneq ($(origin PYTHON),file)
version = $(shell $(1) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
asked := $(call version,$(PYTHON))
ifeq ($(asked),)
$(error PYTHON=$(PYTHON) does not start)
endif
ifneq ($(wildcard .venv/bin/python),)
ifneq ($(asked),$(call version,.venv/bin/python))
VENV := .venv/$(asked)
endif
endif
endif
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamp
only ?=

.DEFAULT_GOAL := help
.PHONY: help run test setup check chaos format lint types audit bench reproduce dist clean

help:  ## what can be made
	@sed -nE 's/^([a-z]+):[^#]*## (.*)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-18s%s\n", $$1, $$2}'

run: $(STAMP)  ## set up, then train an LSTM on song lyrics and print a verse
	$(BIN)/dlrun model=lstm optim=adam

test: $(STAMP)  ## set up, then run all tests
	$(BIN)/pytest -n auto --dist worksteal

setup: $(STAMP)  ## make .venv with the exact versions of constraints.txt; PYTHON=python3.13 picks another Python

# The stamp is what says that .venv is whole: an installation that broke off starts anew.
$(STAMP): pyproject.toml constraints.txt
	@echo "setting up $(VENV) with $$($(PYTHON) --version): a few minutes the first time"
	@$(PYTHON) -c 'import sys; sys.exit("dlrun needs Python 3.11 or newer: make PYTHON=python3.12 ..." if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install -qq --disable-pip-version-check -e '.[dev]' -c constraints.txt
	@touch $(STAMP)

check: $(STAMP)  ## format, lint, types and the quick tests: before every commit
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -n auto --dist worksteal -m "not slow"

chaos: $(STAMP)  ## kills at 300 random moments, and every file operation failing once; takes an hour
	DLRUN_CHAOS=full DLRUN_KILLS=100 DLRUN_FAULTS=0 $(BIN)/pytest tests/chaos -v -m ""

format: $(STAMP)  ## format the code and put imports in order
	$(BIN)/ruff check --select I --fix --quiet .
	$(BIN)/ruff format .

lint: $(STAMP)  ## is the code formatted, are there likely mistakes?
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(STAMP)  ## do the types fit?
	$(BIN)/mypy

# In an environment of its own: what it needs is none of dlrun's versions. --strict: a package of which nothing is
# known is no good news, and stops it.
audit: $(STAMP)  ## does a version in constraints.txt have a known hole? Asks PyPI; without an answer it says so and fails
	@test -x .venv/audit/bin/pip-audit || { $(PYTHON) -m venv .venv/audit && \
		.venv/audit/bin/pip install -qq --disable-pip-version-check pip-audit; }
	@.venv/audit/bin/pip-audit --strict --no-deps --disable-pip --progress-spinner off -r constraints.txt || \
		{ echo "make audit: a hole was found, or there was no answer: the line above says which" >&2; exit 1; }

bench: $(STAMP)  ## how long loading takes, listing 10,000 runs, tiny jobs, memory over many steps and jobs
	$(BIN)/python bench/load_data.py
	$(BIN)/python bench/list_runs.py
	$(BIN)/python bench/tiny_jobs.py
	$(BIN)/python bench/keep_memory.py
	$(BIN)/python bench/flat.py

reproduce: $(STAMP)  ## rerun the experiments of docs/results.md and compare; only=NAME for some of them
	$(BIN)/python bench/reproduce.py $(only)

# The wheel is made from the sdist: so both are whole, or neither is. Nothing is fetched.
dist: $(STAMP)  ## the sdist and the wheel, in dist/
	@rm -rf build dist && mkdir build
	@$(BIN)/python -c 'from setuptools.build_meta import build_sdist; build_sdist("dist")' > build/sdist.log 2>&1 || \
		{ cat build/sdist.log >&2; exit 1; }
	@$(BIN)/python -m pip wheel -qq --disable-pip-version-check --no-deps --no-build-isolation -w dist dist/*.tar.gz
	@ls dist/*

clean:  ## remove .venv and everything made, but not outputs/
	rm -rf .venv build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache
	find dlrun conf tests bench -name __pycache__ -type d -prune -exec rm -rf {} +
