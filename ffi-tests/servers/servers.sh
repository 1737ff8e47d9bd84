#!/bin/bash
# Real mail and DNS servers for the tests, run from unpacked Debian packages; nothing is installed on the machine.
#
#   servers.sh get NAME..       unpack the servers below RQ_CACHE, once for each set of package versions; NAME-installed is a whole Debian 12 instead, in which
#                               its own package manager has installed the server
#   servers.sh world DIR        run servers until standard input ends. Each of its lines, "NAME ROOT ADDRESS PORT", starts one more
#   servers.sh exec DIR NAME CMD..   run a command inside a running server, to look around by hand
#   servers.sh inside SYSTEM ROOM SCRIPT   run a shell script in such a Debian, without network, or with RQ_JOIN=1 in that of the caller; ROOM/up is the layer above it and keeps what is written
#   servers.sh system SUITE PACKAGE..   a Debian with these packages and its package manager, made by debootstrap once below RQ_CACHE; prints where
#
# A world says "ready" when there is one, and "ready NAME" when a server answers at its address. ROOT is a name that get knows. DIR/NAME/up is the upper
# layer over that root (the server's configuration), DIR/NAME/cmd the foreground command, DIR/NAME/log becomes its /var/log, and
# DIR/share, which all servers see, its /mnt. A world has a network, a process and a mount namespace of its own: two worlds do not meet, and when its first
# process ends the kernel ends all the others and drops the mounts.
#
# env: RQ_CACHE (where roots are kept), RQ_OFFLINE=1 (never ask the mirror when a root is there), RQ_MAX_AGE (minutes that
# a package list stays fresh)
# shellcheck disable=SC2086,SC2016
set -euo pipefail
umask 022
base="dash coreutils sed grep findutils mawk diffutils hostname libc-bin" # essential packages are in no closure
die() { echo "servers: $*" >&2; exit 1; }

describe() { # name -> suite, pkgs
  case $1 in
    postfix311) suite=sid pkgs=postfix ;;
    postfix310) suite=trixie pkgs=postfix ;;
    postfix37) suite=bookworm pkgs=postfix ;;
    exim96) suite=bookworm pkgs=exim4-daemon-heavy ;;
    exim98) suite=trixie pkgs=exim4-daemon-heavy ;;
    exim100) suite=sid pkgs=exim4-daemon-heavy ;;
    sendmail817) suite=bookworm pkgs="sendmail-bin sendmail-base sendmail-cf m4 busybox" ;;
    sendmail818) suite=sid pkgs="sendmail-bin sendmail-base sendmail-cf m4 busybox" ;;
    nsd) suite=bookworm pkgs="nsd ldnsutils" ;;
    unbound) suite=bookworm pkgs=unbound ;;
    bind) suite=bookworm pkgs="bind9-utils bind9-dnsutils" ;; # signs zones, and asks
    redis) suite=bookworm pkgs=redis-server ;;
    exim-installed) pkgs=exim4-daemon-heavy ;;
    postfix-installed) pkgs=postfix ;;
    sendmail-installed) pkgs=sendmail ;;
    *) die "unknown server $1" ;;
  esac
}

aptconf() { # suite: a private apt state; the mirror is the one the machine's own apt uses
  local a=$cache/apt/$1 key=/usr/share/keyrings/debian-archive-keyring.gpg
  mkdir -p "$a/lists/partial" "$a/cache/archives/partial"; : >"$a/status"
  # What apt would fetch is known also where it has fetched nothing yet. Other people's repositories are left out.
  APT_CONFIG='' apt-get update --print-uris |
    sed -n "s,^'\(.*/debian\(-security\)\?\)/dists/\([^/]*\)/InRelease'.*,\1 \3,p" | sort -u >"$a/host"
  if [ "$1" = bookworm ]; then
    awk -v k="$key" '$2 ~ /^bookworm(-updates|-security)?$/ {print "deb [signed-by=" k "]", $1, $2, "main"}' "$a/host" >"$a/list"
  else
    awk -v k="$key" -v s="$1" '$2 == "bookworm" {print "deb [signed-by=" k "]", $1, s, "main"; exit}' "$a/host" >"$a/list"
  fi
  [ -s "$a/list" ] || die "apt knows no Debian 12 mirror, and the servers come from one: put it into /etc/apt/sources.list"
  cat >"$a/conf" <<C
Dir::Etc::sourcelist "$a/list"; Dir::Etc::sourceparts "-"; Dir::State::Lists "$a/lists"; Dir::State::status "$a/status";
Dir::State::extended_states "$a/ext"; Dir::Cache "$a/cache"; Dir::Cache::archives "$a/cache/archives";
APT::Install-Recommends "false"; APT::Install-Suggests "false"; Acquire::Languages "none"; Acquire::Retries "3";
C
  export APT_CONFIG=$a/conf
  [ -n "$(find "$a/stamp" -mmin "-${RQ_MAX_AGE:-720}" 2>/dev/null)" ] || { apt-get -qq -o APT::Update::Error-Mode=any update && touch "$a/stamp"; }
}

