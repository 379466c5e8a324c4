# Every target installs what it needs first; nothing but Python 3.11 and make has to be here.
# `exec` lets Ctrl-C and SIGTERM reach the program and not a shell in between.

PYTHON ?= python3
BIN := .venv/bin
PYTEST := $(BIN)/pytest
# Two at a time, each with stores of its own: a test waits more for stores than it computes.
TWO := --numprocesses 2 --dist loadfile
# Folders of marked tests alone, which need not be read to leave them out.
APART := --ignore tests/browser --ignore tests/faults
# What was compiled is kept, whatever the machine says: each program here would compile it again.
unexport PYTHONDONTWRITEBYTECODE
# More arguments for the program a target ends in: make test ARGS='-k queue'
ARGS ?=

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: chaos bench peers bench-screening bench-priority help run test long check lint types contracts smoke browser fix faults lock migration clean dev chromium

help: ## print this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | while IFS="$$(printf '\t')" read -r name text; do \
		printf '  make %-15s %s\n' "$$name" "$$text"; done

run: ## start Postbag with its demo site, with a database and a queue of its own
	@exec $(PYTHON) run.py run $(ARGS)

test: dev ## run the tests, except those that need a browser or take long
	@exec $(PYTEST) $(TWO) -m "not browser and not faults and not long" $(APART) $(ARGS)

long: dev ## run the tests that start and stop whole processes
	@exec $(PYTEST) $(TWO) -m "long and not faults" $(ARGS)

check: lint types contracts test long smoke ## everything CI runs, in CI's order

lint: dev ## check style and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/squawk sql/migrations/*.sql

types: dev ## check types
	@exec $(BIN)/mypy

contracts: dev ## check who imports whom
	@exec $(BIN)/lint-imports

fix: dev ## repair style and format where a program can
	@$(BIN)/ruff check --fix .
	@exec $(BIN)/ruff format .

smoke: dev chromium ## the shortest walk through widget and pages in a real browser
	@exec $(PYTEST) -m "browser and smoke" tests/browser $(ARGS)

browser: dev chromium ## every test in a real browser, for minutes
	@exec $(PYTEST) -m browser tests/browser $(ARGS)

faults: dev ## kill and freeze the stores, for half an hour or more
	@exec $(PYTEST) $(TWO) -m faults $(ARGS)

bench: dev peers ## measure speed beside nginx and Isso, and write bench/RESULTS.md
	@exec $(BIN)/python -m bench $(ARGS)

chaos: dev ## break everything at random for half an hour, and keep a record
	@exec $(BIN)/python -m tests.faults.chaos $(ARGS)

bench-screening: dev ## measure screening beside its targets
	@exec $(BIN)/python -m bench.screening

bench-priority: dev ## simulate the order of the queue beside other orders
	@exec $(BIN)/python -m bench.priority

# No address and no annotation gets into the lock files, so they fit any mirror.
COMPILE := $(BIN)/uv pip compile --quiet --no-config --universal --python-version 3.11 \
	--generate-hashes --only-binary :all: --no-emit-index-url --no-annotate --no-header
EXTRA = $(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["$(1)"], sep="\n")'

lock: dev ## pin the dependencies of pyproject.toml; ARGS=--upgrade takes the newest
	@$(COMPILE) $(ARGS) pyproject.toml -o requirements/base.txt
	@$(COMPILE) $(ARGS) pyproject.toml --extra dev -c requirements/base.txt -o requirements/dev.txt
	@$(call EXTRA,embedded) | $(COMPILE) $(ARGS) - -c requirements/dev.txt -o requirements/embedded.txt
	@echo uv | $(COMPILE) $(ARGS) - -c requirements/dev.txt -o requirements/tools.txt

migration: ## begin a migration: make migration N=verb_noun
	@case "$(N)" in ''|*[!a-z0-9_]*) echo 'Name it: make migration N=verb_noun' >&2; exit 2;; esac; \
	last=$$(ls sql/migrations | sed -n 's/^\([0-9]\{4\}\)_.*/\1/p' | sort -n | tail -n 1); \
	file=sql/migrations/$$(printf '%04d' $$(expr 0$$last + 1))_$(N).sql; \
	printf -- '-- Why:\n' > "$$file"; echo "$$file"

clean: ## remove what was built and cached, but no data
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist *.egg-info
	@find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

dev:
	@$(PYTHON) run.py dev

# Debian's, where we may install it; without it the tests skip and say so.
chromium:
	@command -v chromium >/dev/null && command -v chromedriver >/dev/null || .ci/chromium

# Debian's too; what is not there is left out of the results, which say so.
peers:
	@command -v wrk >/dev/null && { command -v nginx || test -x /usr/sbin/nginx; } >/dev/null || .ci/peers
