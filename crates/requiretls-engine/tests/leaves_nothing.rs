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
    use requiretls_core::domain::Domain;
    use requiretls_core::facts::{LookupCause, Security, Sts};
    use requiretls_core::site_policy::Rule;
    use requiretls_engine::Deadline;
    use requiretls_engine::clock::Clock;
    use requiretls_engine::dns::{Family, Kind, Resolver, TrustAnchor};
    use requiretls_testbed::proto::rr::RecordType;
    use requiretls_testbed::{Block, DnsWorld, DnsWorldSpec, WireFault, Zone};
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

    /// What is open after a moment: servers in this process close their ends when they notice.
    fn settles_at(before: &BTreeSet<u32>, threads_before: usize) {
        for _ in 0..200 {
            if descriptors() == *before && threads() == threads_before {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(descriptors(), *before);
        assert_eq!(threads(), threads_before);
    }

    /// One after the other: each counts what the whole process has open.
    #[test]
    fn nothing_stays() {
        no_descriptor_and_no_thread_stays();
        nor_when_validating();
    }

    fn nor_when_validating() {
        let (at_first, threads_at_first) = (descriptors(), threads());
        let zones = ["test", "d.test"].map(|origin| {
            let lines =
                "@ MX 10 mx\nmx A 192.0.2.1\nmx AAAA 2001:db8::1\n_25._tcp.mx TLSA 3 1 1 00";
            Zone::from_text(origin, lines).unwrap()
        });
        let block = Block::claim().unwrap();
        let world = DnsWorld::start(DnsWorldSpec {
            zones: zones.into(),
            addresses: vec![(block.address(2), 0).into()],
            ..DnsWorldSpec::default()
        })
        .unwrap();
        let cut = WireFault::Truncate;
        world
            .faults()
            .wire("d.test", RecordType::DNSKEY, cut)
            .unwrap();
        let silent = WireFault::Drop;
        world
            .faults()
            .wire("_mta-sts.d.test", RecordType::TXT, silent)
            .unwrap();
        let anchor = TrustAnchor::parse(world.trust_anchor()).unwrap();
        let resolver =
            Resolver::new(vec![world.address()], false).validating(anchor, Clock::system());
        let name = |name: &str| Domain::parse(name.as_bytes()).unwrap();
        let before = descriptors();
        std::thread::scope(|scope| {
            let lookup = scope.spawn(|| {
                let dns = resolver.within(Deadline::after(Duration::from_secs(2)));
                dns.ahead(&[
                    (name("d.test"), Kind::Mx),
                    (name("_mta-sts.d.test"), Kind::Txt),
                    (name("mx.d.test"), Kind::Addresses(Family::Ipv4)),
                    (name("mx.d.test"), Kind::Addresses(Family::Ipv6)),
                    (name("_25._tcp.mx.d.test"), Kind::Tlsa),
                ]);
                let mx = dns.mx(&name("d.test")).unwrap();
                assert_eq!(mx.security, Security::Secure);
                let txt = dns.txt(&name("_mta-sts.d.test")).unwrap_err();
                assert_eq!(txt.cause, LookupCause::Timeout);
            });
            let mut met = 0;
            while !lookup.is_finished() {
                for descriptor in descriptors().difference(&before) {
                    if let Some(flag) = is_close_on_exec(*descriptor) {
                        assert!(flag, "descriptor {descriptor} would be inherited");
                        met += 1;
                    }
                }
                std::thread::sleep(Duration::from_millis(1));
            }
            assert!(met > 0, "nothing was seen");
            lookup.join().unwrap();
        });
        drop((world, block)); // it keeps its ends of connections as long as it likes
        settles_at(&at_first, threads_at_first);
    }

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
        let body = http("200 OK", "Content-Type: text/plain", policy);
        let response = Response::Drip(body, Duration::from_millis(20));
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

        world.directory = directory.path().to_owned();

        let (before, threads_before) = (descriptors(), threads());
        let facts = std::thread::scope(|scope| {
            let lookup = scope.spawn(|| {
                let ask =
                    |next_hop, budget| world.ask(next_hop, &[], &Rule::default(), false, budget);
                let _ = ask("d.test", 10_000);
                let _ = ask("slow.test", 200);
                let _ = ask("slow.test", 5_000); // is remembered for it
                let _ = ask("slow.test", 5_000);
                ask("d.test", 10_000) // is kept
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
        assert_eq!(
            host.requests().len(),
            1,
            "the second lookup met it in the cache"
        );
        settles_at(&before, threads_before);
    }
}
