# Everything here needs only Python 3.11 or newer, and pip's index the first time.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCAL := $(VENV)/installed-local
TEST := $(VENV)/installed-test
BENCH := $(VENV)/installed-bench
DEPLOY := $(VENV)/installed-deploy
SOURCES := layers/online_kart fulfillment_app seller_app customer_app local cdk tests

# Two more than cores, for tests wait for servers and for commits; 4 at most, for each has databases of its own.
WORKERS := $(shell cores=$$(getconf _NPROCESSORS_ONLN); [ "$$cores" -lt 2 ] && echo 3 || echo 4)

PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check \
	--no-python-version-warning --root-user-action=ignore

# The Step Functions stand-in takes times without a zone for local ones.
export TZ := UTC
export PIP_NO_INPUT := 1

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-kill up down reset test tests-alone test-changes test-closings bench-routing races flash-sale check lint format faults crash simulate fuzz layers synth check-deploy

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

setup: $(LOCAL) ## the virtual environment, with what demo and up need

demo: $(LOCAL) ## the main job, from click to doorstep, with a report; ORDERS=… for more orders
	@$(BIN)/python -m local demo $(if $(ORDERS),--orders $(ORDERS))

up: $(LOCAL) ## start the whole system and stay; Ctrl-C or make down ends it
	@$(BIN)/python -m local up

down: $(LOCAL) ## stop what make up started
	@$(BIN)/python -m local down

reset: $(LOCAL) ## stop it, and forget all its data
	@$(BIN)/python -m local reset

test: $(TEST) ## the linters and all tests, at the same time
	@$(MAKE) --no-print-directory --jobs=2 lint tests-alone

tests-alone: $(TEST)
	@echo "Running the tests …"
	@$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder

demo-kill: $(TEST) ## the main job, with everything killed at each of its stages and started again (7 minutes)
	@$(BIN)/python -m pytest -m slow tests/e2e

crash: $(TEST) ## every process killed at every crash point, alone, in pairs and triples (hours); SHARE=0.1 for a tenth, JOURNAL=file to go on later
	@$(BIN)/python -m tests.crashes $(if $(SHARE),--share $(SHARE)) $(if $(JOURNAL),--journal $(JOURNAL))
	@$(BIN)/python -m pytest -m slow tests/integration/test_crashes.py

test-changes: $(TEST) ## 1,120 sequences of changes of networks, each table compared with a full build
	@$(BIN)/python -m pytest -m slow tests/routing

bench-routing: $(BENCH) ## the router beside networkx, rustworkx and igraph, and its targets (some minutes)
	@$(BIN)/python -m local.bench

test-closings: $(TEST) ## every facility of India closed in turn, with packages under way (half an hour where others work, too)
	@$(BIN)/python -m pytest -m slow tests/integration/test_closings.py

races: $(TEST) ## 1,000 trials of each race on real PostgreSQL, with a table of what came of them; TRIALS=…, SEED=…
	@$(BIN)/python -m tests.races races $(if $(TRIALS),--trials $(TRIALS)) $(if $(SEED),--seed $(SEED))

flash-sale: $(TEST) ## 10,000 buyers want 1,000 units of one item, with commits in memory and with commits of 3 ms
	@$(BIN)/python -m tests.races flash-sale

faults: $(TEST) ## every fault: databases killed, networks cut, stores away, steps that fail; full durations (some minutes)
	@$(BIN)/python -m pytest -m "slow or not slow" -v tests/faults

simulate: $(TEST) ## random weeks on the real code, until Ctrl-C or as many as WEEKS=… says; FIRST=… for other seeds
	@$(BIN)/python -m tests.simulation $(if $(WEEKS),--weeks $(WEEKS)) $(if $(FIRST),--first $(FIRST))

fuzz: $(TEST) ## 200 requests of chance for every operation of each app over HTTP, by Schemathesis; EXAMPLES=…, APP=seller_app, SEED=… (some minutes an app)
	@$(BIN)/python -m tests.fuzz $(if $(APP),--app $(APP)) $(if $(EXAMPLES),--examples $(EXAMPLES)) $(if $(SEED),--seed $(SEED))

layers: $(DEPLOY) ## what Lambda functions share, built for AWS; PYTHON_313=… names a Python 3.13 that is not on the PATH
	@$(BIN)/python -m cdk.layers $(if $(PYTHON_313),--interpreter $(PYTHON_313))

synth: layers ## the templates of dev and prod, into cdk.out; needs no account
	@CDK_OUTDIR=cdk.out $(BIN)/python -m cdk.app

check-deploy: layers ## builds the layers and the templates, and checks both: tests, cdk-nag, squawk (some minutes)
	@$(BIN)/python -m pytest -m "slow or not slow" tests/cdk

check: test ## the same as make test

lint: $(TEST)
	@echo "Checking style, types and imports …"
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet . || { $(BIN)/ruff format --check . ; exit 1; }
	@$(BIN)/mypy $(SOURCES)
	@$(BIN)/lint-imports --no-cache

format: $(TEST) ## let ruff put the code into shape
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Online Kart needs Python 3.11 or newer. $(PYTHON): $$($(PYTHON) --version 2>&1 | head -n 1)" >&2; \
		echo "Name another one: make PYTHON=python3.12 …" >&2; exit 1; }
	@echo "Setting up the virtual environment …"
	@$(PYTHON) -m venv $(VENV)

$(LOCAL): pyproject.toml layers/requirements.txt | $(BIN)/python
	@echo "Installing what the local system needs (a minute or two the first time) …"
	@$(PIP_INSTALL) --editable '.[local]'
	@touch $@

$(TEST): pyproject.toml layers/requirements.txt | $(BIN)/python
	@echo "Installing what the tests need (a minute or two the first time) …"
	@$(PIP_INSTALL) --editable '.[local,test]'
	@touch $@ $(LOCAL)

$(DEPLOY): pyproject.toml layers/requirements.txt | $(BIN)/python
	@echo "Installing what a deployment needs (some minutes the first time) …"
	@$(PIP_INSTALL) --editable '.[local,test,deploy]'
	@touch $@ $(LOCAL) $(TEST)

$(BENCH): pyproject.toml layers/requirements.txt | $(BIN)/python
	@echo "Installing what the router is measured against …"
	@$(PIP_INSTALL) --editable '.[local,bench]'
	@touch $@ $(LOCAL)
