# Everything a person types. `make demo` and `make test` work on a fresh machine: they set up what they need.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup servers demo test check bench fidelity differences film fmt lock clean

# Whose Python it is may have a home that others cannot enter: the shell would only say "Permission denied".
ifneq ($(filter-out help clean,$(or $(MAKECMDGOALS),help)),)
ifeq ($(shell test ! -e $(VENV) || test -x $(BIN)/python || test -w $(VENV) || echo barred),barred)
$(error you may not run the Python of $(VENV), which $(shell stat -c %U $(VENV)) set up. To fix: make one of your own, with \
`make $(MAKECMDGOALS) VENV=$$HOME/.cache/sidestep/venv`, or set it up with a Python that everybody may run, with \
`make clean setup PYTHON=/usr/bin/python3`)
endif
endif

help:            ## show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

setup: $(READY)  ## create .venv with the locked dependencies and sidestep itself

$(READY): requirements/dev.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

servers: $(READY)  ## fetch or build the real servers that tests use (kube-apiserver, etcd, Prometheus, Chromium)
	$(BIN)/python -m tools.test_servers

demo: $(READY)   ## audit and plan a generated mesh; explain, convert, prove and rehearse a shop in the lab
	$(BIN)/python -m tools.demo

check: $(READY)  ## lint, format, types, import contracts, sizes, documentation that matches the code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tools.check_sizes
	$(BIN)/python -m tools.check_docs

test: servers check  ## every check and every test
	$(BIN)/pytest -n auto --dist loadgroup

bench: $(READY)  ## measure speed and memory as ratios in one run (see docs/performance.md)
	$(BIN)/python -m bench.audit
	$(BIN)/python -m bench.semantics
	$(BIN)/python -m bench.plan
	$(BIN)/python -m bench.lab

fidelity: servers  ## hold 200,000 decisions and who asked 100,000 requests against packets in the lab; what disagrees is kept as a case
	$(BIN)/python -m tests.lab.fidelity --decisions 100000
	$(BIN)/python -m tests.lab.fidelity --requests --decisions 100000
	$(BIN)/python -m tests.lab.waypoint.isolation --requests 100000

differences: servers  ## show in the lab, by packets, every difference between sidecars and ambient that packets can show
	$(BIN)/sidestep lab demo --all

film: $(READY)  ## run the commands of the README's moving picture again and draw them
	$(BIN)/python -m tools.recording

fmt: $(READY)    ## format and fix what can be fixed
	$(BIN)/ruff check --fix --exit-zero .
	$(BIN)/ruff format .

lock:            ## renew the hashed locks (needs uv)
	uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate pyproject.toml -o requirements/runtime.txt
	uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --extra lab --group dev pyproject.toml -o requirements/dev.txt

clean:           ## remove what the build made
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
