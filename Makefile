# ShopNow+ streams. `make demo` runs it all; `make test` proves it.
.DEFAULT_GOAL := help
.PHONY: help demo up down status audit test check chaos bench spark clean
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export UV_CACHE_DIR := $(CURDIR)/var/cache/uv
export UV_LINK_MODE := hardlink
# uv installs in seconds what takes pip minutes; the certificates are the system's, as pip's are
export UV_SYSTEM_CERTS := 1
# as pip does: under PYTHONDONTWRITEBYTECODE a worker would compile all that it imports at each start, for two seconds
export UV_COMPILE_BYTECODE := 1
INSTALL = $(BIN)/uv pip install --quiet --python $(BIN)/python

help: ## what there is to make
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/.worker ## Kafka, HDFS, the worker and simulated traffic, until Ctrl-C
	@exec $(BIN)/shopnow demo

up: $(VENV)/.worker ## Kafka and HDFS in the background
	@$(BIN)/shopnow up

down: $(VENV)/.worker ## end them
	@$(BIN)/shopnow down

status: $(VENV)/.worker ## what runs
	@$(BIN)/shopnow status

audit: $(VENV)/.spark ## recompute every live number from the archive, and compare
	@$(BIN)/shopnow audit

spark: $(VENV)/.spark ## what `shopnow sql` and `shopnow batch` need

# one after the other: their processes are given seconds to notice one another's faults
ALONE := tests/chaos tests/integration/test_alerts.py

# others two files at a time, since they wait as much as they compute
test: $(VENV)/.all $(VENV)/.browser ## every test, with real Kafka, HDFS and Spark
	@$(BIN)/pytest tests/unit -n auto --dist loadfile
	@$(BIN)/pytest --ignore tests/unit $(ALONE:%=--ignore %) -n 2 --dist loadfile --no-loadscope-reorder
	@$(BIN)/pytest $(ALONE)

check: $(VENV)/.all ## ruff, mypy --strict, import contracts, Dockerfile, compose file
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint docker/Dockerfile
	$(BIN)/docker-compose -f docker/compose.yaml config --quiet

chaos: $(VENV)/.all ## the fault test, longer: CHAOS_FAULTS=40 CHAOS_SEED=7 make chaos
	CHAOS_FAULTS=$${CHAOS_FAULTS:-40} $(BIN)/pytest tests/chaos --timeout 3600 -s

bench: $(VENV)/.all ## ours and the peers', side by side in one run
	$(BIN)/python -m benchmarks

clean: ## forget the demo's data; keeps what was downloaded
	rm -rf var/stack var/worker var/demo

$(VENV)/bin/uv:
	@command -v $(PYTHON) >/dev/null || { echo "no $(PYTHON) found: install Python 3.11 or newer"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is too old: Python 3.11 or newer is needed (PYTHON=python3.12 make ...)"; exit 1; }
	@echo "creating $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check 'uv>=0.9,<1'

$(VENV)/.worker: setup.cfg | $(VENV)/bin/uv
	@echo "installing the worker's packages"
	@$(INSTALL) -e .
	@touch $@

$(VENV)/.spark: $(VENV)/.worker
	@echo "installing Spark (about 400 MB)"
	@$(INSTALL) -e '.[spark]'
	@touch $@

$(VENV)/.all: $(VENV)/.spark
	@echo "installing what tests and checks need"
	@$(INSTALL) -e '.[spark,test,check]'
	@touch $@

$(VENV)/.browser: tests/browser/chromium.py | $(VENV)/.all
	@$(BIN)/python -m tests.browser.chromium
	@touch $@
