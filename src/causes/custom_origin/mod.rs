//! An origin that is no bucket refuses.
//!
//! # What it means
//! CloudFront passed the origin's own 403 on: the application, a load balancer's rule, an API, a
//! function URL, a firewall.
//!
//! # What proves it
//! Only the origin itself can: its log, or a question to it. A line of this very request, by the
//! ids that a WAF in front of the origin records, in which the application, a listener rule or the
//! API answered 403.
//!
//! # What excludes it
//! An origin that is a bucket; a page that CloudFront made; a result type of the edge.
//!
//! # What it is confused with
//! A WAF in front of the origin; a bucket's website endpoint.
//!
//! # Remedy
//! Ask the origin directly with the same path, and read its log.
//!
//! # Reference
//! <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/http-403-permission-denied.html>

mod remedy;

use super::kind::{Kind, OriginAsked, Page, is_bucket};
use super::opinion::{LOG, Opinion, Says};
use super::{Cause, Rule, Sheet, Step};
use super::{asked, origin_log};
use crate::account::distribution::{Origin, name_covers};
use crate::account::facts::DistributionFacts;
use crate::asked::plan::is_locked;

pub(super) const RULE: Rule = Rule {
    cause: Cause::CustomOrigin,
    step: Step::Origin,
    sheet: Sheet {
        means: "CloudFront passed the origin's own 403 on: the application, a load balancer's \
                rule, an API, a function URL, a firewall.",
        proves: "Only the origin itself can: its log, or a question to it. A line of this very \
                 request, by the ids that a WAF in front of the origin records, in which the \
                 application, a listener rule or the API answered 403.",
        excludes: "An origin that is a bucket; a page that CloudFront made; a result type of the \
                   edge.",
        confused_with: "A WAF in front of the origin; a bucket's website endpoint.",
        remedy: "Ask the origin directly with the same path, and read its log.",
        reference: "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/http-403-permission-denied.html",
        changes: &[
            "UpdateDistribution",
            "UpdateDistributionWithStagingConfig",
            "UpdateOriginRequestPolicy",
            "UpdateCachePolicy",
            "ModifyRule",
            "ModifyListener",
            "CreateRule",
            "DeleteRule",
            "AddPermission",
            "RemovePermission",
            "UpdateFunctionUrlConfig",
            "CreateDeployment",
            "UpdateStage",
        ],
    },
    opinion,
    remedy: remedy::remedy,
};

const CONFIG: &str = "cloudfront/get-distribution";

fn opinion(kind: &Kind, facts: Option<&DistributionFacts>) -> Opinion {
    let opinion = without_log(kind, facts);
    let distribution = kind.config(facts);
    let origins = distribution.zip(kind.behavior(facts)).map(|(distribution, behavior)| {
        let origins = distribution.may_refuse(behavior, &kind.method);
        origins.into_iter().find(|origin| !is_bucket(origin))
    });
    let origin = origins.flatten();
    // Whoever adds a header to what it sends the origin does so for something that looks at it.
    let checks_header = origin.is_some_and(|origin| {
        !origin.custom_headers.items.is_empty() || siblings_header(origin, facts).is_some()
    });
    let opinion = origin_log::of_custom_origin(kind, opinion, checks_header, distribution);
    let locked = is_locked(kind, facts);
    let opinion = asked::of_custom_origin(kind, opinion, locked);
    let asks = matches!(opinion.says, Says::Silent | Says::Hints | Says::Supports);
    opinion.missing(origin.filter(|_| asks).and_then(|origin| origin_log::missing(kind, origin)))
}

/// A header that a sibling sends to the same origin, and this distribution does not.
fn siblings_header(origin: &Origin, facts: Option<&DistributionFacts>) -> Option<String> {
    let names = |origin: &Origin| -> Vec<String> {
        let headers = origin.custom_headers.items.iter();
        headers.map(|header| header.header_name.to_ascii_lowercase()).collect()
    };
    let mine = names(origin);
    let same = |other: &&Origin| other.domain_name.eq_ignore_ascii_case(&origin.domain_name);
    let lacks = |name: &String| !mine.contains(name);
    facts?.siblings.iter().filter(same).flat_map(names).find(lacks)
}

