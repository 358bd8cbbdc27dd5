#!/usr/bin/env bash
# MariaDB for tests.
#
#   mariadb.sh start DIR    makes a data folder in DIR and starts the server on a free loopback port;
#                           DIR/env then holds the variable that the tests read
#   mariadb.sh stop DIR
#   mariadb.sh crash DIR    kills it, and starts it once more on the same port
#
# MARIADB_KEEPS=1 makes what was committed outlive that; otherwise nothing has to outlive a test run.
#
# The account `gateway` (password `gateway`) owns the database `legacy` and may create more.
. "$(dirname "$(readlink -f "$0")")/lib.sh"
account=$(id -un)
[ "$(id -u)" != 0 ] || account=mysql

prepare() {
  mkdir -p "$dir/data" "$dir/run"
  local keeps=0
  [ -z "${MARIADB_KEEPS:-}" ] || keeps=2
  cat >"$dir/my.cnf" <<END
[mariadbd]
datadir = $dir/data
socket = $dir/run/mysql.sock
pid-file = $dir/mariadb.pid
log-error = $dir/error.log
bind-address = 127.0.0.1
user = $account
max_connections = 200
character-set-server = utf8mb4
collation-server = utf8mb4_unicode_ci
innodb_buffer_pool_size = 64M
innodb_log_file_size = 16M
innodb_flush_log_at_trx_commit = $keeps
innodb_doublewrite = $((keeps / 2))
skip-name-resolve
skip-log-bin
END
  own "$dir" "$account"
  mariadb-install-db --defaults-file="$dir/my.cnf" --auth-root-authentication-method=normal --skip-test-db \
    >"$dir/install.log" 2>&1 || { tail -20 "$dir/install.log" >&2; die "mariadb-install-db failed"; }
}

answers() { mariadb-admin --no-defaults -S "$dir/run/mysql.sock" -u root ping; }

start() {
  local port server
  port=${1:-$(free_port)}
  setsid mariadbd --defaults-file="$dir/my.cnf" --port="$port" </dev/null >>"$dir/stdout.log" 2>&1 &
  server=$!
  for _ in $(seq 600); do
    answers >/dev/null 2>&1 && break
    is_alive "$server" || return 1
    sleep 0.05
  done
  answers >/dev/null 2>&1 || return 1
  cat >"$dir/env" <<END
export SCIMGATE_TEST_MYSQL=mysql://gateway:gateway@127.0.0.1:$port/legacy
END
  echo "$port" >"$dir/port"
}

crash() {
  kill -KILL "$(cat "$dir/mariadb.pid")" 2>/dev/null || true
  forget_killed "$dir/mariadb.pid"
}

fill() {
  mariadb --no-defaults -S "$dir/run/mysql.sock" -u root -e "
    create user gateway@'%' identified by 'gateway';
    create database legacy;
    grant all on *.* to gateway@'%'"
}

command=${1:-}
dir=$(mkdir -p "${2:?folder}" && readlink -f "$2")
case $command in
  start)
    prepare
    tries 5 start || { tail -5 "$dir/error.log" >&2; die "MariaDB did not start"; }
    fill
    ;;
  stop) stop_pid_file "$dir/mariadb.pid" ;;
  crash)
    crash
    tries 20 start "$(cat "$dir/port")" || { tail -5 "$dir/error.log" >&2; die "MariaDB did not start again"; }
    ;;
  *) die "start DIR | stop DIR | crash DIR" ;;
esac
