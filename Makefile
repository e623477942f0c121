# `make help` lists what there is. Nothing here assumes target/: CARGO_TARGET_DIR may point elsewhere.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help

ARCH ?= x86_64
STACK ?= why403
PARAMETERS ?=
BUILD_DIR ?= .aws-sam/build

TRIPLE := $(if $(filter arm64,$(ARCH)),aarch64,x86_64)-unknown-linux-gnu
VENV := .venv
MCP_VENV := .venv-mcp
# Of tests and checks, everywhere the same: with others, the AWS SDKs would be built once more.
FEATURES := aws,mcp
export SAM_CLI_TELEMETRY := 0
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo invoke test test-deploy test-pages test-mcp check bench validate build deploy stage check-fuzz build-WhyFunction bootstrap-for-lambda fuzz fuzz-build need-cargo need-fuzz

help: ## List these targets
	@awk -F ':.*## ' '/^[A-Za-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: | need-cargo ## Explain the sample incident in events/
	@cargo run --quiet -- replay events/incident

EVENT ?= events/s3-notification.json

invoke: $(VENV)/deploy.stamp | need-cargo ## Send one event through the real function (EVENT=events/NAME.json)
	@cargo build --quiet --features $(FEATURES) --bin bootstrap
	$(VENV)/bin/python tests/deploy/invoke.py "$${CARGO_TARGET_DIR:-target}/debug/bootstrap" "$(EVENT)"

test: | need-cargo ## Run all tests: those of the crate, of the pages, of the server for assistants, and of the deployed stack
	cargo test --features $(FEATURES)
	@$(MAKE) --no-print-directory test-pages
	@$(MAKE) --no-print-directory test-mcp
	@$(MAKE) --no-print-directory test-deploy

need-cargo:
	@command -v cargo >/dev/null || { echo "This needs Rust: https://rustup.rs" >&2; exit 1; }

# A shell line that says why a test in Python cannot run here, and what else it needs.
define need-python
missing=""
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
  missing="python3, 3.10 or newer"
elif ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
  missing="Python's venv module (Debian: apt-get install python3-venv)"
fi
endef

define skip-if-missing
if [ -n "$$missing" ]; then
  echo "SKIPPED: the tests of $(1) need $$missing; all others ran." >&2
  [ -z "$${CI:-}" ] || { echo "CI runs all tests or fails." >&2; exit 1; }
  exit 0
fi
endef

# `cargo test` has just built the bootstrap that is deployed here.
test-deploy: ## Deploy the stack to a local AWS and test it there (after a build of the tests)
	@$(need-python)
	$(call skip-if-missing,the deployed stack)
	$(MAKE) --no-print-directory $(VENV)/deploy.stamp
	WHY403_BOOTSTRAP="$${CARGO_TARGET_DIR:-target}/debug/bootstrap" $(VENV)/bin/pytest tests/deploy

CHROMIUM ?= $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)

test-pages: ## Open the HTML reports in Chromium (after a build of the tests)
	@$(need-python)
	[ -n "$(CHROMIUM)" ] || missing="Chromium (Debian: apt-get install chromium)"
	$(call skip-if-missing,the pages)
	$(MAKE) --no-print-directory $(VENV)/pages.stamp
	WHY403="$${CARGO_TARGET_DIR:-target}/debug/why403" CHROMIUM="$(CHROMIUM)" $(VENV)/bin/pytest tests/pages

test-mcp: ## Ask the server for assistants by a client that is not ours (after a build of the tests)
	@$(need-python)
	$(call skip-if-missing,the server for assistants)
	$(MAKE) --no-print-directory $(MCP_VENV)/mcp.stamp
	WHY403="$${CARGO_TARGET_DIR:-target}/debug/why403" $(MCP_VENV)/bin/pytest tests/mcp

check: | need-cargo ## Format, lints and documentation, with every warning an error
	cargo fmt --check
	cargo clippy --all-targets --features $(FEATURES) -- -D warnings
	cargo clippy --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --document-private-items --features $(FEATURES)
	@$(MAKE) --no-print-directory check-fuzz

# Compiled as far as it goes without a linker, which takes neither cargo-fuzz nor a C++ compiler:
# with a path of its own libfuzzer-sys builds none.
check-fuzz: | need-cargo
	CUSTOM_LIBFUZZER_PATH=/none/libfuzzer.a cargo check --locked --manifest-path fuzz/Cargo.toml \
	  --target-dir "$${CARGO_TARGET_DIR:-target}"

# Each part also runs alone, with its own sizes: BENCHMARKS.md.
BENCHES ?= localise site_weeks parts replay

bench: | need-cargo ## Quality and speed beside plain rules, models and other readers (BENCHES="localise ...")
	for bench in $(BENCHES); do cargo bench --bench "$$bench"; done

