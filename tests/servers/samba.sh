#!/usr/bin/env bash
# Samba as an Active Directory domain controller for tests. Needs root (asks sudo otherwise): its LDAP ports
# cannot be chosen, so each one listens on a loopback address of its own.
#
#   samba.sh start DIR    makes the domain LAB.EXAMPLE in DIR and starts it on 127.x.y.z;
#                         DIR/env then holds the variables that the tests read
#   samba.sh stop DIR
#   samba.sh again DIR    starts it once more, at the same address and with what it held
#
# SCIMGATE_TEST_AD_TEMPLATE=FOLDER  (one of the variables in DIR/env) makes a copy of a domain as it is before its
#                                   first start: a server of a test's own is there within a second so
# SAMBA_SET=FOLDER                  loads FOLDER/base.ldif after the start; accounts without a password then get
#                                   `Start.Test1`; then applies FOLDER/lock.ldif, if there is one
# SAMBA_EXTRA_LDIF=FILE             adds further entries
# SAMBA_TWIN=FOLDER                 makes a copy of a domain controller that does not run, with all that it holds, instead
# SAMBA_CROWD=NUMBER                makes a group of so many people before the start (samba-crowd.py)
# SAMBA_KDC=1                       tells Kerberos tickets as well (ports 88 and 464 of its address), and lets them be used
#                                   over TLS; DIR/krb5.conf and DIR/gateway.keytab then serve a client
#
# The service account is CN=gateway,CN=Users,DC=lab,DC=example, a domain administrator, with the password
# `Gateway.Test1`; Administrator has the same. As in Active Directory, a password crosses TLS only.
. "$(dirname "$(readlink -f "$0")")/lib.sh"
as_root "$0" "$@"
suffix=DC=lab,DC=example
password=Gateway.Test1

# A domain as it is before its first start.
prepare() {
  if [ -n "${SAMBA_TWIN:-}" ]; then
    cp -a --sparse=always "$SAMBA_TWIN/." "$dir"
    return 0
  fi
  make_domain
  [ -z "${SAMBA_CROWD:-}" ] || "$(dirname "$0")/samba-crowd.py" "$dir" "$SAMBA_CROWD" >"$dir/crowd.log" 2>&1 ||
    { tail -3 "$dir/crowd.log" >&2; die "cannot make the crowd"; }
}

make_domain() {
  if [ -n "${SCIMGATE_TEST_AD_TEMPLATE:-}" ]; then
    cp -a --sparse=always "$SCIMGATE_TEST_AD_TEMPLATE/." "$dir"
    return 0
  fi
  make_ca "$dir/tls"
  # The address does not matter: only DNS would tell it.
  samba-tool domain provision --realm=LAB.EXAMPLE --domain=LAB --host-name=dc1 --host-ip=127.0.0.1 \
    --adminpass="$password" --server-role=dc --dns-backend=SAMBA_INTERNAL --use-rfc2307 --targetdir="$dir" \
    --option="interfaces=lo" --option="bind interfaces only=yes" >"$dir/provision.log" 2>&1 ||
    { tail -20 "$dir/provision.log" >&2; die "the domain cannot be made"; }
  mkdir "$dir.template"
  cp -a --sparse=always "$dir/." "$dir.template"
  mv "$dir.template" "$dir/template"
}

# random_address: one of 127.1.1.1 … 127.254.254.254. With so many, two servers hardly choose the same.
random_address() {
  echo "127.$((RANDOM % 254 + 1)).$((RANDOM % 254 + 1)).$((RANDOM % 254 + 1))"
}

