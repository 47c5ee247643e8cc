# Every command builds what it needs first; nothing outside this folder is touched, except by `test-deps`
# (Debian packages, as root).
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# Two processes, whatever the machine has; what measures time runs afterwards, alone. `make test PARALLEL=` uses one.
PARALLEL ?= -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: help setup demo kerberos test test-deps check bench lock format clean

help:            ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

setup: $(VENV)/.ready   ## build .venv with the handfast command in it

$(VENV)/.ready: requirements/dev.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Handfast needs Python 3.11 or newer; found " + sys.version.split()[0])'
	@$(PYTHON) -m venv $(VENV) || { echo "the venv module is missing: apt-get install python3-venv"; exit 1; }
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup      ## a gateway, a simulated Exchange and a simulated phone, on this machine
	$(BIN)/handfast demo $(ARGS)

kerberos: setup  ## add Kerberos to .venv (builds gssapi: needs libkrb5-dev, gcc)
	@$(BIN)/python -c 'import gssapi' 2>/dev/null || $(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/kerberos.txt

test: setup      ## all tests; those that need real servers skip loudly unless `make test-deps` ran
	@if [ "$$CI" = true ]; then sh tests/install-deps.sh; fi
	@if command -v krb5-config >/dev/null; then $(MAKE) --no-print-directory kerberos; fi
	$(BIN)/pytest -m "not alone" $(PARALLEL) $(ARGS) || [ $$? = 5 ]  # 5: ARGS chose none of these
	$(BIN)/pytest -m alone $(ARGS) || [ $$? = 5 ]

test-deps:       ## install the Debian packages of the real servers and clients (root; starts none of them)
	sh tests/install-deps.sh

check: setup     ## format, lint, types, import contracts
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: setup     ## benchmarks against nginx and Apache; writes docs/benchmarks.json and .md
	$(BIN)/python -m benchmarks $(ARGS)

lock: setup      ## resolve the dependencies anew into requirements/*.txt (with hashes, without index addresses)
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header pyproject.toml -o requirements/run.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header pyproject.toml requirements/build.in --group dev -o requirements/dev.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header --extra kerberos pyproject.toml -c requirements/run.txt -o requirements/kerberos.txt

format: setup    ## format and mend what can be mended
	$(BIN)/ruff format src tests benchmarks
	$(BIN)/ruff check --fix src tests benchmarks

clean:           ## remove what the build left
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