# What most input comes from anybody is tried longest. `-s none` works without a nightly compiler.
FUZZ_SECONDS ?= 120
FUZZ_SECONDS_LONG ?= 600
FUZZ_LONG := access_line waf_record event
FUZZ_TARGETS ?= $(notdir $(basename $(wildcard fuzz/fuzz_targets/*.rs)))

fuzz: | need-cargo need-fuzz ## Try every decoder with broken input (FUZZ_TARGETS="json_v2 ..." FUZZ_SECONDS=120)
	for target in $(FUZZ_TARGETS); do
	  seconds=$(FUZZ_SECONDS)
	  case " $(FUZZ_LONG) " in *" $$target "*) seconds=$(FUZZ_SECONDS_LONG);; esac
	  mkdir -p "fuzz/corpus/$$target"
	  cargo fuzz run -s none "$$target" "fuzz/corpus/$$target" "fuzz/seeds/$$target" -- \
	    -max_total_time="$$seconds" -rss_limit_mb=512 -timeout=10 -print_final_stats=1
	done

fuzz-build: | need-cargo ## Build the fuzz targets, where cargo-fuzz is installed
	@if cargo fuzz --version >/dev/null 2>&1; then cargo fuzz build -s none; \
	else echo "SKIPPED: the fuzz targets are built with cargo-fuzz: cargo install cargo-fuzz" >&2; fi

need-fuzz:
	@cargo fuzz --version >/dev/null 2>&1 || { echo "This needs cargo-fuzz and a C++ compiler: cargo install cargo-fuzz" >&2; exit 1; }

validate: $(VENV)/deploy.stamp ## Check template.yaml
	AWS_DEFAULT_REGION=us-east-1 $(VENV)/bin/sam validate --lint

build: bootstrap-for-lambda ## Build the function for Lambda into .aws-sam/build (ARCH=x86_64 or arm64)
	@$(MAKE) --no-print-directory stage BOOTSTRAP="$${CARGO_TARGET_DIR:-target}/lambda/bootstrap/bootstrap"
	ls -l $(BUILD_DIR)

deploy: build validate ## Deploy to AWS (STACK=why403 PARAMETERS="AccessLogBucket=... WafLogBuckets=...")
	$(VENV)/bin/sam deploy --template-file $(BUILD_DIR)/template.yaml --stack-name $(STACK) --resolve-s3 \
	  --capabilities CAPABILITY_IAM --no-fail-on-empty-changeset \
	  --parameter-overrides Architecture=$(ARCH) $(PARAMETERS)

# What `sam deploy` needs, in BUILD_DIR: the template, and the file BOOTSTRAP as a zip beside it.
# The time of the file is fixed, so that the same binary is the same zip and is not deployed again.
stage:
	@mkdir -p $(BUILD_DIR)
	install -m 755 "$(BOOTSTRAP)" $(BUILD_DIR)/bootstrap
	strip $(BUILD_DIR)/bootstrap 2>/dev/null || true
	touch -d 2020-01-01T00:00:00Z $(BUILD_DIR)/bootstrap
	cd $(BUILD_DIR)
	rm -f bootstrap.zip
	python3 -m zipfile -c bootstrap.zip bootstrap
	rm bootstrap
	sed 's|CodeUri: \.$$|CodeUri: bootstrap.zip|' "$(CURDIR)/template.yaml" > template.yaml

# Called by `sam build`, which says where the result goes.
build-WhyFunction: bootstrap-for-lambda
	cp "$${CARGO_TARGET_DIR:-target}/lambda/bootstrap/bootstrap" "$(ARTIFACTS_DIR)/"

# provided.al2023 has glibc 2.34; zig links against an older one, and this makes sure that it did.
bootstrap-for-lambda: $(VENV)/build.stamp
	@if ! [ -d "$$(rustc --print target-libdir --target $(TRIPLE))" ]; then
	  echo "ARCH=$(ARCH) needs Rust's standard library for it: rustup target add $(TRIPLE)" >&2
	  exit 1
	fi
	PATH="$(CURDIR)/$(VENV)/bin:$$PATH" cargo lambda build --release --features aws --bin bootstrap --target $(TRIPLE)
	built="$${CARGO_TARGET_DIR:-target}/lambda/bootstrap/bootstrap"
	needs="$$(readelf -V "$$built" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1)"
	echo "bootstrap needs $$needs"
	if [ "$$(printf '%s\n' "$$needs" GLIBC_2.34 | sort -V | tail -n 1)" != GLIBC_2.34 ]; then
	  echo "Lambda's provided.al2023 has GLIBC_2.34 and no newer one" >&2
	  exit 1
	fi

$(VENV)/deploy.stamp: tests/deploy/requirements.txt
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet -r tests/deploy/requirements.txt
	touch $@

$(VENV)/pages.stamp: tests/pages/requirements.txt
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet -r tests/pages/requirements.txt
	touch $@

# Apart from the others, whose packages want other versions.
$(MCP_VENV)/mcp.stamp: tests/mcp/requirements.txt
	python3 -m venv $(MCP_VENV)
	$(MCP_VENV)/bin/pip install --quiet -r tests/mcp/requirements.txt
	touch $@

$(VENV)/build.stamp: Makefile
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet cargo-lambda==1.9.2 ziglang==0.15.2
	touch $@