recipe=3 # counted up when rootfs() changes
recent() { # a root that is there, made by this recipe, and need not be compared with the mirror now
  [ "$(cat "$1/.done" 2>/dev/null)" = "$recipe" ] && { [ -n "${RQ_OFFLINE:-}" ] || [ -n "$(find "$1/.asked" -mmin "-${RQ_MAX_AGE:-720}" 2>/dev/null)" ]; }
}

get() { # unpack the dependency closure; key = the exact package versions
  describe "$1"
  local cur=$cache/root/$1 list key a=$cache/apt/$suite new p v
  mkdir -p "$cache/root"
  recent "$cur" && return
  exec 9>"$cache/lock-$suite"; flock 9
  if recent "$cur"; then flock -u 9; return; fi
  if ! aptconf "$suite"; then [ -e "$cur/.done" ] && return; die "$1 cannot be had, there are no package lists: apt-get update has to reach the mirror once"; fi
  list=$(apt-get -s -y install $base $pkgs | awk '$1 == "Inst" {gsub(/[(\]\[]/, ""); print $2, $3}' | sort)
  key=$(printf '%s\n' "recipe $recipe" "$list" | sha256sum | cut -c1-16)
  new=$cache/root/$1-$key
  if [ ! -e "$new/.done" ]; then
    echo "servers: unpacking $1 ($(awk -v p="${pkgs%% *}" '$1 == p {print $1, $2}' <<<"$list"))" >&2
    apt-get -y -qq -d install $base $pkgs >/dev/null
    rm -rf "$new"; mkdir -p "$new/usr/bin" "$new/usr/sbin" "$new/usr/lib" "$new/usr/lib64"
    for p in bin sbin lib lib64; do ln -s "usr/$p" "$new/$p"; done # merged /usr must be there before the first unpack
    while read -r p v; do echo "$a/cache/archives/${p}_${v//:/%3a}"_*.deb; done <<<"$list" |
      xargs -P2 -n1 sh -c 'dpkg-deb --fsys-tarfile "$2" | tar -C "$1" -xp --keep-directory-symlink -f -' - "$new"
    rootfs "$1" "$new"
    echo "$recipe" >"$new/.done"
  fi
  touch "$new/.asked"; ln -sfn "$1-$key" "$cur" # older roots stay: a running world may have them as its lower layer
  flock -u 9
}

# What Debian asks about a mail server when it is installed.
answers="exim4-config exim4/dc_eximconfig_configtype select internet site; mail is sent and received directly using SMTP
exim4-config exim4/mailname string host.test
exim4-config exim4/dc_other_hostnames string host.test
exim4-config exim4/dc_local_interfaces string 127.0.0.1
exim4-config exim4/use_split_config boolean true
postfix postfix/main_mailer_type select Internet Site
postfix postfix/mailname string host.test"

