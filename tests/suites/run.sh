#!/usr/bin/env bash
# Runs the public conformance suites and clients against the gateway in front of each store, and the same
# random requests against it and scim2-server (`differential`).
#
#   run.sh [demo] [openldap] [389ds] [ad] [postgres] [mysql] [devices] [differential]     default: all of them
#
# devices is the type of tests/fixtures/devices, with an attribute of every kind, in SQLite; only
# scim2-tester, which goes by the published schemas, has something to say about it.
#
# tests/run starts the servers and calls this; SCIMGATE_TEST_LDAP, SCIMGATE_TEST_389DS, SCIMGATE_TEST_AD,
# SCIMGATE_TEST_POSTGRES and SCIMGATE_TEST_MYSQL tell where they are. Each store is filled afresh from tests/fixtures.
# SCIMGATE_BINARY names another program than the one that is built here.
# shellcheck disable=SC2317 # the functions are called by name
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
. tests/servers/lib.sh

token=conformance-suites
hash=sha256:$(printf %s $token | sha256sum | cut -d' ' -f1)
binary=${SCIMGATE_BINARY:-target/debug/scimgate}
work=$(mktemp -d "${TMPDIR:-/tmp}/scimgate-suites.XXXXXX")
gateway=
database=suites_$$

# A virtual environment with the suites, made anew when their versions change.
python_for_suites() {
  local venv=target/suites wanted
  wanted=$(sha256sum <tests/suites/requirements.txt)
  if [ "$(cat $venv/wanted 2>/dev/null || true)" != "$wanted" ]; then
    rm -rf $venv
    python3 -m venv $venv
    $venv/bin/pip install --quiet --disable-pip-version-check --no-deps -r tests/suites/requirements.txt
    echo "$wanted" >$venv/wanted
  fi
  echo $venv/bin/python
}

# part URL PATTERN: a piece of scheme://user:password@host:port/…
part() { sed -E 's,^[a-z]+://([^:]*):([^@]*)@([^:/]*):([0-9]+)/.*$,'"$2"',' <<<"$1"; }

mariadb_client() {
  local url=$SCIMGATE_TEST_MYSQL
  MYSQL_PWD=$(part "$url" '\2') mariadb --no-defaults --default-character-set=utf8mb4 \
    -h "$(part "$url" '\3')" -P "$(part "$url" '\4')" -u "$(part "$url" '\1')" "$@"
}

# of_directory PREFIX PART: a variable of a directory server, such as SCIMGATE_TEST_AD_BASE.
of_directory() {
  local name=SCIMGATE_TEST_$1${2:+_$2}
  printf %s "${!name:?run this by tests/run}"
}

# load_directory PREFIX: adds the entries on standard input.
load_directory() {
  LDAPTLS_CACERT=$(of_directory "$1" CA) ldapadd -x -H "$(of_directory "$1" "")" -D "$(of_directory "$1" BIND_DN)" \
    -w "$(of_directory "$1" PASSWORD)"
}

# directory_settings PREFIX: the lines of a store.
directory_settings() {
  cat <<END
[stores.main.ldap]
urls = ["$(of_directory "$1" "")"]
bind_dn = "$(of_directory "$1" BIND_DN)"
password = "$(of_directory "$1" PASSWORD)"
ca_file = "$(of_directory "$1" CA)"
END
}

# settings [MODE]: the store's lines from standard input, then what all stores have in common.
# The suites look for what they just made in the first page, hence the large one; scim-sanity wants
# PATCH to answer with the resource, and adds members that do not exist.
settings() {
  cat
  cat <<END
[server]
listen = ["127.0.0.1:0"]
[correlation]
url = "sqlite:ids.db"
[limits]
default_page = 1000
[[clients]]
name = "suites"
tokens = ["$hash"]
scopes = ["all"]
patch_response = "full"
unknown_members = "skip"
mode = "${1:-tolerant}"
END
}

# Each prepare_STORE fills a store and writes DIR/scimgate.toml.
prepare_demo() {
  # The demo makes its database when it starts; the suites need other settings than the demo's own.
  "$binary" demo --listen 127.0.0.1:0 --dir "$1" >"$1/demo.log" 2>&1 &
  local demo=$!
  local made=0
  wait_for 20 test -s "$1/hr.db" || made=1
  kill "$demo" 2>/dev/null
  wait "$demo" || true
  [ "$made" = 0 ] || { cat "$1/demo.log"; return 1; }
  { echo "mapping = \"$PWD/mappings/demo.toml\""; echo '[stores.main.sql]'; echo 'url = "sqlite:'"$1"'/hr.db"'; } |
    settings >"$1/scimgate.toml"
}

prepare_openldap() {
  load_directory LDAP <tests/fixtures/ldif/openldap-seed.ldif >"$1/fill.log" 2>&1 || { cat "$1/fill.log"; return 1; }
  { echo "mapping = \"$PWD/mappings/openldap.toml\""; directory_settings LDAP; echo "start_tls = true"; } |
    settings >"$1/scimgate.toml"
}

prepare_389ds() {
  sed 's/pwdAccountLockedTime: .*/nsAccountLock: true/' tests/fixtures/ldif/openldap-seed.ldif |
    load_directory 389DS >"$1/fill.log" 2>&1 || { cat "$1/fill.log"; return 1; }
  { echo "mapping = \"$PWD/mappings/389ds.toml\""; directory_settings 389DS; } | settings >"$1/scimgate.toml"
}

