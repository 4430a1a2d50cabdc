# The commands of the project. `make help` lists them; README.md shows the two that matter.

SHELL := /bin/bash
SWIFT ?= swift
PYTHON ?= python3
BUILD := .build/release
PROXY := $(BUILD)/claude-proxy
VENV := .venv
# langchain and pydantic-ai need an older version of the client.
VENV_LEGACY := .venv-legacy
# The baseline of the benchmarks.
BENCH_VENV := .venv-bench
# How many of pytest's processes run at once.
PARALLEL ?= 4
PYTEST := PARALLEL=$(PARALLEL) PYTHON=$(VENV)/bin/python Scripts/run-pytest
# A run of the simulation to repeat, and how long new ones and the fuzz targets go on.
SEED ?=
STEPS ?= 300000
SECONDS ?= 20
# Extra arguments for pytest, such as ARGS="-k cancel".
ARGS ?=
# Recorded traffic of real clients and upstreams, if there is any: captures/*.json, streams/*.sse.
RECORDINGS ?= $(wildcard ../shared)
# How long `make soak` takes.
MINUTES ?= 10

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the commands.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: build ## Install what is missing, build, and start the proxy (the demo without a key).
	@if [ -n "$$OPENROUTER_API_KEY" ] || grep -qsE '^(export )?OPENROUTER_API_KEY=.' .env /etc/claude-proxy/config.env; then \
	  exec $(PROXY) serve; else exec $(PROXY) demo; fi

.PHONY: build
build: deps ## Build the release binary, .build/release/claude-proxy.
	$(SWIFT) build -c release --static-swift-stdlib --product claude-proxy

# What CI's steps need, as two chains that can be built at once: a scratch path takes one build.
.PHONY: builds builds-plain builds-sanitized
builds: builds-plain builds-sanitized
builds-plain: deps
	$(SWIFT) build -c release --product simulate
	$(MAKE) build
	$(SWIFT) build --build-tests
builds-sanitized: sanitize-build-thread
	Scripts/fuzz build
	$(MAKE) sanitize-build-address

.PHONY: test
test: deps unit end-to-end conformance ## Install what is missing and run unit, end-to-end and conformance tests.

.PHONY: unit
unit: ## Run the unit tests.
	RECORDED_STREAMS=$(if $(RECORDINGS),$(abspath $(RECORDINGS))/streams) SWIFT=$(SWIFT) Scripts/run-unit-tests

.PHONY: end-to-end
end-to-end: build $(VENV)/.ready ## Run the tests against the built binary.
	@Scripts/install-dependencies nghttp2-proxy openssl
	$(PYTEST) Tests/EndToEnd $(ARGS)

.PHONY: conformance
conformance: build $(VENV)/.ready $(VENV_LEGACY)/.ready ## Run real clients against the built binary.
	RECORDINGS=$(RECORDINGS) $(PYTEST) Tests/Conformance $(ARGS)

.PHONY: sanitize sanitize-address sanitize-thread
sanitize: sanitize-address sanitize-thread ## Run the tests under the address and thread sanitizers.
sanitize-address: sanitize-daemon-address
sanitize-thread: sanitize-daemon-thread

.PHONY: sanitize-build-address sanitize-build-thread sanitize-unit-address sanitize-unit-thread sanitize-daemon-address sanitize-daemon-thread
# Leaks cannot be looked for in a process that no debugger may look into, as the daemon is one.
sanitize-%: export ASAN_OPTIONS = detect_leaks=0
# A tenth of the random inputs: each costs ten times as much, and `make fuzz` makes millions.
sanitize-unit-address sanitize-unit-thread: export TEST_EFFORT = 10
# The small bodies are those of `make test`.
sanitize-unit-address: export TEST_LARGE_BODIES = 1
# The core has no threads.
sanitize-build-thread sanitize-unit-thread: export CLAUDE_PROXY_TESTS = threads
sanitize-build-address sanitize-build-thread: sanitize-build-%: deps
	$(SWIFT) build --build-tests --sanitize=$* --scratch-path .build-$*
sanitize-unit-address sanitize-unit-thread: sanitize-unit-%: sanitize-build-%
	$(SWIFT) test --skip-build --sanitize=$* --scratch-path .build-$*

