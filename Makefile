# make run    trace this machine for ten seconds, with a small load of its own
# make test   everything that can be tested on this machine
# make bench  what it costs, beside its peers
# make sanitize the library's tests under AddressSanitizer
# make predictions  what the tools predict and advise, against what programs and the kernel then measure: asserts times
# make lab    the kernel's and the tools' tests inside stock kernels: make lab KERNELS="5.10 7.2"
# make lab-check   those of them that check figures against the kernel's own, and by which probes they are had
# make lab-samples a thousand load samples inside each of them, recomputed to the bit
# make pictures  the screens that the tests expect, and those in docs/pictures, from a recording
# make protos   the code for formats of other tools, from the .proto files in Sources/ExportProtos
# make fleet    a Prometheus over this machine's exporter, with a small load, and what it answers
# make soak     that exporter under hostile workloads and clients, for an hour
# make deb      a package for Debian; make deb-check tries it in fresh systems
# make fuzz     ten minutes of recordings with whatever content
# make captures    input of real runs in them, for the tests that need no kernel
# make lab-large   530,000 tasks in D inside one of them, which takes 18 GB of memory
#
# Each installs what it needs and is missing, where apt-get can. Everything runs as root:
# the tools attach to the kernel.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory

SWIFT ?= swift
PREFIX ?= /usr/local
BUILD ?= .build
SWIFT_BUILD := $(SWIFT) build -c release --scratch-path $(BUILD)
# Not by --build-tests, which builds all that dependencies have, also what nothing here uses: a whole protoc.
TEST_PRODUCTS := loadwatch cloneprof testload capture execs sondePackageTests
BIN = $(BUILD)/release

# The library, its headers and what it needs; python3-jsonschema checks the tools' JSON.
BUILD_PACKAGES := libbpf-dev libelf-dev zlib1g-dev libzstd-dev libssl-dev libcrypt-dev libyaml-dev
TEST_PACKAGES := $(BUILD_PACKAGES) python3-jsonschema tmux clang-format-14 linux-libc-dev-arm64-cross gcc libc6-dev chromium chromium-driver python3-selenium protobuf-compiler golang-go prometheus curl openssl python3 util-linux
DEB_PACKAGES := lintian debootstrap systemd
PICTURE_PACKAGES := $(BUILD_PACKAGES) tmux python3 python3-pil fonts-dejavu-core chromium chromium-driver python3-selenium
PREDICTION_PACKAGES := $(TEST_PACKAGES) redis-server git python3
LAB_PACKAGES := $(TEST_PACKAGES) busybox-static cpio make debian-archive-keyring
BENCH_PACKAGES := $(BUILD_PACKAGES) bpftrace bpftool linux-perf rt-tests jq strace python3 prometheus prometheus-node-exporter

