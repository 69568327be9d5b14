#!/usr/bin/env bash
# What importing the packages of dist/ costs, installed into a clean virtual environment and a clean folder.
set -euo pipefail
cd "$(dirname "$0")/../.."
place=$(mktemp -d "${TMPDIR:-/tmp}/threelo-loading.XXXXXX")
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/python" -m pip install --quiet --no-index dist/*.whl
mkdir "$place/node"
echo '{"private": true}' > "$place/node/package.json"
tarballs=("$PWD"/dist/threelo-[0-9]*.tgz "$PWD"/dist/threelo-*-*.tgz)
(cd "$place/node" && npm install --silent --offline --no-audit --no-fund "${tarballs[@]}")
python3 scripts/dist --loading "$place/venv/bin/python" "$place/node"
