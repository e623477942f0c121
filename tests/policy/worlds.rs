//! What a request may be, and everything that is not known of it filled in one way after the other.

use std::collections::BTreeMap;

use serde_json::Value;
use why403::policy::{Caller, Context, Decision, Policy, Request, evaluate, nearest, public};

use crate::plain::{CANONICAL, World, plain};

pub const CALLERS: [Caller<'static>; 3] = [
    Caller::Service("cloudfront.amazonaws.com"),
    Caller::Oai { id: "E3IDENTITY", canonical: Some(CANONICAL) },
    Caller::Anonymous,
];

/// A key, the operators that suit it, what a policy may ask for and what a request may have.
pub struct Field {
    pub key: &'static str,
    pub operators: &'static [&'static str],
    pub wanted: &'static [&'static str],
    pub values: &'static [&'static str],
}

pub const FIELDS: [Field; 6] = [
    Field {
        key: "aws:SourceArn",
        operators: &["ArnLike", "ArnEquals", "ArnNotLike", "StringEquals", "StringNotLike", "Null"],
        wanted: &["arn:aws:c::1:d/E1", "arn:aws:c::1:d/*", "arn:*:c::?:d/E?", "arn:aws:c:*:2:*"],
        values: &["arn:aws:c::1:d/E1", "arn:aws:c::1:d/E2", "arn:aws:c:x:2:d:e"],
    },
    Field {
        key: "aws:Referer",
        operators: &[
            "StringEquals",
            "StringNotEquals",
            "StringLike",
            "StringNotLike",
            "StringEqualsIgnoreCase",
            "StringNotEqualsIgnoreCase",
            "Null",
        ],
        wanted: &["a", "A", "a*", "*b", "a?b", "*a*b*", "${*}", "*", ""],
        values: &["a", "ab", "aab", "aXbb", "*", ""],
    },
    Field {
        key: "aws:TagKeys",
        operators: &["StringEquals", "StringNotEquals", "StringLike"],
        wanted: &["x", "y", "x*"],
        values: &["x", "y", "xy"],
    },
    Field {
        key: "aws:SourceIp",
        operators: &["IpAddress", "NotIpAddress"],
        wanted: &["10.0.0.0/8", "10.1.2.3", "0.0.0.0/0", "2001:db8::/32"],
        values: &["10.1.2.3", "192.0.2.1", "2001:db8::1"],
    },
    Field {
        key: "aws:SecureTransport",
        operators: &["Bool", "Null"],
        wanted: &["true", "false"],
        values: &["true", "false"],
    },
    Field {
        key: "s3:max-keys",
        operators: &["NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericGreaterThan"],
        wanted: &["1", "10"],
        values: &["1", "5", "10"],
    },
];

/// What the tests know of a key: its values (none: absent), or nothing.
pub type Known = Option<Vec<&'static str>>;

fn worlds(caller: Caller<'static>, known: &[Known]) -> Vec<World> {
    let mut worlds = Vec::new();
    for flags in 0..4 {
        worlds.push(World {
            caller,
            keys: BTreeMap::new(),
            aws_star_means_services: flags & 1 == 1,
            any_value_of_none_is_unlike: flags & 2 == 2,
        });
    }
    for (field, known) in FIELDS.iter().zip(known) {
        let possible = match known {
            Some(values) => vec![values.clone()],
            None => std::iter::once(vec![])
                .chain(field.values.iter().map(|value| vec![*value]))
                .collect(),
        };
        worlds = worlds
            .iter()
            .flat_map(|world| {
                possible.iter().map(|values| {
                    let mut world = world.clone();
                    world.keys.insert(field.key, values.clone());
                    world
                })
            })
            .collect();
    }
    worlds
}

pub fn decide(policy: &Policy, caller: Caller<'_>, context: &Context) -> Decision {
    let (action, resource) = ("s3:GetObject", "arn:aws:s3:::b/a/x.js");
    let request = Request { caller, action, resource, context };
    // Neither may panic, whatever the policy; what they say is the table's matter.
    let _ = (nearest(policy, &request), public(policy));
    evaluate(policy, &request)
}

/// What is known, as the evaluator is told it.
pub fn context(known: &[Known]) -> Context {
    let mut context = Context::new();
    for (field, known) in FIELDS.iter().zip(known) {
        if let Some(values) = known {
            context = context.known(&field.key.to_uppercase(), values.iter().copied());
        }
    }
    context
}

/// Panics where an answer that claims to be certain is wrong in some world.
pub fn right_in_every_world(policy: &Value, caller: Caller<'static>, known: &[Known]) -> Decision {
    let decision = decide(&Policy::parse(&policy.to_string()).unwrap(), caller, &context(known));
    for world in worlds(caller, known) {
        let (allows, denies) = plain(policy, &world);
        match &decision {
            Decision::Allowed { .. } => assert!(allows && !denies, "{world:?}"),
            Decision::Denied { .. } => assert!(denies, "{world:?}"),
            Decision::NotGranted => assert!(!allows, "{world:?}"),
            Decision::Unknown { .. } => {}
        }
    }
    decision
}
