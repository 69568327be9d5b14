#!/bin/sh
# One package for Linux, built in a container of the manylinux or musllinux project, so that it runs on every
# distribution of that age. The release workflow runs it; RUSTUP_TOOLCHAIN names the compiler.
#
#   container.sh wheel RUST_TARGET WHEEL_TAG
#   container.sh addon RUST_TARGET NPM_NAME
set -eu
cd "$(dirname "$0")/../.."
kind=$1 target=$2 name=$3

# By its version and its content: what builds the packages is not to change from one day to the next.
rustup=1.28.2
case $target in
    x86_64-unknown-linux-gnu) sum=20a06e644b0d9bd2fbdbfd52d42540bdde820ea7df86e92e533c073da0cdd43c ;;
    aarch64-unknown-linux-gnu) sum=e3853c5a252fca15252d07cb23a1bdd9377a8c6f3efa01531109281ae47f841c ;;
    x86_64-unknown-linux-musl) sum=e6599a1c7be58a2d8eaca66a80e0dc006d87bbcf780a58b7343d6e14c1605cb2 ;;
    aarch64-unknown-linux-musl) sum=a97c8f56d7462908695348dd8c71ea6740c138ce303715793a690503a94fc9a9 ;;
    *) echo "container.sh knows no rustup for $target" >&2; exit 2 ;;
esac
curl --proto '=https' --tlsv1.2 -sSfo /tmp/rustup-init "https://static.rust-lang.org/rustup/archive/$rustup/$target/rustup-init"
echo "$sum  /tmp/rustup-init" | sha256sum -c -
chmod +x /tmp/rustup-init
/tmp/rustup-init -y --no-modify-path --profile minimal --default-host "$target" --default-toolchain "$RUSTUP_TOOLCHAIN"
PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
# A library that is loaded must share its program's C library; for musl the compiler's default is another.
export RUSTFLAGS='-C target-feature=-crt-static'

case $kind in
    wheel)
        python=/opt/python/cp311-cp311/bin/python
        "$python" -m pip install --quiet "$(grep '^maturin==' tests/python/requirements.txt)"
        "$python" -m maturin build --release --locked --interpreter "$python" \
            --compatibility "${name%_"$(uname -m)"}" --out dist
        ;;
    addon)
        cargo build --release --locked --package threelo-node
        cp target/release/libthreelo_node.so "bindings-node/threelo.$name.node"
        ;;
    *) echo "container.sh builds a wheel or an addon, not $kind" >&2; exit 2 ;;
esac
