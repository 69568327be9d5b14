# threelo: everything is started from here. `make demo` shows it, `make test` proves it.

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

VENV := .venv
# Marks of finished steps; whatever a step reads stands behind its colon.
DONE := .build
CORE := $(shell find core/src core/Cargo.toml Cargo.toml Cargo.lock -type f -name '*.rs' -o -name '*.toml' -o -name '*.lock')
# Both packages carry the sandbox and the command.
CARRIED := $(shell find cli/src pages/src sandbox/src -type f) cli/Cargo.toml pages/Cargo.toml sandbox/Cargo.toml

export THREELO_SANDBOX := $(CURDIR)/target/debug/threelo-sandbox
export THREELO_ROOT := $(CURDIR)
# Debian's own Python asks for this in a fresh virtual environment; nothing here needs a newer pip.
export PIP_DISABLE_PIP_VERSION_CHECK := 1

help:            ## this list
	@grep -hE '^[a-z-]+: .*##|^[a-z-]+:  +##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */  make \1\t/' | expand -t 22

# ------------------------------------------------------------------------------------------------ what is needed

$(DONE)/setup: scripts/setup.sh
	scripts/setup.sh
	@mkdir -p $(DONE) && touch $@

$(DONE)/venv: tests/python/requirements.txt docs/requirements.txt | $(DONE)/setup
	test -x $(VENV)/bin/python || python3 -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --requirement tests/python/requirements.txt --requirement docs/requirements.txt
	@touch $@

$(DONE)/node_modules: package.json package-lock.json | $(DONE)/setup
	npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(DONE)/interop: tests/interop/package.json tests/interop/package-lock.json | $(DONE)/setup
	cd tests/interop && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(DONE)/browser: tests/browser/package.json tests/browser/package-lock.json scripts/setup.sh | $(DONE)/setup
	scripts/setup.sh browser
	cd tests/browser && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

# Not `npm ci`: it insists on the parts of Next.js for all platforms, which a registry need not have.
$(DONE)/examples: tests/examples/package.json tests/examples/package-lock.json tests/examples/requirements.txt $(DONE)/venv
	cd tests/examples && npm install --no-save --no-audit --no-fund --loglevel=error && ln -sfn ../../.. node_modules/threelo
	$(VENV)/bin/python -m pip install --quiet --requirement tests/examples/requirements.txt
	@touch $@

# ------------------------------------------------------------------------------------------------ builds

$(DONE)/sandbox: $(shell find pages sandbox -name '*.rs' -o -name 'Cargo.toml') Cargo.lock | $(DONE)/setup
	cargo build --package threelo-sandbox --package threelo-node --features threelo-node/alike
	@touch $@

$(DONE)/python: $(CORE) $(CARRIED) $(shell find bindings-python -name '*.rs' -o -name 'Cargo.toml') pyproject.toml $(DONE)/venv
	$(VENV)/bin/maturin develop --quiet --features alike
	@touch $@

$(DONE)/node: $(CORE) $(CARRIED) $(shell find bindings-node \( -name '*.rs' -o -path '*/src-ts/*' -o -name '*.json' -o -name 'build.mjs' \) -not -path '*/lib/*') $(DONE)/node_modules
	npm run --silent build:ts
	npm run --silent build:native:debug
	@touch $@

build: $(DONE)/python $(DONE)/node $(DONE)/sandbox   ## both packages in place, and the sandbox

$(DONE)/dist: $(DONE)/python $(DONE)/node $(shell find scripts/dist -name '*.py' -o -name '*.json') README.md LICENSE
	python3 scripts/dist
	@touch $@

dist: $(DONE)/dist   ## the packages people install, into dist/: sdist, wheel, npm's two tarballs; their sizes are held to

dist-loading: $(DONE)/dist   ## what importing the installed packages costs, in milliseconds
	scripts/dist/loading.sh

docs: $(DONE)/venv $(DONE)/node_modules   ## the documentation as a site, into site/; fails on a link that leads nowhere
	$(VENV)/bin/python scripts/docs

demo: build      ## what threelo does, shown in a minute, in Python and Node on one store
	$(VENV)/bin/python demo/demo.py

# ------------------------------------------------------------------------------------------------ proofs

test: lint docs test-rust test-python test-docs test-node test-browser test-interop test-examples test-packages test-chaos test-large test-soak   ## everything

test-rust: | $(DONE)/setup                    ## the core, the sandbox and the vectors in Rust
	if cargo nextest --version >/dev/null 2>&1; then set -- nextest run; else set -- test; fi; \
	scripts/postgres.sh run cargo "$$@" --workspace

