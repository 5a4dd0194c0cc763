# Everything that is done here often. `make run` and `make test` install what they need (see e2e/setup.sh) and need nothing but make and bash.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:

export CARGO_TERM_COLOR ?= auto
# Both may be set from outside; the first is where tools and servers are kept, by version.
export PODGATE_CACHE ?= $(HOME)/.cache/podgate
IMAGE ?= localhost/podgate:dev

# The first folder is there only where the machine's own Go was missing or too old.
export PATH := $(PODGATE_CACHE)/go-1.26.8/bin:$(PATH):$(or $(CARGO_HOME),$(HOME)/.cargo)/bin:/usr/local/go/bin
# The compiler is the one of rust-toolchain.toml; where that very version is installed under another name, by that name.
ifeq ($(RUSTUP_TOOLCHAIN),)
TOOLCHAIN := $(shell e2e/setup.sh toolchain)
ifneq ($(TOOLCHAIN),)
export RUSTUP_TOOLCHAIN := $(TOOLCHAIN)
endif
endif
# Nothing but a deliberate `cargo update` changes the lock.
CARGO_FLAGS ?= --locked
HOST = $(shell rustc -vV | sed -n 's/^host: //p')
STATIC = target/$(HOST)/release/podgate

# Only root can make this machine a node, so nobody else is asked to install what that takes.
NODE := $(if $(filter 0,$(shell id -u)),node)
# The workspace as a whole, as all the tests are built: by itself the package would have its dependencies compiled once more.
BUILD_CLUSTER = cargo test --quiet --workspace --no-run --test node $(CARGO_FLAGS)
CLUSTER = "$${CARGO_TARGET_DIR:-target}/debug/cluster"

# The API server's tests run against the newest Kubernetes that is supported and the oldest, and on request against those between.
OLDEST = 1.30.14
BETWEEN = 1.33.13 1.34.4 1.35.4 1.36.3

.PHONY: help run test build build-static fmt-check fmt lint unit servers cargo-test oldest-test node-test summary deny demo-once oracle e2e \
    e2e-versions e2e-cluster cluster image probe bench bench-ledger generate

help: ## this list
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## / {printf "%-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## build podgate, serve on loopback with the policies here, show verdicts, go on serving until Ctrl-C
	@e2e/setup.sh rust
	cargo build --release $(CARGO_FLAGS)
	@exec e2e/demo.sh

test: ## everything that CI runs; the first step that fails ends it
	@e2e/setup.sh rust go openssl buildah cargo-deny postgres chromium $(NODE)
	@mkdir -p target; rm -f target/test-*.txt
	@for step in fmt-check lint deny servers cargo-test oldest-test build-static demo-once image node-test; do \
	    printf '\n== %s\n' "$$step"; $(MAKE) --no-print-directory SETUP=done "$$step"; \
	done
	@printf '\n'; $(MAKE) --no-print-directory summary

build: ## the release binary, target/release/podgate
	@e2e/setup.sh rust
	cargo build --release $(CARGO_FLAGS)

build-static: ## the same, linked statically, as the image holds it
	@[[ -n "$(SETUP)" ]] || e2e/setup.sh rust
	RUSTFLAGS="-C target-feature=+crt-static" cargo build --release $(CARGO_FLAGS) --target $(HOST)

fmt: ## format
	cargo fmt --all

fmt-check: ## is it formatted?
	@[[ -n "$(SETUP)" ]] || e2e/setup.sh rust
	cargo fmt --all --check

lint: ## clippy, warnings are errors
	@[[ -n "$(SETUP)" ]] || e2e/setup.sh rust
	cargo clippy --workspace --all-targets $(CARGO_FLAGS) -- -D warnings

unit: ## the tests that need no server: unit, HTTP, CLI, policy library, layering, generated files
	@[[ -n "$(SETUP)" ]] || e2e/setup.sh rust
	cargo test --package podgate --no-fail-fast $(CARGO_FLAGS)

# The tests build these themselves where they are missing; here the progress is seen.
servers:
	@[[ -n "$(SETUP)" ]] || e2e/setup.sh rust go openssl $(NODE)
	e2e/servers/build.sh
	e2e/servers/build.sh $(OLDEST)
	e2e/servers/helm.sh
	e2e/servers/prometheus.sh
	$(BUILD_CLUSTER)
	@$(CLUSTER) check >/dev/null || exit 0; set -x; \
	e2e/servers/build.sh "" kubelet kube-controller-manager kube-scheduler kube-proxy; \
	e2e/servers/containerd.sh; e2e/servers/runc.sh

# Each of these leaves cargo's own closing lines, which are summed, so that the last line of `make test` tells of all of them.
cargo-test:
	@mkdir -p target
	cargo test --workspace --no-fail-fast $(CARGO_FLAGS) 2>&1 | tee target/test-output.txt

# There is no pods/resize before 1.32.
oldest-test:
	PODGATE_KUBERNETES_VERSION=$(OLDEST) cargo test --workspace --test apiserver --no-fail-fast $(CARGO_FLAGS) -- --skip old_bad_pod_may_be_resized 2>&1 | tee target/test-oldest.txt

