//! Do the packages work on a Debian that has nothing else of ours?
//!
//! Each suite is made by debootstrap once. A test lays an overlay over it, installs the packages there with its own
//! package manager, and looks at what they left when they are gone.

use std::process::Command;
use std::time::Duration;

use ffi_tests::{Debian, Failure, Result, bounded, packages, target, workspace};
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_secs(120);

#[test]
fn bookworm() -> Result<()> {
    lives_in("bookworm")
}

#[test]
fn trixie() -> Result<()> {
    lives_in("trixie")
}

/// What happens inside, and what each step prints.
const LIFE: [(&str, &str, &str); 16] = [
    ("before", "list > /tmp/before", ""),
    (
        "a package with Exim's user",
        "mkdir -p /tmp/exim/DEBIAN /tmp/exim/usr/sbin; cd /tmp/exim; touch usr/sbin/exim4; \
         printf 'Package: x-exim\\nVersion: 1\\nArchitecture: all\\nMaintainer: n <n@example.com>\\nDescription: n\\n' >DEBIAN/control; \
         printf '%s\\n' '#!/bin/sh' 'getent passwd Debian-exim || { echo Debian-exim:x:199:199::/:/bin/false >>/etc/passwd; echo Debian-exim:x:199: >>/etc/group; }' >DEBIAN/postinst; \
         chmod 755 DEBIAN/postinst; dpkg-deb -b . /packages/x-exim.deb > /dev/null; cd /; rm -r /tmp/exim",
        "",
    ),
    (
        "installed",
        "{ dpkg -i /packages/lib*.deb /packages/requiretls_*.deb && dpkg -i /packages/requiretls-exim_*.deb /packages/x-exim.deb; } > /tmp/log 2>&1 || { cat /tmp/log; exit 1; }",
        "",
    ),
    (
        "nothing is missing",
        "ldd /usr/bin/requiretls /usr/lib/*/librequiretls.so.0 /usr/lib/exim4/requiretls-exim.so | grep 'not found' || true",
        "",
    ),
    (
        "what Exim loads answers",
        "cd /tmp; printf '%s\\n' '#include <dlfcn.h>' '#include <stdio.h>' \
           'int main(int n, char **v) { char *said; void *so = dlopen(\"/usr/lib/exim4/requiretls-exim.so\", RTLD_NOW);' \
           'int (*here)(char **, int, char **) = so ? dlsym(so, \"requiretls_here\") : NULL;' \
           'return !here || here(&said, n - 1, v + 1) || puts(said) < 0; }' >here.c; cc here.c -o here; \
         ./here $(sed -n 's/.*{requiretls_here}{\\([0-9]*\\)}.*/\\1/p' /usr/share/requiretls/exim/standard/routers-policy.conf); rm here here.c",
        "yes\n",
    ),
    (
        "Exim's configuration can include every file",
        "cd /usr/share/requiretls/exim; find full patch standard -type f | sort | diff /packages/exim-files -; \
         ls /usr/share/doc/requiretls-exim/README.md*",
        "/usr/share/doc/requiretls-exim/README.md.gz\n",
    ),
    (
        "Exim's user, who came with another package behind it, is in the group",
        "id -nG Debian-exim",
        "Debian-exim requiretls\n",
    ),
    (
        "so is one that comes much later",
        "gpasswd -d Debian-exim requiretls > /dev/null; dpkg -i /packages/x-exim.deb > /dev/null; id -nG Debian-exim",
        "Debian-exim requiretls\n",
    ),
    (
        "the command runs",
        "requiretls --version",
        concat!("requiretls ", env!("CARGO_PKG_VERSION"), "\n"),
    ),
    (
        "the command answers",
        "requiretls mail-from 'MAIL FROM:<a@example.com> REQUIRETLS'",
        "1.secure.onward\n",
    ),
    (
        "an example is built against the shared library",
        "cd /tmp; cc -std=c89 -Wall -Wextra -Werror -pedantic /packages/version.c -o shared $(pkg-config --cflags --libs requiretls) && ./shared",
        concat!(env!("CARGO_PKG_VERSION"), "\n"),
    ),
    (
        "and against the static one",
        "cd /tmp; cc /packages/version.c -o static $(pkg-config --cflags --libs --static requiretls | sed 's/-lrequiretls/-l:librequiretls.a/') && ./static; \
         ldd static | grep -c requiretls || true",
        concat!(env!("CARGO_PKG_VERSION"), "\n0\n"),
    ),
    (
        "policies are kept by their own user, and by its group",
        "stat -c '%U:%G %a' /var/lib/requiretls; echo policy > /var/lib/requiretls/kept",
        "requiretls:requiretls 2775\n",
    ),
    (
        "removed: only what was kept is left",
        "dpkg -P x-exim > /dev/null; dpkg -r requiretls-exim requiretls librequiretls-dev librequiretls0 > /dev/null; \
         rm /tmp/shared /tmp/static; \
         list | comm -13 /tmp/before -",
        "/var/lib/requiretls\n/var/lib/requiretls/kept\n",
    ),
    (
        "purged: nothing is left",
        "dpkg -P requiretls-exim requiretls librequiretls-dev librequiretls0 > /dev/null 2>&1; list | comm -13 /tmp/before -",
        "",
    ),
    (
        "nor the user, nor the group, which another user is in",
        "grep -c requiretls /etc/passwd /etc/group || true",
        "/etc/passwd:0\n/etc/group:0\n",
    ),
];

/// Every file, but for the package manager's own, and the spare copies of the user database.
const PRELUDE: &str = "set -e; export LC_ALL=C DEBIAN_FRONTEND=noninteractive; \
    list() { find / -xdev -path /proc -prune -o -path /run -prune -o -path /tmp -prune -o -path /packages -prune -o -path /var/lib/dpkg -prune -o -path /var/log -prune \
      -o -path /var/cache -prune -o -name '*-' -path '/etc/*' -prune -o -print | sort; }; ";

fn lives_in(suite: &str) -> Result<()> {
    let packages = packages()?;
    let debian = Debian::make(suite)?;
    let room = TempDir::new_in(target())?;
    let upper = room.path();
    std::fs::create_dir_all(upper.join("up/packages"))?;
    for file in packages
        .iter()
        .chain([&workspace().join("ffi-tests/c/version.c")])
    {
        std::fs::copy(
            file,
            upper
                .join("up/packages")
                .join(file.file_name().unwrap_or_default()),
        )?;
    }
    std::fs::write(upper.join("up/packages/exim-files"), exim_files()?)?;
    for (label, script, expected) in LIFE {
        let mut command = debian.alone(upper, &format!("{PRELUDE}{script}"));
        let said = bounded::output(&mut command, LIMIT)
            .map_err(|error| Failure::new(format!("{suite}: {label}: {error}")))?;
        assert_eq!(said, expected, "{suite}: {label}");
    }
    Ok(())
}

/// What a configuration of Exim includes, and what is compiled into one, as it is in the tree.
fn exim_files() -> Result<String> {
    let mut find = Command::new("find");
    find.current_dir(workspace().join("crates/requiretls-capi/hosts/exim"));
    let found = bounded::output(
        find.args(["full", "patch", "standard", "-type", "f"]),
        LIMIT,
    )?;
    let mut files: Vec<&str> = found.lines().collect();
    files.sort_unstable();
    Ok(files.join("\n") + "\n")
}
