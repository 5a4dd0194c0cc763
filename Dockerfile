# The image holds one static binary and the roots it trusts, and runs as nobody.
#
#     docker build .                                                from source, in the build stage
#     make image                                                    without an engine or a registry, from the binary in dist/
#     buildah build --build-arg BINARIES=prebuilt .                 what `make image` does
#
# There is no shell and no reader of manual pages in it; `podgate man` and `podgate completions` write them elsewhere.

# Which stage the binary comes from: `build` or `prebuilt`.
ARG BINARIES=build

FROM docker.io/library/rust:1.95.0-bookworm AS build
WORKDIR /src
COPY . .
# The image's own toolchain, without the components that only developers need.
ENV RUSTUP_TOOLCHAIN=1.95.0
ENV RUSTFLAGS="-C target-feature=+crt-static"
RUN target="$(rustc -vV | sed -n 's/^host: //p')" \
    && cargo build --release --locked --bin podgate --target "$target" \
    && mkdir /out \
    && cp "target/$target/release/podgate" /etc/ssl/certs/ca-certificates.crt /out/

# dist/podgate and dist/ca-certificates.crt, made outside.
FROM scratch AS prebuilt
COPY dist/ /out/

FROM ${BINARIES} AS binaries

FROM scratch
LABEL org.opencontainers.image.title="podgate" \
      org.opencontainers.image.description="A Kubernetes admission webhook: the gate between a pod and the kernel it shares" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="https://github.com/podgate/podgate"
COPY --from=binaries --chmod=0755 /out/podgate /podgate
COPY --from=binaries --chmod=0644 /out/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
# A number, so that runAsNonRoot can be proved from the image alone.
USER 65532:65532
EXPOSE 8443 8080
ENTRYPOINT ["/podgate"]
