//! What a lookup leaves behind in the host process, and what a child would inherit meanwhile.
//!
//! Alone in its program: it counts what the whole process has open.
#![cfg(target_os = "linux")]

#[cfg(test)]
#[allow(dead_code)]
#[path = "engine/name_server.rs"]
mod name_server;
#[cfg(test)]
#[allow(dead_code)]
#[path = "engine/policy_host.rs"]
mod policy_host;
#[cfg(test)]
#[allow(dead_code)]
#[path = "engine/world.rs"]
mod world;

#[cfg(test)]
mod tests {
    use crate::name_server::Fault;
    use crate::policy_host::{Authority, PolicyHost, Response, http};
    use crate::world::World;
    use requiretls_core::facts::Sts;
    use requiretls_core::site_policy::Rule;
    use std::collections::BTreeSet;
    use std::time::Duration;

    const O_CLOEXEC: u32 = 0o2_000_000;

    fn descriptors() -> BTreeSet<u32> {
        let entries = std::fs::read_dir("/proc/self/fd").unwrap();
        let numbers = entries.map(|e| e.unwrap().file_name().to_str().unwrap().parse().unwrap());
        let numbers: BTreeSet<u32> = numbers.collect();
        // The directory itself was open while it was read.
        let still_open = |fd: &u32| std::fs::read_link(format!("/proc/self/fd/{fd}")).is_ok();
        numbers.into_iter().filter(still_open).collect()
    }

    fn is_close_on_exec(descriptor: u32) -> Option<bool> {
        let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{descriptor}")).ok()?;
        let flags = info.lines().find_map(|l| l.strip_prefix("flags:")).unwrap();
        let flags = u32::from_str_radix(flags.trim(), 8).unwrap();
        Some(flags & O_CLOEXEC != 0)
    }

    fn threads() -> usize {
        std::fs::read_dir("/proc/self/task").unwrap().count()
    }

    #[test]
    fn no_descriptor_and_no_thread_stays() {
        let lines = [
            "d.test MX 10 mx.d.test",
            "mx.d.test A 192.0.2.1",
            "_25._tcp.mx.d.test TLSA 3 1 1 01",
            "_mta-sts.d.test TXT v=STSv1; id=1",
            "mta-sts.d.test A 127.0.0.1",
            "slow.test MX 10 mx.d.test",
        ];
        let authority = Authority::new("CA");
        let directory = tempfile::tempdir().unwrap();
        let ca_file = directory.path().join("ca.pem");
        std::fs::write(&ca_file, authority.pem()).unwrap();
        let policy = b"version: STSv1\nmode: enforce\nmx: mx.d.test\nmax_age: 86400\n";
        let response = Response::Drip(http("200 OK", "Content-Type: text/plain", policy));
        let tls = authority.issue(&["mta-sts.d.test"], (2020, 2090));
        let host = PolicyHost::start(tls, response);
        let faults = [
            ("MX slow.test", Fault::Drop),
            ("A mx.d.test", Fault::Truncate),
        ];
        let mut world = World::new(&lines, &["test"], &faults);
        world.settings = format!(
            "[sts]\nca_file = {ca_file:?}\nport = {}\nallow_private_addresses = true",
            host.port()
        );

        let (before, threads_before) = (descriptors(), threads());
        let facts = std::thread::scope(|scope| {
            let lookup = scope.spawn(|| {
                let ask =
                    |next_hop, budget| world.ask(next_hop, &[], &Rule::default(), false, budget);
                let facts = ask("d.test", 10_000);
                let _ = ask("slow.test", 200);
                facts
            });
            let mut met = 0;
            while !lookup.is_finished() {
                for descriptor in descriptors().difference(&before) {
                    // The name server and the policy host are in this process too: their ends of
                    // the connections are opened by the same library.
                    if let Some(flag) = is_close_on_exec(*descriptor) {
                        assert!(flag, "descriptor {descriptor} would be inherited");
                        met += 1;
                    }
                }
                assert!(threads() <= threads_before + 1, "a thread was started");
                std::thread::sleep(Duration::from_millis(1));
            }
            assert!(met > 0, "nothing was seen");
            lookup.join().unwrap()
        });
        assert!(matches!(facts.sts, Sts::Live { .. }), "{:?}", facts.sts);
        for _ in 0..200 {
            if descriptors() == before {
                break;
            }
            std::thread::sleep(Duration::from_millis(10)); // the servers close their ends
        }
        assert_eq!(descriptors(), before);
        assert_eq!(threads(), threads_before);
    }
}
