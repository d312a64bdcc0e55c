# Everything a person or CI runs. `make help` lists it.
SHELL := /bin/sh
.DEFAULT_GOAL := help

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
GOLANGCI := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
LNT_SEEDS ?= 1 2
GOFUMPT := mvdan.cc/gofumpt@v0.12.0
DATA ?= data
ENGINE = pkg/embedded/clickhouse/engine/fetch.sh
SECRETS = TIDEMARK_AUTH_TOKEN TIDEMARK_CLICKHOUSE_PASSWORD TIDEMARK_GRAFANA_CLICKHOUSE_PASSWORD TIDEMARK_GRAFANA_PASSWORD TIDEMARK_NOTIFIER_KEY TIDEMARK_SESSION_KEY

help: ## list targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

engine: ## fetch the embedded engine (npm, verified, cached)
	@sh $(ENGINE) >/dev/null

assets: ## fetch the pages' chart library (npm, verified, cached)
	@sh services/web/fetch-assets.sh

browser: ## find or install a Chromium for the browser tests
	@sh services/web/fetch-chromium.sh >/dev/null

build: assets ## bin/tidemark
	go build -trimpath -ldflags "-X main.version=$(VERSION)" -o bin/tidemark ./services/tidemark

run: engine build ## the whole product with demo data
	bin/tidemark up --demo --data $(DATA)

up: secrets ## Kafka, ClickHouse, Grafana and every role in containers, waiting for their health
	TIDEMARK_VERSION="$(VERSION)" docker compose up --build --detach --wait
	@echo "pages and REST http://127.0.0.1:8080  Grafana http://127.0.0.1:3000  SQL http://127.0.0.1:8123  (secrets are in .env)"

down: ## stop the containers; their volumes stay (docker compose down --volumes removes them)
	docker compose down

secrets: # of `make up`: those that .env does not have yet are made
	@umask 077 && touch .env && for name in $(SECRETS); do \
		grep -q "^$$name=" .env || printf '%s=%s\n' "$$name" "$$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')" >> .env; \
	done

test: engine assets browser ## all tests
	TIDEMARK_LIBCHDB="$$(sh $(ENGINE))" go test -timeout 20m $$(go list ./... | grep -v /e2e)
	TIDEMARK_LIBCHDB="$$(sh $(ENGINE))" go test -timeout 20m -count=1 ./services/tidemark/e2e # builds the program: go's cache does not see what that depends on

race: engine assets browser ## the tests of everything concurrent, with the race detector
	TIDEMARK_LIBCHDB="$$(sh $(ENGINE))" go test -race -timeout 20m -skip LNT_ ./pkg/eventlog/... ./pkg/lifecycle/... ./pkg/httpx/... ./pkg/client/... ./services/intake/... ./services/projector/... ./services/detector/...

# The longest first: they run two at a time, each against servers of its own.
LNT_PROOFS := import submit reports reads detector

test-lnt: engine build ## LNT's own client (PyPI, pinned, cached) against the product, and its server beside it
	@sh services/tidemark/e2e/lnt-client.sh >/dev/null
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target $(LNT_PROOFS:%=test-lnt-%)

test-lnt-detector: LNT_ARGUMENTS = $(LNT_SEEDS)
test-lnt-reads: LNT_ARGUMENTS = --writes

$(LNT_PROOFS:%=test-lnt-%): test-lnt-%:
	TIDEMARK_LIBCHDB="$$(sh $(ENGINE))" sh services/tidemark/e2e/lnt-$*.sh bin/tidemark $(LNT_ARGUMENTS)

test-docs: engine build ## the commands of docs/getting-started.md, as a reader would run them
	sh services/tidemark/e2e/docs.sh

fuzz: ## every fuzz target for a short while
	@sh pkg/testkit/fuzz/fuzz.sh

bench: engine build ## the figures of docs/performance.md, with machine and seeds
	TIDEMARK_LIBCHDB="$$(sh $(ENGINE))" go test -run '^$$' -bench . -benchtime 1x -timeout 60m ./services/tidemark/bench/...

bench-detect: engine ## every detector on the synthetic set, with seeds
	TIDEMARK_LIBCHDB="$$(sh $(ENGINE))" go test -run '^$$' -bench '^BenchmarkDetect$$' -benchtime 1x -timeout 30m ./services/tidemark/bench

lint: assets ## golangci-lint and gofumpt, pinned
	go vet ./...
	go run $(GOLANGCI) run
	@out=$$(go run $(GOFUMPT) -l services pkg sql dashboards); test -z "$$out" || { echo "not gofumpt: $$out"; exit 1; }

fmt: ## format
	go run $(GOFUMPT) -w services pkg sql dashboards

generate: build engine ## rewrite generated files
	bin/tidemark config --format markdown > docs/configuration.md
	TIDEMARK_LIBCHDB="$$(sh $(ENGINE))" go test -count=1 ./services/tidemark/pictures -update

screenshots: engine assets browser ## pictures of every page for docs/pages.md, from a product with the demo's data
	mkdir -p docs/pictures/pages
	TIDEMARK_LIBCHDB="$$(sh $(ENGINE))" go test -count=1 -run People_ ./services/tidemark/e2e -pictures $(CURDIR)/docs/pictures/pages

verify: build ## fail when a generated file is not fresh (the pictures' own tests say so of them)
	bin/tidemark config --format markdown | diff docs/configuration.md -
	@go mod tidy -diff

ci: ## exactly what CI runs
	sh .ci/run

clean: ## remove what was built
	rm -rf bin

.PHONY: help engine assets browser build run up down secrets test race test-lnt $(LNT_PROOFS:%=test-lnt-%) test-docs fuzz bench bench-detect lint fmt generate screenshots verify ci clean
