# Every target does its own set-up: a virtual environment in .venv with the locked packages, made once per lock.

PYTHON ?= python3
STUDY ?= core
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready-$(shell cat requirements.lock pyproject.toml | cksum | cut -d ' ' -f 1)

export MLFLOW_DISABLE_TELEMETRY := true

.DEFAULT_GOAL := help
.PHONY: help repro pdf test ui lint lock

help:
	@grep -E '^[a-z]+:.* ## ' Makefile | sed -E 's/:.* ## /\t/' | expand -t 10

repro: $(READY)  ## train what is missing of the core study and write its report
	@PATH="$(CURDIR)/$(BIN):$$PATH" dvc repro
	@echo "The report: $(CURDIR)/reports/core/index.html"

pdf: $(READY)  ## the report as reports/core/report.pdf, or that of STUDY=name; needs chromium
	@$(BIN)/python -m ablation.reporting.page.pdf reports/$(STUDY)

test: $(READY)  ## the whole test suite
	@PATH="$(CURDIR)/$(BIN):$$PATH" python -m pytest

ui: $(READY)  ## browse every run in MLflow, on this machine alone
	MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false $(BIN)/mlflow ui --host 127.0.0.1

lint: $(READY)  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# A CPU build of torch calls itself 2.13.0+cpu, a version that the package index does not know.
lock: $(READY)  ## pin anew what pyproject.toml allows; keeps the pins that still fit
	$(BIN)/pip-compile --quiet --all-extras --strip-extras --allow-unsafe --no-header \
		--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options \
		--output-file requirements.lock pyproject.toml
	sed -i.bak -E 's/^(torch==[0-9.]+)\+cpu$$/\1/' requirements.lock && rm requirements.lock.bak

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "error: Python 3.11 or later is needed, $(PYTHON) is " + sys.version.split()[0] + "; name another with make PYTHON=...")'
	@test -x $(BIN)/python || { echo "Making $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@echo "Installing the packages of requirements.lock (some minutes, once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@rm -f $(VENV)/ready-*
	@touch $@
