#!/usr/bin/env bash
# Sets up what is missing and nothing else; says nothing when all is there.
#   scripts/setup.sh system   a C compiler, pkg-config, GDAL's headers (apt; needs root only if something is missing)
#   scripts/setup.sh rust     rustfmt, clippy
#   scripts/setup.sh bench    wrk
#   scripts/setup.sh python   the virtual environment .cairn/venv with tests/clients/requirements.txt
#   scripts/setup.sh peers    the virtual environment .cairn/bench with benches/peers/requirements.txt
#   scripts/setup.sh s3       s3s-fs, an S3 server over a folder, in .cairn/s3s (built by cargo, some minutes)
#   scripts/setup.sh azurite  Microsoft's Azure Blob emulator, in .cairn/azurite (npm)
#   scripts/setup.sh nginx    nginx, for ranges over plain HTTP (apt)
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

install_packages() {
    command -v apt-get >/dev/null || fail "missing: $*; install their like with this system's package manager"
    [ "$(id -u)" = 0 ] || fail "missing: $*; run as root: apt-get update && apt-get install --no-install-recommends $*"
    say "installing $*"
    local log
    log=$(mktemp)
    if ! { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "$@"; } >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        fail "apt-get could not install: $*"
    fi
    rm -f "$log"
}

system() {
    local missing=()
    command -v cc >/dev/null || missing+=(gcc libc6-dev)
    command -v pkg-config >/dev/null || missing+=(pkg-config)
    pkg-config --exists gdal 2>/dev/null || missing+=(libgdal-dev)
    [ ${#missing[@]} = 0 ] || install_packages "${missing[@]}"
    command -v cargo >/dev/null || fail "cargo is missing; see https://rustup.rs"
}

bench() {
    command -v wrk >/dev/null || install_packages wrk
}

rust() {
    cargo fmt --version >/dev/null 2>&1 || rustup component add rustfmt
    cargo clippy --version >/dev/null 2>&1 || rustup component add clippy
}

python() { environment .cairn/venv tests/clients/requirements.txt; }

peers() { environment .cairn/bench benches/peers/requirements.txt; }

# A virtual environment with what a requirements file lists.
environment() {
    local venv=$1 wanted=$2
    # The stamp is written last, so that a broken-off installation starts anew.
    cmp -s "$wanted" "$venv/installed.txt" && "$venv/bin/python" -c '' 2>/dev/null && return
    local missing=()
    command -v python3 >/dev/null || missing+=(python3)
    python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
    [ ${#missing[@]} = 0 ] || install_packages "${missing[@]}"
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "Python 3.11 or newer is needed, python3 is $(python3 --version)"
    say "installing what $wanted lists into $venv"
    mkdir -p .cairn
    python3 -m venv --clear "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: --requirement "$wanted"
    cp "$wanted" "$venv/installed.txt"
}

s3() {
    # Newer releases need a newer compiler than Cairn does.
    local version=0.14.1
    [ "$(.cairn/s3s/bin/s3s-fs --version 2>/dev/null)" = "s3s-fs $version" ] && return
    command -v cargo >/dev/null || fail "cargo is missing; see https://rustup.rs"
    say "building s3s-fs $version into .cairn/s3s"
    # Without this repository's own build settings and target folder.
    env -u RUSTFLAGS -u CARGO_TARGET_DIR cargo install --quiet s3s-fs --version "$version" --features binary --locked --force \
        --root .cairn/s3s
}

azurite() {
    local version=3.35.0 folder=.cairn/azurite
    [ -x "$folder/node_modules/.bin/azurite-blob" ] && grep -qF "\"version\": \"$version\"" "$folder/node_modules/azurite/package.json" &&
        command -v node >/dev/null && return
    local missing=()
    command -v node >/dev/null || missing+=(nodejs)
    command -v npm >/dev/null || missing+=(npm)
    [ ${#missing[@]} = 0 ] || install_packages "${missing[@]}"
    say "installing azurite $version into $folder"
    npm install --prefix "$folder" --no-fund --no-audit --no-update-notifier --loglevel=error --save-exact "azurite@$version" >/dev/null
}

nginx() {
    # Debian puts it where only root's PATH leads; `command -v` would find this function.
    [ -x /usr/sbin/nginx ] || type -P nginx >/dev/null || install_packages nginx-light
}

readonly parts=(system rust bench python peers s3 azurite nginx)
[ $# -gt 0 ] || fail "usage: scripts/setup.sh PART… (${parts[*]})"
for part in "$@"; do
    case " ${parts[*]} " in
        *" $part "*) "$part" ;;
        *) fail "no such part: $part (${parts[*]})" ;;
    esac
done
