# On a fresh machine with Rust and a C compiler: `make demo` shows the program, `make test` tests it.

CARGO ?= cargo
DEMO_OUT ?= demo-out
# Optimised without the long link: one build for every test and lint.
PROFILE ?= quick

# Fuzzing: minutes for each of the targets.
MINUTES ?= 10
FUZZ_TARGETS ?= decoder reader reassembly flow_table replay config mmdb readers conversation dialogue announce

BORDERFLOW = $(CARGO) run --quiet --locked --release --bin borderflow --
REPLAY = $(BORDERFLOW) replay -c demo/config.toml

.PHONY: demo demo-capture test lint fmt clippy doc deny bench bench-peers instructions fuzz deb test-deb deps peers clean

demo: deps
	$(CARGO) build --locked --release --bin borderflow
	@mkdir -p $(DEMO_OUT)
	@printf '\nReplaying demo/demo.pcapng, a day at a small utility and a clinic (the story: demo/README.md)\n\n'
	@$(REPLAY) --format text --flows $(DEMO_OUT)/flows.jsonl --summary $(DEMO_OUT)/summary.json demo/demo.pcapng
	@$(REPLAY) --format ecs --alerts $(DEMO_OUT)/alerts.jsonl demo/demo.pcapng 2>$(DEMO_OUT)/replay.log
	@cd $(DEMO_OUT) && for file in alerts.jsonl flows.jsonl summary.json; do \
		test -s $$file || { echo "$(DEMO_OUT)/$$file was not written" >&2; exit 1; }; \
	done
	@printf '\nWritten:\n'
	@printf '  %-28s %s\n' \
		$(DEMO_OUT)/alerts.jsonl 'the alerts, one ECS record per line, as a SIEM receives them' \
		$(DEMO_OUT)/flows.jsonl 'every flow, one ECS record per line' \
		$(DEMO_OUT)/summary.json 'the counters of the run' \
		$(DEMO_OUT)/replay.log 'what the second replay logged'

# Remakes the committed capture; the bytes are the same on every machine.
demo-capture:
	$(CARGO) run --quiet --locked --example demo_capture -- demo/demo.pcapng

test: deps peers
	$(CARGO) test --locked --workspace --profile $(PROFILE)
	@PROFILE=$(PROFILE) benches/instructions/count.sh

lint: fmt clippy doc deny

fmt:
	$(CARGO) fmt --all --check

clippy: deps
	$(CARGO) clippy --locked --workspace --all-targets --profile $(PROFILE) -- -D warnings

doc: deps
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --workspace --no-deps --profile $(PROFILE)

deny:
	packaging/deny.sh

bench: deps
	$(CARGO) bench --locked

# The table of docs/performance.md: replays captures with Borderflow and with every peer that is installed. An hour alone;
# benches/peers/compare.sh says how to have less. BENCH_PEERS=--quick is one run of each.
bench-peers: deps
	@$(CARGO) build --locked --release --bin borderflow --example bench_captures
	@benches/peers/compare.sh $(BENCH_PEERS)

# Instructions for a packet of three captures, against the committed budget; INSTRUCTIONS=--update writes a new one.
instructions: deps
	@$(CARGO) build --locked --profile $(PROFILE) --bin borderflow --example bench_captures
	@PROFILE=$(PROFILE) benches/instructions/count.sh $(INSTRUCTIONS)

# Finds inputs that break what must always hold; see tests/fuzz/README.md.
fuzz: deps
	@command -v cargo-fuzz >/dev/null 2>&1 || $(CARGO) install --locked cargo-fuzz
	@for target in $(FUZZ_TARGETS); do \
		RUSTC_BOOTSTRAP=1 $(CARGO) fuzz run --fuzz-dir tests/fuzz $$target -- \
			-max_total_time=$$(($(MINUTES) * 60)) -max_len=8192 -rss_limit_mb=2048 -timeout=10 || exit 1; \
	done

# The Debian package, in target/debian.
deb: deps
	@command -v cargo-deb >/dev/null 2>&1 || $(CARGO) install --locked cargo-deb --version '^3.8'
	$(CARGO) build --locked --release --bin borderflow
	packaging/debian/stage.sh $(or $(CARGO_TARGET_DIR),target)/release/borderflow
	$(CARGO) deb --locked --no-build --strip

# Installs that package in a clean root, starts, reloads, upgrades, removes and purges it; needs root and Debian's archive.
test-deb: deb
	packaging/test-deb.sh $$(ls -t $(or $(CARGO_TARGET_DIR),target)/debian/borderflow_*.deb | head -n 1)

# Servers that tests deliver to; without a network, those tests skip what is missing.
peers:
	@packaging/peers.sh

deps:
	@packaging/deps.sh

clean:
	$(CARGO) clean
	rm -rf $(DEMO_OUT)
