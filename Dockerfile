# Without GDAL: the server and `cairn build` read COGs themselves. Only `cairn demo`, which writes rasters, needs the default features.
FROM rust:1.95-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev pkg-config && rm -rf /var/lib/apt/lists/*
WORKDIR /cairn
COPY . .
RUN cargo build --release --locked --no-default-features

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/* \
    && useradd --system --create-home cairn
COPY --from=build /cairn/target/release/cairn /usr/local/bin/cairn
USER cairn
EXPOSE 8080
ENTRYPOINT ["cairn"]
CMD ["--help"]
