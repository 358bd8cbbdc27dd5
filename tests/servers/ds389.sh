#!/usr/bin/env bash
# 389 Directory Server for tests. Needs root (asks sudo otherwise), as its set-up program does.
#
#   ds389.sh start DIR    makes dc=example,dc=com in DIR and starts ns-slapd on two free loopback ports;
#                         DIR/env then holds the variables that the tests read
#   ds389.sh stop DIR
#   ds389.sh again DIR    starts it once more, on the same ports and with what it held
#
# SCIMGATE_TEST_389DS_TEMPLATE=FOLDER  (one of the variables in DIR/env) makes a copy of a server as it is before its
#                                      first start: a server of a test's own is there within two seconds so
# DS389_SET=FOLDER                     uses FOLDER/schema/*.ldif as well, makes a database for the suffix that
#                                      FOLDER/base.ldif begins with, loads that, and applies FOLDER/lock.ldif
# DS389_EXTRA_LDIF=FILE                adds further entries
# DS389_IMPORT_LDIF=FILE               puts very many further entries into the database while the server is stopped:
#                                      no plug-in sees them
# DS389_TWIN=FOLDER                    makes a copy of a server that does not run, with all that it holds, instead
#
# The service account is uid=gateway,ou=services,dc=example,dc=com with the password `gateway-Test1`; new passwords can
# be set through TLS only, so that is the address that the tests use. Plug-ins: memberOf,
# referential integrity, unique uid and mail below ou=people,dc=example,dc=com, USN.
. "$(dirname "$(readlink -f "$0")")/lib.sh"
as_root "$0" "$@"
here=$(dirname "$(readlink -f "$0")")
suffix=dc=example,dc=com
gateway=uid=gateway,ou=services,$suffix
manager='cn=Directory Manager'
password=gateway-Test1

# Makes a server, not started. The set-up program takes away the whole folder if it fails, as when somebody else
# has taken one of the ports meanwhile.
set_up() {
  mkdir -p "$dir"
  make_ca "$dir/tls"
  mkdir -p "$dir"/{etc,db,log,run,lock,bak,ldif,inst,tmp,initconfig,share}
  local folders="s,^systemd *=.*,,
    s,^with_systemd = .*,with_systemd = 0,
    s,^\(config_dir\|cert_dir\) = .*,\1 = $dir/etc,
    s,^schema_dir = .*,schema_dir = $dir/etc/schema,
    s,^\(db_dir\|db_home_dir\) = .*,\1 = $dir/db,
    s,^log_dir = .*,log_dir = $dir/log,
    s,^\(access\|audit\|error\|security\)_log = .*/,\1_log = $dir/log/,
    s,^run_dir = .*,run_dir = $dir/run,
    s,^lock_dir = .*,lock_dir = $dir/lock,
    s,^backup_dir = .*,backup_dir = $dir/bak,
    s,^ldif_dir = .*,ldif_dir = $dir/ldif,
    s,^inst_dir = .*,inst_dir = $dir/inst,
    s,^tmp_dir = .*,tmp_dir = $dir/tmp,
    s,^initconfig_dir = .*,initconfig_dir = $dir/initconfig,
    s,^ldapi = .*,ldapi = $dir/ldapi,
    s,^pid_file = .*,pid_file = $dir/run/slapd.pid,"
  # The set-up program finds its folders in a file that only PREFIX leads elsewhere.
  mkdir -p "$dir/prefix/share/dirsrv/inf" "$dir/prefix/etc/dirsrv"
  ln -sfn "$dir/etc" "$dir/prefix/etc/dirsrv/slapd-test"
  sed -e "$folders" /usr/share/dirsrv/inf/defaults.inf >"$dir/prefix/share/dirsrv/inf/defaults.inf"
  # With a template of our own the server never listens anywhere but on loopback.
  cp -a /usr/share/dirsrv "$dir/share/"
  sed -i 's/^nsslapd-port: .*/&\nnsslapd-listenhost: 127.0.0.1\nnsslapd-securelistenhost: 127.0.0.1/' \
    "$dir/share/dirsrv/data/template-dse.ldif"
  chown -R dirsrv:dirsrv "$dir"
  cat >"$dir/setup.inf" <<END
[general]
defaults = 999999999
full_machine_name = localhost
start = False
strict_host_checking = False
systemd = False
selinux = False
[slapd]
instance_name = test
user = dirsrv
group = dirsrv
port = $(free_port)
secure_port = $(free_port)
root_dn = $manager
root_password = $password
self_sign_cert = False
config_dir = $dir/etc
schema_dir = $dir/etc/schema
cert_dir = $dir/etc
db_dir = $dir/db
db_home_dir = $dir/db
log_dir = $dir/log
run_dir = $dir/run
lock_dir = $dir/lock
backup_dir = $dir/bak
ldif_dir = $dir/ldif
inst_dir = $dir/inst
tmp_dir = $dir/tmp
data_dir = $dir/share
ldapi = $dir/ldapi
initconfig_dir = $dir/initconfig
local_state_dir = $dir
pid_file = $dir/run/slapd.pid
[backend-userroot]
suffix = $suffix
create_suffix_entry = True
sample_entries = no
END
  PREFIX="$dir/prefix" dscreate -v from-file "$dir/setup.inf" >"$dir.setup.log" 2>&1
}

