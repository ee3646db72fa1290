# Every task of the project; `make help` lists them. Nothing here needs more than make, git and Python with venv.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
DATA   ?= ../shared/data/online_retail
# pytest's workers share the machine with the servers they start
JOBS   ?= $(shell cores=$$(nproc 2>/dev/null || echo 1); [ $$cores -gt 2 ] && echo 2 || echo $$cores)
CODE   := $(wildcard config core referral coupons commission community bench demo migrations tests wsgi.py)

.DEFAULT_GOAL := help
.PHONY: help setup run test test-slow lint format bench replay openapi backup restore

help: ## list these tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## make .venv and install the pinned dependencies (only when they changed)

$(READY): requirements.txt constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "Python 3.11 or newer is needed: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

run: setup ## start everything and keep it running; PORT, DATA_DIR, DATABASE_URL, REDIS_URL, DEMO decide how
	@exec $(BIN)/python -m core.servers

test: setup ## the tests, on servers of their own
	$(BIN)/python -m pytest -n $(JOBS)

test-slow: setup ## the tests that take long or need the full real data
	$(BIN)/python -m pytest -m slow

lint: setup ## ruff and mypy
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy

format: setup ## put the code into shape
	$(BIN)/ruff check --fix-only $(CODE)
	$(BIN)/ruff format $(CODE)

bench: setup ## the measurements that the README quotes
	$(BIN)/python -m bench

replay: setup ## the full real data through the running product; DATA=folder
	$(BIN)/python -m demo replay $(DATA)

openapi: setup ## print the contract as OpenAPI 3.1
	@$(BIN)/python -m flask openapi

backup: setup ## copy the running database to TO=folder
	$(BIN)/python -m core.servers.backup create $(TO)

restore: setup ## put the backup FROM=folder into an empty DATA_DIR
	$(BIN)/python -m core.servers.backup restore $(FROM)
