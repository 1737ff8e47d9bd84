#!/bin/bash
# Exim with librequiretls compiled in, for the tests; nothing is installed on the machine.
#
#   exim-build.sh source VERSION        Exim's unpacked source; prints where
#   exim-build.sh build VERSION TLS DIFF INSTALLED   that source with DIFF applied, built in a Debian of its time with the
#                                       library that is installed below INSTALLED; TLS is gnutls or openssl. Once for each
#                                       version, TLS library, diff, header and options; prints where the program is
#
# VERSION: 4.96, 4.98.2 or 4.100. env: RQ_CACHE (see servers.sh)
set -euo pipefail
umask 022
die() { echo "exim-build: $*" >&2; exit 1; }
here=$(cd "$(dirname "$0")" && pwd)
cache=${RQ_CACHE:-$PWD/target/real-servers}
mkdir -p "$cache/exim"; cache=$(cd "$cache" && pwd)
# libsqlite3-dev: where Debian keeps the hints in it, the program that is built must read them
packages="build-essential pkg-config libgnutls28-dev libssl-dev libpcre2-dev libdb5.3-dev libidn-dev libidn2-dev libsqlite3-dev"

describe() { # version -> full, suite, sum, hints
  hints="DBMLIB = -ldb"
  case $1 in
    # With GnuTLS its tls_server_servercerts_cb has no return: as Debian builds it, what comes of that is harmless.
    4.96) full=4.96 suite=bookworm hints+=$'\nCFLAGS += -O2' sum=299a56927b2eb3477daafd3c5bda02bc67e5c4e5898a7aeaf2740875278cf1a3 ;;
    4.98.2 | 4.98) full=4.98.2 suite=trixie sum=88b8e8a67c1db6cc0b1d148161aa36e662f4ca2fef25d5b6f3694d490e42dcae ;;
    4.100.1 | 4.100) full=4.100.1 suite=sid packages="$packages libcrypt-dev" sum=e9fb41f6724a5b136d64c9d19dbc5f26494af879a3e7e3190f91639eaa79fa0d
      hints=$'USE_SQLITE = yes\nDBMLIB = -lsqlite3' ;;
    *) die "the source of Exim $1 is not known here" ;;
  esac
}

fetch() { # the upstream tarball is all that is needed of Debian's source package
  local mirror dir=$cache/exim/source-$full
  exec 9>"$cache/exim/lock-$full"; flock 9
  if [ ! -e "$dir/.done" ]; then
    mirror=$(APT_CONFIG='' apt-get update --print-uris | sed -n "s,^'\(.*/debian\)/dists/bookworm/InRelease'.*,\1,p" | head -n 1)
    [ -n "$mirror" ] || die "apt knows no Debian 12 mirror"
    rm -rf "$dir" "$dir.tar.xz"; mkdir -p "$dir"
    timeout 120 /usr/lib/apt/apt-helper download-file "$mirror/pool/main/e/exim4/exim4_$full.orig.tar.xz" "$dir.tar.xz" "SHA256:$sum" >/dev/null 2>&1 ||
      die "the source of Exim $full cannot be had"
    tar -xJf "$dir.tar.xz" -C "$dir" --strip-components=1
    rm "$dir.tar.xz"; touch "$dir/.done"
  fi
  flock -u 9
  echo "$dir"
}

