# Needs python3 (3.11 or later, with venv) and the package registry; nothing else.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

help:  ## say what there is
	@sed -n 's/^\([a-z]*\):.*## /make \1	/p' Makefile

run: $(VENV)/run  ## run every function on its demo clips
	@$(BIN)/python -m demo

test: $(VENV)/dev  ## format, lint, types and tests (CI=1 adds the slow ones)
	$(BIN)/python -m ruff format --check
	$(BIN)/python -m ruff check
	$(BIN)/python -m mypy
	$(BIN)/python -m pytest

bench: $(VENV)/dev  ## list the benchmarks
	@$(BIN)/python -m benchmarks

lock: $(VENV)/dev  ## write every pin anew (UPGRADE=1 takes the newest releases)
	$(BIN)/python -m deploy.lock $(if $(UPGRADE),--upgrade)

generate: $(VENV)/dev  ## write the results' schemas and render.yaml anew
	$(BIN)/python -m deploy.schemas
	$(BIN)/python -m deploy.targets.render

readme: $(VENV)/dev  ## write what the README shows of commands anew
	@$(BIN)/python -m tests.readme

clean:  ## remove what these commands made
	rm -rf .venv build dist out *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "halfgig needs Python 3.11 or later; this is " + sys.version.split()[0] + ". Name another: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV) || { rm -f $@; exit 1; }

$(VENV)/run: $(VENV)/bin/python requirements-run.lock pyproject.toml
	$(PIP) --require-hashes -r requirements-run.lock
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/dev: $(VENV)/run requirements.lock
	$(PIP) --require-hashes -r requirements.lock
	@touch $@

.PHONY: help run test bench lock generate readme clean
