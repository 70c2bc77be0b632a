# What can be done with this tree. `make` alone lists it.

CARGO  ?= cargo
TARGET := $(or $(CARGO_TARGET_DIR),target)
HOST   := $(shell rustc -vV 2>/dev/null | sed -n 's/^host: //p')
TOOLS  := $(TARGET)/tools
APART  := fuzz tests/constant-time benches/proxy
MODULES := /usr/lib/nginx/modules

# Drills run one after the other: the port of a gate that was killed may be the next one's.
# What drills need of Debian: a database to kill, file systems to mount. initdb is where no PATH leads.
FOR_DRILLS := postgresql:/usr/lib/postgresql/*/bin/initdb e2fsprogs:mkfs.ext4 mount

# How many rounds `make bench` takes its medians from. QUICK=1 takes one, in 2 minutes instead of 15.
BENCH_ROUNDS ?= $(if $(QUICK),1,5)

# How long each fuzz target of `make fuzz` looks, in seconds.
FUZZ_SECONDS ?= 60

.DEFAULT_GOAL := help
.PHONY: help demo test drills check check-all fmt clippy features docs api constant-time fuzz deny audit unused bench bench-layer bench-inbox instructions dist locks

help: ## list what there is to make
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

demo: ## show genuine deliveries pass and forged ones stay out
	$(CARGO) run --release --locked -- demo

test: ## run every test; installs what it is tested with (as root or by sudo) where that is missing
	@scripts/install-debian curl openssl valgrind systemd:systemd-analyze prometheus:promtool haproxy \
	    nginx-light:nginx pgbouncer $(FOR_DRILLS)
	$(CARGO) test --workspace --all-features --locked
	$(CARGO) test --locked --test machine -- --ignored
	$(CARGO) test --locked --test drills -- --ignored --test-threads 1
	$(CARGO) test --locked --lib -- --ignored postgres
	$(CARGO) test --locked --manifest-path benches/proxy/Cargo.toml --target-dir $(TARGET)/proxy
	@$(MAKE) --no-print-directory constant-time

# With optimisation, because a fast gate has more in flight when it is killed.
drills: ## kill, cut and fill for long what `make test` tries in a few rounds; CARTGATE_DRILL_ROUNDS=N for N rounds
	@scripts/install-debian $(FOR_DRILLS)
	CARTGATE_DRILL_ROUNDS=$(or $(CARTGATE_DRILL_ROUNDS),long) \
	    $(CARGO) test --release --locked --test drills -- --ignored --nocapture --test-threads 1

check: fmt clippy features docs api ## judge format, lints, feature combinations, documents and public types

check-all: check deny unused fuzz ## check, and all that takes tools to be built first and minutes to run
	@for one in $(APART); do \
	    $(CARGO) clippy --manifest-path $$one/Cargo.toml --target-dir $(TARGET)/$$(basename $$one) --locked \
	        --all-targets -- -D warnings || exit; \
	done
	$$(scripts/install-tool $(TOOLS) cargo-hack 0.6.46) hack clippy --workspace --feature-powerset --locked -- -D warnings
	scripts/minimal-versions $(TARGET)/minimal
	CARTGATE_FUZZ_RUNS=20 $(CARGO) test --release --locked --test fuzz

fmt:
	$(CARGO) fmt --all --check
	@for one in $(APART); do $(CARGO) fmt --manifest-path $$one/Cargo.toml --check || exit; done

clippy:
	$(CARGO) clippy --workspace --all-targets --all-features --locked -- -D warnings

# The layer crate is used with any of its features; the workspace alone would build it with all of them.
features:
	@for features in "" axum-core serde tracing axum-core,serde axum-core,serde,tracing; do \
	    echo "features of tower-cartgate: $${features:-none}"; \
	    $(CARGO) clippy --quiet --package tower-cartgate --lib --no-default-features --features "$$features" --locked \
	        -- -D warnings || exit; \
	done

docs:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --all-features --no-deps --locked

api:
	$(CARGO) test --quiet --locked --test guard -- --ignored

constant-time: ## prove under valgrind that no time tells how nearly a forgery was right
	@tests/constant-time/check $(TARGET)/constant-time

fuzz: ## let libFuzzer look for FUZZ_SECONDS (60) at each target; needs a C++ compiler
	@scripts/install-debian g++
	fuzz/run $(TARGET)/fuzz $(FUZZ_SECONDS)

deny:
	$$(scripts/install-tool $(TOOLS) cargo-deny 0.20.2) --locked check bans licenses sources

audit: ## look the dependencies up among known vulnerabilities, which are fetched anew
	$$(scripts/install-tool $(TOOLS) cargo-deny 0.20.2) --locked check advisories

unused:
	$$(scripts/install-tool $(TOOLS) cargo-machete 0.9.2) .

# A peer that cannot be installed is left out, and the bench says so. nginx and HAProxy are where only root looks.
bench: ## measure the gate against HAProxy and nginx side by side, in 15 minutes; QUICK=1: a first look in 2
	@PATH="$$PATH:/usr/sbin" scripts/install-debian haproxy nginx libnginx-mod-http-lua:$(MODULES)/ngx_http_lua_module.so \
	    libnginx-mod-http-js:$(MODULES)/ngx_http_js_module.so || echo "bench: goes on with the peers that are there" >&2
	$(CARGO) build --release --locked --bin cartgate
	$(CARGO) build --release --locked --manifest-path benches/proxy/Cargo.toml --target-dir $(TARGET)/proxy
	$(TARGET)/proxy/release/bench $(if $(QUICK),--quick) --rounds $(BENCH_ROUNDS) \
	    --gate $(TARGET)/release/cartgate --out $(TARGET)/bench

instructions: ## count the gate's instructions per request with callgrind; the same on a busy machine
	@scripts/install-debian valgrind
	$(CARGO) build --release --locked --bin cartgate
	$(CARGO) build --release --locked --manifest-path benches/proxy/Cargo.toml --target-dir $(TARGET)/proxy
	$(TARGET)/proxy/release/bench --instructions --gate $(TARGET)/release/cartgate

bench-layer: ## measure what the layer adds to a handler, beside the hash alone, and count its allocations
	$(CARGO) bench --locked --package tower-cartgate --bench verify

bench-inbox: ## measure how fast events are kept beside the disk's own syncs; CARTGATE_BENCH_EVENTS=N with N stored before
	$(CARGO) test --release --locked --lib -- --ignored --nocapture how_fast_events_are_kept

# Random numbers come straight from the kernel: without the dynamic linker the usual way ends at /dev/urandom, which an
# empty root has not, and the first request would find out.
STATIC := -C target-feature=+crt-static --cfg getrandom_backend=\"linux_getrandom\"

dist: ## build dist/: one static binary with its checksum, manual pages, completions
	RUSTFLAGS="$(STATIC)" $(CARGO) build --release --locked --target $(HOST)
	@mkdir -p dist/man dist/completions
	cp $(TARGET)/$(HOST)/release/cartgate dist/cartgate
	@if ldd dist/cartgate 2>/dev/null | grep -q '=>'; then echo "dist/cartgate is not static" >&2; exit 1; fi
	dist/cartgate demo >/dev/null
	dist/cartgate man dist/man
	dist/cartgate completions bash > dist/completions/cartgate.bash
	dist/cartgate completions zsh > dist/completions/_cartgate
	dist/cartgate completions fish > dist/completions/cartgate.fish
	cd dist && sha256sum cartgate > cartgate.sha256 && cat cartgate.sha256

locks: ## bring the lock files of the crates apart up to that of the workspace
	@for one in fuzz benches/proxy; do \
	    cp Cargo.lock $$one/Cargo.lock; \
	    $(CARGO) metadata --quiet --format-version 1 --manifest-path $$one/Cargo.toml >/dev/null || exit; \
	done
	$(CARGO) update --manifest-path tests/constant-time/Cargo.toml subtle \
	    --precise $$(sed -n '/^name = "subtle"$$/{n;s/^version = "\(.*\)"$$/\1/p;}' Cargo.lock)