installed() { # name: a layer above the system of the packages' own test
  local base cur=$cache/root/$1 list key a=$cache/apt/bookworm new room
  describe "$1"
  mkdir -p "$cache/root" "$cache/installed"
  recent "$cur" && return
  base=$(system bookworm adduser gcc libc6-dev pkg-config)
  exec 9>"$cache/lock-bookworm"; flock 9
  if ! aptconf bookworm; then [ -e "$cur/.done" ] && return; die "$1 cannot be had, there are no package lists: apt-get update has to reach the mirror once"; fi
  list=$(apt-get -s -y -o Dir::State::status="$base/var/lib/dpkg/status" install $pkgs | sed -n 's/^Inst \([^ ]*\) .*(\([^ ]*\) .*/\1 \2/p' | sort)
  key=$(printf '%s\n' "recipe $recipe" "$base" "$answers" "$list" | sha256sum | cut -c1-16)
  room=$cache/installed/$1-$key new=$room/up
  if [ ! -e "$new/.done" ]; then
    echo "servers: installing $pkgs in bookworm" >&2
    apt-get -y -qq -d -o Dir::State::status="$base/var/lib/dpkg/status" install $pkgs >/dev/null
    rm -rf "$room"; mkdir -p "$new/packages" "$new/usr/sbin" "$new/etc"
    while read -r p v; do cp "$a/cache/archives/${p}_${v//:/%3a}"_*.deb "$new/packages/"; done <<<"$list"
    # Nothing is started yet, and there is nobody to ask for a name.
    printf '#!/bin/sh\nexit 101\n' >"$new/usr/sbin/policy-rc.d"; chmod 755 "$new/usr/sbin/policy-rc.d"
    printf '127.0.0.1 host.test host localhost\n' >"$new/etc/hosts"; echo host >"$new/etc/hostname"; : >"$new/etc/resolv.conf"
    ( within_system "$base" "$room" "set -e; hostname host; export LC_ALL=C DEBIAN_FRONTEND=noninteractive; printf '%s\n' '$answers' | debconf-set-selections
      dpkg -i /packages/*.deb || dpkg -i /packages/*.deb # what depends on another one before it is unpacked takes two
      rm -r /packages /usr/sbin/policy-rc.d" ) >"$room/log" 2>&1 || { tail -n 20 "$room/log" >&2; die "$pkgs cannot be installed"; }
    rm -rf "$room/root" "$room/work"
    echo "$base" >"$new/.lower"; echo "$recipe" >"$new/.done"
  fi
  touch "$new/.asked"; ln -sfn "$new" "$cur"
  flock -u 9
}

system() { # suite package..: a whole Debian, for what its own package manager has to do
  local suite=$1 key new a=$cache/apt/$1 mirror
  shift
  key=$(printf '%s\n' "recipe 1" "$@" | sha256sum | cut -c1-16)
  new=$cache/system/$suite-$key
  exec 9>"$cache/lock-system-$suite"; flock 9
  if [ ! -e "$new/.done" ]; then
    aptconf "$suite"
    mirror=$(awk '$2 == "bookworm" {print $1; exit}' "$a/host")
    echo "servers: debootstrap of $suite" >&2
    rm -rf "$new"; mkdir -p "$cache/system"
    APT_CONFIG='' debootstrap --variant=minbase --include="$(IFS=,; echo "$*")" "$suite" "$new" "$mirror" >"$cache/system/$suite.log" 2>&1 ||
      { tail -n 20 "$cache/system/$suite.log" >&2; die "debootstrap of $suite failed"; }
    rm -f "$new"/var/cache/apt/archives/*.deb; touch "$new/.done"
  fi
  flock -u 9
  echo "$new"
}

within_system() { # system room script
  local net=-n
  [ -z "${RQ_JOIN:-}" ] || net=
  mkdir -p "$2"/{up,work,root}
  # The script is the first process of its namespace: whatever it leaves running ends with it.
  exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin unshare -m -p $net -u -f --kill-child=KILL --propagation private sh -ec '
    mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/up,workdir=$2/work" "$2/root"
    mount -t proc proc "$2/root/proc"; ip link set lo up; exec chroot "$2/root" /bin/sh -c "$3"' - "$@"
}

rootfs() { # what the maintainer scripts would have done, as far as the servers need it
  local r=$2 u p
  mkdir -p "$r"/{dev,proc,tmp,root,run,etc/rq,var/{log,mail,tmp,lib,spool,run}}; chmod 1777 "$r/tmp" "$r/var/tmp"
  { echo root:x:0:0::/root:/bin/sh; echo daemon:x:1:1::/:/bin/false; echo mail:x:8:8::/var/mail:/bin/false; echo nobody:x:65534:65534::/:/bin/false
    for u in postfix:201 Debian-exim:202 smmta:203 smmsp:204 nsd:205 unbound:206 redis:207 requiretls:208; do echo "${u%:*}:x:${u#*:}:${u#*:}::/:/bin/false"; done; } >"$r/etc/passwd"
  awk -F: '{print $1 ":x:" $4 ":"}' "$r/etc/passwd" >"$r/etc/group"; echo postdrop:x:210: >>"$r/etc/group"
  printf 'passwd: files\ngroup: files\nhosts: files dns\nservices: files\n' >"$r/etc/nsswitch.conf"
  printf 'smtp 25/tcp\ndomain 53/tcp\ndomain 53/udp\nsubmission 587/tcp\n' >"$r/etc/services"
  for u in awk:mawk sh:dash; do [ -e "$r/usr/bin/${u%:*}" ] || ln -s "${u#*:}" "$r/usr/bin/${u%:*}"; done
  while read -r u p; do mknod -m 666 "$r/dev/$u" c "${p%:*}" "${p#*:}"; done <<<$'null 1:3\nzero 1:5\nfull 1:7\nrandom 1:8\nurandom 1:9\ntty 5:0'
  chroot "$r" ldconfig
  case $1 in
    postfix*) for u in . active bounce corrupt defer deferred flush hold incoming saved trace private; do install -d -o 201 -m 700 "$r/var/spool/postfix/$u"; done
      chown 0 "$r/var/spool/postfix"; chmod 755 "$r/var/spool/postfix"; install -d "$r/var/spool/postfix/pid"
      install -d -o 201 -g 210 -m 1730 "$r/var/spool/postfix/maildrop"; install -d -o 201 -g 210 -m 2710 "$r/var/spool/postfix/public"; install -d -o 201 "$r/var/lib/postfix"
      chgrp 210 "$r"/usr/sbin/post{drop,queue}; chmod 2755 "$r"/usr/sbin/post{drop,queue} ;;
    exim*) install -d -o 202 -g 202 -m 750 "$r/var/spool/exim4" "$r/var/lib/exim4" ;;
    sendmail*) u=$(find "$r/usr" -path '*libexec/sendmail/sendmail' -o -path '*lib/sm.bin/sendmail' | head -1)
      chgrp 204 "$u"; chmod 2755 "$u"; install -d -g 204 -m 2770 "$r/var/spool/mqueue-client"; install -d -m 700 "$r/var/spool/mqueue"; install -d "$r/var/lib/sendmail"; : >"$r/var/lib/sendmail/sendmail.st"; mkdir -p "$r/etc/mail"
      chown 204:204 "$r/var/spool/mqueue-client" ;;
  esac
}

world() { # the first process of the world's namespaces
  local name root address port
  mount -t proc proc /proc; ip link set lo up
  echo ready
  while read -r name root address port; do # until whoever started the world closes our standard input, or ends
    start "$name" "$root" "$address" "$port" </dev/null
    echo "ready $name"
  done
}

start() {
  local d=$dir/$1 r i
  r=$(readlink -f "$cache/root/$2"); [ -e "$r/.done" ] || die "$2 is not unpacked: servers.sh get $2"
  if [ -e "$r/.lower" ]; then r=$r:$(cat "$r/.lower"); fi
  mkdir -p "$d/up/mnt" "$d/work" "$d/root" "$d/log" "$dir/share"
  # sh stays the namespace's init: a daemon that changes its uid would lose the parent-death signal.
  env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin unshare -m -p -u -f --kill-child=KILL --propagation private sh -ec '
    hostname "$3"; mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/up,workdir=$2/work,volatile" "$2/root"
    mount -t proc proc "$2/root/proc"; mount --bind "$2/log" "$2/root/var/log"; mount --bind "$4" "$2/root/mnt"; mount -t tmpfs tmpfs "$2/root/tmp"
    exec chroot "$2/root" /bin/sh -c "$(cat "$2/cmd") & wait"' - "$r" "$d" "$1" "$dir/share" >"$d/out" 2>&1 &
  echo $! >"$d/pid"
  for i in $(seq 1000); do # where a package is installed first, that takes its time
    if (exec 3<>"/dev/tcp/$3/$4") 2>/dev/null; then return; fi
    kill -0 "$(cat "$d/pid")" 2>/dev/null || break
    sleep 0.05
  done
  tail -n 20 "$d/out" "$d"/log/*.log >&2 2>/dev/null || true
  die "$1 does not answer at $3 port $4 (looked $i times)"
}

inside() { # the world's pid file names the process that waits for its first one
  local p
  p=$(sed -n 1p "/proc/$(cat "$dir/pid")/task/$(cat "$dir/pid")/children" | cut -d' ' -f1)
  exec nsenter -t "$p" -m -p -n sh -c 'd=$1 n=$2; shift 2; i=$(cat "$d/$n/pid"); i=$(cut -d" " -f1 "/proc/$i/task/$i/children"); exec nsenter -t "$i" -m -p -u chroot "$d/$n/root" "$@"' - "$dir" "$@"
}

cache=${RQ_CACHE:-$PWD/target/real-servers}
mkdir -p "$cache"; cache=$(cd "$cache" && pwd)
verbs="verbs: get NAME.., world DIR, exec DIR NAME CMD.., system SUITE PACKAGE.., inside SYSTEM ROOM SCRIPT"
verb=${1:-}; [ $# -gt 1 ] || die "$verbs"
shift
case $verb in
  get) for n in "$@"; do case $n in *-installed) installed "$n" ;; *) get "$n" ;; esac; done ;;
  world) dir=$(cd "$1" && pwd); echo $$ >"$dir/pid"
    exec unshare -n -m -p -f --kill-child=KILL --propagation private bash "$0" within "$dir" ;;
  within) dir=$1; world "$dir" ;;
  exec) dir=$(cd "$1" && pwd); shift; inside "$@" ;;
  system) system "$@" ;;
  inside) within_system "$@" ;;
  *) die "$verbs" ;;
esac