EXAMPLE_SOURCES := Examples/*/*.c Examples/*/include/*.h Tests/KernelTests/Library/*.c \
	Tests/Dependent/Sources/*/*.c Tests/Dependent/Sources/*/include/*.h

TOOLS := loadwatch cloneprof
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

KERNELS ?= 6.1 6.12

.PHONY: all build run test predictions dependent sanitize fuzz lab lab-check lab-samples lab-large captures pictures fleet soak protos format lint bpf-arm64 bench static deb deb-check install clean

all: build

define build-tests
	@for product in $(TEST_PRODUCTS); do $(SWIFT_BUILD) --product $$product; done
endef

# install(packages): those of them that aren't there
define install
	@missing=""; for p in $(1); do dpkg -s $$p >/dev/null 2>&1 || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then \
		echo "installing$$missing"; \
		$(SUDO) apt-get update -qq; \
		$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	fi
endef

build:
	$(call install,$(BUILD_PACKAGES))
	@for tool in $(TOOLS); do $(SWIFT_BUILD) --product $$tool; done

run:
	$(call install,$(BUILD_PACKAGES))
	$(SWIFT_BUILD) --product loadwatch
	$(SWIFT_BUILD) --product testload
	@for load in "spin 3" "dsleep 20" "pingpong 1"; do \
		$(BIN)/testload $$load --seconds 11 >/dev/null & \
	done; \
	$(SUDO) env LINES=40 $(BIN)/loadwatch --duration 10s --interval 2s; \
	wait

test:
	$(call install,$(TEST_PACKAGES))
	$(MAKE) lint bpf-arm64
	$(build-tests)
	$(SUDO) env "PATH=$$PATH" Tests/run $(BIN) --skip PredictionTests
	$(MAKE) dependent sanitize

# A package of its own that uses the library and the plugin.
dependent:
	$(call install,$(BUILD_PACKAGES))
	$(SWIFT) build --package-path Tests/Dependent --scratch-path $(BUILD)-dependent --product renames
	$(SUDO) $(BUILD)-dependent/debug/renames

# The library's tests from that package: all of this one's would take minutes to build. AddressSanitizer
# takes more address space than the test that is left out has.
sanitize:
	$(call install,$(BUILD_PACKAGES))
	$(SWIFT) build --package-path Tests/Dependent --scratch-path $(BUILD)-sanitize --product dependentPackageTests \
		--sanitize=address -Xswiftc -use-ld=lld
	$(SUDO) $(BUILD)-sanitize/debug/dependentPackageTests.xctest --testing-library swift-testing --no-parallel \
		--skip littleAddressSpace

# At 256 MiB, 1 GiB and 4 GiB, each by a demo of that size; and the advice, done to real programs.
predictions:
	$(call install,$(PREDICTION_PACKAGES))
	$(build-tests)
	$(SUDO) env "PATH=$$PATH" $(BIN)/sondePackageTests.xctest --testing-library swift-testing --no-parallel \
		--filter PredictionTests

# From the captures on, by libFuzzer; `make test` has a short run of another kind.
FUZZ_SECONDS ?= 600
fuzz:
	$(call install,$(BUILD_PACKAGES))
	SONDE_FUZZ=1 $(SWIFT) build -c release --scratch-path $(BUILD)-fuzz --product fuzz \
		-Xswiftc -sanitize=fuzzer -Xswiftc -use-ld=lld
	mkdir -p $(BUILD)-fuzz/corpus
	python3 -c 'import glob, zlib; [open("$(BUILD)-fuzz/corpus/" + name.split("/")[-1], "wb").write(zlib.decompress(open(name, "rb").read())[8:100008]) for name in glob.glob("Tests/Captures/*.z")]'
	$(BUILD)-fuzz/release/fuzz -max_total_time=$(FUZZ_SECONDS) -artifact_prefix=$(BUILD)-fuzz/ $(BUILD)-fuzz/corpus

lab:
	$(call install,$(LAB_PACKAGES))
	Tests/Lab/emulator
	$(build-tests)
	Tests/Lab/lab $(BIN) $(KERNELS)

# What must hold on every kernel, in a quarter of the time of all tests.
LAB_CHECKS := $(addprefix KernelTests., RunQueueLatencyTests BlockedTests LoadSampleTests CloneMeansTests LifeTests \
	StraddlingTests NoloadTests) $(addprefix CommandTests., RightsTests UnsupportedTests HolderTests)
lab-check:
	LAB_TASK="test$$(printf ',--filter,%s' $(LAB_CHECKS))" $(MAKE) lab

lab-samples:
	$(call install,$(LAB_PACKAGES))
	Tests/Lab/emulator
	$(build-tests)
	Tests/Lab/lab-samples $(BIN) $(KERNELS)

lab-large:
	$(call install,$(LAB_PACKAGES))
	Tests/Lab/emulator
	$(build-tests)
	Tests/Lab/lab-large $(BIN)

pictures:
	$(call install,$(PICTURE_PACKAGES))
	$(SWIFT_BUILD) --product loadwatch
	Tests/Pictures/pictures $(BIN)

captures:
	$(call install,$(LAB_PACKAGES))
	Tests/Lab/emulator
	$(build-tests)
	Tests/Lab/captures $(BIN) 5.10 6.1 6.12 6.18 7.2

fleet:
	$(call install,$(BUILD_PACKAGES) prometheus curl python3)
	$(SWIFT_BUILD) --product loadwatch
	$(SWIFT_BUILD) --product testload
	@for load in "spin 3" "dsleep 20" "vfork 2"; do $(BIN)/testload $$load --seconds 50 >/dev/null </dev/null & done; \
	$(SUDO) env "PATH=$$PATH" Examples/fleet/fleet $(BIN)/loadwatch </dev/null; \
	wait

SOAK_SECONDS ?= 3600
soak:
	$(call install,$(BUILD_PACKAGES) python3)
	@for product in loadwatch testload; do $(SWIFT_BUILD) --product $$product; done
	$(SUDO) env "PATH=$$PATH" Tests/soak $(BIN) $(SOAK_SECONDS)

# By the compiler plugin of the swift-protobuf that the package is built with.
protos:
	$(call install,$(BUILD_PACKAGES) protobuf-compiler)
	$(SWIFT) package --scratch-path $(BUILD) resolve
	$(SWIFT) build -c release --package-path $(BUILD)/checkouts/swift-protobuf --scratch-path $(BUILD)-protoc \
		--product protoc-gen-swift
	protoc --plugin=$(BUILD)-protoc/release/protoc-gen-swift --proto_path=Sources/ExportProtos \
		--swift_opt=Visibility=Package,UseAccessLevelOnImports=true --swift_out=Sources/ExportProtos \
		perfetto.proto profile.proto metrics.proto otlp.proto

lint:
	$(SWIFT) format lint --strict --recursive Package.swift Sources Plugins Tests Examples
	clang-format-14 --dry-run --Werror Sources/*/*.bpf.c bpf/*.h bpf/*.c bpf/include/*.h \
		Sources/C*/*.c Sources/C*/include/*.h Tests/Loads/*.c Tests/Loads/*.h Tests/Lab/*/*.c \
		$(EXAMPLE_SOURCES)

