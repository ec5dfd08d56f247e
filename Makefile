# Tidegate. `make` or `make help` lists the targets.

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.setup-complete
PAGES = $(sort $(wildcard scripts/*_page.py))

.DEFAULT_GOAL := help
.PHONY: help setup demo test conformance check bench docs

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## virtual environment .venv with the locked dependencies

demo: setup ## a data space of three participants; ONCE=1 ends it after the story
	@$(BIN)/tidegate demo $(if $(ONCE),--once)

test: setup ## every test
	$(BIN)/python -m pytest

conformance: setup ## the Dataspace Protocol's public test suite (needs Java 17 and Maven); DATABASE=debian-15
	@$(BIN)/python -m tests.conformance $(if $(DATABASE),--database $(DATABASE))

check: setup ## lint, format, import direction, types, generated pages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/pyright
	@for page in $(PAGES); do echo "$$page --check"; $(BIN)/python $$page --check || exit 1; done

bench: setup ## measure speed and memory; prints JSON
	@$(BIN)/python -m bench

docs: setup ## write the generated pages of docs/reference
	@for page in $(PAGES); do echo "$$page"; $(BIN)/python $$page || exit 1; done

# Only what changed is installed again. The stamp comes last: an interrupted setup is repeated.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Tidegate needs Python 3.11 or later; name one: make PYTHON=python3.11 ...")'
	@echo "Setting up .venv (once; a few minutes without a package cache) ..." >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