# A server as it is before its first start. Its paths and ports are replaced by `configure`.
prepare() {
  if [ -n "${DS389_TWIN:-}" ]; then
    was=$(readlink -f "$DS389_TWIN")
    cp -a "$was/." "$dir"
    return 0
  fi
  if [ -n "${SCIMGATE_TEST_389DS_TEMPLATE:-}" ]; then
    cp -a "$SCIMGATE_TEST_389DS_TEMPLATE/." "$dir"
    was=$(cat "$dir/made-in")
    return 0
  fi
  was=$dir
  tries 3 set_up || { tail -20 "$dir.setup.log" >&2; die "the server cannot be set up"; }
  rm -f "$dir.setup.log"
  # Certificate and key of the server, and its authority.
  openssl pkcs12 -export -inkey "$dir/tls/server.key" -in "$dir/tls/server.crt" -certfile "$dir/tls/ca.crt" \
    -name Server-Cert -passout pass:x -out "$dir/tls/server.p12"
  pk12util -i "$dir/tls/server.p12" -d "sql:$dir/etc" -k "$dir/etc/pwdfile.txt" -W x >/dev/null
  certutil -A -d "sql:$dir/etc" -n TestCA -t CT,, -a -i "$dir/tls/ca.crt" -f "$dir/etc/pwdfile.txt"
  chown dirsrv:dirsrv "$dir"/etc/*.db
  # Most of the settings can be made where the server reads them; the others follow over LDAP.
  python3 "$here/ds389-settings.py" "$here/ds389.ldif" "$dir/etc/dse.ldif"
  echo "$dir" >"$dir/made-in"
  mkdir "$dir.template"
  cp -a "$dir/." "$dir.template"
  mv "$dir.template" "$dir/template"
}

configure() {
  port=$(free_port)
  tls=$(free_port)
  sed -i -e "s,$was,$dir,g" -e "s,^nsslapd-port: .*,nsslapd-port: $port," \
    -e "s,^nsslapd-securePort: .*,nsslapd-securePort: $tls,I" "$dir/etc/dse.ldif"
  was=$dir
  if [ -n "${DS389_SET:-}" ] && [ -d "$DS389_SET/schema" ]; then cp "$DS389_SET"/schema/*.ldif "$dir/etc/schema/"; fi
  chown -R dirsrv:dirsrv "$dir/etc"
}

start() {
  configure
  serve
}

serve() {
  ns-slapd -D "$dir/etc" -i "$dir/run/slapd.pid" >>"$dir/log/stdout" 2>&1 || return 1
  wait_for 60 ldapsearch -x -o nettimeout=5 -H "ldap://127.0.0.1:$port" -s base -b '' 1.1 ||
    { stop_pid_file "$dir/run/slapd.pid"; return 1; }
}

# client TOOL ARGUMENTS…: an LDAP client that is logged in as the manager.
client() {
  local tool=$1
  shift
  "$tool" -x -H "ldap://127.0.0.1:$port" -D "$manager" -w "$password" "$@"
}

# load TOOL FILE
load() {
  client "$1" -f "$2" >"$dir/load.log" 2>&1 || { tail -3 "$dir/load.log" >&2; die "cannot load $2"; }
}

# The database of a set's suffix, where the service account may do everything, too.
load_set() {
  local base
  base=$(suffix_of "$DS389_SET/base.ldif")
  cat >"$dir/backend.ldif" <<END
dn: cn=set,cn=ldbm database,cn=plugins,cn=config
objectClass: extensibleObject
objectClass: nsBackendInstance
cn: set
nsslapd-suffix: $base

dn: cn="$base",cn=mapping tree,cn=config
objectClass: extensibleObject
objectClass: nsMappingTree
cn: $base
nsslapd-state: backend
nsslapd-backend: set
END
  load ldapadd "$dir/backend.ldif"
  load ldapadd "$DS389_SET/base.ldif"
  cat >"$dir/rights.ldif" <<END
dn: $base
changetype: modify
add: aci
aci: (targetattr="*")(version 3.0; acl "gateway"; allow (all) userdn="ldap:///$gateway";)
END
  load ldapmodify "$dir/rights.ldif"
  [ ! -s "$DS389_SET/lock.ldif" ] || load ldapmodify "$DS389_SET/lock.ldif"
}

# import FILE
import() {
  local all=$dir/ldif/all.ldif
  stop_pid_file "$dir/run/slapd.pid"
  ns-slapd db2ldif -D "$dir/etc" -n userRoot -a "$all" >"$dir/load.log" 2>&1 &&
    cat "$1" >>"$all" && chown dirsrv:dirsrv "$all" &&
    ns-slapd ldif2db -D "$dir/etc" -n userRoot -i "$all" >>"$dir/load.log" 2>&1 ||
    { tail -3 "$dir/load.log" >&2; die "cannot import $1"; }
  tries 5 start || { tail -5 "$dir/log/errors" >&2; die "389-ds did not start again"; }
}

command=${1:-}
dir=$(mkdir -p "${2:?folder}" && readlink -f "$2")
case $command in
  start)
    prepare
    tries 5 start || { tail -5 "$dir/log/errors" >&2; die "389-ds did not start"; }
    [ -n "${DS389_TWIN:-}" ] || load ldapmodify "$here/../fixtures/ldif/389ds-base.ldif"
    [ -z "${DS389_EXTRA_LDIF:-}" ] || load ldapadd "$DS389_EXTRA_LDIF"
    [ -z "${DS389_IMPORT_LDIF:-}" ] || import "$DS389_IMPORT_LDIF"
    [ -z "${DS389_SET:-}" ] || load_set
    cat >"$dir/env" <<END
export SCIMGATE_TEST_389DS=ldaps://127.0.0.1:$tls
export SCIMGATE_TEST_389DS_BASE=$([ -z "${DS389_SET:-}" ] && echo "$suffix" || suffix_of "$DS389_SET/base.ldif")
export SCIMGATE_TEST_389DS_BIND_DN=$gateway
export SCIMGATE_TEST_389DS_PASSWORD=$password
export SCIMGATE_TEST_389DS_CA=$dir/tls/ca.crt
export SCIMGATE_TEST_389DS_TEMPLATE=${SCIMGATE_TEST_389DS_TEMPLATE:-$dir/template}
END
    ;;
  stop)
    stop_pid_file "$dir/run/slapd.pid"
    give_back "$dir"
    ;;
  again)
    forget_killed "$dir/run/slapd.pid"
    # Who was killed has left a mark, and the server believes it while the process is a zombie.
    rm -f "$dir"/lock/server/*
    port=$(sed -n 's/^nsslapd-port: //p' "$dir/etc/dse.ldif")
    serve || { tail -5 "$dir/log/errors" >&2; die "389-ds did not start again"; }
    ;;
  *) die "start DIR | stop DIR | again DIR" ;;
esac
