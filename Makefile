# Every door sets up what it needs by itself; all it takes is Python 3.11 or newer and make.
.DEFAULT_GOAL := help
.PHONY: help setup ingest chat ask test check format docs eval bench load screenshots wheel lock clean question

# The first of these that runs and is new enough.
is_new_enough = -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do $$p $(is_new_enough) && echo $$p && break; done)
BIN := .venv/bin
READY := .venv/.installed
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# The question reaches the shell as a variable, never as text that make or the shell would expand.
override Q := $(value Q)
export Q

define need_python
"$(PYTHON)" $(is_new_enough) || { \
	echo "Temei needs Python 3.11 or newer: install it, or name one with: make PYTHON=/path/to/python3" >&2; exit 1; }; \
"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
	echo "This Python lacks its venv module: install it (Debian, Ubuntu: apt install python3-venv), then try again" >&2; exit 1; }
endef

help: ## show this list
	@echo "Usage: make TARGET"
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' Makefile

setup: $(READY) ## make .venv from requirements.lock (the other targets do it when needed)

# .installing marks a set-up that has not finished: the next one then starts anew. The stamp comes last.
$(READY): requirements.lock pyproject.toml
	@$(need_python)
	@echo "Setting up .venv (once, about 3 minutes) ..."
	@if [ -e .venv/.installing ]; then rm -rf .venv; fi
	@mkdir -p .venv && rm -f $(READY) && touch .venv/.installing
	@"$(PYTHON)" -m venv .venv \
		&& $(BIN)/python -m pip install -qq -r requirements.lock \
		&& $(BIN)/python -m pip install -qq --no-deps --no-build-isolation -e . \
		|| { echo "Set-up did not finish, for the reason above; run the same command to try again" >&2; exit 1; }
	@mv .venv/.installing $(READY)
	@echo "Set-up is complete."

ingest: setup ## read new and changed articles into the index
	@$(BIN)/temei ingest

chat: ingest ## open the chat page
	@$(BIN)/temei chat

ask: question ingest ## answer one question: make ask Q="..."
	@$(BIN)/temei ask -- "$$Q"

question:
	@[ -n "$$Q" ] || { echo 'Ask with: make ask Q="your question"' >&2; exit 2; }

test: check ## run every check: format, lint, types, imports, tests

check: setup
	@echo "ruff format" && $(BIN)/ruff format --check .
	@echo "ruff check" && $(BIN)/ruff check .
	@echo "mypy" && $(BIN)/mypy
	@echo "lint-imports" && $(BIN)/lint-imports
	@echo "pytest" && $(BIN)/python -m pytest -n 2 --dist worksteal

format: setup ## format the code and mend what ruff can mend
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .

docs: setup ## write docs/api.md from the docstrings
	@$(BIN)/python -m tests.api_docs

eval: ingest ## measure answers and retrieval on the question sets
	@$(BIN)/temei eval --gate

bench: ingest ## measure speed and memory
	@$(BIN)/temei bench

load: ingest ## ask the chat page much at once, and report times and memory
	@$(BIN)/temei load

screenshots: setup ## take the pictures in docs/images (needs a Chromium)
	@mkdir -p docs/images
	@SCREENSHOTS="$(CURDIR)/docs/images" $(BIN)/python -m pytest -q tests/test_screenshots.py

wheel: setup ## build the package into dist/
	@rm -rf build
	@$(BIN)/python -m pip wheel -q --no-deps --no-build-isolation -w dist .
	@rm -rf build
	@ls dist/*.whl

# Resolves in an empty environment, so that nothing but what pyproject.toml asks for gets in. A local version
# such as torch's +cpu is dropped: pip then takes the build it finds for the machine.
lock: ## resolve all dependencies anew and write requirements.lock
	@$(need_python)
	@echo "Resolving in an empty environment (about 3 minutes) ..."
	@set -e; tmp=$$(mktemp -d); trap 'rm -rf "$$tmp"' EXIT; trap 'exit 1' INT TERM; \
	"$(PYTHON)" -m venv "$$tmp/venv"; py=$$tmp/venv/bin/python; \
	"$$py" -m pip install -qq -e '.[dev]'; \
	"$$py" -m pip check; \
	{ echo "# Everything that Temei and its checks need, pinned. Written by: make lock"; \
	  echo "# Resolved on $$(uname -sm) with $$("$$py" -c 'import sys; print("Python %d.%d" % sys.version_info[:2])')."; \
	} > "$$tmp/lock"; \
	"$$py" -m pip freeze --all --exclude pip --exclude-editable > "$$tmp/freeze"; \
	sed 's/+[^ ;]*//' "$$tmp/freeze" | LC_ALL=C sort -f >> "$$tmp/lock"; \
	cat "$$tmp/lock" > requirements.lock
	@echo "Wrote requirements.lock; make setup installs it."

clean: ## remove .venv and what the tools leave behind (the index in .temei stays)
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find rag ingest ui eval tests -name __pycache__ -type d -prune -exec rm -rf {} +
