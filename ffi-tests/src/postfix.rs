//! What does a Postfix consist of, whatever it is there for?

use std::fmt::Write as _;

/// The command that it runs as. Postfix waits a second or two before it reads a file that was written just now, lest it reads
/// half of it.
pub const POSTFIX: &str = "touch -d '1 minute ago' /etc/postfix/main.cf /etc/postfix/master.cf; \
                           exec /usr/lib/postfix/sbin/master -s -c /etc/postfix";

/// Name, columns after the type, program where it differs from the name.
const SERVICES: [(&str, &str, &str); 20] = [
    ("pickup", "n - n 5 1", ""),
    ("cleanup", "n - n - 0", ""),
    ("qmgr", "n - n 5 1", ""),
    ("tlsmgr", "- - n 1000? 1", ""),
    ("rewrite", "- - n - -", "trivial-rewrite"),
    ("bounce", "- - n - 0", ""),
    ("defer", "- - n - 0", "bounce"),
    ("trace", "- - n - 0", "bounce"),
    ("verify", "- - n - 1", ""),
    ("flush", "n - n 1000? 0", ""),
    ("proxymap", "- - n - -", ""),
    ("smtp", "- - n - -", ""),
    ("error", "- - n - -", ""),
    ("retry", "- - n - -", "error"),
    ("discard", "- - n - -", ""),
    ("virtual", "- n n - -", ""),
    ("local", "- n n - -", ""),
    ("anvil", "- - n - 1", ""),
    ("scache", "- - n - 1", ""),
    ("showq", "n - n - -", ""),
];

/// A `master.cf` with these listeners, a line each.
#[must_use]
pub fn master_cf(listeners: &str) -> String {
    let mut text = format!("{listeners}\n");
    for (name, columns, program) in SERVICES {
        let program = if program.is_empty() { name } else { program };
        let _ = writeln!(text, "{name} unix {columns} {program}");
    }
    text + "postlog unix-dgram n - n - 1 postlogd\n"
}