configure() {
  make_certificate "$dir/tls" "IP:$address" DNS:dc1.lab.example DNS:lab.example
  chmod 600 "$dir"/tls/*.key
  local services=ldap strong=yes
  if [ -n "${SAMBA_KDC:-}" ]; then
    services="ldap kdc"
    strong=allow_sasl_over_tls
  fi
  mkdir -p "$dir"/{run,log,lock,ncalrpc,cache,bind-dns}
  cat >"$dir/etc/smb.conf" <<END
[global]
	netbios name = DC1
	realm = LAB.EXAMPLE
	workgroup = LAB
	server role = active directory domain controller
	server services = $services
	interfaces = $address/8
	bind interfaces only = yes
	disable netbios = yes
	idmap_ldb:use rfc2307 = yes
	private dir = $dir/private
	state directory = $dir/state
	cache directory = $dir/cache
	lock directory = $dir/lock
	pid directory = $dir/run
	ncalrpc dir = $dir/ncalrpc
	binddns dir = $dir/bind-dns
	winbindd socket directory = $dir/run/winbindd
	ntp signd socket directory = $dir/run/ntp_signd
	log file = $dir/log/samba.log
	logging = file
	tls enabled = yes
	tls keyfile = $dir/tls/server.key
	tls certfile = $dir/tls/server.crt
	tls cafile = $dir/tls/ca.crt
	tls verify peer = no_check
	ldap server require strong auth = $strong
	dsdb:schema update allowed = true
[sysvol]
	path = $dir/state/sysvol
	read only = No
END
}

start() {
  address=$(random_address)
  configure
  serve
}

serve() {
  samba --daemon --configfile="$dir/etc/smb.conf" || return 1
  wait_for 60 client ldapsearch -s base -b "$suffix" dn || { stop_pid_file "$dir/run/samba.pid"; return 1; }
}

# client TOOL ARGUMENTS…: an LDAP client that is logged in as Administrator.
client() {
  local tool=$1
  shift
  LDAPTLS_CACERT=$dir/tls/ca.crt "$tool" -x -o nettimeout=30 -H "ldaps://$address" -D administrator@lab.example \
    -w "$password" "$@"
}

# quoted_password TEXT: a password as unicodePwd takes it.
quoted_password() {
  printf '"%s"' "$1" | iconv -t UTF-16LE | base64 -w0
}

# The service account; and passwords may be changed twice a day.
fill() {
  client ldapmodify >"$dir/fill.log" 2>&1 <<END
dn: $suffix
changetype: modify
replace: minPwdAge
minPwdAge: 0

dn: CN=gateway,CN=Users,$suffix
changetype: add
objectClass: user
sAMAccountName: gateway
userPrincipalName: gateway@lab.example
userAccountControl: 66048
unicodePwd:: $(quoted_password "$password")

dn: CN=Domain Admins,CN=Users,$suffix
changetype: modify
add: member
member: CN=gateway,CN=Users,$suffix
END
}

# What a client of the KDC needs: where it is, and the key of the service account.
give_tickets() {
  cat >"$dir/krb5.conf" <<END
[libdefaults]
	default_realm = LAB.EXAMPLE
	dns_lookup_kdc = false
	dns_lookup_realm = false
	dns_canonicalize_hostname = false
[realms]
	LAB.EXAMPLE = {
		kdc = $address
	}
END
  # Clients of this server know its address only.
  samba-tool spn add "ldap/$address" 'DC1$' -s "$dir/etc/smb.conf" >"$dir/fill.log" 2>&1 &&
    samba-tool domain exportkeytab "$dir/gateway.keytab" --principal=gateway@LAB.EXAMPLE -s "$dir/etc/smb.conf" \
      >"$dir/fill.log" 2>&1
}

load() {
  local file
  for file in "${SAMBA_SET:+$SAMBA_SET/base.ldif}" "${SAMBA_EXTRA_LDIF:-}"; do
    [ -n "$file" ] || continue
    client ldapadd -f "$file" >"$dir/load.log" 2>&1 || { tail -3 "$dir/load.log" >&2; die "cannot load $file"; }
  done
  [ -n "${SAMBA_SET:-}" ] || return 0
  give_passwords
  [ -s "$SAMBA_SET/lock.ldif" ] || return 0
  client ldapmodify -f "$SAMBA_SET/lock.ldif" >"$dir/load.log" 2>&1 || die "cannot apply $SAMBA_SET/lock.ldif"
}

# Accounts that need no password (bit 32 of userAccountControl) get one, and need it from then on.
give_passwords() {
  client ldapsearch -LLL -o ldif-wrap=no -b "$suffix" \
    "(&(objectClass=user)(userAccountControl:1.2.840.113556.1.4.803:=32)(!(isCriticalSystemObject=TRUE)))" \
    userAccountControl |
    PASSWORD=$(quoted_password Start.Test1) awk '
      /^dn:/ { dn = $0 }
      /^userAccountControl: / {
        print dn "\nchangetype: modify\nreplace: unicodePwd\nunicodePwd:: " ENVIRON["PASSWORD"]
        print "-\nreplace: userAccountControl\nuserAccountControl: " $2 - 32 "\n"
      }' >"$dir/passwords.ldif"
  client ldapmodify -f "$dir/passwords.ldif" >"$dir/load.log" 2>&1 ||
    { tail -3 "$dir/load.log" >&2; die "cannot give passwords"; }
}

command=${1:-}
dir=$(mkdir -p "${2:?folder}" && readlink -f "$2")
case $command in
  start)
    prepare
    tries 5 start || { tail -20 "$dir/log/samba.log" >&2; die "Samba did not start"; }
    [ -n "${SAMBA_TWIN:-}" ] || fill || { cat "$dir/fill.log" >&2; die "the service account cannot be made"; }
    [ -z "${SAMBA_KDC:-}" ] || give_tickets || { cat "$dir/fill.log" >&2; die "there are no tickets"; }
    load
    cat >"$dir/env" <<END
export SCIMGATE_TEST_AD=ldaps://$address
export SCIMGATE_TEST_AD_BASE=$suffix
export SCIMGATE_TEST_AD_BIND_DN=CN=gateway,CN=Users,$suffix
export SCIMGATE_TEST_AD_PASSWORD=$password
export SCIMGATE_TEST_AD_CA=$dir/tls/ca.crt
export SCIMGATE_TEST_AD_TEMPLATE=${SCIMGATE_TEST_AD_TEMPLATE:-$dir/template}
END
    ;;
  stop)
    # Its other processes notice that the first one is gone.
    stop_pid_file "$dir/run/samba.pid"
    give_back "$dir"
    ;;
  again)
    forget_killed "$dir/run/samba.pid"
    address=$(sed -n 's,^[[:space:]]*interfaces = \(.*\)/8$,\1,p' "$dir/etc/smb.conf")
    serve || { tail -20 "$dir/log/samba.log" >&2; die "Samba did not start again"; }
    ;;
  *) die "start DIR | stop DIR | again DIR" ;;
esac
