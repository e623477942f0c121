//! An origin that is no bucket refuses.
//!
//! # What it means
//! CloudFront passed the origin's own 403 on: the application, a load balancer's rule, an API, a
//! function URL, a firewall.
//!
//! # What proves it
//! Only the origin itself can: its log, or a question to it.
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

use super::kind::{Kind, OriginAsked, Page, is_bucket};
use super::opinion::{Evidence, LOG, Opinion, Says};
use super::{Cause, Rule, Sheet, Step};
use crate::account::Question;
use crate::account::facts::DistributionFacts;

pub(super) const RULE: Rule = Rule {
    cause: Cause::CustomOrigin,
    step: Step::Origin,
    sheet: Sheet {
        means: "CloudFront passed the origin's own 403 on: the application, a load balancer's \
                rule, an API, a function URL, a firewall.",
        proves: "Only the origin itself can: its log, or a question to it.",
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
};

const CONFIG: &str = "cloudfront/get-distribution";

fn opinion(kind: &Kind, facts: Option<&DistributionFacts>) -> Opinion {
    if let Some(result) = kind.detailed()
        && !matches!(result, "Error" | "Miss" | "Hit" | "RefreshHit" | "OriginShieldHit")
    {
        return Opinion::excludes(LOG, format!("the edge answered by itself ({result})"));
    }
    if kind.page.is_edge() && kind.origin != OriginAsked::Yes && !kind.page_may_differ(facts) {
        return Opinion::doubts(kind);
    }
    let behavior = kind.behavior(facts);
    let Some((distribution, behavior)) = kind.config(facts).zip(behavior) else {
        let ask = Question::new(CONFIG, kind.distribution.as_deref().unwrap_or("ID"));
        return by_page(kind, None).missing(ask);
    };
    let origins = distribution.origins_of(behavior);
    if !origins.is_empty() && origins.iter().all(|origin| is_bucket(origin)) {
        return Opinion::excludes(CONFIG, format!("behaviour {} asks a bucket", behavior.name()));
    }
    by_page(kind, origins.first().map(|origin| origin.domain_name.as_str()))
}

/// What the body tells of who at the origin said no.
fn by_page(kind: &Kind, origin: Option<&str>) -> Opinion {
    let api = origin.is_some_and(|name| name.contains(".execute-api."));
    let function = origin.is_some_and(|name| name.contains(".lambda-url."));
    let detail = match kind.page {
        Page::ApiNoRoute => Some("no-route"),
        Page::LambdaUrl | Page::LambdaUrlSignature => Some("lambda-url"),
        Page::LoadBalancerRule => Some("secret-header"),
        // An API says the same to a foreign Host, a missing key and its own WAF.
        Page::ApiForbidden if api || origin.is_none() => None,
        _ if function => Some("lambda-url"),
        _ => Some("denied"),
    };
    let says = match (kind.page, kind.origin) {
        (Page::S3, _) if origin.is_none() => Says::Hints,
        (Page::ApiForbidden | Page::ApiNoRoute | Page::LambdaUrl | Page::LambdaUrlSignature, _) => {
            Says::Supports
        }
        (Page::LoadBalancer | Page::EdgeBadRequest, _) => Says::Hints,
        (_, OriginAsked::Yes) => Says::Supports,
        (Page::Unknown, _) => Says::Silent,
        (page, _) if page.is_edge() => Says::Silent,
        _ => Says::Hints,
    };
    if says == Says::Silent {
        return Opinion::silent();
    }
    let asked = (kind.origin == OriginAsked::Yes).then(|| Evidence {
        source: LOG.to_owned(),
        says: "the origin was asked, and the 403 is its own".to_owned(),
    });
    Opinion::of(says, detail).and(asked).because(LOG, format!("the body is {}", kind.page.words()))
}
