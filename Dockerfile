# syntax=docker/dockerfile:1

# The image holds one binary and the Debian libraries that it links: no shell script, no package of its own, no
# configuration. Mount a gateway.d/ at /etc/portcullis:
#
#   docker build --tag portcullis .
#   docker run --publish 8080:8080 --volume "$PWD/gateway.d:/etc/portcullis:ro" portcullis
#   docker kill --signal HUP <container>      # reload

FROM swift:6.3-bookworm AS build

# Versions up to the number that tells of compatibility: security updates come in, surprises don't.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends \
        libssl-dev=3.0.* \
        libyaml-dev=0.2.* \
        pkg-config=1.8.* \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /portcullis
COPY Package.swift ./
COPY Sources ./Sources
COPY Tests ./Tests
RUN swift build -c release --static-swift-stdlib --product portcullis -Xlinker --strip-all \
    && install -D "$(swift build -c release --show-bin-path)/portcullis" /out/portcullis

FROM debian:bookworm-slim

LABEL org.opencontainers.image.title="Portcullis" \
      org.opencontainers.image.description="An API gateway: declarative route files, one per domain, reloaded without dropping a request" \
      org.opencontainers.image.licenses="Apache-2.0"

RUN apt-get update \
    && apt-get install --yes --no-install-recommends \
        ca-certificates=2023* \
        libssl3=3.0.* \
        libstdc++6=12.* \
        libyaml-0-2=0.2.* \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin portcullis

COPY --from=build /out/portcullis /usr/local/bin/portcullis

# By number, so that Kubernetes' runAsNonRoot can check it.
USER 10001:10001

EXPOSE 8080
STOPSIGNAL SIGTERM

# Asks the admin listener on the container's loopback. The configuration has to have one, at its usual port:
# `admin: {address: "127.0.0.1:9901"}`. Without it the container is unhealthy.
HEALTHCHECK --interval=10s --timeout=2s --start-period=5s --retries=3 \
    CMD ["/usr/local/bin/portcullis", "health"]

ENTRYPOINT ["/usr/local/bin/portcullis"]
CMD ["run", "/etc/portcullis"]
