# Two images. `server` (the default) is free of GDAL: the server, `cairn build` and `cairn upload` read COGs themselves.
# `tools` has GDAL, for `cairn demo` and `cairn convert`, which write rasters: docker build --target tools .
FROM rust:1.95-slim-bookworm AS source
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev pkg-config && rm -rf /var/lib/apt/lists/*
WORKDIR /cairn
COPY . .

FROM source AS build-tools
RUN apt-get update && apt-get install -y --no-install-recommends libgdal-dev && rm -rf /var/lib/apt/lists/*
RUN cargo build --release --locked

FROM debian:bookworm-slim AS tools
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates libgdal32 && rm -rf /var/lib/apt/lists/* \
    && useradd --system --create-home cairn && mkdir /work && chown cairn /work
COPY --from=build-tools /cairn/target/release/cairn /usr/local/bin/cairn
USER cairn
EXPOSE 8080
ENTRYPOINT ["cairn"]
CMD ["--help"]

FROM source AS build
RUN cargo build --release --locked --no-default-features

FROM debian:bookworm-slim AS server
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/* \
    && useradd --system --create-home cairn
COPY --from=build /cairn/target/release/cairn /usr/local/bin/cairn
USER cairn
EXPOSE 8080
ENTRYPOINT ["cairn"]
CMD ["--help"]
