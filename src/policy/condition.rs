//! Conditions: an operator, a key and the values that it may have.
//!
//! Sources: "IAM JSON policy elements: Condition operators", "Set operators for multivalued
//! context keys".

use std::cmp::Ordering;

use super::answer::{Answer, all, any, not};
use super::compare::{boolean, in_range, order_of_numbers, order_of_times, same_bool};
use super::context::{Context, Key};
use super::wildcard::{Case, Pattern};

/// One operator on one key. A `Condition` element holds several, and all must hold.
#[derive(Debug, Clone)]
pub(super) struct Condition {
    /// As the policy writes it.
    pub(super) operator: String,
    /// As the policy writes it.
    pub(super) key: String,
    lowercase_key: String,
    /// `None` for an operator that is not known here.
    meaning: Option<Operator>,
    /// Any of them will do; with a negated operator, none of them may be.
    pub(super) wanted: Vec<Pattern>,
}

#[derive(Debug, Clone, Copy)]
struct Operator {
    quantity: Quantity,
    test: Test,
    negated: bool,
    if_exists: bool,
}

/// How many of the values that the request has for the key must pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quantity {
    /// No prefix: meant for keys that have one value.
    TheOne,
    /// `ForAnyValue:`
    AtLeastOne,
    /// `ForAllValues:`
    Every,
}

#[derive(Debug, Clone, Copy)]
enum Test {
    Equal,
    EqualIgnoringCase,
    Like,
    Arn,
    Address,
    Bool,
    Absent,
    Number(fn(Ordering) -> bool),
    Time(fn(Ordering) -> bool),
}

/// How far a condition on a key narrows the callers down, in the eyes of S3 when it asks
/// whether a policy is public.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Narrowing {
    /// The key must be there and have one of the values.
    ToValues,
    /// The key must be there and lie in one of the ranges.
    ToRanges,
    /// The values are excluded, or something else is asked that picks no value.
    Nothing,
    /// A set operator, `IfExists` or an operator that is not known here.
    Unclear,
}

impl Condition {
    pub(super) fn new(operator: &str, key: &str, wanted: Vec<Pattern>) -> Condition {
        Condition {
            operator: operator.to_owned(),
            key: key.to_owned(),
            lowercase_key: key.to_lowercase(),
            meaning: Operator::parse(operator),
            wanted,
        }
    }

    /// The key in the only case in which two spellings can be compared.
    pub(super) fn lowercase_key(&self) -> &str {
        &self.lowercase_key
    }

    /// Whether the request meets the condition.
    pub(super) fn holds(&self, context: &Context) -> Answer {
        let Some(operator) = &self.meaning else {
            return Answer::Unknown(format!(
                "the condition operator {} on {} is not one that can be evaluated",
                self.operator, self.key
            ));
        };
        let state = context.get(&self.lowercase_key);
        if matches!(state, Key::Unknown) {
            return Answer::Unknown(format!(
                "the condition {} asks for {}, which is not known of the request",
                self.operator, self.key
            ));
        }
        let truth = if self.wanted.is_empty() { None } else { operator.holds(state, &self.wanted) };
        Answer::from_truth(truth, || {
            let wanted: Vec<_> = self.wanted.iter().map(Pattern::raw).collect();
            format!(
                "the condition {} cannot compare {} with {}",
                self.operator,
                self.key,
                if wanted.is_empty() { "nothing".to_owned() } else { wanted.join(", ") }
            )
        })
    }

    pub(super) fn narrowing(&self) -> Narrowing {
        let Some(operator) = &self.meaning else {
            return Narrowing::Unclear;
        };
        match operator.test {
            _ if operator.negated => Narrowing::Nothing,
            Test::Absent | Test::Bool | Test::Number(_) | Test::Time(_) => Narrowing::Nothing,
            _ if operator.if_exists || operator.quantity != Quantity::TheOne => Narrowing::Unclear,
            Test::Address => Narrowing::ToRanges,
            Test::Equal | Test::EqualIgnoringCase | Test::Like | Test::Arn => Narrowing::ToValues,
        }
    }
}