# The kernel side for arm64, where nothing of it is run here.
bpf-arm64:
	@for source in bpf/*.bpf.c Sources/*/*.bpf.c Tests/KernelTests/Library/*.bpf.c Examples/*/*.bpf.c; do \
		"$$(dirname "$$(readlink -f "$$(command -v $(SWIFT))")")/clang" -target bpf -mcpu=v3 -O2 -g \
			-Wall -Wextra -Wno-unused-parameter -Werror -D__TARGET_ARCH_arm64 \
			-I/usr/aarch64-linux-gnu/include -Ibpf -I$$(dirname $$source)/include -c $$source -o /dev/null; \
	done

format:
	$(call install,clang-format-14)
	$(SWIFT) format --in-place --recursive Package.swift Sources Plugins Tests Examples
	clang-format-14 -i Sources/*/*.bpf.c bpf/*.h bpf/*.c bpf/include/*.h \
		Sources/C*/*.c Sources/C*/include/*.h Tests/Loads/*.c Tests/Loads/*.h Tests/Lab/*/*.c \
		$(EXAMPLE_SOURCES)

bench:
	$(call install,$(BENCH_PACKAGES))
	$(MAKE) static
	$(SWIFT_BUILD) --product testload
	$(SUDO) Benchmarks/run $(BUILD)-static/loadwatch $(BIN)/testload
	$(SUDO) Benchmarks/clones $(BUILD)-static/cloneprof $(BIN)/testload
	$(SUDO) Benchmarks/recordings $(BUILD)-static/loadwatch $(BIN)/testload
	$(SUDO) Benchmarks/screen $(BUILD)-static/loadwatch $(BIN)/testload
	$(SUDO) Benchmarks/exporter $(BUILD)-static/loadwatch $(BIN)/testload
	$(SUDO) Benchmarks/fleet $(BUILD)-static/loadwatch $(BIN)/testload

# One file per tool that runs on any host of this architecture: no Swift, no libbpf needed there.
static:
	$(call install,$(BUILD_PACKAGES))
	@for tool in $(TOOLS); do \
		$(SWIFT) build -c release --scratch-path $(BUILD)-static --product $$tool \
			--static-swift-stdlib -Xswiftc -static-executable -Xswiftc -use-ld=lld \
			-Xlinker -lelf -Xlinker -lz -Xlinker --icf=all \
			-Xlinker --no-eh-frame-hdr -Xlinker -T$(CURDIR)/Sources/static.ld; \
		strip -o $(BUILD)-static/$$tool $(BUILD)-static/release/$$tool; \
		ls -l $(BUILD)-static/$$tool; \
	done

# A package for Debian, of those files; deb-check tries it in fresh systems.
deb: static
	$(call install,python3 dpkg-dev)
	packaging/build-deb $(BUILD)-static $(BUILD)-static

deb-check: deb
	$(call install,$(DEB_PACKAGES))
	$(SUDO) packaging/check-deb $(BUILD)-static/sonde_$$($(BUILD)-static/loadwatch --version)_*.deb

install: static
	for tool in $(TOOLS); do \
		install -D -m 755 $(BUILD)-static/$$tool $(DESTDIR)$(PREFIX)/bin/$$tool; \
		install -D -m 644 man/$$tool.1 $(DESTDIR)$(PREFIX)/share/man/man1/$$tool.1; \
	done
	install -d $(DESTDIR)$(PREFIX)/share/man/man5
	man/formats $(DESTDIR)$(PREFIX)/share/man/man5

clean:
	rm -rf $(BUILD) $(BUILD)-static $(BUILD)-dependent $(BUILD)-sanitize $(BUILD)-fuzz
