# make audit   audit the built-in credit-scoring case; needs Python 3.11+, and the package index once
# make test    install the extras and pass the tests
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: audit test lint docs bench lock clean
.DEFAULT_GOAL := audit

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "assay needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Say which: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.base: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --upgrade 'pip>=25.1'
	$(PIP) --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.base
	$(PIP) --constraint constraints.txt --editable '.[all]' --group dev
	@touch $@

audit: $(VENV)/.base
	@$(BIN)/assay audit --demo credit --out report/

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/make_reference.py --check

docs: $(VENV)/.base
	$(BIN)/python tools/make_reference.py

bench: $(VENV)/.dev
	$(BIN)/python -m bench

# After a change of the dependencies: the versions installed now, without this package and without paths.
lock: $(VENV)/.dev
	$(BIN)/python -m pip freeze --exclude-editable --exclude pip --exclude setuptools | sed -e '/ @ /d' -e 's/+cpu$$//' > constraints.txt

clean:
	rm -rf $(VENV) report .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