/// What it thinks without the origin's own log.
fn without_log(kind: &Kind, facts: Option<&DistributionFacts>) -> Opinion {
    if let Some(result) = kind.detailed()
        && !matches!(result, "Error" | "Miss" | "Hit" | "RefreshHit" | "OriginShieldHit")
    {
        return Opinion::excludes(LOG, format!("the edge answered by itself ({result})"));
    }
    let Some((distribution, behavior)) = kind.config(facts).zip(kind.behavior(facts)) else {
        let ask = kind.ask_config();
        return by_page(kind, None, true).missing(ask);
    };
    let origins = distribution.may_refuse(behavior, &kind.method);
    if !origins.is_empty() && origins.iter().all(|origin| is_bucket(origin)) {
        return Opinion::excludes(CONFIG, format!("behaviour {} asks a bucket", behavior.name()));
    }
    if kind.page.is_edge() && kind.origin != OriginAsked::Yes && !kind.page_may_differ(facts) {
        return Opinion::doubts(kind);
    }
    let Some(origin) = origins.iter().find(|origin| !is_bucket(origin)) else {
        return by_page(kind, None, true);
    };
    // A page of CloudFront's from behind the origin is an inner distribution's.
    let name = origin.domain_name.to_ascii_lowercase();
    let inner = name.ends_with(".cloudfront.net")
        || facts
            .is_some_and(|facts| facts.sibling_names.iter().any(|alias| name_covers(alias, &name)));
    let mut opinion = by_page(kind, Some(&origin.domain_name), inner);
    if inner && kind.page.is_edge() {
        opinion = opinion.at_most(Says::Hints);
    }
    if kind.host_forwarded == Some(true) && !kind.origin_serves && asks_by_host(&origin.domain_name)
    {
        return Opinion::of(Says::Explains, "host-header-forwarded").because(
            CONFIG,
            format!(
                "behaviour {} sends the viewer's Host to {}, which knows only its own name",
                behavior.name(),
                origin.domain_name
            ),
        );
    }
    // Whether the viewer's Host is sent to an origin that knows only its own name would decide.
    if asks_by_host(&origin.domain_name) {
        opinion = opinion.missing_all(kind.policies.iter().cloned());
    }
    // A sibling that asks the same origin with a header of its own shows what this one lacks.
    let sibling = siblings_header(origin, facts);
    if let Some(header) = sibling.filter(|_| opinion.says >= Says::Hints) {
        opinion.says = opinion.says.max(Says::Supports);
        opinion.detail = Some("secret-header");
        return opinion.because(
            "cloudfront/list-distributions",
            format!("another distribution asks the same origin with the header {header}, this one without"),
        );
    }
    let turned = distribution.config.custom_error_responses.items.iter();
    let turned = turned.filter(|rule| rule.error_code != 403 && rule.response_code == "403");
    match turned.map(|rule| rule.error_code).next() {
        // Another error that is answered as 403 is the origin's as well, and not a refusal.
        Some(code) => {
            opinion = opinion.because(
                CONFIG,
                format!("a custom error response answers 403 in the place of {code}"),
            );
            opinion.detail = None;
            opinion
        }
        None => opinion,
    }
}

/// Whether an origin finds what is asked of it by the Host alone.
fn asks_by_host(domain: &str) -> bool {
    [".execute-api.", ".lambda-url.", ".lambda-web."].iter().any(|part| domain.contains(part))
}

/// What the body tells of who at the origin said no.
/// `inner` says whether the origin may be another distribution.
fn by_page(kind: &Kind, origin: Option<&str>, inner: bool) -> Opinion {
    let api = origin.is_some_and(|name| name.contains(".execute-api."));
    let function =
        origin.is_some_and(|name| name.contains(".lambda-url.") || name.contains(".lambda-web."));
    let detail = match kind.page {
        Page::ApiNoRoute if api || origin.is_none() => Some("no-route"),
        Page::LambdaUrl | Page::LambdaUrlSignature if function || origin.is_none() => {
            Some("lambda-url")
        }
        Page::LoadBalancerRule => Some("secret-header"),
        // An API says the same to a foreign Host, a missing key and its own WAF.
        Page::ApiForbidden if api || origin.is_none() => None,
        // What else comes from a function URL is the function's own word, if it is seen at all.
        Page::Unknown if function => Some("lambda-url"),
        _ => Some("denied"),
    };
    let says = match (kind.page, kind.origin) {
        (Page::S3, _) if origin.is_none() => Says::Hints,
        (Page::ApiForbidden | Page::ApiNoRoute | Page::LambdaUrl | Page::LambdaUrlSignature, _) => {
            Says::Supports
        }
        // CloudFront's own page without the origin, where the log tells what else it may have minded.
        (Page::EdgeBadRequest, OriginAsked::No) if kind.served_by_tls => Says::Silent,
        (Page::LoadBalancer | Page::EdgeBadRequest, _) => Says::Hints,
        (_, OriginAsked::Yes) => Says::Supports,
        (Page::Unknown, _) => Says::Silent,
        (page, _) if page.is_edge() => Says::Silent,
        _ => Says::Hints,
    };
    if says == Says::Silent {
        return Opinion::silent();
    }
    let asked = kind.origin == OriginAsked::Yes;
    let page = format!("the answer is {}", kind.page.words());
    let opinion = Opinion::of(says, detail);
    match kind.page {
        // From behind the origin CloudFront's pages come by chance, or from another distribution.
        shown if asked && shown.is_edge() => opinion.because(LOG, "the origin was asked").but(
            LOG,
            match inner {
                false => format!(
                    "{page}; that the origin was asked makes it the origin's own of the same length"
                ),
                true => format!(
                    "{page}; that the origin was asked makes it the origin's own of the same length, \
                     or that of another distribution behind it"
                ),
            },
        ),
        Page::Html | Page::Other if asked => opinion
            .because(LOG, "the origin was asked, and the answer is not one of CloudFront's known pages"),
        _ if asked => opinion.because(LOG, "the origin was asked").because(LOG, page),
        _ => opinion.because(LOG, page),
    }
}
