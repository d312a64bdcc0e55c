# One image for every role: `docker run tidemark ROLE`. It holds the program alone, without a shell, and runs as nobody in
# particular. ClickHouse and Kafka are elsewhere; the embedded engine is not in it.
#
# Base images are pinned by version and digest; raise both together.

FROM node:22-bookworm-slim@sha256:43ac6c60b8f89723f746e8a92ce91abd5017e627ce1ddfe4238355d3a30b772c AS assets
WORKDIR /src
COPY services/web/fetch-assets.sh services/web/package.json services/web/package-lock.json services/web/.npmrc services/web/
RUN sh services/web/fetch-assets.sh

FROM golang:1.26.8-bookworm@sha256:a688600ca24f8a4d3ca77f95b0dd40704a9fc787c826660eb7ba0b641b8b175d AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY pkg pkg
COPY services services
COPY sql sql
COPY --from=assets /src/services/web/static/vendor services/web/static/vendor
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /tidemark ./services/tidemark

FROM gcr.io/distroless/base-debian13:nonroot@sha256:a0d70d6a97cd697d9362bc2aae4a6560dd65817e365d0043b07325a97975dc91
COPY --from=build /tidemark /tidemark
USER 65532:65532
EXPOSE 8080 8081
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=6 CMD ["/tidemark", "health"]
ENTRYPOINT ["/tidemark"]
CMD ["--help"]
