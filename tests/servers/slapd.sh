#!/usr/bin/env bash
# OpenLDAP for tests.
#
#   slapd.sh start DIR    makes dc=example,dc=com in DIR and starts slapd on two free loopback ports;
#                         DIR/env then holds the variables that the tests read
#   slapd.sh stop DIR
#
# SLAPD_EXTRA_LDIF=FILE loads more entries before the start, without checks and overlays.
#
# The service account is uid=gateway,ou=services,dc=example,dc=com with the password `gateway`.
. "$(dirname "$(readlink -f "$0")")/lib.sh"
here=$(dirname "$(readlink -f "$0")")
suffix=dc=example,dc=com

prepare() {
  make_ca "$dir/tls"
  mkdir -p "$dir/config" "$dir/db"
  local modules=/usr/lib/ldap
  [ -d $modules ] || modules=$(dirname "$(find /usr/lib -name 'back_mdb*.so*' | head -1)")
  sed -e "s,@DIR@,$dir,g" -e "s,@MODULES@,$modules,g" -e "s,@HERE@,$here,g" "$here/slapd.ldif" >"$dir/config.ldif"
  slapadd -n0 -F "$dir/config" -l "$dir/config.ldif" >"$dir/slapadd.log" 2>&1 || { cat "$dir/slapadd.log" >&2; die "cannot load slapd.ldif"; }
  slapadd -n1 -F "$dir/config" -l "$here/../fixtures/ldif/openldap-base.ldif" >"$dir/slapadd.log" 2>&1 ||
    { cat "$dir/slapadd.log" >&2; die "cannot load openldap-base.ldif"; }
  [ -n "${SLAPD_EXTRA_LDIF:-}" ] || return 0
  slapadd -q -n1 -F "$dir/config" -l "$SLAPD_EXTRA_LDIF" >"$dir/slapadd.log" 2>&1 ||
    { cat "$dir/slapadd.log" >&2; die "cannot load $SLAPD_EXTRA_LDIF"; }
}

start() {
  local port tls user=()
  port=$(free_port)
  tls=$(free_port)
  if [ "$(id -u)" = 0 ] && getent passwd openldap >/dev/null; then
    user=(-u openldap -g openldap)
    own "$dir" openldap
  fi
  # It returns when the ports are open, or fails when one of them was taken meanwhile.
  slapd -F "$dir/config" "${user[@]}" -h "ldap://127.0.0.1:$port/ ldaps://127.0.0.1:$tls/" || return 1
  wait_for 10 ldapsearch -x -H "ldap://127.0.0.1:$port/" -s base -b '' || return 1
  cat >"$dir/env" <<END
export SCIMGATE_TEST_LDAP=ldap://127.0.0.1:$port
export SCIMGATE_TEST_LDAPS=ldaps://127.0.0.1:$tls
export SCIMGATE_TEST_LDAP_BASE=$suffix
export SCIMGATE_TEST_LDAP_BIND_DN=uid=gateway,ou=services,$suffix
export SCIMGATE_TEST_LDAP_PASSWORD=gateway
export SCIMGATE_TEST_LDAP_CA=$dir/tls/ca.crt
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
  *) die "start DIR | stop DIR" ;;
esac
