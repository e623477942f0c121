//! Whether S3 calls a bucket policy public, which is what `RestrictPublicBuckets` asks.
//!
//! Source: "Blocking public access to your Amazon S3 storage", section "The meaning of public".
//! S3 begins by assuming that a policy is public, and ends so unless every grant is limited to
//! fixed values. One public statement makes the whole policy public. A service principal is such
//! a fixed value, with or without conditions; a federated one is not.

use super::compare::Range;
use super::condition::{Condition, Narrowing};
use super::principal::{Kind, Principals, Who};
use super::wildcard::{Case, Pattern};
use super::{Effect, Grant, Policy, Statement};

/// Whether a policy is public in the sense of S3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Public {
    /// It is.
    Yes {
        /// The first statement that makes it so, counted from zero.
        statement: usize,
    },
    /// Every grant is limited to fixed values.
    No,
    /// AWS does not say.
    Unknown {
        /// A part of a sentence: which statement (counted from one), and what about it.
        why: String,
    },
}

/// Keys that make a grant non-public when they are held to fixed values.
const LIMITING_KEYS: [&str; 8] = [
    "aws:principalorgid",
    "aws:sourcearn",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:sourceowner",
    "aws:sourceaccount",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "s3:dataaccesspointaccount",
];

/// The page counts "an AWS principal, user, role, or service principal" and gives one key as an
/// example. These are about principals and sources as well, and it is silent on them.
const PERHAPS_LIMITING_KEYS: [&str; 7] = [
    "aws:principalarn",
    "aws:principalaccount",
    "aws:principalorgpaths",
    "aws:principalservicename",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:vpcsourceip",
];

/// Whether S3 calls the policy public.
pub fn public(policy: &Policy) -> Public {
    let mut unclear = None;
    for (index, statement) in policy.statements.iter().enumerate() {
        let why = match openness(statement) {
            Openness::Closed => continue,
            Openness::Open => match limiting_deny(policy, statement) {
                None => return Public::Yes { statement: index },
                // The page speaks of grants alone, and does not say what S3 makes of a public
                // grant that a denial narrows to fixed values again.
                Some(deny) => format!("{} may take back what it grants", policy.name_of(deny)),
            },
            Openness::Unclear(why) => why,
        };
        unclear.get_or_insert_with(|| format!("{}: {why}", policy.name_of(index)));
    }
    unclear.map_or(Public::No, |why| Public::Unknown { why })
}

enum Openness {
    Open,
    Closed,
    Unclear(String),
}

fn openness(statement: &Statement) -> Openness {
    let grant = match (&statement.grant, statement.effect) {
        (_, Some(Effect::Deny)) => return Openness::Closed,
        (Err(fault), _) => return Openness::Unclear(format!("the statement {fault}")),
        (Ok(grant), _) => grant,
    };
    if has_fixed_principals(&grant.principals) {
        return Openness::Closed;
    }
    let mut result = Openness::Open;
    for condition in &grant.conditions {
        match limit(condition) {
            Some(true) => return Openness::Closed,
            Some(false) => {}
            None => {
                result = Openness::Unclear(format!(
                    "whether the condition {} on {} makes it non-public is not documented",
                    condition.operator, condition.key
                ));
            }
        }
    }
    result
}

fn has_fixed_principals(principals: &Principals) -> bool {
    match &principals.who {
        Who::Everyone => false,
        Who::Listed(entries) => entries
            .iter()
            .all(|entry| entry.kind != Kind::Federated && !entry.name.contains(['*', '?'])),
    }
}

/// Whether the condition limits the grant to fixed values.
fn limit(condition: &Condition) -> Option<bool> {
    let key = condition.lowercase_key();
    let narrowing = condition.narrowing();
    if narrowing == Narrowing::Nothing || !is_about_callers(key) {
        return Some(false);
    }
    if condition.wanted.is_empty() || narrowing == Narrowing::Unclear {
        return None;
    }
    match (key, narrowing) {
        ("aws:sourceip", Narrowing::ToRanges) => {
            let mut wide = false;
            for want in &condition.wanted {
                wide |= Range::parse(want.raw())?.is_very_wide();
            }
            Some(!wide)
        }
        // Text operators compare addresses as text, which the page does not mention.
        ("aws:sourceip", _) => None,
        ("aws:userid", _) => fixed_user(&condition.wanted),
        ("s3:dataaccesspointarn", _) => Some(condition.wanted.iter().all(has_fixed_account)),
        _ if LIMITING_KEYS.contains(&key) => Some(condition.wanted.iter().all(Pattern::is_fixed)),
        _ if condition.wanted.iter().all(Pattern::is_fixed) => None,
        _ => Some(false),
    }
}

fn is_about_callers(key: &str) -> bool {
    LIMITING_KEYS.contains(&key)
        || PERHAPS_LIMITING_KEYS.contains(&key)
        || ["aws:sourceip", "aws:userid", "s3:dataaccesspointarn"].contains(&key)
}

/// "A fixed value of `aws:userid`, outside the pattern `AROLEID:*`": it is open to doubt what
/// that pattern itself makes of a policy.
fn fixed_user(wanted: &[Pattern]) -> Option<bool> {
    if wanted.iter().all(Pattern::is_fixed) {
        return Some(true);
    }
    let is_role_session = |want: &Pattern| {
        want.raw()
            .strip_suffix(":*")
            .is_some_and(|role| role.starts_with("ARO") && !role.contains(['*', '?', '$']))
    };
    if wanted.iter().all(|want| want.is_fixed() || is_role_session(want)) {
        None
    } else {
        Some(false)
    }
}

/// In a bucket policy an access point's name may be a wildcard, as long as its account is fixed.
fn has_fixed_account(arn: &Pattern) -> bool {
    arn.raw()
        .split(':')
        .nth(4)
        .is_some_and(|account| account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit()))
}

/// The first denial that may take back what an open statement grants. One that leaves reading
/// alone cannot do so for a statement that grants reading.
fn limiting_deny(policy: &Policy, open: &Statement) -> Option<usize> {
    let reads = |grant: &Grant| grant.action.covers("s3:GetObject", Case::Ignored) == Some(true);
    let grants_reading = open.grant.as_ref().is_ok_and(reads);
    policy.statements.iter().position(|statement| {
        statement.effect == Some(Effect::Deny)
            && statement.grant.as_ref().map_or(true, |deny| {
                (deny.principals.negated
                    || deny.conditions.iter().any(|one| is_about_callers(one.lowercase_key())))
                    && (reads(deny) || !grants_reading)
            })
    })
}