# A tier that this machine cannot run is named in the closing lines, and its tests are counted as skipped.
node-test:
	@mkdir -p target
	$(BUILD_CLUSTER)
	@if reason=$$($(CLUSTER) check); then \
	    cargo test --workspace --test node $(CARGO_FLAGS) 2>&1 | tee target/test-node.txt; \
	else \
	    tests=$$(cargo test --quiet --workspace --test node $(CARGO_FLAGS) -- --list | grep -c ': test$$'); \
	    printf 'skipped: the %s tests in a cluster (%s)\nthey run on kind, or any other cluster, by: PODGATE_KUBECONFIG=FILE make e2e-cluster\n' \
	        "$$tests" "$$reason" | tee target/test-skipped.txt; \
	    printf 'test result: 0 passed; 0 failed; %s ignored\n' "$$tests" >target/test-node.txt; \
	fi

summary:
	@[[ ! -e target/test-skipped.txt ]] || cat target/test-skipped.txt
	@awk '/^test result: / {for (i = 1; i < NF; i++) {if ($$(i + 1) ~ /^passed/) passed += $$i; if ($$(i + 1) ~ /^failed/) failed += $$i; if ($$(i + 1) ~ /^ignored/) skipped += $$i}} \
	    END {if (passed + failed == 0) exit 1; printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped}' \
	    target/test-output.txt target/test-oldest.txt target/test-node.txt

deny: ## licences, banned crates and sources (offline)
	@[[ -n "$(SETUP)" ]] || e2e/setup.sh cargo-deny
	"$$PODGATE_CACHE/cargo-deny-0.20.2/bin/cargo-deny" --workspace check --hide-inclusion-graph bans licenses sources

demo-once:
	@DEMO_ONCE=1 PODGATE_BIN=$(STATIC) e2e/demo.sh

oracle: ## the built-in rules and the CEL expressions against Kubernetes' own evaluators
	@e2e/setup.sh rust go
	cargo test --package e2e --test oracle --test expressions --no-fail-fast $(CARGO_FLAGS) -- --nocapture

e2e: servers ## the tests with real servers: the oracle and the API server
	cargo test --package e2e --no-fail-fast $(CARGO_FLAGS)

e2e-versions: ## the API server's tests against each Kubernetes between the oldest and the newest
	@e2e/setup.sh rust go openssl
	@for version in $(BETWEEN); do \
	    printf '\n== Kubernetes %s\n' "$$version"; e2e/servers/build.sh "$$version"; \
	    PODGATE_KUBERNETES_VERSION=$$version cargo test --workspace --test apiserver --no-fail-fast $(CARGO_FLAGS); \
	done

# In another's cluster the images must be there before: `make image probe`, and for kind
#     kind load image-archive dist/podgate.tar target/probe.tar
e2e-cluster: ## the tests in a cluster: one on this machine (as root), or with PODGATE_KUBECONFIG=FILE any other
ifdef PODGATE_KUBECONFIG
	@e2e/setup.sh rust go
else
	@e2e/setup.sh rust go buildah node
	@$(MAKE) --no-print-directory image
endif
	cargo test --workspace --test node $(CARGO_FLAGS)

cluster: image ## a cluster on this machine with podgate installed, to play with until Ctrl-C (as root)
	@e2e/setup.sh go node
	$(BUILD_CLUSTER)
	@exec $(CLUSTER)

probe: ## the image of the tests' own containers, target/probe.tar
	@e2e/setup.sh rust
	$(BUILD_CLUSTER)
	@$(CLUSTER) probe target

image: build-static ## the container image $(IMAGE), made without an engine or a registry, and a look at what is in it
	@[[ -n "$(SETUP)" ]] || e2e/setup.sh buildah
	e2e/image.sh $(STATIC) $(IMAGE)

bench: ## the benchmarks; writes docs/benchmarks.md
	@e2e/setup.sh rust h2load
	cargo build --release $(CARGO_FLAGS) --package podgate --package bench
	cargo bench --package podgate --bench judge $(CARGO_FLAGS) -- --warm-up-time 1 --measurement-time 3 --noplot
	@$(MAKE) --no-print-directory bench-ledger
	"$${CARGO_TARGET_DIR:-target}/release/bench"

# Where it is kept until it was measured: 2.5 GB a million records.
LEDGER ?= target/bench-ledger.db
RECORDS ?= 1000000
bench-ledger: ## the ledger's store with a million records, or RECORDS=…, on one core
	@e2e/setup.sh rust
	cargo build --release $(CARGO_FLAGS) --package bench --bin ledger
	@rm -f "$(LEDGER)" "$(LEDGER)"-*
	taskset -c 0 "$${CARGO_TARGET_DIR:-target}/release/ledger" "sqlite:$(LEDGER)" $(RECORDS) | tee target/bench-ledger.txt
	@rm -f "$(LEDGER)" "$(LEDGER)"-*

generate: ## write the generated files anew; read the diff
	@e2e/setup.sh rust
	PODGATE_BLESS=1 cargo test --test generated $(CARGO_FLAGS)
