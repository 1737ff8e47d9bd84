//! Do we read MTA-STS records and policies as the statements say, where other parsers differ?
//!
//! The inputs and our verdicts are in `sts_vectors.json`, beside the verdicts of others that are
//! not ours.

use requiretls_core::mta_sts::{Announcement, Policy};
use serde_json::Value;

const VECTORS: &str = include_str!("sts_vectors.json");

fn text<'a>(vector: &'a Value, key: &str) -> &'a str {
    vector.get(key).and_then(Value::as_str).unwrap_or_default()
}

#[test]
fn policies() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let policies = vectors["policies"].as_array().unwrap();
    assert_eq!(policies.len(), 36);
    for vector in policies {
        let verdict = match Policy::parse(text(vector, "body").as_bytes()) {
            Ok(policy) => format!("{}/{}", policy.mode(), policy.max_age()),
            Err(_) => "reject".to_owned(),
        };
        let (name, statement) = (text(vector, "name"), text(vector, "statement"));
        assert_eq!(verdict, text(vector, "expected"), "{statement} {name}");
    }
}

#[test]
fn records() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let sets = vectors["txt"].as_array().unwrap();
    assert_eq!(sets.len(), 20);
    for vector in sets {
        let records: Vec<&str> = vector["records"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let verdict = match Announcement::of(&records) {
            Announcement::One(_) => "yes",
            Announcement::Absent | Announcement::Invalid(_) | Announcement::Several(_) => "no",
        };
        let (name, statement) = (text(vector, "name"), text(vector, "statement"));
        assert_eq!(verdict, text(vector, "expected"), "{statement} {name}");
    }
}
