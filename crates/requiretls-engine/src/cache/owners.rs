//! Which users are meant by the names in the configuration?
//!
//! /etc/passwd is read as a file: the system's own lookup may load code into the mail server and
//! talk to servers. Users who are elsewhere are named by number.

use std::path::Path;

/// The numbers of these users. A name that this machine does not have owns nothing here.
pub(super) fn uids(names: &[String]) -> Vec<u32> {
    let is_number = |name: &String| name.parse::<u32>().is_ok();
    let passwd = if names.iter().all(is_number) {
        Vec::new()
    } else {
        std::fs::read(Path::new("/etc/passwd")).unwrap_or_default()
    };
    find(names, &String::from_utf8_lossy(&passwd))
}

fn find(names: &[String], passwd: &str) -> Vec<u32> {
    let by_name = |name: &String| {
        passwd.lines().find_map(|line| {
            let mut fields = line.split(':');
            let found = fields.next() == Some(name.as_str());
            found.then(|| fields.nth(1)?.parse().ok()).flatten()
        })
    };
    names
        .iter()
        .filter_map(|name| name.parse().ok().or_else(|| by_name(name)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\n# requiretls:x:7:\nbroken\nbad:x:many:1::\n\
                      requiretls:x:104:110::/var/lib/requiretls:/usr/sbin/nologin\nroot:x:5:5:::\n";
        #[rustfmt::skip]
        let table: [(&str, &[&str], &[u32]); 6] = [
            ("as configured by default", &["root", "requiretls"], &[0, 104]),
            ("not on this machine",      &["root", "exim"],       &[0]),
            ("by number",                &["1234"],               &[1234]),
            ("not a number there",       &["bad"],                &[]),
            ("the first counts",         &["root"],               &[0]),
            ("nobody",                   &[],                     &[]),
        ];
        for (label, names, expected) in table {
            let names: Vec<String> = names.iter().map(|&n| n.to_owned()).collect();
            assert_eq!(find(&names, passwd), expected, "{label}");
        }
    }
}
