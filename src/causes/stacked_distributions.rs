//! Distributions in front of each other.
//!
//! # What it means
//! The origin is itself a distribution, or leads back to this one. AWS allows two in a chain.
//!
//! # What proves it
//! The inner distribution's own log.
//!
//! # What excludes it
//! An origin that is no distribution; an origin that was not asked.
//!
//! # What it is confused with
//! custom-origin/host-header-forwarded, where the inner distribution got a foreign Host.
//!
//! # Remedy
//! Point the origin at what stands behind the inner distribution, and do not forward the Host.
//!
//! # Reference
//! <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html>

use super::kind::{Kind, OriginAsked, Page};
use super::opinion::{LOG, Opinion, Says};
use super::{Cause, Rule, Sheet, Step};
use crate::account::distribution::name_covers;
use crate::account::facts::DistributionFacts;

pub(super) const RULE: Rule = Rule {
    cause: Cause::StackedDistributions,
    step: Step::Origin,
    sheet: Sheet {
        means: "The origin is itself a distribution, or leads back to this one. AWS allows two in \
                a chain.",
        proves: "The inner distribution's own log.",
        excludes: "An origin that is no distribution; an origin that was not asked.",
        confused_with: "custom-origin/host-header-forwarded, where the inner distribution got a \
                        foreign Host.",
        remedy: "Point the origin at what stands behind the inner distribution, and do not \
                 forward the Host.",
        reference: "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html",
        changes: &[
            "UpdateDistribution",
            "UpdateDistributionWithStagingConfig",
            "ChangeResourceRecordSets",
        ],
    },
    opinion,
};

const CONFIG: &str = "cloudfront/get-distribution";

fn opinion(kind: &Kind, facts: Option<&DistributionFacts>) -> Opinion {
    let Some((distribution, behavior)) = kind.config(facts).zip(kind.behavior(facts)) else {
        return if kind.page == Page::EdgeBadRequest && kind.origin == OriginAsked::Yes {
            Opinion::of(Says::Hints, "origin-is-distribution")
                .because(LOG, "the origin answered with a page of CloudFront's")
        } else {
            Opinion::silent().missing(kind.ask_config())
        };
    };
    let origins = distribution.origins_of(behavior);
    let inner = origins.iter().find(|origin| {
        let name = origin.domain_name.to_ascii_lowercase();
        name.ends_with(".cloudfront.net")
            || distribution.answers_to(&name)
            || facts.is_some_and(|facts| {
                facts.sibling_names.iter().any(|alias| name_covers(alias, &name))
            })
    });
    let Some(inner) = inner else {
        return Opinion::excludes(CONFIG, "the origin is no distribution");
    };
    let detail =
        if distribution.answers_to(&inner.domain_name) { "loop" } else { "origin-is-distribution" };
    let sentence = format!("the origin {} is a distribution", inner.domain_name);
    if kind.page.is_edge() && matches!(kind.origin, OriginAsked::Yes | OriginAsked::Slowly) {
        return Opinion::of(Says::Supports, detail)
            .because(CONFIG, sentence)
            .because(LOG, "the origin answered with a page of CloudFront's");
    }
    Opinion::of(Says::Hints, detail).because(CONFIG, sentence)
}
