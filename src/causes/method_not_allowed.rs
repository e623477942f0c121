//! A method that the behaviour does not let through.
//!
//! # What it means
//! The behaviour allows GET and HEAD, perhaps OPTIONS, and the request used another method. It does
//! not fall through to a later behaviour.
//!
//! # What proves it
//! The result type InvalidRequestMethod.
//!
//! # What excludes it
//! Another detailed result type; a method that the behaviour allows.
//!
//! # What it is confused with
//! A bucket that refuses a PUT which CloudFront let through.
//!
//! # Remedy
//! Allow the method on the behaviour, or send such requests to a path whose behaviour allows it.
//!
//! # Reference
//! <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/http-403-invalid-method.html>

use super::kind::{Kind, Page};
use super::opinion::{Evidence, LOG, Opinion, Says};
use super::remedy::{Case, Remedy};
use super::{Cause, Rule, Sheet, Step};

use crate::account::facts::DistributionFacts;

pub(super) const RULE: Rule = Rule {
    cause: Cause::MethodNotAllowed,
    step: Step::Rules,
    sheet: Sheet {
        means: "The behaviour allows GET and HEAD, perhaps OPTIONS, and the request used another \
                method. It does not fall through to a later behaviour.",
        proves: "The result type InvalidRequestMethod.",
        excludes: "Another detailed result type; a method that the behaviour allows.",
        confused_with: "A bucket that refuses a PUT which CloudFront let through.",
        remedy: "Allow the method on the behaviour, or send such requests to a path whose \
                 behaviour allows it.",
        reference: "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/http-403-invalid-method.html",
        changes: &["UpdateDistribution", "UpdateDistributionWithStagingConfig"],
    },
    opinion,
    remedy,
};

const CONFIG: &str = "cloudfront/get-distribution";

/// The requests that a behaviour which lets a method through lets through as well: it knows
/// reading, reading and OPTIONS, and everything.
fn alike(method: &str) -> &'static str {
    match method {
        "OPTIONS" => "with OPTIONS or with a method that writes",
        _ => "that write (POST, PUT, PATCH, DELETE)",
    }
}

fn opinion(kind: &Kind, facts: Option<&DistributionFacts>) -> Opinion {
    let detail = "method-not-allowed";
    let behavior = kind.behavior(facts);
    if let Some(result) = kind.detailed() {
        if result != "InvalidRequestMethod" {
            return Opinion::excludes(
                LOG,
                format!("the result type is {result}, not InvalidRequestMethod"),
            );
        }
        let config = behavior.filter(|behavior| !behavior.allows(&kind.method));
        return Opinion::of(Says::Proves, detail)
            .because(LOG, format!("the result type of {} is InvalidRequestMethod", kind.method))
            .and(config.map(|behavior| {
                let says = format!("behaviour {} does not allow {}", behavior.name(), kind.method);
                match kind.let_in.method {
                    true => Evidence::against(
                        CONFIG,
                        format!(
                            "{says} in what was read, and other requests {} were let in \
                             afterwards: it was not in force all the time",
                            alike(&kind.method)
                        ),
                    ),
                    false => Evidence::new(CONFIG, says),
                }
            }));
    }
    if matches!(kind.method.as_ref(), "GET" | "HEAD") {
        return Opinion::excludes(LOG, format!("every behaviour allows {}", kind.method));
    }
    if kind.reached_waf() {
        return Opinion::excludes(LOG, "the request came past the edge's own rules");
    }
    match behavior {
        Some(behavior) if behavior.allows(&kind.method) => Opinion::excludes(
            CONFIG,
            format!("behaviour {} allows {}", behavior.name(), kind.method),
        ),
        Some(behavior) => Opinion::of(Says::Explains, detail)
            .because(
                CONFIG,
                format!("behaviour {} does not allow {}", behavior.name(), kind.method),
            )
            .unless_let_in(kind.let_in.method, alike(&kind.method)),
        None if kind.page == Page::EdgeMethod => Opinion::of(Says::Supports, detail)
            .because(LOG, format!("the answer is {}", kind.page.words())),
        None => Opinion::silent().missing(kind.ask_config()),
    }
}

fn remedy(case: &Case<'_>) -> Remedy {
    let (id, name) = (case.id(), case.behavior_name());
    let methods = case.methods();
    let shown = if methods.is_empty() { "the method".to_owned() } else { methods.join(", ") };
    let behavior = case.behavior();
    if behavior.is_some_and(|one| methods.iter().all(|method| one.allows(method))) {
        return Remedy::new(format!(
            "Nothing to do now, if {name} of {id} still allows {shown}: in the configuration that \
             was read it does."
        ))
        .step(case.show_behavior("AllowedMethods.Items"));
    }
    if case.kind().is_some_and(|kind| kind.let_in.method) {
        let proved = case.kind().and_then(Kind::detailed) == Some("InvalidRequestMethod");
        let allows = format!("{name} of {id} allows {shown}");
        let others = format!("others {}", alike(methods.first().copied().unwrap_or_default()));
        return case
            .let_in_again(proved, &allows, &others)
            .step(case.show_behavior("AllowedMethods.Items"));
    }
    let options = methods == ["OPTIONS"];
    let country = case.alternatives.contains(&Cause::GeoRestriction).then(|| {
        "The viewer's country may be the reason as well: where it is not served, allowing the \
         method alone does not help."
            .to_owned()
    });
    Remedy::new(format!(
        "If viewers are meant to use {shown}, allow it on {name} of {id}, or route such requests \
         to another behaviour."
    ))
    .step(case.show_behavior("AllowedMethods.Items"))
    .and(options.then(|| {
        "A browser asks with OPTIONS before it sends a request to another site's name (a CORS \
         preflight), and does without that request where it is refused."
            .to_owned()
    }))
    .step(if options {
        "GET, HEAD, OPTIONS is a set of its own; it lets nothing in that writes."
    } else {
        "CloudFront knows three sets: GET and HEAD; these and OPTIONS; all seven. Whoever allows \
         one that writes allows PUT, POST, PATCH and DELETE: the origin must refuse what it does \
         not want."
    })
    .and(country)
}
