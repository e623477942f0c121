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
//! Read the inner distribution's log and mend what it refuses; do not forward the Host; point
//! the origin at what stands behind it if nothing needs two.
//!
//! # Reference
//! <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html>

use super::kind::{Kind, OriginAsked, Page};
use super::opinion::{Evidence, LOG, Opinion, Says};
use super::remedy::{Case, Remedy, capital};
use super::{Cause, Rule, Sheet, Step};
use crate::account::command::quoted;
use crate::account::distribution::{Summary, name_covers};
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
        remedy: "Read the inner distribution's log and mend what it refuses; do not forward the \
                 Host; point the origin at what stands behind it if nothing needs two.",
        reference: "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html",
        changes: &[
            "UpdateDistribution",
            "UpdateDistributionWithStagingConfig",
            "ChangeResourceRecordSets",
        ],
    },
    opinion,
    remedy,
};

const CONFIG: &str = "cloudfront/get-distribution";

fn opinion(kind: &Kind, facts: Option<&DistributionFacts>) -> Opinion {
    let Some((distribution, behavior)) = kind.config(facts).zip(kind.behavior(facts)) else {
        return if kind.page == Page::EdgeBadRequest && kind.origin == OriginAsked::Yes {
            Opinion::of(Says::Hints, "origin-is-distribution").because(
                LOG,
                format!("the origin was asked, and the answer is {}", kind.page.words()),
            )
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
    let looped = (detail == "loop").then(|| {
        let says = format!(
            "{} is one of the distribution's own names: if CloudFront asks itself there, its own \
             requests are logged beside the viewers', and counted with them",
            inner.domain_name
        );
        Evidence::seen(LOG, says)
    });
    if kind.page.is_edge() && matches!(kind.origin, OriginAsked::Yes | OriginAsked::Slowly) {
        return Opinion::of(Says::Supports, detail)
            .because(CONFIG, sentence)
            .because(LOG, format!("the origin was asked, and the answer is {}", kind.page.words()))
            .and(looped);
    }
    Opinion::of(Says::Hints, detail).because(CONFIG, sentence).and(looped)
}

fn remedy(case: &Case<'_>) -> Remedy {
    let id = case.id();
    let Some(distribution) = case.distribution() else {
        return Remedy::new("Find out whether the origin is a distribution itself.");
    };
    let names: Vec<&str> =
        case.origins().into_iter().map(|origin| origin.domain_name.as_str()).collect();
    if case.detail == Some("loop") {
        let own = names.iter().find(|name| distribution.answers_to(name));
        return Remedy::new(format!("Give {id} an origin that is not one of its own names."))
            .step(format!(
                "Its origin {} leads back to it: put the name of the server in its place.",
                own.copied().unwrap_or_default()
            ))
            .step(case.show("Origins.Items[].[Id,DomainName]"));
    }
    let inner = names.iter().find_map(|name| {
        let mut others = case.summaries.iter().filter(|other| other.id != distribution.id);
        let has = |other: &&Summary| {
            other.domain_name.eq_ignore_ascii_case(name)
                || other.aliases.items.iter().any(|alias| name_covers(alias, name))
        };
        Some((others.find(has)?.id.as_str(), *name))
    });
    let forwards = case.kind().is_some_and(|kind| kind.host_forwarded == Some(true));
    let host = forwards.then(|| {
        format!(
            "{} sends it the viewer's Host, which must then be an \
             alias of the inner one.",
            capital(&case.behavior_name())
        )
    });
    let direct =
        "If nothing needs two distributions, let the origin be what stands behind the inner one.";
    match inner {
        Some((inner, name)) => {
            Remedy::new(format!("Find out why the inner distribution {inner} ({name}) refuses."))
                .step(format!(
                    "Its access log names the cause; where it is in the report, mend {inner} first."
                ))
                .step(format!("aws cloudfront get-distribution --id {}", quoted(inner)))
                .and(host)
                .step(direct)
        }
        None => Remedy::new(format!(
            "Find out why the distribution behind {} refuses.",
            names.first().copied().unwrap_or("the origin")
        ))
        .step("It is none of those that are known here; whoever owns it has its access log.")
        .and(host)
        .step(direct),
    }
}
