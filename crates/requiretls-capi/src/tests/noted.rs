//! S20: what a delivery that has stopped leaves for the next process.

use super::outbound::STARTTLS;
use super::testbed::{Testbed, name};
use super::{Context, Plan, c};
use crate::abi::{RTLS_BOUNCE, RTLS_DEFER, RTLS_GO, RTLS_NEXT_HOST, RTLS_STARTTLS};
use crate::plan::{rtls_plan_lookup, rtls_plan_new};
use requiretls_testbed::{Domain, Peer, SMTP_PORT, Sts};

/// One message with REQUIRETLS to a host that shows this chain and does not offer it.
fn stops(ctx: &Context, chain: &[Vec<u8>]) -> Plan {
    let (domain, tag) = (c("d.test"), c("1.secure.onward"));
    let port = u32::from(SMTP_PORT);
    // SAFETY: as the header wants it.
    let plan = unsafe { rtls_plan_new(ctx.0, domain.as_ptr(), port, tag.as_ptr(), 0) };
    let plan = Plan(plan);
    // SAFETY: a live plan of this thread. With less time a fetch that can wait does.
    let action = unsafe { rtls_plan_lookup(plan.0, 10_000) };
    assert_eq!(action, RTLS_GO, "{}", plan.why());
    assert_eq!(plan.next(), (RTLS_GO, "mx.d.test".to_owned()));
    assert_eq!(plan.ehlo(STARTTLS), RTLS_STARTTLS, "{}", plan.why());
    assert_eq!(plan.tls("TLSv1.3"), RTLS_GO, "{}", plan.why());
    let chain: Vec<&[u8]> = chain.iter().map(Vec::as_slice).collect();
    assert_eq!(plan.peer(&chain), RTLS_GO, "{}", plan.why());
    assert_eq!(plan.ehlo("mx.d.test\nDSN\n"), RTLS_NEXT_HOST);
    plan
}

/// The bounce waits until the policy was fetched again, and the lookup of the next process fetches
/// it, whatever the record says.
#[test]
fn s20_the_next_lookup_fetches_the_policy_again() {
    let domain = Domain::new("d.test")
        .mx("mx")
        .peer(Peer::good())
        .sts(Sts::enforce());
    let testbed = Testbed::start([domain]);
    testbed.keep("d.test", "mx.d.test", 1_000);
    let peers = testbed.world.peers("mx.d.test");
    let chain = peers.first().expect("a peer").credential().chain();

    let plan = stops(&testbed.context(), chain);
    assert_eq!(plan.verdict(), (RTLS_DEFER, "451 4.7.10".to_owned()));
    assert_eq!(testbed.requests(), 0, "it waits for nobody");
    let marked = || testbed.cache().memory(&name("d.test")).recheck.is_some();
    assert!(marked(), "the next one is told");

    let plan = stops(&testbed.context(), chain);
    assert_eq!(plan.verdict(), (RTLS_BOUNCE, "550 5.7.30".to_owned()));
    assert_eq!(testbed.requests(), 1);
    assert!(!marked(), "it was fetched");
}
