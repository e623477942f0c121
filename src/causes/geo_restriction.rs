//! The viewer's country is not served.
//!
//! # What it means
//! The distribution's geographic restriction does not serve the viewer's country. It is for the
//! whole distribution, and viewers whose place is unknown are served.
//!
//! # What proves it
//! The result type ClientGeoBlocked.
//!
//! # What excludes it
//! Another detailed result type; a distribution without restriction; a WAF record of the request.
//!
//! # What it is confused with
//! A WAF rule about countries, which leaves a WAF record.
//!
//! # Remedy
//! Change the list of countries if it is not meant.
//!
//! # Reference
//! <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/georestrictions.html>

use super::kind::{Country, GeoRule, Kind, Page};
use super::opinion::{Evidence, LOG, Opinion, Says};
use super::remedy::{Case, Remedy};
use super::{Cause, Rule, Sheet, Step};
use crate::account::command::quoted;
use crate::account::facts::DistributionFacts;

pub(super) const RULE: Rule = Rule {
    cause: Cause::GeoRestriction,
    step: Step::Rules,
    sheet: Sheet {
        means: "The distribution's geographic restriction does not serve the viewer's country. It \
                is for the whole distribution, and viewers whose place is unknown are served.",
        proves: "The result type ClientGeoBlocked.",
        excludes: "Another detailed result type; a distribution without restriction; a WAF record \
                   of the request.",
        confused_with: "A WAF rule about countries, which leaves a WAF record.",
        remedy: "Change the list of countries if it is not meant.",
        reference: "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/georestrictions.html",
        changes: &[
            "UpdateDistribution",
            "UpdateDistributionWithStagingConfig",
            "UpdateDistributionTenant",
        ],
    },
    opinion,
    remedy,
};

const CONFIG: &str = "cloudfront/get-distribution";

/// Countries of a list that are shown.
const SHOWN: usize = 12;

/// What a database says of the viewer's address. CloudFront has its own, which may differ.
fn by_address(rule: Option<GeoRule>, kind: &Kind) -> Option<Evidence> {
    let refused = match rule? {
        GeoRule::Denies => kind.country_by_address == Country::Listed,
        GeoRule::Serves => kind.country_by_address == Country::NotListed,
        GeoRule::Unrestricted => false,
    };
    let says = "the database places the viewer's address in a country that is not served";
    refused.then(|| Evidence::new("--geoip", says))
}

fn contradicted() -> Evidence {
    let says = "others from that country were let in after such a refusal: the list that was read \
                was not in force all the time";
    Evidence::against(LOG, says)
}

fn opinion(kind: &Kind, facts: Option<&DistributionFacts>) -> Opinion {
    // The list is that of the moment only if the configuration is.
    let rule = kind.config(facts).and(kind.geo);
    let detail = match rule {
        Some(GeoRule::Denies) => Some("denied-country"),
        Some(GeoRule::Serves) => Some("not-in-allowed-countries"),
        _ => None,
    };
    let own = kind.config(facts).filter(|_| !kind.geo_of_tenant);
    let list = own.and_then(|distribution| {
        let geo = &distribution.config.restrictions.as_ref()?.geo_restriction;
        let shown: Vec<&str> = geo.items.iter().take(SHOWN).map(String::as_str).collect();
        let more = geo.items.len().saturating_sub(SHOWN);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        (!shown.is_empty()).then(|| format!("the countries {}{more}", shown.join(", ")))
    });
    let list = list.unwrap_or_else(|| "a list of countries".to_owned());
    let (source, who) = match kind.geo_of_tenant {
        true => ("cloudfront/get-distribution-tenant", "tenant"),
        false => (CONFIG, "distribution"),
    };
    let config = detail.map(|detail| match detail {
        "denied-country" => Evidence::new(source, format!("the {who} denies {list}")),
        _ => Evidence::new(source, format!("the {who} serves only {list}")),
    });
    let ask = || kind.ask_config();
    if let Some(result) = kind.detailed() {
        if result != "ClientGeoBlocked" {
            return Opinion::excludes(
                LOG,
                format!("the result type is {result}, not ClientGeoBlocked"),
            );
        }
        // A list that others contradict tells no detail either.
        let (detail, config) = match kind.let_in.country {
            true => (None, Some(contradicted())),
            false => (detail, config),
        };
        return Opinion::of(Says::Proves, detail)
            .because(LOG, "the result type is ClientGeoBlocked")
            .and(config)
            .missing(detail.is_none().then(ask));
    }
    if kind.reached_waf() {
        return Opinion::excludes(LOG, "it came past the geographic restriction");
    }
    if rule == Some(GeoRule::Unrestricted) {
        return Opinion::excludes(CONFIG, "the distribution has no geographic restriction");
    }
    if kind.page != Page::EdgeCountry && !kind.page_may_differ(facts) {
        return Opinion::doubts(kind);
    }
    match (rule, kind.country) {
        (_, Country::Nowhere) => {
            Opinion::excludes(LOG, "a viewer whose place is unknown is served")
        }
        (Some(GeoRule::Denies), Country::Listed) | (Some(GeoRule::Serves), Country::NotListed) => {
            Opinion::of(Says::Explains, detail)
                .because(LOG, "the viewer's country is one that is not served")
                .and(config)
                .unless_let_in(kind.let_in.country, "from that country")
        }
        (Some(GeoRule::Denies), Country::NotListed) | (Some(GeoRule::Serves), Country::Listed) => {
            Opinion::excludes(CONFIG, "the viewer's country is served")
        }
        _ if kind.page == Page::EdgeCountry => Opinion::of(Says::Supports, detail)
            .because(LOG, format!("the answer is {}", kind.page.words()))
            .and(by_address(rule, kind))
            .and(config),
        _ => match by_address(rule, kind) {
            Some(seen) => {
                Opinion::of(Says::Supports, detail).because(seen.source, seen.says).and(config)
            }
            None => match config {
                Some(config) => Opinion::silent().seen(config.source, config.says),
                None => Opinion::silent(),
            }
            .missing(ask()),
        },
    }
}

fn remedy(case: &Case<'_>) -> Remedy {
    let kind = case.kind();
    let rule = kind.and_then(|kind| kind.geo);
    let tenant = case.tenant.filter(|_| kind.is_some_and(|kind| kind.geo_of_tenant));
    let (whose, show) = match tenant {
        Some((tenant, _)) => {
            let name = quoted(tenant);
            let show = format!(
                "aws cloudfront get-distribution-tenant --identifier {name} --query \
                 DistributionTenant.Customizations.GeoRestrictions"
            );
            (format!("tenant {name} of {}", case.id()), show)
        }
        None => (case.id().to_owned(), case.show("Restrictions.GeoRestriction")),
    };
    if kind.is_some_and(|kind| kind.let_in.country) {
        let proved = kind.and_then(Kind::detailed) == Some("ClientGeoBlocked");
        let serves = format!("{whose} serves these countries");
        return case.let_in_again(proved, &serves, "others from there").step(show);
    }
    let change = match rule.filter(|_| case.configured()) {
        Some(GeoRule::Denies) => format!("take them off the list of {whose}"),
        Some(GeoRule::Serves) => format!("add them to the list of {whose}"),
        _ => format!("change the restriction of {whose}"),
    };
    Remedy::new(format!(
        "If viewers in these countries should be served, {change}; if not, nothing."
    ))
    .step(show)
    .and(
        (kind.is_some_and(|kind| kind.tenants.is_some()))
            .then(|| "A tenant of this distribution may have a restriction of its own.".to_owned()),
    )
}
