//! Does anything but the steps that it asks for open the gate?
//!
//! Random calls in random order, watched by a checker that knows nothing of the library: it keeps
//! its own record of what was shown since the last host.

use super::delivery::{certificate, pinned};
use super::outbound::{OFFERS, PLAIN, STARTTLS};
use super::{Context, Plan};
use crate::abi::{
    RTLS_AGAIN, RTLS_CLOSED, RTLS_GET_SESSION, RTLS_GO, RTLS_STARTTLS, RTLS_TLS_LOST,
    RTLS_TLS_REJECTED,
};

/// What was shown since a host was entered.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::struct_excessive_bools)]
struct Shown {
    host: bool,
    tls: bool,
    chain: bool,
    /// A reply to EHLO was the last word before MAIL.
    ehlo: bool,
    /// That reply came inside TLS and offered REQUIRETLS.
    offered: bool,
    /// What the library has let pass, right or wrong: it leads the way.
    passed_tls: bool,
    passed_chain: bool,
}

const ALL: Shown = Shown {
    host: true,
    tls: true,
    chain: true,
    ehlo: true,
    offered: true,
    passed_tls: true,
    passed_chain: true,
};

/// Numbers that look random and are the same in every run (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    /// Mostly the first one, so that sequences come somewhere.
    fn pick<T: Copy>(&mut self, usual: T, others: &[T]) -> T {
        if self.roll(4) > 0 {
            return usual;
        }
        let sides = u64::try_from(others.len()).expect("few");
        others[usize::try_from(self.roll(sides)).expect("few")]
    }
}

struct World {
    ctx: Context,
    der: Vec<u8>,
    foreign: Vec<u8>,
    session: String,
}

/// One call, the answer, and what the checker has seen afterwards; true: the gate has opened.
fn step(world: &World, plan: &Plan, dice: &mut Dice, shown: &mut Shown, secure: bool) -> bool {
    let next_usual = match *shown {
        Shown { host: false, .. } => 0,
        Shown { ehlo: true, .. } => 6,
        Shown {
            passed_tls: false, ..
        } => 1 + dice.roll(2),
        Shown {
            passed_chain: false,
            ..
        } => 3,
        _ => 1,
    };
    let call = dice.pick(next_usual, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    let before = *shown;
    *shown = Shown::default();
    match call {
        0 => {
            let host = dice.pick("192.0.2.1", &["192.0.2.2", "other.example", "no name", ""]);
            shown.host = plan.host(host) == RTLS_GO;
        }
        1 => {
            let usual = if before.passed_tls { OFFERS } else { STARTTLS };
            let reply = dice.pick(
                usual,
                &[OFFERS, STARTTLS, PLAIN, "", "450 later", "500 what"],
            );
            match plan.ehlo(reply) {
                RTLS_GO => {
                    *shown = Shown {
                        ehlo: true,
                        offered: before.tls && reply == OFFERS,
                        ..before
                    };
                }
                RTLS_STARTTLS => {
                    *shown = Shown {
                        ehlo: false,
                        offered: false,
                        ..before
                    };
                }
                _ => {}
            }
        }
        2 => {
            let protocol = dice.pick("TLSv1.3", &["TLSv1.2", "TLSv1.1", "", "rubbish"]);
            if plan.tls(protocol) == RTLS_GO {
                *shown = Shown {
                    tls: matches!(protocol, "TLSv1.3" | "TLSv1.2") || !secure,
                    passed_tls: true,
                    ehlo: false,
                    offered: false,
                    ..before
                };
            }
        }
        3 => {
            let (good, bad) = (world.der.as_slice(), world.foreign.as_slice());
            let leaf = dice.pick(good, &[bad, &[], b"rubbish"]);
            if plan.peer(&[leaf]) == RTLS_GO {
                *shown = Shown {
                    chain: leaf == good || !secure,
                    passed_chain: true,
                    ..before
                };
            }
        }
        4 => {
            let how = dice.pick(RTLS_TLS_LOST, &[RTLS_TLS_REJECTED, 454, 502, -3]);
            shown.host = plan.tls_failed(how) == RTLS_GO;
        }
        5 => {
            let host = dice.pick("192.0.2.1", &["192.0.2.2", "other.example"]);
            let session = dice.pick(world.session.as_str(), &["", "1.", "rubbish"]);
            if plan.resume(host, session) == RTLS_GO {
                assert_eq!((host, session), ("192.0.2.1", world.session.as_str()));
                *shown = ALL;
            }
        }
        6 => {
            let (action, text) = plan.mail_params();
            if action != RTLS_GO {
                assert_eq!(text, "", "send nothing");
                return false;
            }
            assert!(before.host && before.ehlo, "{before:?}");
            if secure {
                assert!(before.tls && before.chain && before.offered, "{before:?}");
                assert_eq!(text, " REQUIRETLS");
            } else {
                assert_eq!(text, "");
            }
            *shown = before;
            return true;
        }
        7 => {
            let code = dice.pick(250, &[530, 555, 550, 0]);
            match plan.mail_reply(code, "5.5.4 text") {
                RTLS_GO => *shown = before,
                RTLS_AGAIN => panic!("never for this tag"),
                _ => {}
            }
        }
        8 => {
            let _ = plan.done(dice.pick(0, &[250, 451, 550, RTLS_CLOSED, -2]));
        }
        9 => {
            let _ = plan.lookup();
        }
        10 => shown.host = plan.next().0 == RTLS_GO,
        _ => {
            let _ = plan.add_host("192.0.2.3");
        }
    }
    false
}

#[test]
fn nothing_else_opens_the_gate() {
    let (ctx, der) = pinned();
    let (foreign, _) = certificate();
    let plan = Plan::new(&ctx, "relay.example", "1.secure.onward", 0);
    assert_eq!(plan.add_host("192.0.2.1"), RTLS_GO);
    assert_eq!(plan.lookup(), RTLS_GO);
    assert_eq!(plan.host("192.0.2.1"), RTLS_GO);
    assert_eq!(plan.ehlo(STARTTLS), RTLS_STARTTLS);
    assert_eq!(plan.tls("TLSv1.3"), RTLS_GO);
    assert_eq!(plan.peer(&[&der]), RTLS_GO);
    assert_eq!(plan.ehlo(OFFERS), RTLS_GO);
    let session = plan.get(RTLS_GET_SESSION, 0).expect("a session");
    let world = World {
        ctx,
        der,
        foreign,
        session,
    };
    let mut dice = Dice(0x5eed_1234_5678_9abc);
    let (mut opened, mut secure_opened) = (0, 0);
    for round in 0..4_000 {
        let secure = round % 4 > 0;
        // relay.example has a floor; untagged mail elsewhere has none.
        let (domain, tag) = if secure {
            ("relay.example", "1.secure.onward")
        } else {
            ("free.example", "")
        };
        let plan = Plan::new(&world.ctx, domain, tag, 0);
        assert_eq!(plan.add_host("192.0.2.1"), RTLS_GO);
        assert_eq!(plan.add_host("192.0.2.2"), RTLS_GO);
        if dice.roll(8) > 0 {
            assert_eq!(plan.lookup(), RTLS_GO);
        }
        let mut shown = Shown::default();
        for _ in 0..20 {
            if step(&world, &plan, &mut dice, &mut shown, secure) {
                opened += 1;
                secure_opened += u32::from(secure);
            }
        }
    }
    assert!(
        opened > 1_000 && secure_opened > 500,
        "{opened} {secure_opened}"
    );
}
