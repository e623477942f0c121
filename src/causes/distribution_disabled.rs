//! The distribution is switched off.
//!
//! # What it means
//! The distribution is disabled, so CloudFront accepts no request for its names; a wildcard
//! elsewhere does not take over.
//!
//! # What proves it
//! The configuration says that it is disabled, and names in DNS still lead to it.
//!
//! # What excludes it
//! An enabled distribution; an origin that was asked.
//!
//! # What it is confused with
//! alternate-domain-name.
//!
//! # Remedy
//! Enable the distribution, or take its names out of DNS.
//!
//! # Reference
//! <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/HowToDeleteDistribution.html>

use super::kind::{Kind, Page};
use super::opinion::{LOG, Opinion, Says};
use super::remedy::{Case, Remedy};
use super::{Cause, Rule, Sheet, Step};
use crate::account::command::quoted;
use crate::account::facts::DistributionFacts;

pub(super) const RULE: Rule = Rule {
    cause: Cause::DistributionDisabled,
    step: Step::Host,
    sheet: Sheet {
        means: "The distribution is disabled, so CloudFront accepts no request for its names; a \
                wildcard elsewhere does not take over.",
        proves: "The configuration says that it is disabled, and names in DNS still lead to it.",
        excludes: "An enabled distribution; an origin that was asked.",
        confused_with: "alternate-domain-name.",
        remedy: "Enable the distribution, or take its names out of DNS.",
        reference: "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/HowToDeleteDistribution.html",
        changes: &["UpdateDistribution", "UpdateDistributionTenant"],
    },
    opinion,
    remedy,
};

const CONFIG: &str = "cloudfront/get-distribution";

/// What refutes it.
pub(super) const SERVED: &str = "the distribution is disabled in the configuration that was read, \
                                 and served others after these requests: it was not off then, or \
                                 not at every edge yet";

const LIST: &str = "cloudfront/list-distributions";

const TENANT: &str = "cloudfront/get-distribution-tenant";

fn opinion(kind: &Kind, facts: Option<&DistributionFacts>) -> Opinion {
    if kind.reached_waf() {
        return Opinion::excludes(
            LOG,
            "the request came past the edge, so the distribution answered",
        );
    }
    // A tenant may be off while others are served.
    let itself = kind.config(facts).is_some_and(|one| one.config.enabled == Some(false));
    let page = matches!(kind.page, Page::EdgeBadRequest | Page::Unknown);
    match kind.config(facts).and(kind.enabled) {
        Some(true) => Opinion::excludes(CONFIG, "the distribution is enabled"),
        // Then it was not in force, or not everywhere yet.
        Some(false) if kind.serves_while_off => {
            Opinion::of(Says::Doubts, None).because(LOG, SERVED)
        }
        Some(false) if itself => {
            Opinion::of(Says::Explains, "disabled").because(CONFIG, "the distribution is disabled")
        }
        Some(false) => Opinion::of(Says::Explains, "disabled")
            .because(TENANT, "the tenant of these requests is disabled"),
        // The list of distributions says so as well, where the configuration is not known.
        None if kind.host_by_list && kind.enabled == Some(false) && page => {
            Opinion::of(Says::Supports, "disabled")
                .because(LIST, "the distribution is disabled")
                .but(LIST, "whether it was so already when these requests came is not proved")
                .missing(kind.ask_config())
        }
        None if kind.host_by_list && kind.enabled == Some(true) => {
            Opinion::excludes(LIST, "the distribution is enabled")
        }
        None => Opinion::silent().missing(kind.ask_config()),
    }
}

fn remedy(case: &Case<'_>) -> Remedy {
    let id = case.id();
    let itself = case.distribution().is_some_and(|one| one.config.enabled == Some(false));
    if let Some((tenant, _)) = case.tenant.filter(|_| !itself) {
        let name = quoted(tenant);
        return Remedy::new(format!(
            "Enable tenant {name} of {id} if it is meant to serve, or take its domains out of DNS."
        ))
        .step(format!(
            "aws cloudfront get-distribution-tenant --identifier {name} --query \
             \"[ETag,DistributionTenant.[Enabled,Domains]]\""
        ))
        .step(format!(
            "aws cloudfront update-distribution-tenant --id {name} --if-match ETAG --enabled"
        ));
    }
    Remedy::new(format!("Enable {id} if it is meant to serve, or take its names out of DNS."))
        .step(case.show("[Enabled,Aliases.Items]"))
        .step(
            "It answers again some minutes after it has been enabled, when its status is Deployed.",
        )
}
