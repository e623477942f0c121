//! Properties that hold for every policy.
//!
//! The first compares with a second, plain implementation, which walks over the JSON and knows
//! two values only. It can do so because it is asked about one *world* at a time: everything
//! that is not known of the request, and everything on which AWS is silent, is filled in, one
//! way after the other. An answer that claims to be certain must be right in all of them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "policy/plain.rs"]
mod plain;
#[path = "policy/worlds.rs"]
mod worlds;

use std::collections::BTreeMap;

use plain::{CANONICAL, OAI};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};
use why403::policy::{Caller, Context, Decision, Policy};
use worlds::{CALLERS, FIELDS, Known, decide, right_in_every_world};

fn condition() -> impl Strategy<Value = (String, &'static str, Vec<&'static str>)> {
    (0..FIELDS.len(), select(vec!["", "ForAnyValue:", "ForAllValues:"]), any::<bool>())
        .prop_flat_map(|(field, each, if_exists)| {
            let field = &FIELDS[field];
            let wanted = subsequence(field.wanted.to_vec(), 1..=2);
            (select(field.operators), wanted).prop_map(move |(operator, wanted)| {
                // Only this key has several values, which needs a set operator.
                let each = match (field.key, each) {
                    ("aws:TagKeys", "") => "ForAnyValue:",
                    (_, each) => each,
                };
                if operator == "Null" {
                    let wanted = if if_exists { "true" } else { "false" };
                    return ("Null".to_owned(), field.key, vec![wanted]);
                }
                let name = format!("{each}{operator}{}", if if_exists { "IfExists" } else { "" });
                (name, field.key, wanted)
            })
        })
}

fn statement() -> impl Strategy<Value = Value> {
    let principals = select(vec![
        json!("*"),
        json!({"AWS": "*"}),
        json!({"Service": "cloudfront.amazonaws.com"}),
        json!({"Service": ["ec2.amazonaws.com"], "AWS": ["111122223333", OAI]}),
        json!({"AWS": "arn:aws:iam::111122223333:root", "CanonicalUser": CANONICAL}),
    ]);
    let actions = vec!["s3:GetObject", "s3:Get*", "S3:?etobject", "s3:PutObject", "*"];
    let resources = vec![
        "*",
        "arn:aws:s3:::b/*",
        "arn:aws:s3:::b/*/?.js",
        "arn:aws:s3:::b/a",
        "arn:aws:s3:::b",
    ];
    (
        any::<bool>(),
        (principals, any::<bool>()),
        (subsequence(actions, 1..=2), prop::bool::weighted(0.2)),
        (subsequence(resources, 1..=2), prop::bool::weighted(0.2)),
        vec(condition(), 0..3),
    )
        .prop_map(|(deny, principal, action, resource, conditions)| {
            let mut statement = Map::new();
            let mut put = |name: &str, negated: bool, value: Value| {
                statement.insert(format!("{}{name}", if negated { "Not" } else { "" }), value);
            };
            put("Effect", false, json!(if deny { "Deny" } else { "Allow" }));
            // AWS does not support NotPrincipal with Allow.
            put("Principal", deny && principal.1, principal.0);
            put("Action", action.1, json!(action.0));
            put("Resource", resource.1, json!(resource.0));
            let mut operators: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
            for (operator, key, wanted) in conditions {
                operators.entry(operator).or_default().insert(key.to_owned(), json!(wanted));
            }
            put("Condition", false, json!(operators));
            Value::Object(statement)
        })
}

