# The commands of this project. `make demo` shows it, `make test` proves it, `make bench` measures it.
# Each says what it is doing and stops with the name of what is missing.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# The demo's media file, repeated instead of the test pattern: make demo SOURCE=clip.mp4
SOURCE ?=
say = @printf '\n==> %s\n' "$(1)"

.PHONY: help demo test bench bench-edge bench-client bench-latency deps test-deps bench-deps web build lint unit e2e browser fuzz chaos faults hostile control-kills evening soak docs deny compile-tests aws-peer aws-clients

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 18

demo: build ## build everything and run it with the built-in source (SOURCE=clip.mp4 for your own file)
	$(call say,starting every role; Ctrl-C stops them)
	exec target/release/headwater up --data data/demo --source "$(or $(SOURCE),test)"

test: test-deps lint unit aws-peer e2e browser fuzz ## set up and run every test
	$(call say,all tests passed)

bench: bench-deps build bench-client ## measure beside the peers; JSON lines in bench/out/
	$(call say,benchmarks)
	bench/run

bench-edge: bench-deps bench-client ## the edge alone beside nginx, HAProxy, Varnish and Traffic Server
	$(call say,the edge beside its peers)
	bench/run edge live

bench-client:
	cargo build --release --locked -p bench-client -p edge --bins --examples

bench-latency: test-deps build ## clock to pixel in Chromium, with every player; JSON lines in bench/out/, plot in docs/
	$(call say,latency)
	bench/latency

deps: ## install the system packages that building and running need
	$(call say,system packages)
	scripts/packages run

test-deps: ## install the system packages that tests need
	$(call say,system packages for tests)
	scripts/packages run test

bench-deps: ## install the system packages that benchmarks need
	$(call say,system packages for benchmarks)
	scripts/packages run test bench

web: deps ## bundle the watch page
	$(call say,watch page)
	scripts/web-build

build: web ## build the release binaries
	$(call say,release build (the first one takes some minutes))
	cargo build --release --locked --bins

lint: web ## format, lints, documentation, licences
	$(call say,format)
	cargo fmt --all --check
	$(call say,lints)
	cargo metadata --locked --manifest-path fuzz/Cargo.toml --format-version 1 >/dev/null
	cargo clippy --locked --workspace --all-targets -- -D warnings
	$(call say,documentation)
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --workspace --no-deps --quiet

deny: ## licences, advisories and sources of dependencies (needs cargo-deny)
	cargo deny check licenses bans sources

# Tests run what `cargo test` has compiled, so that all of them need one compilation: with overflow checks and debug assertions.
TESTED := $(abspath $(or $(CARGO_TARGET_DIR),target))/debug
tested := HEADWATER_BIN_DIR=$(TESTED)

compile-tests: web
	$(call say,every test and binary is compiled (the first time takes some minutes))
	cargo test --locked --workspace --no-run --quiet

unit: compile-tests ## unit, property and role tests
	$(call say,unit and role tests)
	scripts/run-tests --but e2e,faults

aws-peer: compile-tests ## botocore against the AWS codecs: what it writes and reads, value by value (needs a Python package index once)
	$(call say,botocore against the AWS codecs)
	"$$(scripts/aws-models --venv)" crates/aws/tests/peer $(TESTED)/examples/peer

aws-clients: ## boto3, the aws CLI and the AWS SDK for Rust in folders of their own (needs package indices once)
	$(call say,AWS's clients)
	scripts/aws-clients

e2e: compile-tests aws-clients ## the whole stack with real peers
	$(call say,whole stack)
	$(tested) scripts/run-tests --only e2e --jobs 2 -- --test-threads=1
	$(tested) scripts/run-tests --only faults --jobs 1 -- --test-threads=1

browser: compile-tests ## real players in Chromium against the whole stack
	$(call say,players in Chromium)
	$(tested) scripts/browser-test

fuzz: ## each parser's fuzz target, briefly (FUZZ_SECONDS each)
	$(call say,fuzz targets)
	scripts/fuzz

# Viewers of make chaos.
VIEWERS ?= 100

chaos: build ## kill and freeze origins and parents while viewers watch (VIEWERS=1000); what each saw in bench/out/chaos.jsonl
	$(call say,origins and parents fail under $(VIEWERS) viewers)
	cargo build --release --locked -p edge --example chaos
	mkdir -p bench/out
	target/release/examples/chaos target/release/headwater $(VIEWERS) bench/out/chaos.jsonl

# Faults of each kind, when they come, what is broken (every kind where it is empty) and stacks side by side, for make faults; publishes for make hostile.
N ?= 20
SEED ?= 1
KIND ?=
LANES ?= 4

faults: build ## break inputs, encoders, the origin at random moments while a client reads every frame (N=1000 SEED=1 KIND=input-killed LANES=4)
	$(call say,$(N) faults of each kind, seed $(SEED))
	cargo build --release --locked -p faults
	target/release/faults --number $(N) --seed $(SEED) --lanes $(LANES) $(KIND:%=--kind %)

hostile: build ## publishers that mean harm, by RTMP, SRT, RTP, UDP and HLS, beside some that are read to the frame (N=100000 SEED=1)
	$(call say,$(N) hostile publishes, seed $(SEED))
	cargo build --release --locked -p faults --bin hostile
	target/release/hostile --number $(N) --seed $(SEED)

control-kills: build aws-clients ## kill -9 of control and of roles while boto3 makes calls; nothing may be half done (N=500 SEED=1 LANES=4)
	$(call say,$(N) kills while calls are made, seed $(SEED))
	cargo build --release --locked -p faults --bin control-kills
	target/release/control-kills --number $(N) --seed $(SEED) --lanes $(LANES)

# Length of make evening.
MINUTES ?= 10

evening: build ## ten minutes of cuts, freezes and kills while hls.js plays; docs/evening.md (MINUTES=10)
	$(call say,an evening of bad luck in $(MINUTES) minutes)
	MINUTES=$(MINUTES) scripts/evening

soak: build ## 30 minutes of running, memory recorded each minute
	bench/soak
