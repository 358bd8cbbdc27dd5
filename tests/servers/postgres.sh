#!/usr/bin/env bash
# PostgreSQL for tests.
#
#   postgres.sh start DIR    makes a cluster in DIR and starts it on a free loopback port;
#                            DIR/env then holds the variable that the tests read
#   postgres.sh stop DIR
#   postgres.sh crash DIR    ends it as a crash would, and starts it once more on the same port
#
# POSTGRES_KEEPS=1 makes what was committed outlive that; otherwise nothing has to outlive a test run.
#
# The role `gateway` (password `gateway`) owns the database `legacy` and may create more.
. "$(dirname "$(readlink -f "$0")")/lib.sh"
bin=$(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -1)

prepare() {
  [ -n "$bin" ] || die "PostgreSQL's server is not installed"
  mkdir -p "$dir/data" "$dir/run"
  own "$dir" postgres
  as_user postgres "$bin/initdb" -D "$dir/data" -U postgres -E UTF8 --locale=C.UTF-8 \
    --auth-local=trust --auth-host=scram-sha-256 --no-sync >"$dir/initdb.log" 2>&1 ||
    { cat "$dir/initdb.log" >&2; die "initdb failed"; }
  cat >>"$dir/data/postgresql.conf" <<END
listen_addresses = '127.0.0.1'
unix_socket_directories = '$dir/run'
max_connections = 200
shared_buffers = 64MB
fsync = off
END
  if [ -z "${POSTGRES_KEEPS:-}" ]; then
    printf 'synchronous_commit = off\nfull_page_writes = off\n' >>"$dir/data/postgresql.conf"
  fi
}

start() {
  port=${1:-$(free_port)}
  as_user postgres "$bin/pg_ctl" -D "$dir/data" -o "-p $port" -l "$dir/server.log" -w -t 60 start >/dev/null || return 1
  cat >"$dir/env" <<END
export SCIMGATE_TEST_POSTGRES=postgres://gateway:gateway@127.0.0.1:$port/legacy
END
  echo "$port" >"$dir/port"
}

crash() {
  [ ! -s "$dir/data/postmaster.pid" ] || as_user postgres "$bin/pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null
}

fill() {
  psql -q -h "$dir/run" -p "$port" -U postgres -d postgres -v ON_ERROR_STOP=1 \
    -c "create role gateway login createdb password 'gateway'" \
    -c "create database legacy owner gateway"
}

command=${1:-}
dir=$(mkdir -p "${2:?folder}" && readlink -f "$2")
case $command in
  start)
    prepare
    tries 5 start || { tail -5 "$dir/server.log" >&2; die "PostgreSQL did not start"; }
    fill
    ;;
  stop) crash || true ;;
  crash)
    crash || true
    tries 20 start "$(cat "$dir/port")" || { tail -5 "$dir/server.log" >&2; die "PostgreSQL did not start again"; }
    ;;
  *) die "start DIR | stop DIR | crash DIR" ;;
esac
