# The commands of the project; Meson does the building. `make help` lists them.
BUILD ?= build
JOBS  ?= $(shell nproc)

.PHONY: all demo test test-all bench bench-engine format check-format fuzz install clean help deps

all: $(BUILD)/build.ninja
	ninja -C $(BUILD) -j $(JOBS)

deps:
	@scripts/install-dependencies build

$(BUILD)/build.ninja: | deps
	@meson setup $(BUILD) $(MESON_ARGS)

demo: $(BUILD)/build.ninja ## install what is missing, build, and run the demo network in two processes
	@ninja -C $(BUILD) -j $(JOBS) cli/tandem
	@scripts/demo $(BUILD)

test: ## install what is missing, build, and run the tests
	@scripts/install-dependencies test
	@$(MAKE) --no-print-directory all
	@scripts/install-onnxruntime || true
	meson test -C $(BUILD) --no-rebuild --print-errorlogs --no-suite soak
	@grep -h "^skipped: " $(BUILD)/meson-logs/testlog.txt | sort -u || true

test-all: ## the tests in every build: gcc and clang with -Werror, sanitizers, minimal device build
	@scripts/install-dependencies ci
	scripts/test-all

bench: all ## measure; needs the evaluation data (TANDEM_DATA or ../shared/data) for most of it
	bench/run $(BUILD)

bench-engine: all ## measure the engine beside onnxruntime (BENCH_ARGS="--help" lists what can be chosen)
	bench/engine/run $(BUILD) $(BENCH_ARGS)

format: ## lay out all C files
	@scripts/install-dependencies ci
	clang-format -i $$(git ls-files '*.c' '*.h')

check-format: ## fail where a C file is not laid out
	@scripts/install-dependencies ci
	clang-format --dry-run -Werror $$(git ls-files '*.c' '*.h')

fuzz: ## run every fuzz target for FUZZ_SECONDS (default 60) each
	@scripts/install-dependencies ci
	scripts/fuzz

install: all
	meson install -C $(BUILD)

clean:
	rm -rf build build-*

help:
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'
