# Every command of the project. Needs Python 3.11 or newer and make, nothing else:
# what runs lives in .venv, what tests in .venv-dev, each built from its lock alone.

PYTHON ?= python3
RUN := .venv
DEV := .venv-dev
PY := $(DEV)/bin/python
LOCKER := .venv-lock
UV := uv==0.13.9
# One for each core. More than a few only wait for the longest file.
WORKERS := --numprocesses auto --maxprocesses 8

# pip speaks up only when it fails, and asks nothing.
PIP := -m pip --quiet --quiet --no-input --disable-pip-version-check
export PIP_ROOT_USER_ACTION := ignore
# Some dependencies come as source without saying what builds them: requirements-build.lock does.
export PIP_USE_PEP517 := 1
# Nothing of the caller's own Python gets in.
unexport PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE PIP_USER PIP_TARGET PIP_PREFIX

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run test check bench day soak format lock clean chromium

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-8s %s\n", $$1, $$2}' Makefile

run: $(RUN)/.installed ## start the demo agency (make run ARGS="--help")
	@exec $(RUN)/bin/wirefeed demo $(ARGS)

test: $(DEV)/.installed chromium ## everything: format, lint, floors, types, all tests
	@$(format_and_lint)
	@$(floors)
	@$(cases_beside_types)
	@echo "== all tests"
	@$(PY) -m pytest $(WORKERS) --durations=5 $(ARGS)

check: $(DEV)/.installed ## the fast part of it: format, lint, floors, types, domain tests
	@$(format_and_lint)
	@$(floors)
	@echo "== types"
	@$(PY) -m mypy
	@echo "== domain tests"
	@$(PY) -m pytest --quiet --no-header tests/domain

bench: $(DEV)/.installed ## measure, beside references in the same run (make bench ARGS="--help")
	@PYTHONPATH=. $(PY) tests/bench/run.py $(ARGS)

day: $(DEV)/.installed ## the busiest ten minutes of an agency, in real time (make day ARGS="--help")
	@PYTHONPATH=. $(PY) tests/bench/day.py $(ARGS)

soak: $(DEV)/.installed chromium ## all tests at full size; long
	@WIREFEED_SOAK=1 $(PY) -m pytest --durations=20 $(ARGS)

format: $(DEV)/.installed ## mend what the formatter and the linter can mend
	@$(PY) -m ruff format
	@$(PY) -m ruff check --fix

lock: ## pin anew what pyproject.toml asks for (make lock ARGS="--upgrade-package aiohttp")
	@$(python_is_fit)
	@$(PYTHON) -m venv --clear $(LOCKER)
	@$(LOCKER)/bin/python $(PIP) install $(UV)
	@$(compile) --group build -o deploy/requirements-build.lock
	@$(compile) pyproject.toml -o deploy/requirements.lock
	@$(compile) pyproject.toml --group dev -c deploy/requirements.lock -o deploy/requirements-dev.lock
	@! grep -n -E '^ *-[^-]|^--|://' deploy/requirements*.lock || { echo "a lock names an index" >&2; exit 1; }

clean: ## remove what these commands made
	@rm -rf $(RUN) $(DEV) $(LOCKER) build dist src/wirefeed.egg-info \
	  .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find src tests -name __pycache__ -prune -exec rm -rf {} +

define format_and_lint
set -e; \
echo "== format"; \
$(PY) -m ruff format --quiet --diff || { echo "make format mends it" >&2; exit 1; }; \
echo "== lint"; \
$(PY) -m ruff check
endef

define floors
set -e; \
echo "== floors"; \
$(DEV)/bin/lint-imports --no-logo
endef

# The lock is the whole environment, so a changed lock builds a new one.
# A changed pyproject.toml only installs wirefeed itself again.
$(RUN)/.locked: deploy/requirements.lock deploy/requirements-build.lock
	@$(call environment,$(RUN),$<)

$(DEV)/.locked: deploy/requirements-dev.lock deploy/requirements-build.lock
	@$(call environment,$(DEV),$<)

$(RUN)/.installed $(DEV)/.installed: %/.installed: %/.locked pyproject.toml
	@$*/bin/python $(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

# What must not hang on asserts that Python may leave out, nor on a parser that may be missing.
# The workers of pytest are told to leave them out by the environment, as `python -O` would be.
define cases_without_asserts_and_extensions
set -e; \
echo "== security cases by python -O, without compiled parsers"; \
PYTHONOPTIMIZE=1 WIREFEED_BARE=1 AIOHTTP_NO_EXTENSIONS=1 $(PY) -m pytest $(WORKERS) --quiet --no-header \
  tests/security/test_every_case.py tests/security/test_permissions.py \
  tests/security/test_s[01]*.py tests/security/test_s2[0-6]*.py
endef

# The types take long, and leave a core idle.
define cases_beside_types
set -e; \
$(PY) -m mypy >$(DEV)/types.log 2>&1 & types=$$!; \
$(cases_without_asserts_and_extensions); \
echo "== types"; \
if wait $$types; then cat $(DEV)/types.log; else cat $(DEV)/types.log; exit 1; fi
endef

define python_is_fit
set -e; \
$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
  echo "wirefeed needs Python 3.11 or newer, and $(PYTHON) is not: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }; \
$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
  echo "$(PYTHON) cannot make virtual environments: apt-get install python3-venv" >&2; exit 1; }
endef

define environment
$(python_is_fit); \
echo "Building $(1) from $(2)"; \
$(PYTHON) -m venv --clear $(1); \
$(1)/bin/python $(PIP) install --require-hashes -r deploy/requirements-build.lock; \
$(1)/bin/python $(PIP) install --require-hashes --no-build-isolation -r $(2); \
touch $(1)/.locked
endef

# No line of these files may name an index: where packages come from is the installer's business.
define compile
$(LOCKER)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-annotate --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" $(ARGS)
endef

# Without Chromium the browser tests skip, saying so. Root on Debian is given one, asked for once.
chromium: | $(DEV)/.installed
	@if [ "$$(id -u)" = 0 ] && [ ! -e $(DEV)/chromium.log ] && command -v apt-get >/dev/null \
	  && ! command -v chromium >/dev/null && ! command -v google-chrome >/dev/null; then \
	  echo "Installing Chromium for the browser tests"; \
	  { timeout 120 apt-get -qq update \
	    && DEBIAN_FRONTEND=noninteractive timeout 300 apt-get -qq install -y --no-install-recommends chromium; \
	  } >$(DEV)/chromium.log 2>&1 \
	  || echo "No Chromium ($(DEV)/chromium.log says why): the browser tests will be skipped"; \
	fi