test-python: build                            ## pytest: the Python face, the vectors, parity
	$(VENV)/bin/python -m pytest -q tests/python

test-docs: build $(DONE)/examples                              ## every block of code in the documentation, and its site
	$(VENV)/bin/python -m pytest -q tests/docs

test-node: build                              ## node:test: the Node face and the vectors
	npm test --silent

# THREELO_SCREENSHOTS=FOLDER keeps pictures of the pages, for people to look at.
test-browser: build docs $(DONE)/browser           ## the pages a person sees, in a real Chromium
	cd tests/browser && npm test --silent

test-interop: build $(DONE)/interop           ## against an authorization server nobody here wrote
	cd tests/interop && npm test --silent
	$(VENV)/bin/python -m pytest -q tests/interop

test-examples: build $(DONE)/examples         ## the examples of web frameworks, and Jira clients of other people
	$(VENV)/bin/python -m pytest -q tests/examples
	node --test tests/examples/clients.test.mjs

test-packages: build $(DONE)/dist              ## the packages, installed where there is no toolchain, run the vectors
	$(VENV)/bin/python -m pytest -q tests/packages

test-chaos: build                             ## every kill, the crowd and every bad day once, on both stores
	$(VENV)/bin/python -m pytest -q tests/chaos

chaos: build                                  ## a thousand kills on each store, the crowd and all bad days: 20 minutes
	$(VENV)/bin/python tests/chaos/run.py --kills 1000 --grants 64 --store sqlite
	$(VENV)/bin/python tests/chaos/run.py --kills 1000 --grants 64 --store postgresql
	cargo bench --package threelo-core --bench crowd

exits: build                                  ## a thousand Python scripts that end with calls under way; all must end clean
	$(VENV)/bin/python tests/python/exits.py 1000

.PHONY: test-large large
test-large: build                             ## 64 MB up and down in every way, with memory that stays flat
	PYTHONPATH=tests/python $(VENV)/bin/python -m pytest -q tests/large

large: build                                  ## the same with 1 GB, and a table of speed and memory
	PYTHONPATH=tests/python $(VENV)/bin/python tests/large/run.py

soak: build                                   ## half an hour of mixed load with faults, in both languages
	$(VENV)/bin/python tests/soak/soak.py $(SOAK)

test-soak: build                              ## forty seconds of it in each
	$(VENV)/bin/python -m pytest -q tests/soak

bench-pages: build                            ## 10,000 items through paginate, beside a plain loop, in both languages
	PYTHONPATH=tests/python $(VENV)/bin/python benches/pages/bench.py

lint: build                                   ## formatting, lints, types, and that nothing generated is stale
	python3 scripts/generate --check
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- --deny warnings
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/stubtest threelo --ignore-missing-stub

bench: $(DONE)/dist                           ## threelo beside the clients people use; about an hour, on a quiet machine
	cargo build --release --package threelo-benches
	$(VENV)/bin/python benches/run.py $(BENCH)

bench-quick: BENCH := --quick
bench-quick: bench                            ## the same for a look: three cells, a few minutes, nothing is written down

generate:                                     ## writes what repeats api.toml
	python3 scripts/generate
	cargo fmt --all

# The fuzzer, in a folder of its own; no sanitizer, so that the stable compiler does: threelo has no unsafe code.
FUZZ_SECONDS ?= 60
$(DONE)/tools/bin/cargo-fuzz:
	cargo install cargo-fuzz --version 0.13.2 --locked --quiet --root $(DONE)/tools

.PHONY: fuzz
fuzz: $(DONE)/tools/bin/cargo-fuzz   ## each fuzz target for FUZZ_SECONDS (60), from its seeds
	for target in $$(ls fuzz/seeds); do \
	  mkdir -p fuzz/corpus/$$target; \
	  PATH="$(CURDIR)/$(DONE)/tools/bin:$$PATH" cargo fuzz run --sanitizer none $$target \
	    fuzz/corpus/$$target fuzz/seeds/$$target -- -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -verbosity=0 -print_final_stats=1; \
	done

clean:                                        ## forgets all builds
	rm -rf $(DONE) $(VENV) node_modules tests/interop/node_modules tests/browser/node_modules tests/examples/node_modules tests/examples/.apps target bindings-node/lib bindings-node/*.node dist site .cache benches/.venv benches/.node benches/results

.PHONY: docs test-docs test-examples
.PHONY: help build dist dist-loading demo test test-rust test-python test-node test-browser test-interop test-packages test-chaos chaos exits soak test-soak bench-pages bench bench-quick lint generate clean