fn known() -> impl Strategy<Value = Vec<Known>> {
    let each: Vec<_> = FIELDS
        .iter()
        .map(|field| {
            let several = if field.key == "aws:TagKeys" { 2 } else { 1 };
            proptest::option::weighted(0.8, subsequence(field.values.to_vec(), 0..=several))
        })
        .collect();
    each
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_certain_answer_is_right_in_every_world(
        statements in vec(statement(), 0..6),
        caller in select(CALLERS.to_vec()),
        known in known(),
    ) {
        let policy = json!({"Version": "2012-10-17", "Statement": statements});
        let decision = right_in_every_world(&policy, caller, &known);
        let aws_is_silent = matches!(caller, Caller::Service(_))
            || policy.to_string().contains("ForAnyValue:");
        if known.iter().all(Option::is_some) && !aws_is_silent {
            let certain = !matches!(decision, Decision::Unknown { .. });
            prop_assert!(certain, "nothing is unknown, and yet: {decision:?}");
        }
    }

    #[test]
    fn what_is_learnt_never_turns_a_certain_answer_round(
        statements in vec(statement(), 0..6),
        caller in select(CALLERS.to_vec()),
        known in known(),
        learnt in known(),
    ) {
        let policy = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
        let policy = Policy::parse(&policy).unwrap();
        let mut before = Context::new();
        let mut after = Context::new();
        for ((field, known), learnt) in FIELDS.iter().zip(&known).zip(&learnt) {
            if let Some(values) = known {
                before = before.known(field.key, values.iter().copied());
            }
            if let Some(values) = known.as_ref().or(learnt.as_ref()) {
                after = after.known(field.key, values.iter().copied());
            }
        }
        let before = decide(&policy, caller, &before);
        let after = decide(&policy, caller, &after);
        match before {
            Decision::Unknown { .. } => {}
            Decision::NotGranted => prop_assert!(
                matches!(after, Decision::NotGranted | Decision::Denied { .. }), "{after:?}"
            ),
            Decision::Allowed { .. } => {
                let allowed = matches!(after, Decision::Allowed { .. });
                prop_assert!(allowed, "{after:?}");
            }
            Decision::Denied { .. } => {
                let denied = matches!(after, Decision::Denied { .. });
                prop_assert!(denied, "{after:?}");
            }
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in ".*") {
        if let Ok(policy) = Policy::parse(&text) {
            decide(&policy, Caller::Anonymous, &Context::new());
        }
    }

    #[test]
    fn no_json_makes_it_panic(statement in json_value(), caller in select(CALLERS.to_vec())) {
        for statement in [json!([statement]), statement] {
            let text = json!({"Version": "2012-10-17", "Statement": statement}).to_string();
            if let Ok(policy) = Policy::parse(&text) {
                decide(&policy, caller, &Context::new().closed());
            }
        }
    }

    #[test]
    fn no_damage_makes_it_panic(
        line in select(include_str!("policy/table.ndjson").lines().collect::<Vec<_>>()),
        at in any::<prop::sample::Index>(),
        put in ".{0,3}",
        caller in select(CALLERS.to_vec()),
    ) {
        let text = serde_json::from_str::<Value>(line).unwrap()["policy"].to_string();
        let mut characters: Vec<char> = text.chars().collect();
        let at = at.index(characters.len());
        characters.splice(at..=at, put.chars());
        if let Ok(policy) = Policy::parse(&characters.into_iter().collect::<String>()) {
            for context in [Context::new(), Context::of_anonymous().closed()] {
                decide(&policy, caller, &context);
            }
        }
    }
}

fn json_value() -> impl Strategy<Value = Value> {
    let word = select(vec![
        "Sid",
        "Effect",
        "Principal",
        "NotPrincipal",
        "Action",
        "Resource",
        "NotResource",
        "Condition",
        "Allow",
        "Deny",
        "AWS",
        "Service",
        "*",
        "s3:*",
        "${",
        "${*}",
        "arn:::::",
        "",
        "StringLike",
        "IpAddress",
        "Null",
        "ForAnyValue:Bool",
        "DateLessThan",
        "aws:SourceIp",
        "10.0.0.0/99",
        "::/0",
        "1e400",
        "NaN",
        "9999-99-99",
        "true",
    ]);
    let leaf = prop_oneof![
        word.clone().prop_map(Value::from),
        any::<Option<bool>>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 8, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((word.clone(), inner), 0..8).prop_map(|fields| {
                Value::Object(
                    fields.into_iter().map(|(name, value)| (name.into(), value)).collect(),
                )
            }),
        ]
    })
}