prepare_ad() {
  local unit
  {
    for unit in OU=Corp OU=People,OU=Corp OU=Groups,OU=Corp; do
      printf 'dn: %s,%s\nobjectClass: organizationalUnit\n\n' "$unit" "$(of_directory AD BASE)"
    done
    cat tests/fixtures/ldif/active-directory-seed.ldif
  } | load_directory AD >"$1/fill.log" 2>&1 || { cat "$1/fill.log"; return 1; }
  # scim2-tester gives every attribute a long random value. Active Directory takes countries of two letters and
  # employeeID of 16, and has but one address of a type that clients choose: those lie elsewhere here.
  cat >"$1/mapping.toml" <<END
extends = "$PWD/mappings/active-directory.toml"
[User]
derived = { mail = false, co = false, countryCode = false }
part = { proxy = false, main = false }
[User.attributes]
emails = "@side"
[User.attributes.addresses.slots.work.sub]
country = "@side"
[User.attributes.'{E}'.sub]
employeeNumber = "employeeNumber"
END
  { echo "mapping = \"$1/mapping.toml\""; directory_settings AD; } | settings >"$1/scimgate.toml"
}

prepare_postgres() {
  local url=${SCIMGATE_TEST_POSTGRES:?run this by tests/run}
  psql -q "$url" -c "create database $database" || return 1
  psql -q "${url%/*}/$database" -v ON_ERROR_STOP=1 -f tests/fixtures/sql/postgres-hr.sql >/dev/null || return 1
  settings >"$1/scimgate.toml" <<END
mapping = "$PWD/mappings/postgresql-hr.toml"
[stores.main.sql]
url = "postgresql://$(part "$url" '\1@\3:\4')/$database"
password = "$(part "$url" '\2')"
END
}

prepare_mysql() {
  local url=${SCIMGATE_TEST_MYSQL:?run this by tests/run}
  mariadb_client -e "create database $database character set utf8mb4 collate utf8mb4_unicode_ci" || return 1
  mariadb_client "$database" <tests/fixtures/sql/mysql-hr.sql || return 1
  settings >"$1/scimgate.toml" <<END
mapping = "$PWD/mappings/mysql-hr.toml"
[stores.main.sql]
url = "mysql://$(part "$url" '\1@\3:\4')/$database"
password = "$(part "$url" '\2')"
END
}

prepare_devices() {
  sed -e 's/{BYTES}/blob/g; s/{TIME}/timestamp/g' tests/fixtures/devices/tables.sql |
    python3 -c 'import sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript(sys.stdin.read())' "$1/devices.db" ||
    return 1
  settings >"$1/scimgate.toml" <<END
mapping = "$PWD/tests/fixtures/devices/suite.toml"
[stores.main.sql]
url = "sqlite:$1/devices.db"
END
}

prepare_differential() {
  python3 -c 'import sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript(sys.stdin.read())' \
    "$1/store.db" <tests/suites/differential/store.sql || return 1
  settings rfc >"$1/scimgate.toml" <<END
mapping = "$PWD/tests/suites/differential/mapping.toml"
[stores.main.sql]
url = "sqlite:$1/store.db"
END
}

stop_gateway() {
  [ -n "$gateway" ] || return 0
  kill -TERM "$gateway" 2>/dev/null || true
  wait "$gateway" 2>/dev/null || true
  gateway=
}

clean_up() {
  stop_gateway
  [ -z "${SCIMGATE_TEST_POSTGRES:-}" ] || psql -q "$SCIMGATE_TEST_POSTGRES" -c "drop database if exists $database" 2>/dev/null || true
  [ -z "${SCIMGATE_TEST_MYSQL:-}" ] || mariadb_client -e "drop database if exists $database" 2>/dev/null || true
  rm -rf "$work"
}

address_in() { sed -n 's,.*listening on \(http://[0-9.:]*\).*,\1,p' "$1" | head -1; }
has_address() { [ -n "$(address_in "$1")" ]; }

# run_store STORE: prints what failed, and adds a line to the table.
run_store() {
  local store=$1 dir=$work/$1 address failed=0 only=()
  [ "$store" != devices ] || only=(--suite scim2-tester)
  mkdir -p "$dir"
  echo "Conformance suites in front of $store:"
  "prepare_$store" "$dir" || { echo "the store cannot be filled"; return 1; }
  NO_COLOR=1 "$binary" serve --config "$dir/scimgate.toml" >"$dir/log" 2>&1 &
  gateway=$!
  if ! wait_for 20 has_address "$dir/log"; then
    cat "$dir/log"
    echo "the gateway did not start in front of $store"
    return 1
  fi
  address=$(address_in "$dir/log")
  if ! wait_for 20 python3 -c "import urllib.request as u; u.urlopen('$address/health/ready')"; then
    cat "$dir/log"
    echo "the gateway did not become ready in front of $store"
    return 1
  fi
  local suites=tests/suites/conformance.py
  [ "$store" != differential ] || suites=tests/suites/differential
  "$python" "$suites" --url "$address/scim/v2" --token $token "${only[@]}" >"$dir/result" || failed=1
  sed 's/^/  /' "$dir/result"
  [ "$failed" = 0 ] || { echo "  end of the gateway's log:"; tail -n 20 "$dir/log" | sed 's/^/    /'; }
  grep -E ': [0-9]+ (passed|equal), ' "$dir/result" | while IFS=: read -r suite counts; do
    printf '%-12s %-14s%s\n' "$store" "$suite" "$counts" >>"$work/table"
  done
  stop_gateway
  return "$failed"
}

trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
[ -n "${SCIMGATE_BINARY:-}" ] || cargo build --quiet --features full
python=$(python_for_suites)
[ $# -gt 0 ] || set -- demo openldap 389ds ad postgres mysql devices differential
failed=0
for store in "$@"; do
  declare -F "prepare_$store" >/dev/null || die "there is no store $store"
  run_store "$store" || failed=1
  stop_gateway
done
echo
cat "$work/table" 2>/dev/null || true
exit "$failed"
