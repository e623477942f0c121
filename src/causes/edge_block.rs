//! CloudFront blocks for a reason of its own.
//!
//! # What it means
//! CloudFront logs that access to the resource is blocked, and AWS ties that to no feature that a
//! customer sets.
//!
//! # What proves it
//! Nothing; the result type InvalidRequestBlocked supports it.
//!
//! # What excludes it
//! Another detailed result type.
//!
//! # What it is confused with
//! A customer's WAF, whose blocks are logged as Error.
//!
//! # Remedy
//! Ask AWS Support with a few request ids.
//!
//! # Reference
//! <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logs-reference.html>

use super::kind::Kind;
use super::opinion::{LOG, Opinion, Says};
use super::remedy::{Case, Remedy};
use super::{Cause, Rule, Sheet, Step};

use crate::account::facts::DistributionFacts;

pub(super) const RULE: Rule = Rule {
    cause: Cause::EdgeBlock,
    step: Step::Rules,
    sheet: Sheet {
        means: "CloudFront logs that access to the resource is blocked, and AWS ties that to no \
                feature that a customer sets.",
        proves: "Nothing; the result type InvalidRequestBlocked supports it.",
        excludes: "Another detailed result type.",
        confused_with: "A customer's WAF, whose blocks are logged as Error.",
        remedy: "Ask AWS Support with a few request ids.",
        reference: "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logs-reference.html",
        changes: &[],
    },
    opinion,
    remedy,
};

fn opinion(kind: &Kind, _: Option<&DistributionFacts>) -> Opinion {
    match kind.detailed() {
        Some("InvalidRequestBlocked") => Opinion::of(Says::Supports, "unspecified")
            .detail_unsure()
            .because(LOG, "the result type is InvalidRequestBlocked")
            .but(LOG, "AWS documents no more of it than that CloudFront blocks the access"),
        Some(result) => Opinion::excludes(LOG, format!("the result type is {result}")),
        // It is known by that result type alone.
        None => Opinion::excludes(LOG, "nothing in the log hints at a block of CloudFront's own"),
    }
}

fn remedy(_: &Case<'_>) -> Remedy {
    Remedy::new("If these are viewers of yours, ask AWS Support with a few request ids.")
        .step("They stand in the access log: x-edge-request-id, with date and edge location.")
        .step("AWS documents no setting behind this result type.")
}