# With two workers, so that there are threads to race. The scenarios differ in what is translated,
# which the unit tests do with the address sanitizer.
sanitize-daemon-address sanitize-daemon-thread: sanitize-daemon-%: sanitize-unit-% $(VENV)/.ready
	CLAUDE_PROXY_BINARY=.build-$*/debug/claude-proxy CLAUDE_PROXY_WORKERS=2 \
	  $(PYTEST) Tests/EndToEnd --ignore=Tests/EndToEnd/test_scenarios.py -m "not release" $(ARGS)

.PHONY: simulate
simulate: ## Run sessions in a simulated world for SECONDS, or SEED=N for one run again.
	$(SWIFT) build -c release --product simulate
	.build/release/simulate --steps $(STEPS) --seconds $(SECONDS) $(if $(SEED),--seed $(SEED))

.PHONY: fuzz
fuzz: ## Fuzz each target for SECONDS (20) with libFuzzer and AddressSanitizer.
	Scripts/fuzz $(SECONDS) $(ARGS)

.PHONY: hardening
hardening: build $(VENV)/.ready ## Attack the built binary (with nginx and slowhttptest where present).
	$(PYTEST) Tests/Hardening $(ARGS)

.PHONY: soak
soak: build $(VENV)/.ready ## Mixed traffic with faults for MINUTES=10; fails when anything grows.
	$(VENV)/bin/python Tests/Hardening/soak.py --minutes $(MINUTES)

.PHONY: bench
bench: build bench-tools $(BENCH_VENV)/.ready ## Measure against nginx and a baseline, and write docs/performance.md's table.
	$(PYTHON) Benchmarks/bench.py --json build/bench.json $(ARGS)
	$(PYTHON) Benchmarks/report.py build/bench.json docs/performance.md

.PHONY: bench-quick
bench-quick: build bench-tools $(BENCH_VENV)/.ready ## The same with less of everything, in a minute.
	$(PYTHON) Benchmarks/bench.py --quick --json build/bench-quick.json $(ARGS)

.PHONY: gates
gates: build gate-tools ## Check instructions, allocations, system calls and sizes against their limits.
	$(PYTHON) Benchmarks/gates.py $(ARGS)

.PHONY: bench-tools gate-tools
bench-tools:
	@Scripts/install-dependencies nginx-light openssl
	@mkdir -p build
gate-tools:
	@Scripts/install-dependencies binutils gcc libc6-dbg strace valgrind

.PHONY: token-check
token-check: $(VENV)/.ready ## Compare our tokens with tiktoken's, and measure the tokenizer.
	$(SWIFT) build -c release --product token-tool
	$(VENV)/bin/pip install --quiet --disable-pip-version-check tiktoken==0.14.0
	timeout 300 $(VENV)/bin/python Tests/TokenTool/compare.py $(BUILD)/token-tool README.md docs/*.md Sources/*/*.swift
	cat Sources/*/*.swift Sources/*/*/*.swift > .build/code.txt
	$(BUILD)/token-tool speed .build/code.txt

.PHONY: lint
lint: ## Check the format of the sources and the rules of the repository.
	$(SWIFT) format lint --strict --recursive Package.swift Sources Tests
	$(PYTHON) Scripts/check-rules

.PHONY: format
format: ## Format the sources.
	$(SWIFT) format --in-place --recursive Package.swift Sources Tests

.PHONY: generate
generate: ## Write the files that come from the table of options again.
	UPDATE_GOLDEN=1 $(SWIFT) test --filter GatewayTests

.PHONY: deps
deps: ## Install the Debian packages that are missing.
	@Scripts/install-dependencies

.PHONY: deb
deb: ## Build the Debian package into build/.
	@Scripts/build-package

.PHONY: release
release: ## Build what a release page needs into build/release/: package, tarball, checksums, SBOM.
	@Scripts/make-release

.PHONY: package-test
package-test: ## Build the package and prove it on a booted systemd (as root).
	@Scripts/test-package

.PHONY: clean
clean: ## Remove everything that was built.
	rm -rf .build .build-* .cache/machine build $(VENV) $(VENV_LEGACY) $(BENCH_VENV)

$(VENV)/.ready: Tests/requirements.txt
$(VENV_LEGACY)/.ready: Tests/Conformance/requirements-legacy.txt
$(BENCH_VENV)/.ready: Benchmarks/requirements.txt
%/.ready:
	$(PYTHON) -m venv $*
	$*/bin/pip install --quiet --disable-pip-version-check -r $<
	touch $@
