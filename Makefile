# Tasks of this repository. `make` alone lists them.

CARGO  ?= cargo
TARGET := $(or $(CARGO_TARGET_DIR),target)
HOST   := $(shell rustc -vV 2>/dev/null | sed -n 's/^host: //p')
TOOLS  := $(TARGET)/tools
APART  := fuzz tests/constant-time tests/timing benches/proxy
MODULES := /usr/lib/nginx/modules

# Debian packages for the drills: a database to kill, and file systems to mount. initdb is not in PATH.
FOR_DRILLS := postgresql:/usr/lib/postgresql/*/bin/initdb e2fsprogs:mkfs.ext4 mount

# Debian packages for the tests of packages, images and manifests.
FOR_DEPLOY := mmdebstrap rpm file qemu-user-static:qemu-aarch64-static python3-venv:/usr/lib/python3*/ensurepip/__init__.py

# Debian packages for `make parsers`: the servers.
FOR_PARSERS := nodejs:node puma ruby ruby-webrick:/usr/share/rubygems-integration/*/gems/webrick-*/lib/webrick.rb \
    gunicorn uvicorn php-cli:php php-fpm:/usr/sbin/php-fpm* nginx-light:nginx \
    tomcat10-common:/usr/share/tomcat10/bin/bootstrap.jar golang-go:go

# The optimiser knows from this profile which branches requests take. It names functions as one compiler names them for
# one target, so that others build without it. `make pgo` writes it.
COMPILER := $(shell rustc -V 2>/dev/null | cut -d' ' -f2)
PROFILE  := packaging/pgo/rustc-$(COMPILER)-$(HOST).profdata

# Random numbers come from the system call. Without the dynamic linker, the default is /dev/urandom, which an empty
# root lacks, and the first request would fail. Panics name source files, so that builder's folders are replaced.
STATIC := -C target-feature=+crt-static --cfg getrandom_backend=\"linux_getrandom\" \
    --remap-path-prefix=$(or $(CARGO_HOME),$(HOME)/.cargo)=/cargo \
    --remap-path-prefix=$(CURDIR)=/cartgate --remap-path-prefix=$(abspath $(TARGET))=/target
OPTIMISED := $(if $(wildcard $(PROFILE)),-C profile-use=$(CURDIR)/$(PROFILE))

# The program that `make dist` ships, which the benchmarks measure.
GATE := $(TARGET)/$(HOST)/release/cartgate

# The number of rounds of `make bench`, of which it takes medians.
BENCH_ROUNDS ?= $(if $(QUICK),6,31)

# The seconds per fuzz target of `make fuzz`.
FUZZ_SECONDS ?= 60

.DEFAULT_GOAL := help
.PHONY: help demo test test-deploy drills simulation check check-all fmt clippy features docs api publishable msrv semver publish-check constant-time timing parsers fuzz deny audit unused bench bench-layer bench-inbox counts budget for-counts bench-programs bench-program gate pgo dist packages packages-arm64 reproducible locks

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

demo: ## show that genuine deliveries pass and forged ones do not
	$(CARGO) run --release --locked -- demo

# One set of packages and features, so that nothing is built twice, and generated inputs that are the same in each run.
TEST := PROPTEST_RNG_SEED=1 $(CARGO) test --workspace --all-features --locked

