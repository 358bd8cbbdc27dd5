# What the test command and the benchmark install. Sourced, never run.
# shellcheck shell=bash
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# Installs the missing ones of the packages. The servers among them must not be started as services
# of the machine: policy-rc.d says so to their installation scripts.
install_packages() {
  local missing=() package policy=
  command -v dpkg-query >/dev/null || return 0
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  echo "Installing ${missing[*]} …"
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    policy=/usr/sbin/policy-rc.d
    printf '#!/bin/sh\nexit 101\n' | root tee $policy >/dev/null
    root chmod 755 $policy
  fi
  echo 'slapd slapd/no_configuration boolean true' | root debconf-set-selections
  local failed=0
  root env DEBIAN_FRONTEND=noninteractive sh -c \
    'apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@" >/dev/null' sh "${missing[@]}" || failed=1
  [ -z "$policy" ] || root rm -f $policy
  [ $failed = 0 ] || die "the packages cannot be installed"
}
