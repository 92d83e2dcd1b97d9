# Apus: what people type. `make` alone lists the targets.
#
#   make run [CFG=file]       install what is missing, build, start the default server in the foreground
#   make build                release build into .build/release/
#   make test                 lint, unit tests (debug), functional tests (against the release build)
#   make bench                CPU per transaction beside Debian's Kamailio, and the parser's nanoseconds (a few minutes)
#   make fuzz                 libFuzzer over the parsers, about a minute
#   make format | make lint   swift format, in place | as a check
#   make install PREFIX=/opt/apus [DESTDIR=]
#   make clean

SHELL = /bin/bash
CFG ?= etc/apus.cfg
PREFIX ?= /usr/local
# What the server says of its own source (core.info, -V): the same for the same source, whenever it is built.
export APUS_REVISION ?= $(shell git describe --tags --always --dirty 2>/dev/null)
export APUS_EPOCH ?= $(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct 2>/dev/null))
FORMATTED = $(wildcard Package.swift Sources Plugins Tests Fuzz Benchmarks examples packaging)

.PHONY: help run build test unit functional bench fuzz format lint install clean bootstrap linker-map

help:
	@sed -n 's/^#   //p' Makefile

bootstrap:
	@scripts/bootstrap build

# SwiftPM does not relink a plugin when only the linker map has changed: take away what is older than the map.
linker-map:
	@for folder in .build/debug .build/release; do \
	    if [ -d $$folder ]; then find -L $$folder -maxdepth 1 -name 'lib*.so' ! -newer Plugins/exports.map -delete; fi; \
	done

build: bootstrap linker-map
	@swift build -c release

run: build
	@scripts/run $(CFG)

lint:
	@swift format lint --strict --parallel --recursive $(FORMATTED)

format:
	@swift format --in-place --parallel --recursive $(FORMATTED)

# The last line printed is the test runner's own.
test: lint unit functional

unit: bootstrap linker-map
	@swift test --disable-xctest --skip FunctionalTests

functional: build
	@scripts/bootstrap test
	@swift build --build-tests
	@scripts/functional

bench: build
	@scripts/bootstrap bench
	@if [ -x scripts/bench-parse ]; then scripts/bench-parse; fi
	@Benchmarks/run --short

fuzz: bootstrap
	@scripts/fuzz

install: build
	@scripts/bootstrap install
	@scripts/install "$(DESTDIR)$(PREFIX)"

clean:
	@rm -rf .build
