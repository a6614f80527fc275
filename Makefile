# Two commands: `make demo` and `make test`. Everything they need is installed into .venv; nothing else by hand.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := src tests benchmarks
# Else every process of the tests would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-all lint docs clean

demo: $(VENV)/installed
	$(BIN)/counterpoise demo

test: $(VENV)/installed-dev
	OMP_NUM_THREADS=1 POLARS_MAX_THREADS=1 $(BIN)/pytest -n auto -m "not slow"

test-all: $(VENV)/installed-dev
	OMP_NUM_THREADS=1 POLARS_MAX_THREADS=1 $(BIN)/pytest -n auto

lint: $(VENV)/installed-dev
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy -n auto
	$(BIN)/lint-imports

docs: $(VENV)/installed-dev
	$(BIN)/pip install --quiet -c constraints.txt -e ".[docs]"
	$(BIN)/mkdocs build --strict
	! grep -rnE ':(class|func|meth|mod|data|attr):' site --include='*.html'

clean:
	rm -rf $(VENV) build dist site

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# One command for torch and whatever needs it, so that no other build of torch is picked on the way. Byte code is left to
# the first import, which makes and keeps that of the small part that is used.
$(VENV)/installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/pip install --quiet --no-compile -c constraints.txt -e .
	touch $@

$(VENV)/installed-dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/pip install --quiet --no-compile -c constraints.txt -e ".[dev]"
	touch $@ $(VENV)/installed
