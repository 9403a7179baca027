# `make demo` and `make test` are the two commands; `make help` lists the rest.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN := PYTHONPATH=tests $(BIN)/python
PYTEST := $(BIN)/python -m pytest
# Tests at once; each has a control plane of its own, half a gigabyte.
JOBS ?= 2
# The installed packages of this checkout, in one file whose age make can compare.
STAMP := $(VENV)/.installed
# What the console's pages load, fetched from npm.
ASSETS := operator/promptrelease/console/static/vendor/htmx.min.js

# Where `make fuzz` has its own packages.
FUZZ := build/fuzz-venv

.DEFAULT_GOAL := help
.PHONY: help venv assets crds chart reference docs helm format lint types layers check test test-unit test-cluster test-node test-promptfoo sweep soak \
	demo demo-down bench controlplane clean

help: ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

venv: $(STAMP) ## the Python packages, in .venv

$(STAMP): pyproject.toml requirements/dev.txt
	@echo "installing Python packages into $(VENV) (once, about a minute)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11, 5))' || \
		{ echo "Python 3.11 or later is needed; try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
		{ echo "python3-venv is needed (Debian: apt-get install python3-venv)"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--require-hashes --requirement requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--no-deps --no-build-isolation --editable .
	@touch $@

assets: $(ASSETS) ## fetch the console's scripts from npm, or find them in the cache

$(ASSETS): tools/assets/__main__.py tools/assets/package-lock.json | $(STAMP)
	@$(RUN) -m tools.assets

controlplane: $(STAMP) ## build the embedded Kubernetes, or find it in the cache
	@$(RUN) -m harness.binary

crds: $(STAMP) ## write crds/ from the models
	@$(BIN)/python -m promptrelease.api crds

chart: crds ## write the Helm chart from manifests/ and crds/
	@$(BIN)/python -m tools.chart

reference: crds ## write docs/reference and docs/cli.md from crds/ and the command line
	@$(BIN)/python tools/reference.py
	@$(BIN)/python tools/cli_reference.py

docs: $(STAMP) ## build the site into build/site; every warning is an error
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "build/site/index.html"

helm: $(STAMP) ## build Helm, or find it in the cache
	@$(RUN) -m harness.helm

format: $(STAMP) ## format the code
	@$(BIN)/ruff check --quiet --fix-only . && $(BIN)/ruff format --quiet .

lint: $(STAMP)
	@echo "== lint: ruff, generated files"
	@$(BIN)/ruff check --quiet . && $(BIN)/ruff format --quiet --check .
	@$(BIN)/python -m promptrelease.api --check crds
	@$(BIN)/python -m tools.chart --check
	@$(BIN)/python tools/cli_reference.py --check
	@$(BIN)/python tools/reference.py --check

types: $(STAMP)
	@echo "== types: mypy --strict"
	@$(BIN)/mypy operator tests bench tools

layers: $(STAMP)
	@echo "== import layers"
	@$(BIN)/lint-imports --no-logo --no-cache

.PHONY: security hostile fuzz lock audit sbom

security: $(STAMP)
	@echo "== security: bandit"
	@$(BIN)/bandit --quiet --recursive operator --configfile pyproject.toml

check: lint types layers security ## lint, types, import layers and bandit

test-unit: $(STAMP) ## fast tests, no cluster
	@echo "== unit tests"
	@$(PYTEST) tests/unit

test-cluster: controlplane helm ## tests against a real API server
	@echo "== cluster tests"
	@$(PYTEST) tests/cluster

test-node: controlplane ## tests with real pods (root, Linux, Debian's containerd)
	@echo "== node tests"
	@$(PYTEST) tests/node

sweep: controlplane ## the operator killed, cut off and misled at every moment; half an hour
	@PROMPTRELEASE_SWEEP=full $(PYTEST) tests/faults -s

soak: controlplane ## random edits under random faults for an hour; SECONDS=… and SEED=… change that
	@$(RUN) -m faults.soak $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED))

hostile: controlplane ## thousands of objects that are meant to hurt, on a real API server; SEED=… makes others
	@PROMPTRELEASE_HOSTILE=full $(if $(SEED),PROMPTRELEASE_SEED=$(SEED)) $(PYTEST) tests/cluster/hostile -s

fuzz: $(FUZZ)/.installed ## coverage-guided fuzzing, SECONDS=300 for each target; TARGET=… for one
	@for target in $(or $(TARGET),$(notdir $(wildcard tests/fuzz/corpus/*))); do \
		echo "== fuzz: $$target"; $(FUZZ)/bin/python tests/fuzz/run.py $$target $(or $(SECONDS),300) || exit 1; done

$(FUZZ)/.installed: requirements/fuzz.txt
	@$(PYTHON) -m venv $(FUZZ)
	@$(FUZZ)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	@touch $@

lock: $(STAMP) ## write requirements/ anew; UPGRADE=1 takes the newest
	@$(BIN)/python tools/lock.py $(if $(UPGRADE),--upgrade)

audit: $(STAMP) ## ask the package index for known weaknesses of what is shipped
	@$(BIN)/python tools/audit.py

sbom: $(STAMP) ## write what the image holds into build/sbom.cdx.json
	@mkdir -p build
	@$(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible \
		--output-file build/sbom.cdx.json requirements/image.txt
	@echo "build/sbom.cdx.json"

test-promptfoo: controlplane ## the promptfoo example on the test node (fetches promptfoo, builds 500 MB)
	@PROMPTRELEASE_PROMPTFOO=1 $(PYTEST) tests/node/test_promptfoo.py

test: check assets controlplane helm ## everything that must pass
	@$(PYTEST) -n $(JOBS) --dist loadscope --no-loadscope-reorder tests

rights: controlplane helm ## which of the operator's rights the tests never needed
	@rm -rf build/audit
	@PROMPTRELEASE_AUDIT=$(CURDIR)/build/audit $(PYTEST) -n $(JOBS) --dist loadscope --no-loadscope-reorder tests/cluster tests/node
	@$(RUN) -m harness.audit build/audit

screenshots: assets controlplane ## the docs' pictures of the console
	@$(RUN) -m demo.pictures

demo: assets controlplane ## the main job on an embedded Kubernetes; CONSOLE=1 opens the console, KEEP=1 leaves it, KUBECONTEXT=… uses yours
	@$(RUN) -m demo $(if $(KUBECONTEXT),--context $(KUBECONTEXT)) $(if $(KEEP),--keep) $(if $(CONSOLE),--console)

demo-down: $(STAMP) ## end a demo that was kept
	@$(RUN) -m demo --down

bench: controlplane ## measure, beside the floor and the peers; ONLY=… chooses groups
	@PYTHONPATH=operator:tests:. $(BIN)/python -m bench $(if $(ONLY),--only $(ONLY))

clean: ## remove what was built here (the user cache stays)
	rm -rf $(VENV) build dist .demo .mypy_cache .ruff_cache .pytest_cache .hypothesis
