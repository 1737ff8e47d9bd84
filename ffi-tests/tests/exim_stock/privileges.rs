//! Who reads what the network says?

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ffi_tests::Result;
use requiretls_testbed::{Domain, Peer, Sts};

use crate::scene::{LOG, Scene, Setting};

on_every_exim!(no_byte_of_the_network_comes_to_root);

/// For the root of 4.96 to 4.100 alike.
const EXIM: &str = "202";

/// The policy comes after a while, and each reply of the peer too: time enough to see who waits for them.
fn no_byte_of_the_network_comes_to_root(exim: &str) -> Result<()> {
    let slow = Duration::from_millis(400);
    let domain = Domain::new("slow.test")
        .mx("mx")
        .peer(Peer::good().slow(slow));
    let domains = vec![domain.sts(Sts::enforce().slow(slow))];
    Scene::run(exim, &Setting::default(), domains, |scene| {
        let (over, mut seen) = (AtomicBool::new(false), BTreeMap::new());
        std::thread::scope(|scope| -> Result<()> {
            let watching = scope.spawn(|| -> Result<BTreeMap<(u16, String), usize>> {
                let mut seen = BTreeMap::new();
                while !over.load(Ordering::Relaxed) {
                    for key in connected(scene)? {
                        *seen.entry(key).or_insert(0) += 1;
                    }
                    std::thread::sleep(Duration::from_millis(5));
                }
                Ok(seen)
            });
            let sent = scene
                .submit(&["bob@slow.test"], "")
                .and_then(|()| scene.outcome("bob@slow.test"));
            over.store(true, Ordering::Relaxed);
            seen = watching
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            let (kind, line) = sent?;
            assert_eq!(kind, "=>", "{line}");
            Ok(())
        })?;
        let users = |port| {
            seen.keys()
                .filter(|(p, _)| *p == port)
                .map(|(_, uid)| uid.as_str())
                .collect::<Vec<_>>()
        };
        // The policy host and the peer; both were seen, and by one user.
        assert_eq!(users(requiretls_testbed::HTTPS_PORT), [EXIM], "{seen:?}");
        assert_eq!(users(25), [EXIM], "{seen:?}");
        // Exim itself asks for addresses as root; the library does not.
        let log = scene.servers.log(LOG)?;
        assert!(log.contains("T=requiretls_smtp"), "{log}");
        Ok(())
    })
}

/// The remote ports of the connections of Exim's processes, each with the effective user.
fn connected(scene: &Scene<'_>) -> Result<Vec<(u16, String)>> {
    let mut found = Vec::new();
    for process in scene.servers.processes()? {
        let Ok(status) = fs::read_to_string(process.join("status")) else {
            continue;
        };
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
        if !field("Name:").is_some_and(|name| name.trim().starts_with("exim")) {
            continue;
        }
        let uid = field("Uid:").and_then(|ids| ids.split_whitespace().nth(1));
        let sockets = sockets(&process);
        let table = fs::read_to_string(process.join("net/tcp")).unwrap_or_default();
        for line in table.lines().skip(1) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [_, local, remote, ..] = words.as_slice() else {
                continue;
            };
            let inode = words.get(9).copied().unwrap_or_default();
            // Not the one that Exim itself listens on.
            if local.ends_with(":0019") || !sockets.iter().any(|socket| socket == inode) {
                continue;
            }
            let port = remote
                .rsplit_once(':')
                .and_then(|(_, port)| u16::from_str_radix(port, 16).ok());
            found.extend(port.zip(uid.map(str::to_owned)));
        }
    }
    Ok(found)
}

fn sockets(process: &Path) -> Vec<String> {
    let descriptors = fs::read_dir(process.join("fd"))
        .into_iter()
        .flatten()
        .flatten();
    let links = descriptors.filter_map(|entry| entry.path().read_link().ok());
    links
        .filter_map(|link| {
            let name = link.to_string_lossy().into_owned();
            Some(name.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())
        })
        .collect()
}
