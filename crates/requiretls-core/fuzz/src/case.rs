//! Does any decision go below what is demanded?
//!
//! The input is a decision case in JSON. Whatever it says, a message that goes has been shown what
//! its tag and the site ask for by themselves; and what is taken away from a case that does not go
//! never makes it go.

use requiretls_core::case::{
    AddressWord, Answer, Case, CaseAddress, HopWord, LevelWord, NullPathFloor, OfferWord,
    ProofWord, RecordWord, RouteWord, SecondEhloWord, StarttlsWord, StsWord, TagWord, TcpWord,
    VersionWord, WorkedWord,
};

/// A case.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match Case::parse(text) {
        Err(error) => assert!(!error.is_empty()),
        Ok(case) => {
            let addresses: usize = case.hosts.iter().map(|host| host.addrs.len()).sum();
            if case.hosts.len() <= 6 && addresses <= 16 {
                judge(&case);
            }
        }
    }
}

fn judge(case: &Case) {
    let json = serde_json::to_string(case).expect("a case is JSON");
    assert_eq!(Case::parse(&json).as_ref(), Ok(case), "written and read");
    let answer = case.decide();
    assert_eq!(case.decide(), answer, "the same again");
    assert!(
        answer
            .sentence
            .bytes()
            .all(|b| matches!(b, b' '..=b'~') && b != b'%')
    );
    match answer.action {
        "go" => goes(case, &answer),
        "defer" => assert!(answer.code.starts_with('4'), "{answer:?}"),
        "bounce" => bounces(case, &answer),
        other => panic!("{other}"),
    }
    if answer.action != "go" {
        less(case);
    }
}

/// What the address that got the message has shown.
fn shown<'a>(case: &'a Case, answer: &Answer) -> &'a CaseAddress {
    let host = answer.host.expect("a host");
    &case.hosts[host].addrs[answer.addr.expect("an address")]
}

fn goes(case: &Case, answer: &Answer) {
    assert!(case.tag_readable && case.rule_readable, "row 15");
    assert!(answer.code.is_empty() && answer.row.is_empty());
    let shown = shown(case, answer);
    let inside = answer.tls.expect("in TLS or in clear");
    assert_eq!(shown.tcp, TcpWord::Ok);
    if inside {
        assert!(shown.starttls == StarttlsWord::Yes && shown.hs == WorkedWord::Ok);
        assert!(shown.ehlo2 != SecondEhloWord::Transient);
    }
    let modern = inside && shown.tls != VersionWord::V11;
    let proves = |proof| inside && shown.chain && shown.auth.contains(&proof);
    let tag = tag_demand(case);
    let floor = level(case.floor);
    let least = tag.max(floor);
    assert!(
        least == 0 || modern,
        "level {least} without TLS: {answer:?}"
    );
    if floor == 2 {
        site_floor(case, &proves);
    }
    if tag == 2 {
        sender(case, answer, &proves);
    }
    destination(case, answer, modern, &proves);
    assert!(
        !case.auth_credentials || inside,
        "P10: credentials in clear"
    );
    sends(case, answer, shown, inside);
}

fn level(word: LevelWord) -> u8 {
    match word {
        LevelWord::May => 0,
        LevelWord::Encrypt => 1,
        LevelWord::Secure => 2,
    }
}

/// P4, P12, the null path: 1, any TLS 1.2; 2, its own row of P4.
fn tag_demand(case: &Case) -> u8 {
    let own = match case.tag {
        TagWord::None | TagWord::H | TagWord::LM => return 0,
        TagWord::LE | TagWord::F0 => 1,
        // What a merged tag asks besides its level is not looked at.
        TagWord::Merged(tag) => tag.level() as u8,
        TagWord::LS | TagWord::R | TagWord::FC | TagWord::FD | TagWord::FCD => 2,
    };
    let hop = match case.hop {
        HopWord::Enforce => own,
        HopWord::Encrypt => own.min(1),
        HopWord::Opportunistic | HopWord::Off | HopWord::Local | HopWord::LocalCarry => 0,
    };
    match (case.null_path, case.null_path_floor) {
        (false, _) => hop,
        (true, NullPathFloor::May) => 0,
        (true, NullPathFloor::Encrypt) => hop.min(1),
        // FC and FCD without DNSSEC are of level encrypt, and so any TLS on the null path's row.
        (true, NullPathFloor::Secure) => match case.tag {
            TagWord::FC | TagWord::FCD if !case.dnssec => hop.min(1),
            _ => hop,
        },
    }
}

/// P8: some proof, and of the site's own methods where it names any.
fn site_floor(case: &Case, proves: &impl Fn(ProofWord) -> bool) {
    use requiretls_core::case::MethodWord::{Dane, Pin, Pkix};
    let all = [
        ProofWord::Dane,
        ProofWord::PkixHost,
        ProofWord::PkixNextHop,
        ProofWord::SitePkix,
        ProofWord::SitePin,
    ];
    let has = |word| case.methods.contains(&word);
    let held = if case.methods.is_empty() {
        all[..3].iter().any(|proof| proves(*proof))
    } else {
        (has(Dane) && proves(ProofWord::Dane))
            || (has(Pkix) && proves(ProofWord::SitePkix))
            || (has(Pin) && proves(ProofWord::SitePin))
    };
    assert!(held, "floor secure without a proof that counts");
}