impl Operator {
    fn parse(name: &str) -> Option<Operator> {
        let (quantity, name) = if let Some(rest) = name.strip_prefix("ForAnyValue:") {
            (Quantity::AtLeastOne, rest)
        } else if let Some(rest) = name.strip_prefix("ForAllValues:") {
            (Quantity::Every, rest)
        } else {
            (Quantity::TheOne, name)
        };
        let (if_exists, name) = match name.strip_suffix("IfExists") {
            Some(rest) => (true, rest),
            None => (false, name),
        };
        let (test, negated) = match name {
            "StringEquals" => (Test::Equal, false),
            "StringNotEquals" => (Test::Equal, true),
            "StringEqualsIgnoreCase" => (Test::EqualIgnoringCase, false),
            "StringNotEqualsIgnoreCase" => (Test::EqualIgnoringCase, true),
            "StringLike" => (Test::Like, false),
            "StringNotLike" => (Test::Like, true),
            "ArnEquals" | "ArnLike" => (Test::Arn, false),
            "ArnNotEquals" | "ArnNotLike" => (Test::Arn, true),
            "IpAddress" => (Test::Address, false),
            "NotIpAddress" => (Test::Address, true),
            "Bool" => (Test::Bool, false),
            "Null" if !if_exists && quantity == Quantity::TheOne => (Test::Absent, false),
            "NumericEquals" => (Test::Number(Ordering::is_eq), false),
            "NumericNotEquals" => (Test::Number(Ordering::is_eq), true),
            "NumericLessThan" => (Test::Number(Ordering::is_lt), false),
            "NumericLessThanEquals" => (Test::Number(Ordering::is_le), false),
            "NumericGreaterThan" => (Test::Number(Ordering::is_gt), false),
            "NumericGreaterThanEquals" => (Test::Number(Ordering::is_ge), false),
            "DateEquals" => (Test::Time(Ordering::is_eq), false),
            "DateNotEquals" => (Test::Time(Ordering::is_eq), true),
            "DateLessThan" => (Test::Time(Ordering::is_lt), false),
            "DateLessThanEquals" => (Test::Time(Ordering::is_le), false),
            "DateGreaterThan" => (Test::Time(Ordering::is_gt), false),
            "DateGreaterThanEquals" => (Test::Time(Ordering::is_ge), false),
            _ => return None,
        };
        Some(Operator { quantity, test, negated, if_exists })
    }

    fn holds(&self, state: &Key, wanted: &[Pattern]) -> Option<bool> {
        let values = match state {
            Key::Unknown => return None,
            Key::Known(values) => values.as_slice(),
            Key::Absent => &[],
        };
        if matches!(self.test, Test::Absent) {
            let absent = values.is_empty();
            return any(wanted.iter().map(|want| Some(boolean(want.raw())? == absent)));
        }
        if values.is_empty() {
            return self.holds_without_key();
        }
        let mut passing = values.iter().map(|value| self.passes(value, wanted));
        match self.quantity {
            Quantity::AtLeastOne => any(passing),
            Quantity::Every => all(passing),
            // AWS demands a set operator for keys with several values, and does not say what
            // happens without one. Where all values agree there is nothing to say.
            Quantity::TheOne => {
                let first = passing.next()?;
                if passing.all(|truth| truth == first) { first } else { None }
            }
        }
    }

    /// "If the key is not present, the values do not match": a plain operator fails, a negated
    /// one holds, and `...IfExists` holds. `ForAllValues` holds for the empty set. For
    /// `ForAnyValue` with a negated operator two pages of AWS contradict each other.
    fn holds_without_key(&self) -> Option<bool> {
        match (self.quantity, self.negated) {
            _ if self.if_exists => Some(true),
            (Quantity::Every, _) => Some(true),
            (Quantity::AtLeastOne, true) => None,
            (Quantity::AtLeastOne | Quantity::TheOne, negated) => Some(negated),
        }
    }

    fn passes(&self, value: &str, wanted: &[Pattern]) -> Option<bool> {
        let found = any(wanted.iter().map(|want| self.test.compare(want, value)));
        if self.negated { not(found) } else { found }
    }
}

impl Test {
    fn compare(self, wanted: &Pattern, actual: &str) -> Option<bool> {
        match self {
            Test::Equal => Some(wanted.literal()? == actual),
            Test::EqualIgnoringCase => {
                Some(wanted.literal()?.to_lowercase() == actual.to_lowercase())
            }
            Test::Like => wanted.matches(actual, Case::Matters),
            Test::Arn => wanted.matches_arn(actual),
            Test::Address => in_range(wanted.raw(), actual),
            Test::Bool => same_bool(wanted.raw(), actual),
            Test::Number(accepts) => order_of_numbers(actual, wanted.raw()).map(accepts),
            Test::Time(accepts) => order_of_times(actual, wanted.raw()).map(accepts),
            // Asked of the key, not of a value: see `Operator::holds`.
            Test::Absent => None,
        }
    }
}
