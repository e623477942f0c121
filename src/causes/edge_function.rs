//! A function at the edge answered.
//!
//! # What it means
//! A CloudFront Function or Lambda@Edge made the answer. Faults of a function are 502 or 503, never
//! 403: this answer was meant.
//!
//! # What proves it
//! A result type that says that a function made the answer, and a function on the behaviour, or a
//! line of the function's log with the request's id.
//!
//! # What excludes it
//! A behaviour without functions.
//!
//! # What it is confused with
//! A token check of the application; a WAF.
//!
//! # Remedy
//! Read the function's code and its log; look at what changed in its KeyValueStore, which leaves no
//! management event.
//!
//! # Reference
//! <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/edge-functions-restrictions.html>

use super::kind::Kind;
use super::opinion::{LOG, Opinion, Says};
use super::{Cause, Rule, Sheet, Step};
use crate::account::distribution::{Behavior, function_name};
use crate::account::facts::DistributionFacts;
use crate::logs::function::Ran;

pub(super) const RULE: Rule = Rule {
    cause: Cause::EdgeFunction,
    step: Step::Function,
    sheet: Sheet {
        means: "A CloudFront Function or Lambda@Edge made the answer. Faults of a function are \
                502 or 503, never 403: this answer was meant.",
        proves: "A result type that says that a function made the answer, and a function on the \
                 behaviour, or a line of the function's log with the request's id.",
        excludes: "A behaviour without functions.",
        confused_with: "A token check of the application; a WAF.",
        remedy: "Read the function's code and its log; look at what changed in its KeyValueStore, \
                 which leaves no management event.",
        reference: "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/edge-functions-restrictions.html",
        changes: &[
            "PublishFunction",
            "UpdateFunction",
            "UpdateFunctionCode",
            "PublishVersion",
            "UpdateDistribution",
            "UpdateDistributionWithStagingConfig",
        ],
    },
    opinion,
};

const CONFIG: &str = "cloudfront/get-distribution";

/// What a request-side function leaves in the result types: which kind of function it was.
fn generated(kind: &Kind) -> Option<(&'static str, &str)> {
    let types = [kind.detailed(), kind.result.value().map(AsRef::as_ref)];
    types.into_iter().flatten().find_map(|result| match result {
        "FunctionGeneratedResponse" => Some(("cloudfront-function", result)),
        "LambdaGeneratedResponse" | "MissGeneratedResponse" => Some(("lambda-at-edge", result)),
        _ => None,
    })
}

/// The functions of one kind on a behaviour, by name.
fn names(behavior: &Behavior, detail: &str) -> String {
    let own = behavior.function_associations.items.iter().map(|one| &one.function_arn);
    let lambda = behavior.lambda_function_associations.items.iter();
    let lambda = lambda.map(|one| &one.lambda_function_arn);
    let arns: Vec<&String> =
        if detail == "cloudfront-function" { own.collect() } else { lambda.collect() };
    let names: Vec<&str> = arns.iter().map(|arn| function_name(arn)).collect();
    names.join(", ")
}

fn opinion(kind: &Kind, facts: Option<&DistributionFacts>) -> Opinion {
    let behavior = kind.behavior(facts);
    let functions = behavior.map(|behavior| {
        let own = behavior.function_associations.items.iter();
        let lambda = behavior.lambda_function_associations.items.iter();
        (own.count(), lambda.count())
    });
    let ask = || kind.ask_config();
    if let Some((detail, result)) = generated(kind) {
        let sentence = format!("the result type {result} says that a function made the answer");
        let associated = functions.map(|(own, lambda)| match detail {
            "cloudfront-function" => own > 0,
            _ => lambda > 0,
        });
        // A result type that a function made the answer, and a line that it ran for this very
        // request: neither depends on what the configuration says today.
        let ran = match kind.function_ran {
            Some(Ran::Both) => true,
            Some(Ran::CloudFront) => detail == "cloudfront-function",
            Some(Ran::Lambda) => detail == "lambda-at-edge",
            None => false,
        };
        if ran {
            return Opinion::of(Says::Proves, detail)
                .because(LOG, sentence)
                .because("function log", "the function's log has a line of this very request");
        }
        return match (associated, behavior) {
            (Some(true), Some(behavior)) => {
                Opinion::of(Says::Proves, detail).because(LOG, sentence).because(
                    CONFIG,
                    format!(
                        "behaviour {} runs the function {}",
                        behavior.name(),
                        names(behavior, detail)
                    ),
                )
            }
            (Some(false), _) => Opinion::of(Says::Supports, detail)
                .detail_unsure()
                .because(LOG, sentence)
                .because(CONFIG, "the behaviour has no such function today"),
            _ => Opinion::of(Says::Supports, detail).because(LOG, sentence).missing(ask()),
        };
    }
    match functions {
        Some((0, 0)) => Opinion::excludes(CONFIG, "the behaviour has no functions"),
        Some(_) if kind.detailed().is_some_and(|result| result != "Error") => {
            Opinion::excludes(LOG, "the edge had another reason")
        }
        Some(_) => Opinion::silent(),
        None => Opinion::silent().missing(ask()),
    }
}
