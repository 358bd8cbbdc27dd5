#!/usr/bin/env bash
# OpenLDAP for tests.
#
#   slapd.sh start DIR    makes dc=example,dc=com in DIR and starts slapd on two free loopback ports;
#                         DIR/env then holds the variables that the tests read
#   slapd.sh stop DIR
#
# SLAPD_EXTRA_LDIF=FILE loads more entries before the start, without checks and overlays.
# SLAPD_SET=FOLDER      adds a database of the suffix that FOLDER/base.ldif begins with, with the overlays memberof,
#                       refint, ppolicy and unique and the schema of FOLDER/*.schema (in the place of nis.schema);
#                       loads base.ldif over LDAP and applies FOLDER/lock.ldif with the control `relax`, if it is
#                       there. DIR/env has the suffix of the set then. Such a server is there within a second.
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
  [ -z "${SLAPD_SET:-}" ] || add_set
  slapadd -n0 -F "$dir/config" -l "$dir/config.ldif" >"$dir/slapadd.log" 2>&1 || { cat "$dir/slapadd.log" >&2; die "cannot load slapd.ldif"; }
  slapadd -n1 -F "$dir/config" -l "$here/../fixtures/ldif/openldap-base.ldif" >"$dir/slapadd.log" 2>&1 ||
    { cat "$dir/slapadd.log" >&2; die "cannot load openldap-base.ldif"; }
  [ -n "${SLAPD_EXTRA_LDIF:-}" ] || return 0
  slapadd -q -n1 -F "$dir/config" -l "$SLAPD_EXTRA_LDIF" >"$dir/slapadd.log" 2>&1 ||
    { cat "$dir/slapadd.log" >&2; die "cannot load $SLAPD_EXTRA_LDIF"; }
}

# The schema and the database of a set, in the configuration.
add_set() {
  suffix=$(suffix_of "$SLAPD_SET/base.ldif")
  mkdir "$dir/set"
  {
    echo "dn: cn=set,cn=schema,cn=config"
    echo "objectClass: olcSchemaConfig"
    echo "cn: set"
    # Definitions as slapd.conf has them, as LDIF has them: a line that goes on begins with a space.
    sed -E -e '/^[[:space:]]*(#.*)?$/d' -e 's/^[[:space:]]+/   /' -e 's/^attributetype[[:space:]]/olcAttributeTypes: /I' \
      -e 's/^objectclass[[:space:]]/olcObjectClasses: /I' -e 's/^objectidentifier[[:space:]]/olcObjectIdentifier: /I' \
      "$SLAPD_SET"/*.schema
    echo
  } >"$dir/set-schema.ldif"
  sed -i "s,^include: .*/nis.ldif,include: file:///etc/ldap/schema/dyngroup.ldif\ninclude: file://$dir/set-schema.ldif," \
    "$dir/config.ldif"
  sed -e "s/@SET@/$suffix/g" -e "s,@DIR@,$dir,g" "$here/slapd-set.ldif" >>"$dir/config.ldif"
}

load_set() {
  local client=(-x -H "$url" -D "cn=admin,$suffix" -w admin)
  ldapadd "${client[@]}" -f "$SLAPD_SET/base.ldif" >"$dir/load.log" 2>&1 ||
    { tail -3 "$dir/load.log" >&2; die "cannot load $SLAPD_SET/base.ldif"; }
  [ -s "$SLAPD_SET/lock.ldif" ] || return 0
  ldapmodify "${client[@]}" -M -e relax -f "$SLAPD_SET/lock.ldif" >"$dir/load.log" 2>&1 ||
    { tail -3 "$dir/load.log" >&2; die "cannot apply $SLAPD_SET/lock.ldif"; }
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
  url=ldap://127.0.0.1:$port
  wait_for 10 ldapsearch -x -H "$url" -s base -b '' || return 1
  cat >"$dir/env" <<END
export SCIMGATE_TEST_LDAP=$url
export SCIMGATE_TEST_LDAPS=ldaps://127.0.0.1:$tls
export SCIMGATE_TEST_LDAP_BASE=$suffix
export SCIMGATE_TEST_LDAP_BIND_DN=uid=gateway,ou=services,dc=example,dc=com
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
    [ -z "${SLAPD_SET:-}" ] || load_set
    ;;
  stop) stop_pid_file "$dir/slapd.pid" ;;
  *) die "start DIR | stop DIR" ;;
esac
