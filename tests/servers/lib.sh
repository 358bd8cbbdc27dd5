# Shared by the start scripts: processes, ports, certificates. Sourced, never run.
# shellcheck shell=bash
set -euo pipefail
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

die() { echo "$(basename "$0"): $*" >&2; exit 1; }

# free_port: a loopback TCP port that nobody listens on. The kernel gives out
# a port once per round of its range, so parallel callers rarely get the same
# one; who does sees its server fail to start, and tries again (see `tries`).
free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# tries N COMMAND…: until it succeeds, at most N times.
tries() {
  local left=$1
  shift
  until "$@"; do
    left=$((left - 1))
    [ "$left" -gt 0 ] || return 1
    sleep 0.1
  done
}

# is_alive PID: it exists and is no zombie. In a container nobody may reap a
# killed daemon, and signal 0 still reaches it.
is_alive() {
  kill -0 "$1" 2>/dev/null && ! grep -qs '^State:[[:space:]]*Z' "/proc/$1/status"
}

# stop_pid_file FILE: SIGTERM, ten seconds of patience, SIGKILL.
stop_pid_file() {
  [ -s "$1" ] || return 0
  local pid
  read -r pid <"$1"
  kill -TERM "$pid" 2>/dev/null || true
  for _ in $(seq 200); do
    is_alive "$pid" || return 0
    sleep 0.05
  done
  kill -KILL "$pid" 2>/dev/null || true
}

# forget_killed FILE: waits until the process of a file is dead that was killed a moment ago, and removes the file: what
# starts next may believe it while the process is a zombie.
forget_killed() {
  [ -s "$1" ] || return 0
  local pid
  read -r pid <"$1"
  for _ in $(seq 400); do
    is_alive "$pid" || break
    sleep 0.05
  done
  rm -f "$1"
}

# wait_for SECONDS COMMAND…: until it succeeds.
wait_for() {
  local rounds=$(($1 * 20))
  shift
  for _ in $(seq "$rounds"); do
    "$@" >/dev/null 2>&1 && return 0
    sleep 0.05
  done
  return 1
}

# own DIR USER: gives the folder to a service account, if we are root and it exists.
own() {
  if [ "$(id -u)" = 0 ]; then chown -R "$2:" "$1"; fi
}

# as_user USER COMMAND…: as that account if we are root, else as ourselves.
as_user() {
  local user=$1
  shift
  if [ "$(id -u)" = 0 ]; then
    setpriv --reuid="$user" --regid="$user" --clear-groups -- "$@"
  else
    "$@"
  fi
}

# make_ca DIR: ca.crt, and server.crt + server.key signed by it, for localhost and 127.0.0.1.
make_ca() {
  mkdir -p "$1"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
    -keyout "$1/ca.key" -out "$1/ca.crt" -subj "/O=scimgate tests/CN=Test CA" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
  make_certificate "$1"
}

# make_certificate DIR [NAME…]: server.crt + server.key, signed by the authority in the folder, for these
# names as well (`DNS:…`, `IP:…`).
make_certificate() {
  local dir=$1 names="DNS:localhost, IP:127.0.0.1" name
  shift
  for name in "$@"; do names="$names, $name"; done
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout "$dir/server.key" -out "$dir/server.csr" -subj "/O=scimgate tests/CN=localhost" 2>/dev/null
  cat >"$dir/server.cnf" <<END
subjectAltName = $names
basicConstraints = CA:FALSE
extendedKeyUsage = serverAuth
END
  openssl x509 -req -in "$dir/server.csr" -CA "$dir/ca.crt" -CAkey "$dir/ca.key" -CAcreateserial \
    -days 30 -extfile "$dir/server.cnf" -out "$dir/server.crt" 2>/dev/null
  chmod 644 "$dir"/*.crt
}

# make_client_certificate DIR NAME: client.crt + client.key, signed by the authority in the folder, for
# CN=NAME,O=scimgate tests.
make_client_certificate() {
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -keyout "$1/client.key" -out "$1/client.csr" -subj "/O=scimgate tests/CN=$2" 2>/dev/null
  openssl x509 -req -in "$1/client.csr" -CA "$1/ca.crt" -CAkey "$1/ca.key" -CAcreateserial -days 30 \
    -extfile <(printf 'basicConstraints = CA:FALSE\nextendedKeyUsage = clientAuth\n') \
    -out "$1/client.crt" 2>/dev/null
}

# as_root SCRIPT ARGUMENTS…: the server can only be set up by root, so the script starts again by sudo.
as_root() {
  [ "$(id -u)" != 0 ] || return 0
  exec sudo --preserve-env bash "$@"
}

# give_back DIR: what root made belongs to who called sudo, who can remove it then.
give_back() {
  [ -z "${SUDO_UID:-}" ] || chown -R "$SUDO_UID:" "$1"
}

# suffix_of FILE: the DN of the first entry of an LDIF file.
suffix_of() {
  sed -n '/^dn: /{s///p;q}' "$1"
}
