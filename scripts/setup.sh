#!/usr/bin/env bash
# Checks for the three toolchains and PostgreSQL, and installs by name what a bare Debian leaves out of them.
# `setup.sh browser` does the same for a Chromium, which only the tests of the pages need.
set -euo pipefail

say() { printf 'threelo needs %s\n' "$*" >&2; }

install() {
    if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
    else
        say "these packages, which only root can install: $*"
        exit 1
    fi
}

if [ "${1:-}" = browser ]; then
    for name in "${THREELO_CHROMIUM:-chromium}" chromium-browser google-chrome google-chrome-stable; do
        if command -v "$name" >/dev/null; then exit; fi
    done
    install chromium
    exit
fi

command -v cargo >/dev/null || { say "Rust (cargo) on the PATH, at least the version in Cargo.toml"; exit 1; }
command -v cc >/dev/null || install build-essential
command -v python3 >/dev/null || install python3 python3-venv
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { say "Python 3.11 or newer as python3"; exit 1; }
python3 -c 'import venv, ensurepip' 2>/dev/null || install python3-venv
command -v node >/dev/null && command -v npm >/dev/null || install nodejs npm
node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)' || { say "Node 20 or newer"; exit 1; }
# The tests start servers of their own from it; see scripts/postgres.sh.
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || command -v initdb >/dev/null || install postgresql
command -v openssl >/dev/null || install openssl