test: ## run all tests; installs missing programs that they need (as root or with sudo)
	@scripts/install-debian curl jq openssl valgrind systemd:systemd-analyze prometheus:promtool haproxy \
	    nginx-light:nginx pgbouncer pebble chromium chromium-driver:chromedriver nodejs:node ruby php-cli:php python3 \
	    libfaketime:/usr/lib/*/faketime/libfaketimeMT.so.1 $(FOR_DRILLS)
	$(TEST)
	$(TEST) --test machine -- --ignored
	$(TEST) --test browser -- --ignored --test-threads 1
	$(TEST) --test drills -- --ignored --test-threads 1
	$(TEST) --lib -- --ignored postgres
	$(CARGO) test --locked --manifest-path benches/proxy/Cargo.toml --target-dir $(TARGET)/proxy
	@$(MAKE) --no-print-directory constant-time

test-deploy: packages-arm64 reproducible for-manifests ## install and run packages, images and manifests; downloads tools, builds releases
	@scripts/install-debian $(FOR_DEPLOY)
	PATH="$(VALIDATOR):$$PATH" $(CARGO) test --locked --test deploy -- --ignored --test-threads 1

# Drills run one after the other, because a gate may get the port of one that was killed before. They run optimised,
# because a fast gate has more requests in flight when it is killed. The simulation needs no machine, and comes last.
drills: ## run the drills (kills, cuts, full disks) and the simulation of `make test` for long; CARTGATE_DRILL_ROUNDS=N for N rounds
	@scripts/install-debian $(FOR_DRILLS)
	CARTGATE_DRILL_ROUNDS=$(or $(CARTGATE_DRILL_ROUNDS),long) \
	    $(CARGO) test --release --locked --test drills -- --ignored --nocapture --test-threads 1
	@$(MAKE) --no-print-directory simulation

simulation: ## simulate a million hours of the inbox; CARTGATE_SIMULATION_HOURS=N for N hours, _SEED=N for the first seed
	$(CARGO) test --release --locked --lib -- --ignored --nocapture simulation::tests::many_hours

check: fmt clippy features docs api publishable budget ## check format, lints, feature combinations, documents, public types, costs

check-all: check deny unused fuzz msrv semver publish-check ## check, and all checks that build tools first and run for minutes
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

# Users combine the features of the layer crate freely; the workspace builds it only with all of them.
features:
	@for features in "" axum-core serde tracing axum-core,serde axum-core,serde,tracing; do \
	    echo "features of tower-cartgate: $${features:-none}"; \
	    $(CARGO) clippy --quiet --package tower-cartgate --lib --no-default-features --features "$$features" --locked \
	        -- -D warnings || exit; \
	done

docs:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --all-features --no-deps --locked

api:
	$(TEST) --quiet --test guard -- --ignored

# Fails for a manifest that cargo cannot publish. `make publish-check` also builds the packages.
publishable:
	$(CARGO) package --quiet --workspace --no-verify --locked --allow-dirty --target-dir $(TARGET)/publish

msrv: ## build each crate with the oldest Rust that its manifest names; rustup installs it
	@scripts/msrv $(TARGET)/msrv

semver: ## compare the public interface of the layer crate with that of the last release
	@scripts/semver-checks $(TOOLS)

# The tests in the package of the layer crate are the examples of its documents.
publish-check: ## build both packages of crates.io from their files alone, and publish neither
	$(CARGO) publish --workspace --dry-run --locked --allow-dirty --target-dir $(TARGET)/publish

constant-time: ## prove with valgrind that the comparison takes constant time
	@tests/constant-time/check $(TARGET)/constant-time

# Other programs disturb timings, so neither `make test` nor `make check` measures them.
timing: gate ## measure whether the time of a rejection depends on the signature; needs a quiet machine, takes minutes
	@tests/timing/check $(TARGET)/timing $(GATE)

# The number of requests that the gate has to forward.
PARSER_REQUESTS ?= 100000

parsers: ## check that Node, Puma, PHP, Tomcat, Go and others read each request that the gate forwards as the same one
	@scripts/install-debian $(FOR_PARSERS)
	CARTGATE_PARSER_REQUESTS=$(PARSER_REQUESTS) \
	    $(CARGO) test --release --locked --test parsers -- --ignored --nocapture

fuzz: ## run libFuzzer for FUZZ_SECONDS (60) on each target; needs a C++ compiler
	@scripts/install-debian g++
	fuzz/run $(TARGET)/fuzz $(FUZZ_SECONDS)

deny:
	$$(scripts/install-tool $(TOOLS) cargo-deny 0.20.2) --locked check bans licenses sources

audit: ## check the dependencies for known vulnerabilities, with a fresh database
	$$(scripts/install-tool $(TOOLS) cargo-deny 0.20.2) --locked check advisories

unused:
	$$(scripts/install-tool $(TOOLS) cargo-machete 0.9.2) .

# The bench skips and reports a peer that cannot be installed. nginx and HAProxy are in /usr/sbin. It also runs the test
# behind `make bench-inbox`, and counts like `make counts`.
bench: bench-programs ## measure the gate against HAProxy and nginx, in 15 minutes; QUICK=1: in 3 minutes
	@PATH="$$PATH:/usr/sbin" scripts/install-debian valgrind strace haproxy nginx \
	    libnginx-mod-http-lua:$(MODULES)/ngx_http_lua_module.so \
	    libnginx-mod-http-js:$(MODULES)/ngx_http_js_module.so || echo "bench: continues with the installed peers" >&2
	$(CARGO) test --release --locked --lib --no-run
	CARGO="$(CARGO)" $(TARGET)/proxy/release/bench $(if $(QUICK),--quick) --rounds $(BENCH_ROUNDS) \
	    --gate $(GATE) --out $(TARGET)/bench

# valgrind and strace count, so that another program's load changes nothing.
COUNT := $(TARGET)/proxy/release/bench --counts benches/proxy/budget.json --gate $(GATE)

counts: for-counts ## count instructions, allocations and system calls per request; BLESS=1 writes the budget
	$(COUNT) $(if $(BLESS),--bless)

budget: for-counts ## fail if a request costs more than benches/proxy/budget.json allows
	$(COUNT) --check

for-counts: bench-programs
	@scripts/install-debian valgrind strace

bench-programs: gate bench-program

bench-program:
	$(CARGO) build --release --locked --manifest-path benches/proxy/Cargo.toml --target-dir $(TARGET)/proxy

bench-layer: ## measure the cost of the layer around a handler, beside the hash alone, and count its allocations
	$(CARGO) bench --locked --package tower-cartgate --bench verify

bench-inbox: ## measure the rate of stored events and of the disk's syncs; CARTGATE_BENCH_EVENTS=N with N stored before
	$(CARGO) test --release --locked --lib -- --ignored --nocapture how_fast_events_are_kept

# An incremental build would have other bytes.
gate:
	@$(if $(OPTIMISED),,echo "gate: without $(PROFILE), a request takes a third more instructions" >&2)
	CARGO_INCREMENTAL=0 RUSTFLAGS="$(STATIC) $(OPTIMISED)" $(CARGO) build --release --locked --bin cartgate --target $(HOST)

pgo: bench-program ## measure anew which branches requests take, for the optimiser of `make dist`; takes 20 minutes
	scripts/pgo $(abspath $(TARGET))/pgo $(HOST) $(TARGET)/proxy/release/bench $(PROFILE)

dist: gate ## build dist/: one static binary with its checksum, manual pages, completions
	@mkdir -p dist/man dist/completions
	cp $(GATE) dist/cartgate
	@if ldd dist/cartgate 2>/dev/null | grep -q '=>'; then echo "dist/cartgate is not static" >&2; exit 1; fi
	dist/cartgate demo >/dev/null
	rm -f dist/man/*
	dist/cartgate man dist/man
	dist/cartgate completions bash > dist/completions/cartgate.bash
	dist/cartgate completions zsh > dist/completions/_cartgate
	dist/cartgate completions fish > dist/completions/cartgate.fish
	cd dist && sha256sum cartgate > cartgate.sha256 && cat cartgate.sha256

packages: dist ## build dist/, and in it a .deb, a .rpm, a tarball, an SBOM and checksums of them
	@rm -f dist/cartgate[-_]*
	scripts/package $(TOOLS) $(HOST) dist/cartgate
	cd dist && sha256sum cartgate[-_]* | tee SHA256SUMS

ARM64 := aarch64-unknown-linux-gnu

# Kernels of arm64 have pages of 4, 16 or 64 KiB. jemalloc runs with all up to the size for which it was built.
packages-arm64: packages ## cross-compile for arm64, and add its packages to those of this machine
	@scripts/install-debian gcc-aarch64-linux-gnu libc6-dev-arm64-cross:/usr/aarch64-linux-gnu/lib/libc.a
	@[ -d "$$(rustc --print target-libdir --target $(ARM64))" ] || rustup target add $(ARM64)
	CARGO_INCREMENTAL=0 RUSTFLAGS="$(STATIC)" CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc \
	    JEMALLOC_SYS_WITH_LG_PAGE=16 \
	    $(CARGO) build --release --locked --target $(ARM64)
	scripts/package $(TOOLS) $(ARM64) $(TARGET)/$(ARM64)/release/cartgate
	cd dist && sha256sum cartgate[-_]* | tee SHA256SUMS

reproducible: packages ## prove that another build of this commit, elsewhere, results in identical packages
	scripts/reproducible $(TOOLS)

# The name of the image.
IMAGE ?= cartgate

# The schemas of Kubernetes, from PyPI, in an environment of their own.
VALIDATOR := $(abspath $(TARGET))/tools/kubernetes-validate/bin

# Debian packages for the tests of the image and the manifests. Names in an internal network need netavark.
FOR_CONTAINERS := podman buildah podman-compose docker-compose runc ca-certificates:/etc/ssl/certs/ca-certificates.crt \
    netavark:/usr/lib/podman/netavark aardvark-dns:/usr/lib/podman/aardvark-dns iptables nodejs:node \
    kubernetes-client:kubectl

.PHONY: image compose kubernetes for-manifests

image: dist ## build the container image with podman, buildah or docker; IMAGE=NAME:TAG
	scripts/image dist/cartgate $(IMAGE)

compose: dist for-manifests ## start the compose file with podman, and send it deliveries
	PATH="$(VALIDATOR):$$PATH" $(CARGO) test --locked --test deploy -- --ignored --test-threads 1 compose::

kubernetes: for-manifests ## validate the Kubernetes manifests by the published schemas
	PATH="$(VALIDATOR):$$PATH" $(CARGO) test --locked --test deploy -- --ignored --test-threads 1 kubernetes::

for-manifests: $(VALIDATOR)/kubernetes-validate
	@scripts/install-debian $(FOR_CONTAINERS)

$(VALIDATOR)/kubernetes-validate:
	@scripts/install-debian python3-venv:/usr/lib/python3*/ensurepip/__init__.py
	python3 -m venv $(VALIDATOR)/..
	$(VALIDATOR)/pip install --quiet kubernetes-validate==1.37.0

locks: ## update the lock files of the separate crates to that of the workspace
	@for one in fuzz benches/proxy; do \
	    cp Cargo.lock $$one/Cargo.lock; \
	    $(CARGO) metadata --quiet --format-version 1 --manifest-path $$one/Cargo.toml >/dev/null || exit; \
	done
	$(CARGO) update --manifest-path tests/constant-time/Cargo.toml subtle \
	    --precise $$(sed -n '/^name = "subtle"$$/{n;s/^version = "\(.*\)"$$/\1/p;}' Cargo.lock)
