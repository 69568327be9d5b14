#!/usr/bin/env bash
# A PostgreSQL server of one's own, in a temporary directory, for as long as it is needed.
#
#   scripts/postgres.sh run COMMAND …   runs a command with THREELO_POSTGRES set to the server's URL, and ends the server
#   scripts/postgres.sh serve           prints the URL and serves until its standard input ends. Lines it reads there:
#                                       `stop` and `start`, each answered with a line when it is done
#
# The URL names a superuser and no database; whoever uses it makes one. TLS is on, with the certificate authority in
# $THREELO_POSTGRES_CA. The server is gone with this script, however that ends.
set -euo pipefail

bin=$(compgen -G '/usr/lib/postgresql/*/bin' | sort -V | tail -n 1 || true)
[ -n "$bin" ] || bin=$(dirname "$(command -v initdb || true)")
[ -x "$bin/initdb" ] || { echo "no PostgreSQL server is installed; scripts/setup.sh does that" >&2; exit 1; }

home=$(mktemp -d "${TMPDIR:-/tmp}/threelo-postgres.XXXXXX")
data=$home/data
server=
port=

# PostgreSQL refuses to run as root.
as_postgres=()
[ "$(id -u)" != 0 ] || as_postgres=(setpriv --reuid=postgres --regid=postgres --init-groups --inh-caps=-all --)

stop() {
    if [ -n "$server" ]; then
        # At once, without waiting for those who are connected.
        kill -QUIT "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
        server=
    fi
}

finish() {
    stop
    rm -rf "$home"
}
trap finish EXIT
trap 'exit 143' INT TERM HUP

make() {
    mkdir "$data"
    openssl rand -hex 16 > "$home/password"
    [ "$(id -u)" != 0 ] || chown -R postgres:postgres "$home"
    chmod 711 "$home"
    chmod 700 "$data"
    "${as_postgres[@]}" "$bin/initdb" -D "$data" -U postgres -A scram-sha-256 --pwfile="$home/password" -E UTF8 \
        --locale=C.UTF-8 --no-sync >/dev/null
    "${as_postgres[@]}" openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
        -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' -addext 'basicConstraints=critical,CA:FALSE' \
        -keyout "$data/server.key" -out "$data/server.crt" 2>/dev/null
    cp "$data/server.crt" "$home/ca.crt"
    chmod 644 "$home/ca.crt"
}

# Nothing here has to survive the machine, so nothing is synced to disk; a killed server loses nothing by that.
start_on() {
    "${as_postgres[@]}" "$bin/postgres" -D "$data" -p "$1" -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
        -c fsync="${THREELO_POSTGRES_FSYNC:-off}" -c max_connections=500 -c shared_buffers=64MB -c ssl=on \
        -c log_min_messages=panic >"$home/log" 2>&1 </dev/null &
    server=$!
    for _ in $(seq 200); do
        kill -0 "$server" 2>/dev/null || break
        "$bin/pg_isready" -q -h 127.0.0.1 -p "$1" && return 0
        sleep 0.05
    done
    stop
    return 1
}

start() {
    for _ in $(seq 20); do
        # A taken port is another try.
        port=${port:-$((20000 + RANDOM % 12000))}
        if start_on "$port"; then
            # Another server may have answered; ours says so in its own file.
            [ "$(sed -n 4p "$data/postmaster.pid" 2>/dev/null)" = "$port" ] && return 0
            stop
        fi
        [ "${1:-}" = again ] || port=
    done
    echo "PostgreSQL does not start:" >&2
    cat "$home/log" >&2
    return 1
}

case "${1:-}" in
run)
    shift
    make
    start
    export THREELO_POSTGRES="postgresql://postgres:$(cat "$home/password")@127.0.0.1:$port"
    export THREELO_POSTGRES_CA="$home/ca.crt"
    "$@"
    ;;
serve)
    make
    start
    echo "postgresql://postgres:$(cat "$home/password")@127.0.0.1:$port $home/ca.crt"
    while read -r order; do
        case "$order" in
        stop) stop ;;
        start) start again ;;
        esac
        echo "$order: done"
    done
    ;;
*)
    sed -n '2,8p' "$0" >&2
    exit 2
    ;;
esac
