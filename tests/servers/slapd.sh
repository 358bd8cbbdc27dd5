#!/usr/bin/env bash
# OpenLDAP for tests.
#
#   slapd.sh start DIR    makes dc=example,dc=com in DIR and starts slapd on two free loopback ports;
#                         DIR/env then holds the variables that the tests read
#   slapd.sh stop DIR
#   slapd.sh again DIR    starts it once more, on the same ports and with what it held
#
# SLAPD_EXTRA_LDIF=FILE loads more entries before the start, without checks and overlays.
# SLAPD_TWIN=DIR       serves what the server of that folder holds, in place of the usual entries.
# SLAPD_CONFIG_LDIF=FILE adds entries to the configuration, and SLAPD_GLOBAL=LINE a line to cn=config itself.
#
# SLAPD_SET=FOLDER serves a set instead: the schema and the entries of FOLDER (base.ldif, then the changes of
# lock.ldif), added over LDAP so that overlays act, as sets/NAME.conf says for a folder NAME or ldap-NAME.
# The service account is cn=gateway,cn=services then.
#
# Otherwise the service account is uid=gateway,ou=services,dc=example,dc=com with the password `gateway`.
. "$(dirname "$(readlink -f "$0")")/lib.sh"
here=$(dirname "$(readlink -f "$0")")
set=${SLAPD_SET:+$(readlink -f "$SLAPD_SET")}
suffix=dc=example,dc=com
account=uid=gateway,ou=services,$suffix

# fill FILE: a part of a configuration, with what it stands for.
fill() {
  sed -e "s,@DIR@,$dir,g" -e "s,@MODULES@,$modules,g" -e "s,@HERE@,$here,g" -e "s,@SET@,$set,g" "$1"
}

prepare_set() {
  local name
  name=$(basename "$set")
  mkdir -p "$dir/services"
  # The account that it runs under need not be able to read the folder.
  mkdir -p "$dir/set" && cp "$set"/*.schema "$dir/set/"
  set=$dir/set fill "$here/sets/${name#ldap-}.conf" |
    sed -e "/^@HEAD@$/{r $dir/head.conf
d}" -e "/^@DATABASE@$/{r $dir/database.conf
d}" >"$dir/slapd.conf"
  slaptest -f "$dir/slapd.conf" -u >"$dir/slapadd.log" 2>&1 ||
    { cat "$dir/slapadd.log" >&2; die "cannot load $dir/slapd.conf"; }
}

fill_set() {
  local tool=(-x -H "ldap://127.0.0.1:$1" -D "$account" -w gateway)
  ldapadd "${tool[@]}" -f "$set/base.ldif" >"$dir/slapadd.log" 2>&1 ||
    { cat "$dir/slapadd.log" >&2; die "cannot load base.ldif"; }
  [ ! -f "$set/lock.ldif" ] || ldapmodify "${tool[@]}" -M -e relax -f "$set/lock.ldif" >"$dir/slapadd.log" 2>&1 ||
    { cat "$dir/slapadd.log" >&2; die "cannot load lock.ldif"; }
}

prepare() {
  make_ca "$dir/tls"
  make_client_certificate "$dir/tls" gateway
  mkdir -p "$dir/config" "$dir/db"
  modules=/usr/lib/ldap
  [ -d $modules ] || modules=$(dirname "$(find /usr/lib -name 'back_mdb*.so*' | head -1)")
  if [ -n "$set" ]; then
    suffix=$(suffix_of "$set/base.ldif")
    account=cn=gateway,cn=services
    for part in head database; do fill "$here/sets/$part.conf" >"$dir/$part.conf"; done
    prepare_set
    return
  fi
  fill "$here/slapd.ldif" >"$dir/config.ldif"
  [ -z "${SLAPD_GLOBAL:-}" ] || sed -i "/^olcLogLevel:/a $SLAPD_GLOBAL" "$dir/config.ldif"
  [ -z "${SLAPD_CONFIG_LDIF:-}" ] || (echo && fill "$SLAPD_CONFIG_LDIF") >>"$dir/config.ldif"
  slapadd -n0 -F "$dir/config" -l "$dir/config.ldif" >"$dir/slapadd.log" 2>&1 || { cat "$dir/slapadd.log" >&2; die "cannot load slapd.ldif"; }
  if [ -n "${SLAPD_TWIN:-}" ]; then
    slapcat -n1 -F "$SLAPD_TWIN/config" >"$dir/twin.ldif"
    slapadd -q -n1 -F "$dir/config" -l "$dir/twin.ldif" >"$dir/slapadd.log" 2>&1 ||
      { cat "$dir/slapadd.log" >&2; die "cannot load what $SLAPD_TWIN holds"; }
    return
  fi
  slapadd -n1 -F "$dir/config" -l "$here/../fixtures/ldif/openldap-base.ldif" >"$dir/slapadd.log" 2>&1 ||
    { cat "$dir/slapadd.log" >&2; die "cannot load openldap-base.ldif"; }
  [ -n "${SLAPD_EXTRA_LDIF:-}" ] || return 0
  slapadd -q -n1 -F "$dir/config" -l "$SLAPD_EXTRA_LDIF" >"$dir/slapadd.log" 2>&1 ||
    { cat "$dir/slapadd.log" >&2; die "cannot load $SLAPD_EXTRA_LDIF"; }
}

# serve PORT TLSPORT: returns when the ports are open, or fails when one of them is taken.
serve() {
  local user=() config=(-F "$dir/config")
  if [ "$(id -u)" = 0 ] && getent passwd openldap >/dev/null; then
    user=(-u openldap -g openldap)
    own "$dir" openldap
  fi
  [ ! -f "$dir/slapd.conf" ] || config=(-f "$dir/slapd.conf")
  slapd "${config[@]}" "${user[@]}" -h "ldap://127.0.0.1:$1/ ldaps://127.0.0.1:$2/" || return 1
  wait_for 10 ldapsearch -x -H "ldap://127.0.0.1:$1/" -s base -b ''
}

start() {
  local port tls
  port=$(free_port)
  tls=$(free_port)
  serve "$port" "$tls" || return 1
  [ -z "$set" ] || fill_set "$port"
  cat >"$dir/env" <<END
export SCIMGATE_TEST_LDAP=ldap://127.0.0.1:$port
export SCIMGATE_TEST_LDAPS=ldaps://127.0.0.1:$tls
export SCIMGATE_TEST_LDAP_BASE=$suffix
export SCIMGATE_TEST_LDAP_BIND_DN=$account
export SCIMGATE_TEST_LDAP_PASSWORD=gateway
export SCIMGATE_TEST_LDAP_CA=$dir/tls/ca.crt
export SCIMGATE_TEST_LDAP_CLIENT=$dir/tls/client
END
}

command=${1:-}
dir=$(mkdir -p "${2:?folder}" && readlink -f "$2")
case $command in
  start)
    prepare
    tries 5 start || die "slapd did not start"
    ;;
  stop) stop_pid_file "$dir/slapd.pid" ;;
  again)
    forget_killed "$dir/slapd.pid"
    . "$dir/env"
    serve "${SCIMGATE_TEST_LDAP##*:}" "${SCIMGATE_TEST_LDAPS##*:}" || die "slapd did not start again"
    ;;
  *) die "start DIR | stop DIR | again DIR" ;;
esac
