# `make` alone lists the targets. Everything that a target needs and the machine lacks comes from Debian's packages,
# or from PyPI into .venv; .ci/install-dependencies has the list.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.NOTPARALLEL:

SWIFT ?= swift
PYTHON ?= python3
VENV := .venv

# One set of flags for every release build, so that what is tested, measured and shipped is the same binary. The static
# standard library makes it self-contained and a third faster to start.
RELEASE_FLAGS := -c release --static-swift-stdlib --product portcullis
RELEASE_BIN := .build/release/portcullis

# The binary that the end-to-end tests drive.
PORTCULLIS_BIN ?= $(RELEASE_BIN)

# Iterations per fuzz test for `make fuzz`; with SECONDS, rounds with fresh seeds until that time is over.
ITERATIONS ?= 1000000
SECONDS_TO_FUZZ := $(if $(filter command line environment,$(origin SECONDS)),$(SECONDS),0)

.PHONY: help
help: ## List the targets
	@sed -nE 's/^([a-z0-9-]+):.*## (.*)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do \
		printf '  make %-10s %s\n' "$$name" "$$text"; done

.PHONY: build
build: dependencies ## Build for debugging
	$(SWIFT) build

.PHONY: release
release: dependencies ## Build the binary that is shipped: .build/release/portcullis
	$(SWIFT) build $(RELEASE_FLAGS)

.PHONY: run
run: release ## Start the gateway on gateway.d/ with a demo upstream, and print curl lines to try
	@exec $(RELEASE_BIN) run gateway.d --demo

.PHONY: test
test: unit e2e ## Run everything: unit tests, then end-to-end tests against the release binary

.PHONY: unit
unit: dependencies ## Run the unit tests (FILTER=HTTPTests for some of them)
	$(SWIFT) test --disable-xctest $(if $(FILTER),--filter '$(FILTER)')

.PHONY: e2e
e2e: $(if $(filter $(RELEASE_BIN),$(PORTCULLIS_BIN)),release) $(VENV)/e2e.stamp ## Run the end-to-end tests (K='reload and not slow' for some of them)
	@.ci/install-dependencies test
	PORTCULLIS_BIN=$(abspath $(PORTCULLIS_BIN)) $(VENV)/bin/python -m pytest -q $(if $(K),-k '$(K)') Tests/EndToEnd

.PHONY: lint
lint: dependencies $(VENV)/lint.stamp ## Check format, imports by floor, rules of the tree, Dockerfile, scripts, generated pages
	@.ci/lint

.PHONY: format
format: ## Format the Swift sources in place
	$(SWIFT) format --in-place --recursive --parallel Sources Tests Package.swift

.PHONY: tidy
tidy: dependencies ## Check the rules of the tree alone: lengths, banned words, imports
	$(SWIFT) test --disable-xctest --filter TidyTests

.PHONY: docs
docs: build ## Write the generated pages of docs/ anew
	@.ci/generate-docs docs

.PHONY: sanitize
sanitize: sanitize-address sanitize-thread ## Run unit and end-to-end tests under AddressSanitizer and ThreadSanitizer

.PHONY: sanitize-address sanitize-thread
sanitize-address sanitize-thread: sanitize-%: dependencies $(VENV)/e2e.stamp
	@.ci/install-dependencies test
	@.ci/sanitize $*

.PHONY: fuzz
fuzz: dependencies ## Fuzz for longer: ITERATIONS=1000000 a test, or SECONDS=600 in rounds with fresh seeds
	@.ci/fuzz $(ITERATIONS) $(SECONDS_TO_FUZZ)

.PHONY: bench
bench: release ## Measure against HAProxy, nginx and Envoy, and write loadtest/RESULTS.md (ARGS=--quick)
	@.ci/install-dependencies bench
	loadtest/bench $(ARGS)

.PHONY: clean
clean: ## Remove everything that was built
	rm -rf .build .build-* $(VENV) loadtest/.build loadtest/.venv

.PHONY: dependencies
dependencies:
	@.ci/install-dependencies build

$(VENV)/bin/python:
	@.ci/install-dependencies python
	$(PYTHON) -m venv $(VENV)

$(VENV)/e2e.stamp: Tests/EndToEnd/requirements.txt | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

$(VENV)/lint.stamp: .ci/requirements.txt | $(VENV)/bin/python
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@
