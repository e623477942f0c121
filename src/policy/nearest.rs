//! Which statement would have allowed a request, but for one element.

use super::answer::Answer;
use super::condition::Condition;
use super::wildcard::Pattern;
use super::{Effect, Grant, Policy, Request, Statement};

/// An `Allow` that fits the request in all but one element, so that a report can say "the
/// policy grants another distribution" instead of "nothing grants this".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearMiss {
    /// Counted from zero.
    pub statement: usize,
    /// The name that the policy's author gave it.
    pub sid: Option<String>,
    /// What does not fit.
    pub missed: Missed,
}

/// The element that does not fit, with what it says, as the policy writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missed {
    /// Conditions that the request does not meet; several count as one element, since a wrong
    /// distribution often comes with a wrong account.
    Conditions(Vec<Unmet>),
    /// The resource is not named, or is named in `NotResource`.
    Resource {
        /// The patterns.
        named: Vec<String>,
        /// The element is `NotResource`.
        negated: bool,
    },
    /// The action is not named, or is named in `NotAction`.
    Action {
        /// The patterns.
        named: Vec<String>,
        /// The element is `NotAction`.
        negated: bool,
    },
    /// Somebody else is allowed.
    Principal {
        /// Who.
        named: Vec<String>,
    },
}

/// A condition of a statement: one that a request does not meet, or one that a `Deny` tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmet {
    /// Such as `StringEquals`.
    pub operator: String,
    /// Such as `AWS:SourceArn`.
    pub key: String,
    /// Any of these would have done, or, with a negated operator, none.
    pub wanted: Vec<String>,
}

/// The `Allow` that comes nearest to the request. Among several, one that fails in its
/// conditions tells more than one about another resource, action or, last, principal; of two
/// alike the earlier is taken. There is none where a statement allows the request, or may.
pub fn nearest(policy: &Policy, request: &Request<'_>) -> Option<NearMiss> {
    let mut best: Option<NearMiss> = None;
    for (index, statement) in policy.statements.iter().enumerate() {
        if statement.effect != Some(Effect::Allow) {
            continue;
        }
        if statement.applies(request) != Answer::No {
            return None;
        }
        let Some(missed) = only_miss(statement, request) else {
            continue;
        };
        if best.as_ref().is_none_or(|best| rank(&missed) < rank(&best.missed)) {
            let sid = policy.sid(index).map(str::to_owned);
            best = Some(NearMiss { statement: index, sid, missed });
        }
    }
    best
}

fn only_miss(statement: &Statement, request: &Request<'_>) -> Option<Missed> {
    let grant = statement.grant.as_ref().ok()?;
    let mut misses = [
        conditions(grant, request),
        (grant.names_resource(request) == Answer::No).then(|| Missed::Resource {
            named: grant.resource.texts(),
            negated: grant.resource.negated,
        }),
        (grant.names_action(request) == Answer::No)
            .then(|| Missed::Action { named: grant.action.texts(), negated: grant.action.negated }),
        (grant.names_caller(request) == Answer::No)
            .then(|| Missed::Principal { named: grant.principals.names() }),
    ]
    .into_iter()
    .flatten();
    let first = misses.next()?;
    misses.next().is_none().then_some(first)
}

fn conditions(grant: &Grant, request: &Request<'_>) -> Option<Missed> {
    let unmet: Vec<_> = grant
        .conditions
        .iter()
        .filter(|condition| condition.holds(request.context) == Answer::No)
        .map(unmet)
        .collect();
    (!unmet.is_empty()).then_some(Missed::Conditions(unmet))
}

/// Whether any statement tests a key that begins so, in any case.
pub fn tests(policy: &Policy, prefix: &str) -> bool {
    let grants = policy.statements.iter().filter_map(|one| one.grant.as_ref().ok());
    let mut conditions = grants.flat_map(|grant| &grant.conditions);
    conditions.any(|condition| {
        condition.key.to_ascii_lowercase().starts_with(&prefix.to_ascii_lowercase())
    })
}

/// What a statement is about: the conditions that it tests, and the resources that it names.
pub fn tested(policy: &Policy, statement: usize) -> (Vec<Unmet>, Vec<String>) {
    let grant = policy.statements.get(statement).and_then(|one| one.grant.as_ref().ok());
    grant.map_or_else(Default::default, |grant| {
        (grant.conditions.iter().map(unmet).collect(), grant.resource.texts())
    })
}

fn unmet(condition: &Condition) -> Unmet {
    Unmet {
        operator: condition.operator.clone(),
        key: condition.key.clone(),
        wanted: condition.wanted.iter().map(Pattern::raw).map(str::to_owned).collect(),
    }
}

fn rank(missed: &Missed) -> u8 {
    match missed {
        Missed::Conditions(_) => 0,
        Missed::Resource { .. } => 1,
        Missed::Action { .. } => 2,
        Missed::Principal { .. } => 3,
    }
}
