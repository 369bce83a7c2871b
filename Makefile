# `make` lists the targets.
.DEFAULT_GOAL := help
PYTHON ?= python3
COMPOSE ?= docker compose
TEST_PROCESSES ?= 3
BIN := .venv/bin

.PHONY: help setup wheel compat run test check lint types imports images compose test-compose test-cluster bench dashboard chaos schemathesis fuzz lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.dev ## make .venv with everything in it (the first build of llama.cpp takes minutes)

.venv/.run: requirements.lock pyproject.toml $(wildcard tasks/llama_build/*.py tasks/llama_build/*.cmake)
	@test -x $(BIN)/python || { $(PYTHON) -m tasks.llama_build.interpreter && $(PYTHON) -m venv .venv; }
	@$(BIN)/python -m tasks.llama_build install
	@touch $@

wheel: ## a wheel of llama.cpp for every processor, into deploy/wheels: for the images, or for many machines
	@$(PYTHON) -m tasks.llama_build wheel --portable --wheel-dir deploy/wheels

.venv/.dev: .venv/.run requirements-dev.lock
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements-dev.lock
	@touch $@

compat: setup .venv-compat/.done .venv-compat-openai2/.done tests/compat/node/node_modules/.done tests/compat/go/bin/.done tests/compat/rust/bin/.done ## run clients as they are published, of locks of their own
	$(BIN)/pytest tests/compat $(ARGS)

tests/compat/node/node_modules/.done: tests/compat/node/package-lock.json
	@cd tests/compat/node && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && touch node_modules/.done \
		|| echo "npm did not install them: clients of Node.js are skipped" >&2

tests/compat/go/bin/.done: $(wildcard tests/compat/go/*.go) tests/compat/go/go.sum
	@mkdir -p $(@D) && cd tests/compat/go && go build -trimpath -o bin/openai . && touch bin/.done \
		|| echo "go did not build it: the client of Go is skipped" >&2

tests/compat/rust/bin/.done: $(wildcard tests/compat/rust/src/*.rs) tests/compat/rust/Cargo.toml
	@mkdir -p $(@D) && cd tests/compat/rust && cargo build --quiet --target-dir bin && touch bin/.done \
		|| echo "cargo did not build it: the client of Rust is skipped" >&2

.venv-%/.done: requirements-%.lock
	@test -x .venv-$*/bin/python || $(PYTHON) -m venv .venv-$*
	@# The lock has all of them; pip, when it looks by itself, finds no hash for what is asked for with an extra.
	.venv-$*/bin/python -m pip install --quiet --require-hashes --no-deps --no-compile --requirement requirements-$*.lock
	@touch $@

run: .venv/.run ## run the whole cluster on this machine with the demo model, until Ctrl-C
	@exec $(BIN)/caravan up $(ARGS)

test: setup ## run the tests: unit, integration, end to end; they wait more than they compute, so some at a time
	$(BIN)/pytest -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder $(ARGS)

check: lint types imports test ## everything that must hold before a change lands

lint: setup ## style and common mistakes (ruff; luacheck, if it is there)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m tests.support.lua

types: setup ## mypy --strict
	$(BIN)/mypy

imports: setup ## the layers (import-linter)
	$(BIN)/lint-imports

bench: setup ## measure; prints a table, asserts nothing
	$(BIN)/python -m tests.bench $(ARGS)

dashboard: setup ## write the Grafana dashboard again, and the chart's copies of it and of the alert rules
	$(BIN)/python -m deploy.dashboards

images: ## build the container images; BUILD_ARGS go to docker build
	docker build --file deploy/Dockerfile --target web --tag caravan-web $(BUILD_ARGS) .
	docker build --file deploy/Dockerfile --target worker --tag caravan-worker $(BUILD_ARGS) .

compose: deploy/.env images ## start the cluster in containers, and ask it a first question
	$(COMPOSE) --file deploy/docker-compose.yml --env-file deploy/.env up --detach --no-build
	@$(COMPOSE) --file deploy/docker-compose.yml --env-file deploy/.env exec -T web sh -c \
		'until caravan probe http 2>/dev/null; do sleep 1; done; \
		CARAVAN_API_KEY=$$CARAVAN_ADMIN_KEY caravan submit --model demo "What is the capital of France?"'

deploy/.env: deploy/.env.example
	@test -e $@ || (umask 077; sed -e "s/^REDIS_PASSWORD=$$/&$$(openssl rand -hex 24)/" \
		-e "s/^CARAVAN_ADMIN_KEY=$$/&$$(openssl rand -hex 24)/" \
		-e "s/^CARAVAN_METRICS_KEY=$$/&$$(openssl rand -hex 24)/" \
		-e "s/^CARAVAN_FLOWER_PASSWORD=$$/&$$(openssl rand -hex 24)/" \
		-e "s/^GRAFANA_PASSWORD=$$/&$$(openssl rand -hex 24)/" deploy/.env.example > $@)

test-compose: setup images ## the cluster in containers, on a real engine: containers are killed under load
	$(BIN)/pytest tests/deploy/compose/check_compose.py $(ARGS)

test-cluster: setup ## the chart on a real Kubernetes control plane, by Helm 3 and 4, with KEDA: Go builds them the first time
	$(BIN)/python -m tests.cluster.tools
	$(BIN)/pytest tests/cluster $(ARGS)

chaos: setup ## kill everything at random for MINUTES (5) and see that nothing is lost; SEED makes it the same again
	$(BIN)/python -m tests.fault.chaos --minutes $(or $(MINUTES),5) $(if $(SEED),--seed $(SEED))

schemathesis: setup ## hold the API against its document with CASES (150) of each call; SEED makes others
	CARAVAN_TEST_CASES=$(or $(CASES),150) CARAVAN_TEST_SEED=$(or $(SEED),1) \
		$(BIN)/pytest tests/e2e/test_openapi.py --timeout 14400 $(ARGS)

fuzz: setup ## send nonsense for SECONDS (600) and see that all stands; SEED makes other nonsense
	CARAVAN_TEST_FUZZ_SECONDS=$(or $(SECONDS),600) CARAVAN_TEST_SEED=$(or $(SEED),1) \
		$(BIN)/pytest tests/e2e/test_fuzz.py --timeout 7200 $(ARGS)

lock: ## pin the dependencies again (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --extra traces \
		pyproject.toml --output-file requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --extra dev \
		--constraint requirements.lock pyproject.toml --output-file requirements-dev.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--group compat --output-file requirements-compat.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--group compat-openai2 --output-file requirements-compat-openai2.lock

clean: ## remove .venv and caches
	rm -rf .venv .venv-compat .venv-compat-openai2 tests/compat/node/node_modules tests/compat/go/bin tests/compat/rust/bin .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info app/client/build app/client/*.egg-info
