# `make help` lists what there is.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
CARGO ?= cargo
CACHE ?= target/real

.PHONY: help setup test demo bench soak lint docs fuzz mutants clean-cache

help: ## what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

setup: ## installs what builds and tests need, or says what to install
	@scripts/setup

test: setup ## all tests
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
	  $(CARGO) nextest run --workspace --no-fail-fast && $(CARGO) test --workspace --doc --quiet; \
	else \
	  $(CARGO) test --workspace; \
	fi
	@demo/run --short

demo: setup ## patches a real redis under load, and takes the patch back
	@demo/run

bench: setup ## the figures that the documents quote (about ten minutes; the first time ten more, for builds)
	$(CARGO) build --quiet --release --package suture --package suture-bench
	@programs=$${CARGO_TARGET_DIR:-target}/release; bench="$$programs/suture-bench --suture $$programs/suture"; \
	  demo/build-redis $(CACHE) >/dev/null; \
	  $$bench diff $(CACHE)/redis-server.old $(CACHE)/redis-server.new; \
	  benches/build-large $(CACHE) >/dev/null; \
	  $$bench diff $(CACHE)/large/suture.old $(CACHE)/large/suture.new; \
	  $$bench bundle; \
	  $$bench clearance; \
	  $$bench calls; \
	  $$bench statements; \
	  $$bench pauses; \
	  $$bench cycles --count 200; \
	  $$bench audit --directory $${CARGO_TARGET_DIR:-target}
	$(CARGO) bench --quiet --package suture-policy --bench decision

soak: ## ten thousand times apply and revert on threads that sleep and on threads that run (about an hour)
	$(CARGO) build --quiet --release --package suture --package suture-bench
	@programs=$${CARGO_TARGET_DIR:-target}/release; $$programs/suture-bench --suture $$programs/suture cycles

lint: ## format, lints, tidiness, dependencies
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --quiet -- -D warnings
	$(CARGO) run --quiet --package xtask -- tidy
	$(CARGO) run --quiet --package xtask -- deny
	@if $(CARGO) deny --version >/dev/null 2>&1; then \
	  $(CARGO) deny --offline check licenses bans sources; \
	else \
	  echo 'cargo-deny is not installed: licences are checked as they are declared, not by their texts (cargo install cargo-deny)'; \
	fi

docs: ## documentation of all crates, warnings denied
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --workspace --no-deps --document-private-items --quiet

fuzz: ## ten minutes for each fuzz target (needs cargo-fuzz and a nightly toolchain)
	cd fuzz && for target in $$($(CARGO) fuzz list); do $(CARGO) fuzz run --features libfuzzer $$target -- -max_total_time=600; done

mutants: ## half a million changed inputs for each parser, with a stable toolchain (about an hour)
	SUTURE_MUTANTS=500000 $(CARGO) test --release --package suture-fuzz --test corpus

clean-cache: ## forgets fetched sources and what was built of them
	rm -rf $(CACHE)
