# Every target does its own set-up: a virtual environment in .venv with the locked packages, made once per lock, and made
# good where the project is moved or copied to.

PYTHON ?= python3
STUDY ?= core
PORT ?= 5000
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/ready-$(shell cat requirements.lock pyproject.toml | cksum | cut -d ' ' -f 1)
READY := $(INSTALLED)-$(shell pwd -P | cksum | cut -d ' ' -f 1)

PIP := $(BIN)/python -E -m pip install --quiet --disable-pip-version-check

# This folder's own code, whatever an environment that was brought along says.
export PYTHONPATH := $(CURDIR)/src$(if $(PYTHONPATH),:$(PYTHONPATH))
export MLFLOW_DISABLE_TELEMETRY := true

.DEFAULT_GOAL := help
.PHONY: help venv repro pdf test calibration ui lint lock

help:
	@grep -E '^[a-z]+:.* ## ' Makefile | sed -E 's/:.* ## /\t/' | expand -t 13

# DVC takes a folder outside git only where it is told so, of this machine alone: of the user's own repository, as of the
# one that is made here later, it is told nothing. A repository around this folder that does not know it is not one of it.
define GIT_OR_NOT
if git ls-files --error-unmatch dvc.yaml >/dev/null 2>&1 || [ -z "$$(git rev-parse --show-prefix 2>&1)" ]; then \
	! grep -qs no_scm .dvc/config.local || $(BIN)/python -m dvc config --local --unset core.no_scm; \
else \
	grep -qs no_scm .dvc/config.local || $(BIN)/python -m dvc config --local core.no_scm true; \
fi
endef

venv: $(READY)  ## the environment in .venv alone, which all other targets make first

repro: $(READY)  ## train what is missing of the core study, or of STUDY=name, and write its report
	@$(GIT_OR_NOT)
ifeq ($(STUDY),core)
	@PATH="$$PWD/$(BIN):$$PATH" python -m dvc repro
	@$(BIN)/python -c 'import pathlib, yaml; \
		names = yaml.safe_load(open("dvc.yaml"))["stages"]["report"]["matrix"]["study"]; \
		print(*(f"The report: {pathlib.Path.cwd()}/reports/{name}/index.html" for name in names), sep="\n")'
else
	@PATH="$$PWD/$(BIN):$$PATH" python -m dvc repro "pipelines/dvc.yaml:report@$(STUDY)"
	@echo "The report: $(CURDIR)/reports/$(STUDY)/index.html"
endif

pdf: $(READY)  ## the report as reports/core/report.pdf, or that of STUDY=name; needs chromium
	@$(BIN)/python -m ablation.reporting.page.pdf reports/$(STUDY)

test: $(READY)  ## the whole test suite
	@PATH="$$PWD/$(BIN):$$PATH" python -m pytest --numprocesses logical --maxprocesses 8 --dist worksteal

calibration: $(READY)  ## whether the report keeps its word on studies whose truth is known, in a quarter of an hour or so
	@$(BIN)/python benchmarks/calibration.py

ui: $(READY)  ## browse every run in MLflow, on this machine alone, at PORT=5000
	@$(BIN)/python -m ablation.studies.tracking sqlite:///mlflow.db
	MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false $(BIN)/python -m mlflow ui --host 127.0.0.1 --port $(PORT) --backend-store-uri sqlite:///mlflow.db

lint: $(READY)  ## style and types
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

# A CPU build of torch calls itself 2.13.0+cpu, a version that the package index does not know.
lock: $(READY)  ## pin anew what pyproject.toml allows; keeps the pins that still fit
	$(BIN)/python -m piptools compile --quiet --all-extras --strip-extras --allow-unsafe --no-header \
		--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options \
		--output-file requirements.lock pyproject.toml
	sed -i.bak -E 's/^(torch==[0-9.]+)\+cpu$$/\1/' requirements.lock && rm requirements.lock.bak

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "error: Python 3.11 or later is needed, $(PYTHON) is " + sys.version.split()[0] + "; name another with make PYTHON=...")'
	@$(BIN)/python -c 'import pip' 2>/dev/null || { echo "Making $(VENV)"; rm -rf $(VENV); $(PYTHON) -m venv $(VENV); }
	@ls $(INSTALLED)* >/dev/null 2>&1 || { \
		echo "Installing the packages of requirements.lock (some minutes, once)"; \
		$(PIP) --requirement requirements.lock && $(PIP) --no-deps --no-build-isolation --editable .; }
	@$(BIN)/python -I src/ablation/environment.py
	@rm -f $(VENV)/ready-*
	@touch $@
