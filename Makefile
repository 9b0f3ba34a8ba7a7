# Micro TODO. `make` alone lists the verbs. Everything needs Python >= 3.11 and make, nothing else; CI adds Debian packages.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

PYTHON ?= python3
VENV := .venv
UV_VERSION := 0.13.9
export UV_PROJECT_ENVIRONMENT := $(VENV)
export UV_PYTHON_DOWNLOADS := never
export SCALE MT_HOME MT_GATEWAY_PORT MT_REGISTRY_PORT MT_REGISTRY_GRPC_PORT MT_ADMIN_PORT
RUN := $(VENV)/bin/python
SERVICES := $(patsubst %_svc/,%,$(sort $(wildcard *_svc/)))
LOCKED := pyproject.toml uv.lock libs/pyproject.toml $(wildcard *_svc/pyproject.toml)

.PHONY: help
help: ## List these verbs
	@awk 'BEGIN {FS = ":.*## "} /^[a-zA-Z<>_-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo '  make test-<svc>     Run one suite: $(SERVICES)'

# -- set-up: done by whatever needs it -------------------------------------------------------------------------------

$(VENV)/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Micro TODO needs Python 3.11 or newer, this is " + sys.version.split()[0])'
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/python -m pip --quiet --disable-pip-version-check install 'uv==$(UV_VERSION)'

$(VENV)/.installed: $(VENV)/bin/uv $(LOCKED)
	@echo 'Installing what uv.lock names …'
	@$(VENV)/bin/uv sync --quiet --locked --all-packages --no-dev --inexact --compile-bytecode
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@$(VENV)/bin/uv sync --quiet --locked --all-packages --inexact --compile-bytecode
	@touch $@

$(VENV)/.installed-bench: $(VENV)/.installed-dev
	@$(VENV)/bin/uv sync --quiet --locked --all-packages --group bench --inexact --compile-bytecode
	@touch $@

# -- running ---------------------------------------------------------------------------------------------------------

.PHONY: up
up: $(VENV)/.installed ## Start everything, embedded, and print where (SCALE="todo=2 todo-worker=2" for more)
	@exec $(RUN) -m libs.devstack up

.PHONY: demo
demo: $(VENV)/.installed ## Play the README's tour against the running system
	@$(RUN) -m libs.devstack demo

.PHONY: secrets
secrets: $(VENV)/.installed ## Write keys and passwords that are missing (COMPOSE=1: for docker compose)
	@$(RUN) -m libs.devstack secrets $(if $(COMPOSE),--compose)

.PHONY: service-key
service-key: $(VENV)/.installed ## Give a new service its key: NAME=billing ROUTES=/v1/invoices
	@$(RUN) -m libs.devstack service-key '$(NAME)' --routes '$(ROUTES)'

.PHONY: memory
memory: $(VENV)/.installed ## Print the memory of all running processes (PSS)
	@$(RUN) -m libs.devstack memory

# -- testing ---------------------------------------------------------------------------------------------------------

.PHONY: test
test: $(VENV)/.installed-dev ## Run all tests that need nothing installed
	@$(MAKE) --no-print-directory -j2 $(if $(filter output-sync,$(.FEATURES)),-O) test-events test-registry test-suites
	@$(MAKE) --no-print-directory test-system

.PHONY: test-suites
test-suites: test-libs test-architecture $(SERVICES:%=test-%)

.PHONY: test-libs test-architecture test-system $(SERVICES:%=test-%)
test-libs test-architecture $(SERVICES:%=test-%): test-%: $(VENV)/.installed-dev
	@echo '== $*'
	@$(RUN) -m pytest -q tests/$(if $(wildcard $*_svc),$*_svc,$*)

test-system: $(VENV)/.installed-dev ## Run the system suite: real processes, embedded mode
	@echo '== system'
	@$(RUN) -m pytest -q tests/system

.PHONY: test-browser
test-browser: $(VENV)/.installed-dev ## Run the browser suite (needs Chromium)
	@$(RUN) -m pytest -q tests/browser

.PHONY: chaos
chaos: export MT_CHAOS_SECONDS ?= 1800
chaos: export MT_CHAOS_CLIENTS ?= 0
chaos: export MT_CHAOS_CHANGES ?= 20000
chaos: $(VENV)/.installed-dev ## Kill what runs, judge every answer, then every event (an hour; MT_CHAOS_SECONDS, MT_CHAOS_SEED)
	@$(RUN) -m pytest -q tests/chaos

.PHONY: lint
lint: $(VENV)/.installed-dev ## Check style, types and import rules
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/lint-imports
	@DJANGO_SETTINGS_MODULE=tests.libs.settings $(VENV)/bin/mypy libs
	@for service in $(SERVICES); do DJANGO_SETTINGS_MODULE=$${service}_svc.config.settings $(VENV)/bin/mypy $${service}_svc; done

.PHONY: isolated
isolated: $(VENV)/.installed-dev ## Prove that each service declares what it imports
	@$(MAKE) --no-print-directory -j2 $(if $(filter output-sync,$(.FEATURES)),-O) $(SERVICES:%=isolated-%)

.PHONY: $(SERVICES:%=isolated-%)
$(SERVICES:%=isolated-%): isolated-%: $(VENV)/.installed-dev
	@env -u UV_PROJECT_ENVIRONMENT $(VENV)/bin/uv run --quiet --locked --isolated --package $*-svc python -m tests.architecture.imports $*

.PHONY: format
format: $(VENV)/.installed-dev ## Write the code in the house style
	@$(VENV)/bin/ruff check --fix-only --quiet .
	@$(VENV)/bin/ruff format --quiet .

.PHONY: bench
bench: $(VENV)/.installed-bench ## Measure, side by side, and print ratios (BENCH="registry_kills" for some of it)
	@$(RUN) -m tests.benchmarks $(BENCH)

.PHONY: ci
ci: ## Everything that CI runs (installs Debian packages, so as root)
	@bash .ci/run

.PHONY: docs
docs: $(VENV)/.installed ## Write the pages that are made from code
	@$(RUN) -m libs.devstack configuration > docs/configuration.md

.PHONY: protos
protos: $(VENV)/.installed-dev ## Generate the gRPC stubs
	@$(RUN) -m grpc_tools.protoc -I . --python_out=. --pyi_out=. --grpc_python_out=. libs/rpc/*.proto

.PHONY: clean
clean: ## Delete what was made here, data included (var/, .venv/, caches)
	@rm -rf var $(VENV) .venv-distributed .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
