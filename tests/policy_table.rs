//! What policies decide, one line of `policy/table.ndjson` for each case.
//!
//! The statements are those of AWS's pages and the ways in which people write them. A line has:
//!
//! - `name`, what the case shows;
//! - `policy`, the document;
//! - `caller`, `oac`, `oai`, `oai without canonical user` or `anonymous`, which also brings the
//!   keys that such a request is known to carry;
//! - `action` and `resource`, where it is not `s3:GetObject` of `/app.js`;
//! - `keys`, what else is known of the request (`null` for a key that is absent);
//! - `expected`, `allowed N`, `denied N`, `not granted`, or `unknown` and a word of the reason;
//! - `nearest` and `public`, where the case is about them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::Value;
use why403::policy::{
    Caller, Context, Decision, Missed, Policy, PolicyError, Public, Request, evaluate, nearest,
    public,
};

const DISTRIBUTION: &str = "arn:aws:cloudfront::111122223333:distribution/E1THIS";
const CANONICAL: &str = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be";

#[test]
fn every_line_of_the_table_holds() {
    let table = include_str!("policy/table.ndjson");
    let mismatches: Vec<_> = table.lines().filter_map(mismatch).collect();
    assert!(mismatches.is_empty(), "{}", mismatches.join("\n"));
    assert!(table.lines().count() >= 90, "the table has shrunk");
}

#[test]
fn what_is_no_policy_says_why() {
    let error = |text: &str| Policy::parse(text).map(|_| ()).unwrap_err();
    assert!(matches!(error(""), PolicyError::NotJson(_)));
    assert!(matches!(error("{\"Statement\": ["), PolicyError::NotJson(_)));
    assert!(matches!(error(&"[".repeat(100_000)), PolicyError::NotJson(_)));
    assert_eq!(error("[]"), PolicyError::NotAnObject);
    assert_eq!(error("{}"), PolicyError::NoStatement);
    assert_eq!(error("{\"Statement\": \"Allow\"}"), PolicyError::NoStatement);
    assert_eq!(error(&" ".repeat(1 << 21)), PolicyError::TooLong { bytes: 1 << 21 });
}

#[test]
fn a_pattern_made_of_stars_is_decided_at_once() {
    let resource = format!("arn:aws:s3:::shop/{}b", "*a".repeat(5_000));
    let policy = serde_json::json!({
        "Statement": {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": resource}
    });
    let policy = Policy::parse(&policy.to_string()).unwrap();
    let key = format!("arn:aws:s3:::shop/{}", "a".repeat(1_024));
    let context = Context::of_anonymous();
    let request = Request {
        caller: Caller::Anonymous,
        action: "s3:GetObject",
        resource: &key,
        context: &context,
    };
    assert_eq!(evaluate(&policy, &request), Decision::NotGranted);
}

fn mismatch(line: &str) -> Option<String> {
    let case: Value = serde_json::from_str(line).unwrap();
    let text = |name: &str| case.get(name).and_then(Value::as_str);
    let policy = Policy::parse(&case.get("policy").unwrap().to_string()).unwrap();
    let oai = |canonical| Caller::Oai { id: "E3IDENTITY", canonical };
    let (caller, context) = match text("caller").unwrap() {
        "oac" => (
            Caller::Service("cloudfront.amazonaws.com"),
            Context::of_origin_access_control(DISTRIBUTION, Some("111122223333")),
        ),
        "oai" => (oai(Some(CANONICAL)), Context::of_origin_access_identity()),
        "oai without canonical user" => (oai(None), Context::of_origin_access_identity()),
        "anonymous" => (Caller::Anonymous, Context::of_anonymous()),
        other => panic!("no such caller: {other}"),
    };
    let context = with_keys(context, case.get("keys"));
    let request = Request {
        caller,
        action: text("action").unwrap_or("s3:GetObject"),
        resource: text("resource").unwrap_or("arn:aws:s3:::shop/app.js"),
        context: &context,
    };
    let pairs = [
        (text("expected"), in_words(&evaluate(&policy, &request))),
        (text("nearest"), nearest_in_words(&policy, &request)),
        (text("public"), public_in_words(&public(&policy))),
    ];
    let wrong: Vec<_> = pairs
        .into_iter()
        .filter_map(|(expected, found)| Some((expected?, found)))
        .filter(|(expected, found)| !is_as_expected(expected, found))
        .map(|(expected, found)| format!("expected {expected:?}, found {found:?}"))
        .collect();
    (!wrong.is_empty()).then(|| format!("{}: {}", text("name").unwrap(), wrong.join("; ")))
}

/// Of an unknown answer only a word of the reason is expected, so that sentences may change.
fn is_as_expected(expected: &str, found: &str) -> bool {
    match expected.strip_prefix("unknown ") {
        Some(word) => found.starts_with("unknown ") && found.contains(word),
        None if expected == "unknown" => found.starts_with("unknown "),
        None => expected == found,
    }
}

fn with_keys(context: Context, keys: Option<&Value>) -> Context {
    let Some(Value::Object(keys)) = keys else {
        return context;
    };
    keys.iter().fold(context, |context, (key, value)| match value {
        Value::Null => context.absent(key),
        Value::Array(values) => context.known(key, values.iter().filter_map(Value::as_str)),
        value => context.known(key, value.as_str()),
    })
}

fn in_words(decision: &Decision) -> String {
    match decision {
        Decision::Allowed { statement } => format!("allowed {statement}"),
        Decision::Denied { statement } => format!("denied {statement}"),
        Decision::NotGranted => "not granted".to_owned(),
        Decision::Unknown { why } => format!("unknown {why}"),
    }
}

fn public_in_words(public: &Public) -> String {
    match public {
        Public::Yes { statement } => format!("yes {statement}"),
        Public::No => "no".to_owned(),
        Public::Unknown { why } => format!("unknown {why}"),
    }
}

fn nearest_in_words(policy: &Policy, request: &Request<'_>) -> String {
    let Some(miss) = nearest(policy, request) else {
        return "none".to_owned();
    };
    let (element, named) = match miss.missed {
        Missed::Conditions(unmet) => {
            let mut keys: Vec<_> = unmet.into_iter().map(|unmet| unmet.key).collect();
            keys.sort();
            ("conditions", keys)
        }
        Missed::Resource { named, negated: false } => ("resource", named),
        Missed::Resource { named, negated: true } => ("not-resource", named),
        Missed::Action { named, negated: false } => ("action", named),
        Missed::Action { named, negated: true } => ("not-action", named),
        Missed::Principal { named } => ("principal", named),
    };
    format!("{} {element} {}", miss.statement, named.join(","))
}
