# One command each: `make demo` shows ModelDeck at work, `make test` runs every test.
# Both set up .venv first; afterwards that costs nothing until pyproject.toml or constraints.txt change.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

# The first interpreter that runs and is new enough; `make PYTHON=/path/to/python …` names another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done)
BIN := .venv/bin
# What a build environment installs follows the constraints too; pip has two names for that. pip would
# compile bytecode on one core.
PIP := PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --constraint constraints.txt
# Bytecode is compiled here because some machines set PYTHONDONTWRITEBYTECODE: each start of the
# program would then compile hundreds of modules anew. Installed packages bring a few files for other
# versions of Python, which may fail to compile; ours may not.
COMPILE := $(BIN)/python -m compileall -q
COMPILE_PACKAGES := $(COMPILE) -q -j 0 -x '/(tests|pip|setuptools|pkg_resources|mypy|mypyc)/' .venv/lib || true

# Tests start many processes and wait for them: three workers keep two cores busy, with more the
# machine's load shows in tests that hold deadlines. tests/conftest.py puts the long files first.
SPREAD ?= --numprocesses=3 --dist=loadfile --no-loadscope-reorder

.PHONY: help setup demo test check bench wheel clean

help: ## list the targets
	@grep -E '^[a-z]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 10

setup: .venv/.installed ## make .venv and install ModelDeck in it
	@$(COMPILE) core tui

demo: .venv/.installed ## build a demo workspace and open it; ARGS="PATH --headless"
	@$(COMPILE) core tui
	@$(BIN)/modeldeck demo $(ARGS)

test: .venv/.tests ## run all tests; ARGS="tests/store -k ledger"
	@$(COMPILE) core tui
	@$(BIN)/python -m pytest $(SPREAD) $(ARGS)

check: .venv/.tests ## formatting, lint, types, direction of imports
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

bench: .venv/.tests ## measure; ONLY=NAME takes one benchmark; writes benchmark-results.json
	@$(COMPILE) core tui
	@$(BIN)/python -m tests.benchmarks.run $(ONLY)

wheel: .venv/.tests ## build the wheel into dist/
	@$(BIN)/python -m hatchling build --target wheel

clean: ## remove .venv, caches and what was built or measured
	rm -rf .venv dist benchmark-results.json .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find core tui tests -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/python:
	@[[ -n "$(PYTHON)" ]] || { echo "ModelDeck needs Python 3.11 or later; none was found. Name one: make PYTHON=/path/to/python" >&2; exit 1; }
	@"$(PYTHON)" -m venv .venv || { rm -rf .venv; echo "Making .venv failed. Debian and Ubuntu keep that in a package of its own: apt-get install python3-venv" >&2; exit 1; }

.venv/.installed: pyproject.toml constraints.txt | .venv/bin/python
	@echo "Installing ModelDeck into .venv …"
	@$(PIP) --editable .
	@$(COMPILE_PACKAGES)
	@touch $@

.venv/.tests: pyproject.toml constraints.txt | .venv/bin/python
	@echo "Installing ModelDeck and its test tools into .venv …"
	@$(PIP) --editable '.[test]'
	@$(COMPILE_PACKAGES)
	@touch .venv/.installed $@
