//! The world's own resolver, through the wire.

use requiretls_testbed::Block;
use requiretls_testbed::proto::op::ResponseCode;
use std::collections::BTreeSet;

use crate::client::{ask, query};
use crate::table::{Answer, TABLE, questions, read, world};

#[test]
fn the_resolver_answers_as_the_table_says() {
    let block = Block::claim().unwrap();
    let world = world(vec![(block.address(2), 0).into()]);
    let mut wrong = Vec::new();
    for (label, name, kind, expected) in questions() {
        let answer = ask(world.address(), &query(&name, kind));
        let found = read(&answer);
        let wanted = match expected {
            Answer::Unreachable => Answer::Bogus,
            expected => expected,
        };
        if found != wanted {
            wrong.push(format!(
                "{label}: {kind} {name}: {found:?}, not {expected:?}\n{answer}"
            ));
        }
        // RFC 8914: bogus is another failure than unreachable.
        if answer.metadata.response_code == ResponseCode::ServFail {
            let says_bogus = format!("{:?}", answer.edns).contains("Unknown(15, [0, 6])");
            assert_eq!(says_bogus, expected == Answer::Bogus, "{label}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(world.questions().len() >= 2 * TABLE.len());
}

#[test]
fn no_question_is_there_twice() {
    let different: BTreeSet<&str> = TABLE.iter().map(|(_, question, _, _)| *question).collect();
    assert_eq!(different.len(), TABLE.len());
}
