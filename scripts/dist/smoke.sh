#!/bin/sh
# Installs what lies in dist/ into an empty folder away from the checkout, without the network, and has it say its
# version: in the language, and through the command, which runs in the native half.
#
#   smoke.sh wheel [PYTHON]
#   smoke.sh npm
set -eu
dist=$(cd "$(dirname "$0")/../../dist" && pwd)
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
case $1 in
    wheel)
        python=${2:-python}
        "$python" -m pip install --quiet --no-index --target site "$dist"/*.whl
        export PYTHONPATH=site
        "$python" -c 'import threelo; print(threelo.__version__)'
        "$python" -m threelo --version
        ;;
    npm)
        echo '{"private": true}' > package.json
        npm install --silent --offline --no-audit --no-fund "$dist"/threelo-*.tgz
        node -e "require('threelo'); console.log(require('threelo/package.json').version)"
        node node_modules/threelo/bindings-node/bin/threelo.js --version
        ;;
    *) echo "smoke.sh installs a wheel or npm packages, not $1" >&2; exit 2 ;;
esac