makefile() { # what Debian's heavy daemon has, as far as a test needs it
  cat <<M
BIN_DIRECTORY = /usr/sbin
CONFIGURE_FILE = /etc/exim4/exim4.conf
EXIM_USER = Debian-exim
SPOOL_DIRECTORY = /var/spool/exim4
LOG_FILE_PATH = /var/log/exim4/%slog
PID_FILE_PATH = /run/exim4/exim.pid
TIMEZONE_DEFAULT =
ROUTER_ACCEPT = yes
ROUTER_DNSLOOKUP = yes
ROUTER_IPLITERAL = yes
ROUTER_MANUALROUTE = yes
ROUTER_REDIRECT = yes
TRANSPORT_APPENDFILE = yes
TRANSPORT_AUTOREPLY = yes
TRANSPORT_LMTP = yes
TRANSPORT_PIPE = yes
TRANSPORT_SMTP = yes
AUTH_PLAINTEXT = yes
LOOKUP_DBM = yes
LOOKUP_DNSDB = yes
LOOKUP_LSEARCH = yes
HAVE_IPV6 = yes
SUPPORT_DANE = yes
SUPPORT_I18N = yes
EXPAND_DLFUNC = yes
FIXED_NEVER_USERS = daemon
HEADERS_CHARSET = "UTF-8"
PCRE2_CONFIG = yes
PCRE_CONFIG = yes
CHOWN_COMMAND = /usr/bin/chown
CHGRP_COMMAND = /usr/bin/chgrp
CHMOD_COMMAND = /usr/bin/chmod
MV_COMMAND = /bin/mv
RM_COMMAND = /bin/rm
TOUCH_COMMAND = /usr/bin/touch
PERL_COMMAND = /usr/bin/perl
SYSTEM_ALIASES_FILE = /etc/aliases
CFLAGS = -O0 -Wall -Wno-parentheses
LDFLAGS = -rdynamic
$hints
LOOKUP_LIBS = -lidn -lidn2 -ldl
# The lines that a packager adds
CFLAGS += -DWITH_REQUIRETLS $(PKG_CONFIG_PATH=/mnt/lib/pkgconfig pkg-config --cflags requiretls | sed s,/opt/requiretls,/mnt,g)
EXTRALIBS_EXIM += $(PKG_CONFIG_PATH=/mnt/lib/pkgconfig pkg-config --libs requiretls | sed s,/opt/requiretls,/mnt,g)
M
  if [ "$1" = gnutls ]; then
    printf 'USE_GNUTLS = yes\nUSE_GNUTLS_PC = gnutls gnutls-dane\n'
  else
    printf 'USE_OPENSSL = yes\nUSE_OPENSSL_PC = openssl\n'
  fi
}

build() { # tls diff installed
  local tls=$1 diff=$2 installed=$3 key dir room system from
  case $tls in gnutls | openssl) ;; *) die "$tls is no TLS library" ;; esac
  [ -e "$installed/lib/pkgconfig/requiretls.pc" ] || die "the library is not installed below $installed"
  from=$(fetch)
  key=$({ cat "$diff" "$installed/include/requiretls.h"; echo "$packages $hints"; declare -f makefile; } | sha256sum | cut -c1-16)
  dir=$cache/exim/$full-$tls-$key
  if [ -e "$dir/exim" ]; then echo "$dir/exim"; return; fi
  exec 8>"$cache/exim/lock-build"; flock 8 # one at a time
  if [ ! -e "$dir/exim" ]; then
    system=$(RQ_CACHE=$cache bash "$here/servers.sh" system "$suite" $packages)
    room=$dir.room
    rm -rf "$room"; mkdir -p "$room/up/usr/src" "$room/up/mnt" "$dir"
    cp -a "$from" "$room/up/usr/src/exim"; cp -a "$installed/." "$room/up/mnt"
    patch -s -p1 -d "$room/up/usr/src/exim" <"$diff" || die "the patch does not apply"
    cp "$room/up/usr/src/exim/exim_monitor/EDITME" "$room/up/usr/src/exim/Local/eximon.conf"
    { declare -f makefile; printf 'hints=%q\nmakefile %s\n' "$hints" "$tls"; } >"$room/up/usr/src/makefile.sh"
    RQ_CACHE=$cache nice -n 5 timeout 1800 bash "$here/servers.sh" inside "$system" "$room" '
      set -e; getent passwd Debian-exim >/dev/null || useradd -r -u 202 -U -d /var/spool/exim4 Debian-exim
      cd /usr/src/exim; bash ../makefile.sh >Local/Makefile; make configure FULLECHO=; make -j2 -C build-* SHELL=/bin/sh FULLECHO= exim' >"$dir/log" 2>&1 ||
      { grep -n -m 20 -E "error|undefined|Error" "$dir/log" >&2 || tail -n 20 "$dir/log" >&2; die "Exim $full with $tls is not built"; }
    grep -E -A4 'require_tls[^ ]*[: ].*warning' "$dir/log" >&2 || true
    cp "$room"/up/usr/src/exim/build-*/exim "$dir/exim.new"; mv "$dir/exim.new" "$dir/exim"
    rm -rf "$room"
  fi
  flock -u 8
  echo "$dir/exim"
}

verb=${1:-}; [ $# -gt 1 ] || die "verbs: source VERSION, build VERSION TLS DIFF INSTALLED"
case $verb in
  source) describe "$2"; fetch ;;
  build) [ $# = 5 ] || die "build VERSION TLS DIFF INSTALLED"; describe "$2"; build "$3" "$4" "$5" ;;
  *) die "no verb $verb" ;;
esac
