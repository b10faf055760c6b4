# Every target does all its own set-up: a virtual environment in .venv with what the target needs, made at the first
# use and renewed when pyproject.toml changes. Needed beforehand: Python 3.11 or newer with pip, and make.
#
#   make demo     the main job, told as a story: a workflow that survives kill -9
#   make test     all tests, a process for each core; `make test ARGUMENTS="-k retry"` hands arguments to pytest
#   make chaos    the long kill -9 run, with its counts
#   make bench    speed, side by side with two other engines; `make bench BENCH=quick` for a first look
#   make lint     ruff: rules and format
#   make types    mypy --strict and pyright
#   make clean    removes .venv and what the tools left behind
#
# `make test HOST_PYTHON=python3.12` chooses the Python that .venv is made with.

HOST_PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)

VENV := .venv
PYTHON := $(VENV)/bin/python
INSTALL := $(PYTHON) -m pip install -qq --disable-pip-version-check --editable
PROJECT := $(VENV)/.project-installed
TOOLS := $(VENV)/.tools-installed

# That there is a newer pyright is nothing to warn of here.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

.PHONY: demo test chaos bench lint types clean

demo: $(PROJECT)
	@$(PYTHON) -m examples.demo

test: $(TOOLS)
	@$(PYTHON) -m pytest -n auto --dist loadfile $(ARGUMENTS)

chaos: $(TOOLS)
	@$(PYTHON) tests/acceptance/chaos.py $(ARGUMENTS)

bench: $(PROJECT)
	@$(PYTHON) -m tests.benchmarks $(ARGUMENTS)

lint: $(TOOLS)
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .

types: $(TOOLS)
	@$(PYTHON) -m mypy --strict
	@$(PYTHON) -m pyright --pythonpath $(PYTHON)

clean:
	rm -rf $(VENV) build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache

$(PROJECT): pyproject.toml $(PYTHON)
	@echo 'installing the project into $(VENV) ...'
	@$(INSTALL) '.[connectors,service]'
	@touch $@

$(TOOLS): pyproject.toml $(PYTHON)
	@echo 'installing the project with its test tools into $(VENV) ...'
	@$(INSTALL) '.[test,dev]'
	@touch $@ $(PROJECT)

# A Python without ensurepip (Debian's without python3-venv) cannot put pip into an environment; its own pip can.
$(PYTHON):
	@test -n '$(HOST_PYTHON)' || { \
		echo 'no Python 3.11 or newer was found; install one, or name it: make HOST_PYTHON=/path/to/python3' >&2; exit 1; }
	@if $(HOST_PYTHON) -c 'import ensurepip' 2>/dev/null; \
	then $(HOST_PYTHON) -m venv --clear $(VENV); \
	else $(HOST_PYTHON) -m venv --clear --without-pip $(VENV) && $(HOST_PYTHON) -m pip install -qq pip \
		--target "$$($(PYTHON) -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"; \
	fi || { rm -rf $(VENV); \
		echo '$(HOST_PYTHON) made no environment; it needs pip and venv (Debian: apt-get install python3-venv)' >&2; exit 1; }
