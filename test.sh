#!/usr/bin/env bash
# Installs what the tests need from the ordinary registries, then runs them all: format, lints, tests, documentation.
# Needs a Rust toolchain (see README.md) and, to install Debian packages that are missing, root or sudo.
set -euo pipefail
cd "$(dirname "$0")"

step() { printf '\n== %s\n' "$*"; }

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"
    elif command -v sudo >/dev/null; then sudo "$@"
    else echo "This needs root, and there is no sudo: $*" >&2; exit 1
    fi
}

# What must be there, as command and Debian package. A compiler is for SQLite, which is built in; node and python run
# Slack's official clients against the emulator; Prometheus, Alertmanager, the container registry and PostgreSQL are real, and htpasswd
# and openssl make the registry's passwords and certificates; Chromium opens the example page.
missing=()
need() { command -v "$1" >/dev/null || missing+=("$2"); }
need cc gcc
need node nodejs
need npm npm
need python3 python3
need prometheus prometheus
need promtool prometheus
need prometheus-alertmanager prometheus-alertmanager
need docker-registry docker-registry
need htpasswd apache2-utils
need openssl openssl
# A browser opens the demo's page; without a font for emoji its pictures would have boxes.
need chromium chromium
[ -e /usr/share/fonts/truetype/noto/NotoColorEmoji.ttf ] || missing+=(fonts-noto-color-emoji)
# Debian keeps its servers off the PATH.
compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || need postgres postgresql
python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)

if [ ${#missing[@]} -gt 0 ]; then
    step "Installing ${missing[*]}"
    if ! command -v apt-get >/dev/null; then
        echo "Please install what these Debian packages hold: ${missing[*]}" >&2
        exit 1
    fi
    export DEBIAN_FRONTEND=noninteractive
    as_root apt-get update -q
    as_root apt-get install -q -y --no-install-recommends "${missing[@]}"
fi

step "Official clients of Slack, GitHub and OpenFeature"
tests/clients/setup.sh

# A build that is made once needs nothing kept for the next.
[ "${CI:-}" = true ] && export CARGO_INCREMENTAL=0

step "Format"
cargo fmt --all --check

step "Lints"
cargo clippy --locked --workspace --all-targets -- -D warnings

step "Tests"
cargo test --locked --workspace

step "Documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps

step "All good"
