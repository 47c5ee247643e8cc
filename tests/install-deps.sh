#!/bin/sh
# The Debian packages of the real servers and clients that tests and benchmarks talk to. Run by `make test-deps`, and by
# `make test` with CI=true. Needs root and apt-get. Nothing it installs is started: services are denied meanwhile, and
# what listens before and after is compared. When everything is there it says so at once, without asking any mirror.
set -eu

PACKAGES="
  sogo sogo-activesync dovecot-imapd memcached postgresql
  nginx apache2 libapache2-mod-auth-gssapi gss-ntlmssp wrk
  curl wget openssl libwbxml2-utils fail2ban iproute2 util-linux
  davmail-server default-jre-headless
  samba-ad-dc samba-ad-provision ldb-tools krb5-user faketime libkrb5-dev gcc libc6-dev
"
POLICY=/usr/sbin/policy-rc.d
MARK='# Handfast test dependencies: no service starts while they are installed.'

say() { printf 'install-deps: %s\n' "$*"; }
fail() { printf 'install-deps: %s\n' "$*" >&2; exit 1; }

missing_packages() {
  for package in $PACKAGES; do
    state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) || state=
    [ "$state" = installed ] || printf '%s ' "$package"
  done
}

# Ports of listening TCP sockets. From /proc, since `ss` may be among what is missing; without the ephemeral range,
# where servers of a test that runs at the same time listen, and no Debian service by default.
listening() {
  read -r ephemeral _ </proc/sys/net/ipv4/ip_local_port_range || ephemeral=32768
  awk '$4 == "0A" { sub(/.*:/, "", $2); print $2 }' /proc/net/tcp /proc/net/tcp6 2>/dev/null |
    while read -r port; do
      [ $((0x$port)) -ge "$ephemeral" ] || echo $((0x$port))
    done | sort -u
}

command -v dpkg-query >/dev/null && command -v apt-get >/dev/null ||
  fail "apt-get not found: these tests need Debian or Ubuntu; elsewhere install the equivalents of:" $PACKAGES

missing=$(missing_packages)
if [ -z "$missing" ]; then
  say "all packages are there"
  exit 0
fi
[ "$(id -u)" = 0 ] || fail "must run as root to install: $missing(try: sudo make test-deps)"

work=$(mktemp -d)
# A policy of the machine's own is set aside and put back; one that a killed run of ours left is simply ours.
restore_policy() {
  if [ -e "$work/policy-rc.d" ]; then
    mv -f "$work/policy-rc.d" "$POLICY"
  elif [ -f "$POLICY" ] && grep -qF "$MARK" "$POLICY"; then
    rm -f "$POLICY"
  fi
  rm -rf "$work"
}
trap restore_policy EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

if { [ -e "$POLICY" ] || [ -L "$POLICY" ]; } && ! grep -qsF "$MARK" "$POLICY"; then
  cp -a "$POLICY" "$work/policy-rc.d"
fi
printf '#!/bin/sh\n%s\nexit 101\n' "$MARK" >"$work/deny"
chmod 755 "$work/deny"
mv -f "$work/deny" "$POLICY"

listening >"$work/before"
quiet() {
  DEBIAN_FRONTEND=noninteractive "$@" >"$work/log" 2>&1 </dev/null && return
  tail -n 25 "$work/log" >&2
  return 1
}
say "installing $missing"
quiet apt-get update -q ||
  fail "apt-get update failed (above): check the network and /etc/apt/sources.list"
# shellcheck disable=SC2086  # a list of words
quiet apt-get install -q -y --no-install-recommends -o Dpkg::Options::=--force-confold $missing ||
  fail "apt-get install failed (above): mend it with \`apt-get -f install\`, then run this again"

missing=$(missing_packages)
[ -z "$missing" ] || fail "still missing after the installation: $missing"
listening >"$work/after"
new=$(comm -13 "$work/before" "$work/after")
if [ -n "$new" ]; then
  ss -ltnp >&2 || true
  fail "something new listens on port" $new "(above): stop it; the tests start their own servers"
fi
say "done; no service was started and nothing new listens"
