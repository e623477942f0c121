//! A request that CloudFront cannot take.
//!
//! # What it means
//! The request is malformed, or is a GET with a body. Most malformed requests are answered with
//! 400.
//!
//! # What proves it
//! Nothing in the log by itself; the result types InvalidRequest and InvalidRequestHeader hint at
//! it.
//!
//! # What excludes it
//! Another detailed result type; an origin that was asked.
//!
//! # What it is confused with
//! viewer-protocol and alternate-domain-name, which send the same page.
//!
//! # Remedy
//! Look at the client: which agent sends these, and what it sends.
//!
//! # Reference
//! <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/RequestAndResponseBehaviorCustomOrigin.html>

use super::kind::Kind;
use super::opinion::{LOG, Opinion, Says};
use super::remedy::{Case, Remedy};
use super::{Cause, Rule, Sheet, Step};

use crate::account::facts::DistributionFacts;

pub(super) const RULE: Rule = Rule {
    cause: Cause::InvalidRequest,
    step: Step::Rules,
    sheet: Sheet {
        means: "The request is malformed, or is a GET with a body. Most malformed requests are \
                answered with 400.",
        proves: "Nothing in the log by itself; the result types InvalidRequest and \
                 InvalidRequestHeader hint at it.",
        excludes: "Another detailed result type; an origin that was asked.",
        confused_with: "viewer-protocol and alternate-domain-name, which send the same page.",
        remedy: "Look at the client: which agent sends these, and what it sends.",
        reference: "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/RequestAndResponseBehaviorCustomOrigin.html",
        changes: &[],
    },
    opinion,
    remedy,
};

fn opinion(kind: &Kind, _: Option<&DistributionFacts>) -> Opinion {
    if kind.reached_waf() {
        return Opinion::excludes(LOG, "the request came past the edge's own rules");
    }
    match kind.detailed() {
        Some(result @ ("InvalidRequest" | "InvalidRequestHeader")) => {
            let header = result == "InvalidRequestHeader";
            let means = if header { ": the edge calls a header invalid" } else { "" };
            // What is left alone by exclusion is not proved: the log does not say what was wrong.
            Opinion::of(Says::Hints, "malformed")
                .detail_unsure()
                .because(LOG, format!("the result type is {result}{means}"))
                .but(
                    LOG,
                    match (header, kind.method.as_ref()) {
                        (true, _) => "which header was not in order is not in a log",
                        (false, "GET") => {
                            "what was not in order is not in a log: a GET with a body is refused \
                             so, and other malformed requests"
                        }
                        (false, _) => "what was not in order is not in a log",
                    },
                )
        }
        Some(result) => Opinion::excludes(LOG, format!("the result type is {result}")),
        // Nothing but that result type is known of it, so where the log has none it is not
        // weighed against causes that leave traces.
        None => Opinion::excludes(LOG, "nothing in the log hints at a malformed request"),
    }
}

fn remedy(case: &Case<'_>) -> Remedy {
    let kind = case.kind();
    let header = kind.and_then(Kind::detailed) == Some("InvalidRequestHeader");
    let get = kind.is_some_and(|kind| &*kind.method == "GET");
    let body = (get && !header).then(|| {
        "Does the client send a body with GET? Then let it send none, or ask by another method. \
         cs-bytes in the access log, which counts what was received, is larger with a body."
            .to_owned()
    });
    Remedy::new(match case.detail {
        Some("get-with-body") => "Let the client send no body with GET, or ask by another method.",
        _ => {
            "Find out which client sends these requests, and what is wrong with what it sends; if it \
             is none of yours, there is nothing to do."
        }
    })
    .step(
        "Their user agent and address stand in the access log: cs(User-Agent), c-ip. A scanner's \
         are refused rightly.",
    )
    .and(body.filter(|_| case.detail != Some("get-with-body")))
    .and((case.detail != Some("get-with-body")).then(|| {
        "In a client of your own: a header without a name or with a line break in it, a Host that \
         is not one."
            .to_owned()
    }))
}
