# Sotto: every verb has one line of help (`make`). Everything that is built lands below build/.
SHELL := /bin/bash
.DEFAULT_GOAL := help

ARCH     ?= $(shell go env GOARCH)
TAGS     := nolibopusfile,netgo,osusergo
STATIC   := -trimpath -buildvcs=false -ldflags '-s -w -buildid= -linkmode external -extldflags "-static"'
VERSION  := $(shell sed -n 's/^\#\# \[\([^]]*\)\].*/\1/p' CHANGELOG.md | head -1)
# With the tests that want more than make test has; but for Tor's, which want its library.
TAGGED   := $(TAGS),interop,reach,browser,hil,air
T        ?= 30s
SOAK     ?= 1h
# Packages whose tests keep real time: nothing else runs beside them.
REALTIME := ^sotto/(tools/(call|sim|demo|bench|wiretap)|firmware/(phone|media)|hal/haltest|zrtp)$$
ensure   := tools/setup/ensure.sh
GO       := go
export GOFLAGS = -tags=$(TAGS)
# The runtime overwrites what held keys; tools/call searches a handset's memory to see that it did.
export GOEXPERIMENT = runtimesecret

BUILD_PACKAGES := gcc libc6-dev pkg-config libopus-dev libspeexdsp-dev
TEST_PACKAGES  := $(BUILD_PACKAGES) linphone-cli baresip-core libbzrtp-dev kamailio kamailio-tls-modules coturn sip-tester chrony iproute2 tcpdump procps time chromium qemu-user-static curl sox espeak-ng \
	gcc-aarch64-linux-gnu libc6-dev-arm64-cross binutils-aarch64-linux-gnu nftables file cpio

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: packages test-packages
packages:
	@$(ensure) $(BUILD_PACKAGES)
test-packages:
	@$(ensure) $(TEST_PACKAGES)

.PHONY: sim zrtpcat
sim: packages
	@echo "sotto: building build/sim" >&2
	@mkdir -p build && CGO_LDFLAGS=-lm $(GO) build $(STATIC) -o build/sim ./tools/sim
zrtpcat:
	@mkdir -p build && $(GO) build -o build/zrtpcat ./tools/zrtpcat

.PHONY: call
call: sim ## two simulated handsets call each other over loopback and exchange recorded speech
	@mkdir -p build && $(GO) build -o build/call ./tools/call
	@build/call --sim build/sim --out build/call-run

.PHONY: demo
demo: sim ## the same two handsets on a page in the browser, and the wire between them with all that can happen on it
	@mkdir -p build && $(GO) build -o build/demo ./tools/demo
	@build/demo --sim build/sim

.PHONY: test
test: test-packages sim zrtpcat ## all tests
	@$(GO) test $$($(GO) list ./... | grep -vE '$(REALTIME)')
	@$(GO) test -p 1 $$($(GO) list ./... | grep -E '$(REALTIME)')

.PHONY: race
race: packages ## the race detector on the packages with goroutines
	@$(GO) test -race $$(tools/setup/goroutines.sh)

.PHONY: fuzz
fuzz: packages ## every fuzz target for T each (make fuzz T=30s)
	@tools/setup/fuzz.sh $(T)

.PHONY: bench
bench: sim ## figures to build/bench.json (PEERS=linphonec,baresip for peers in the same run)
	@$(if $(PEERS),$(ensure) linphone-cli baresip-core)
	@mkdir -p build && $(GO) build -o build/bench ./tools/bench
	@build/bench --sim build/sim --out build/bench.json $(if $(PEERS),--peers $(PEERS))
	@echo "Handshake over loopback, median of 50, both ends' start included:"
	@$(GO) test -run '^$$' -bench Loopback ./tools/zrtpcat | grep -E 'Benchmark|ok|FAIL'

.PHONY: soak
soak: sim ## an hour's call over a bad path: nothing may grow; to build/soak.json and docs/SOAK.md
	@mkdir -p build && $(GO) build -o build/bench ./tools/bench
	@build/bench soak --sim build/sim --for $(SOAK)

.PHONY: tor
tor: packages ## calls over a private Tor network: two handsets, three routes, everything that leaves them watched (root)
	@$(ensure) coturn iproute2 gcc libc6-dev
	@tools/libtor/build.sh $$(go env GOARCH)
	@tools/tornet/fetch.sh
	@tools/tornet/size.sh $$(go env GOARCH)
	@mkdir -p build && $(GO) build -tags=$(TAGS),tor -o build/sim-tor ./tools/sim
	@$(GO) test -count=1 -timeout 15m -v -tags=$(TAGS),tor,interop ./tools/tornet | grep -vE '\[warn\] (This copy|You have used|TestingTor|You are running)'; exit $${PIPESTATUS[0]}

.PHONY: handset
handset: packages ## build/handset-ARCH, static and reproducible (make handset ARCH=arm64 TOR=1)
	@tools/setup/handset.sh $(ARCH)

.PHONY: check-static
check-static: ## proves that the handset's binaries for amd64 and arm64 need no loader and no library
	@tools/setup/handset.sh amd64
	@tools/setup/handset.sh arm64
	@tools/setup/check-static.sh build/handset-amd64 build/handset-arm64

.PHONY: clips
clips: packages ## says the symbols of the code anew with espeak-ng, in four languages (the result is kept with the source)
	@$(ensure) espeak-ng sox
	@$(GO) run ./tools/clips firmware/spoken/clips

.PHONY: lint
lint: packages ## vet, staticcheck, the import table, the Buildroot tree
	@$(GO) vet ./...
	@$(GO) vet -tags=$(TAGGED) ./tools/...
	@$(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...
	@$(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2 -tags=$(TAGGED) ./tools/...
	@$(GO) test -count=1 ./tools/archtest
	@$(ensure) shellcheck
	@buildroot/lint.sh

include board/image.mk

.PHONY: clean
clean: ## removes build/ but for its caches
	@find build -mindepth 1 -maxdepth 1 ! -name cache -exec rm -rf {} +

.PHONY: demo-test
demo-test: test-packages sim ## the demo page in headless Chromium, used by mouse and keyboard; pictures in build/ (PICTURES=docs)
	@mkdir -p build && $(GO) build -o build/demo ./tools/demo
	@DEMO_PICTURES=$(abspath $(or $(PICTURES),build)) $(GO) test -count=1 -tags=$(TAGS),browser ./tools/demo

.PHONY: interop
interop: test-packages sim zrtpcat ## linphonec, libbzrtp and SIP servers as peers, in network namespaces (root)
	@$(GO) test -count=1 -p 1 -timeout 20m -tags=$(TAGS),interop $$($(GO) list -tags=$(TAGS),interop ./tools/peers/... | grep -vE '/(natlab|hostile)$$')
	@$(GO) test -count=1 -p 2 -timeout 20m -tags=$(TAGS),interop ./tools/peers/sip/natlab ./tools/peers/sip/hostile

.PHONY: reach-bench
reach-bench: sim ## from answer to media, N=10 calls on each way, linphonec beside us; the table to build/reach.md (root)
	@$(ensure) linphone-cli kamailio kamailio-tls-modules coturn iproute2
	@rm -f build/reach.md; SOTTO_REACH=$(or $(N),10) $(GO) test -count=1 -timeout 1h -tags=$(TAGS),interop,reach -run '^TestReach$$' ./tools/peers/sip/natlab; failed=$$?; cat build/reach.md; exit $$failed