/// P4: what the tag's own row asks, where it is in force.
fn sender(case: &Case, answer: &Answer, proves: &impl Fn(ProofWord) -> bool) {
    let host = &case.hosts[answer.host.unwrap()];
    let usable = host.records == RecordWord::Usable;
    let vouched = matches!(case.route, RouteWord::S | RouteWord::N | RouteWord::C);
    let dane = usable && vouched && proves(ProofWord::Dane);
    let chain = proves(ProofWord::PkixHost);
    let site = !case.methods.is_empty()
        && (proves(ProofWord::SitePkix) || proves(ProofWord::SitePin) || dane);
    let held = match case.tag {
        TagWord::FC => chain,
        TagWord::FD => dane,
        TagWord::FCD => chain || dane,
        TagWord::R => {
            let unvouched = matches!(case.route, RouteWord::I | RouteWord::V);
            let listed = host.matches && matches!(case.sts, StsWord::Enforce | StsWord::Testing);
            site || match case.route {
                RouteWord::A => false,
                RouteWord::N => dane || (!usable && proves(ProofWord::PkixNextHop)),
                _ if unvouched => listed && (chain || (usable && proves(ProofWord::Dane))),
                _ => dane || (!usable && chain),
            }
        }
        _ => site || chain || dane || proves(ProofWord::PkixNextHop) || proves(ProofWord::Dane),
    };
    assert!(held, "{:?} by {answer:?}", case.tag);
}

/// P3, where it is in force: a usable record is matched, an enforcing policy is kept.
fn destination(case: &Case, answer: &Answer, modern: bool, proves: &impl Fn(ProofWord) -> bool) {
    use requiretls_core::case::{DiscoveryWord, KnobWord};
    let downgrade = case.tag.requirement(case.dnssec).is_downgrade();
    let local = matches!(case.hop, HopWord::Local | HopWord::LocalCarry);
    if downgrade || local || case.discovery != DiscoveryWord::On || case.route == RouteWord::A {
        return;
    }
    let host = &case.hosts[answer.host.unwrap()];
    let vouched = matches!(case.route, RouteWord::S | RouteWord::N | RouteWord::C);
    let dane_counts = match case.route {
        RouteWord::V => false,
        RouteWord::I => case.insecure_mx_dane == KnobWord::Dane,
        _ => true,
    };
    if dane_counts && host.records == RecordWord::Usable {
        assert!(
            modern && proves(ProofWord::Dane),
            "a TLSA record not matched"
        );
        if vouched {
            return;
        }
    }
    if dane_counts && host.records == RecordWord::Unusable {
        assert!(modern, "D4: TLS is promised");
    }
    assert!(!dane_counts || host.records != RecordWord::Failed, "row 6");
    if case.sts == StsWord::Enforce {
        assert!(host.matches, "row 7");
        assert!(
            modern && proves(ProofWord::PkixHost),
            "an enforcing policy not kept"
        );
    }
}

/// P4's last columns.
fn sends(case: &Case, answer: &Answer, shown: &CaseAddress, inside: bool) {
    let carried = case.hop == HopWord::LocalCarry;
    let offers = |word| shown.offers.contains(&word) && shown.ehlo2 != SecondEhloWord::Permanent;
    let in_clear = !inside && shown.offers.contains(&OfferWord::Requiretls) && carried;
    if answer.sends.starts_with("REQUIRETLS") {
        assert!(
            (inside && offers(OfferWord::Requiretls)) || in_clear,
            "{answer:?}"
        );
    } else if answer.sends.starts_with("TLSPOLICY") {
        assert!(shown.offers.contains(&OfferWord::TlsPolicy) && (inside || carried));
    } else {
        assert!(answer.sends.is_empty() || answer.sends == "RET=HDRS");
    }
    let onward = matches!(
        case.tag,
        TagWord::R | TagWord::F0 | TagWord::FC | TagWord::FD | TagWord::FCD
    );
    if onward && case.hop == HopWord::Enforce && !case.null_path {
        assert!(answer.sends.starts_with("REQUIRETLS"), "row 13: {answer:?}");
    }
}

/// P5: a bounce is certain, and the sender's own wish, unless there is no host at all.
fn bounces(case: &Case, answer: &Answer) {
    assert!(answer.code.starts_with('5'), "{answer:?}");
    assert!(case.tag_readable && case.rule_readable);
    if answer.row == "2" {
        return;
    }
    assert_eq!(answer.who, "sender");
    assert!(
        !case.null_path || answer.row == "16",
        "the null path is never returned"
    );
    let unresolved = case.hosts.iter().any(|host| host.addr == AddressWord::Err);
    assert!(!unresolved || answer.row == "3", "{answer:?}");
    let tries = case
        .hosts
        .iter()
        .filter(|host| host.addr == AddressWord::Ok);
    let down = tries
        .flat_map(|host| &host.addrs)
        .any(|a| a.tcp != TcpWord::Ok);
    let before = ["3", "6a", "7"].contains(&answer.row);
    assert!(!down || before || mixed(case), "{answer:?}");
}

/// Hosts that are refused without a connection beside others: what is down there is not seen.
fn mixed(case: &Case) -> bool {
    case.dnssec || case.tag == TagWord::FD
}

/// What is taken away from a case that does not go never makes it go.
fn less(case: &Case) {
    let stays = |less: &Case| assert_ne!(less.decide().action, "go", "{less:?}");
    for host in 0..case.hosts.len() {
        let mut without = case.clone();
        without.hosts.remove(host);
        stays(&without);
        for address in 0..case.hosts[host].addrs.len() {
            let takes: [fn(&mut CaseAddress); 5] = [
                |a| a.starttls = StarttlsWord::No,
                |a| a.tls = VersionWord::V11,
                |a| a.chain = false,
                |a| a.auth.truncate(a.auth.len().saturating_sub(1)),
                |a| a.offers.truncate(a.offers.len().saturating_sub(1)),
            ];
            for take in takes {
                let mut without = case.clone();
                take(&mut without.hosts[host].addrs[address]);
                stays(&without);
            }
        }
    }
}
