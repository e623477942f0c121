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
use super::opinion::{Evidence, LOG, Opinion, Says};
use super::remedy::{Case, Remedy};
use super::{Cause, Rule, Sheet, Step};

use crate::account::command::quoted;
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
    remedy,
};

const CONFIG: &str = "cloudfront/get-distribution";
const FUNCTION_LOG: &str = "function log";

/// What a request-side function leaves in the result types: which kind of function it was.
fn generated(kind: &Kind) -> Option<(&'static str, &str)> {
    let types = [kind.detailed(), kind.result.value().map(AsRef::as_ref)];
    types.into_iter().flatten().find_map(|result| match result {
        "FunctionGeneratedResponse" => Some(("cloudfront-function", result)),
        "LambdaGeneratedResponse" | "MissGeneratedResponse" => Some(("lambda-at-edge", result)),
        _ => None,
    })
}

/// The functions of one kind on a behaviour, by ARN.
fn arns(behavior: &Behavior, lambda: bool) -> Vec<&str> {
    let own = behavior.function_associations.items.iter().map(|one| one.function_arn.as_str());
    let at_edge = behavior.lambda_function_associations.items.iter();
    let at_edge = at_edge.map(|one| one.lambda_function_arn.as_str());
    if lambda { at_edge.collect() } else { own.collect() }
}

/// The functions of one kind on a behaviour, by name.
fn names(behavior: &Behavior, detail: &str) -> String {
    let arns = arns(behavior, detail != "cloudfront-function");
    let names: Vec<&str> = arns.into_iter().map(function_name).collect();
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
                .because(FUNCTION_LOG, "the function's log has a line of this very request");
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
            (Some(false), _) => {
                Opinion::of(Says::Supports, detail).detail_unsure().because(LOG, sentence).but(
                    CONFIG,
                    "the behaviour has no such function: what was read is not the configuration of \
                     these requests, or the result type means another kind",
                )
            }
            _ => Opinion::of(Says::Supports, detail).because(LOG, sentence).missing(ask()),
        };
    }
    match functions {
        Some((0, 0)) => Opinion::excludes(CONFIG, "the behaviour has no functions"),
        Some(_) if kind.detailed().is_some_and(|result| result != "Error") => {
            Opinion::excludes(LOG, "the edge had another reason")
        }
        Some(_) => {
            let told = behavior.map(|behavior| {
                let names = behavior.functions().join(", ");
                Evidence::seen(CONFIG, format!("behaviour {} runs {names}", behavior.name()))
            });
            Opinion::silent().and(told).and(ran(kind))
        }
        None => Opinion::silent().and(ran(kind)).missing(ask()),
    }
}

/// That a function ran for the request, where its log says so: that is not yet that it answered.
fn ran(kind: &Kind) -> Option<Evidence> {
    let which = match kind.function_ran? {
        Ran::CloudFront => "a CloudFront Function",
        Ran::Lambda => "a Lambda@Edge function",
        Ran::Both => "a CloudFront Function and a Lambda@Edge function",
    };
    let says = format!(
        "{which} ran for this very request; whether it answered is not logged, and the result type \
         does not say so"
    );
    Some(Evidence::seen(FUNCTION_LOG, says))
}

fn remedy(case: &Case<'_>) -> Remedy {
    let (id, place) = (case.id(), case.behavior_name());
    let lambda = case.detail == Some("lambda-at-edge");
    let arns: Vec<&str> = case.behavior().map(|one| arns(one, lambda)).unwrap_or_default();
    let kind = if lambda { "Lambda@Edge function" } else { "CloudFront Function" };
    let Some(name) = arns.first().map(|arn| quoted(function_name(arn))) else {
        let today = match case.behavior() {
            Some(_) if !case.configured() => {
                format!("{place} had none when that was read, which is another moment")
            }
            Some(_) => format!("{place} has no {kind} in what was read"),
            None => format!("which one {place} had is not known"),
        };
        let (group, list) = match lambda {
            true => (
                "/aws/lambda/us-east-1.NAME",
                "aws lambda list-functions --region us-east-1 --function-version ALL --query \"Functions[].FunctionArn\"",
            ),
            false => (
                "/aws/cloudfront/function/NAME",
                "aws cloudfront list-functions --stage LIVE --query \"FunctionList.Items[].Name\"",
            ),
        };
        let logged = case.kind().is_some_and(|kind| kind.function_ran.is_some()).then(|| {
            "The log in logs/function that has a line of these requests is that function's: where it \
             was copied from names it."
                .to_owned()
        });
        return Remedy::new(format!(
            "Find the {kind} that answered 403 by itself: {today}."
        ))
        .and(logged)
        .step("CloudTrail (UpdateDistribution) and your deployments tell which one was attached then.")
        .step(list)
        .step(format!(
            "What it logged stands in the log group {group}, {}.",
            match lambda {
                true => "in the Region near each viewer and not in us-east-1 alone",
                false => "in us-east-1",
            }
        ));
    };
    let start = case.span.0.as_millisecond();
    let end = case.span.1.as_millisecond().saturating_add(60_000);
    let remedy = Remedy::new(match case.configured() {
        true => format!("Read the {kind} {name} on {place} of {id}: it answers 403 by itself."),
        false => format!(
            "Check that the {kind} {name} was on {place} of {id} when these requests came: it was \
             when that was read, which is another moment. If so, it answers 403 by itself."
        ),
    });
    let more = (arns.len() > 1).then(|| {
        let others: Vec<&str> = arns.iter().skip(1).map(|arn| function_name(arn)).collect();
        format!("It may be {} as well, which stands on the same behaviour.", others.join(", "))
    });
    let changed = case.change.is_none().then_some(match lambda {
        true => "What it decides by may have changed without a new version: a header, a cookie, a key.",
        false => "What it decides by may have changed without a publication: a KeyValueStore leaves no event in CloudTrail.",
    });
    // The behaviour runs one version; without a number the command shows another.
    let version = arns.first().and_then(|arn| arn.rsplit(':').next());
    let version = version
        .filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
        .map_or_else(String::new, |number| format!(" --qualifier {number}"));
    if lambda {
        remedy
            .step(format!(
                "aws lambda get-function --region us-east-1 --function-name {name}{version} --query \
                 \"[Configuration.LastModified,Code.Location]\""
            ))
            .step(format!(
                "It logs in the Region near each viewer, under /aws/lambda/us-east-1.{name}. Per Region:"
            ))
            .step(format!(
                "aws logs filter-log-events --region REGION --log-group-name \
                 /aws/lambda/us-east-1.{name} --start-time {start} --end-time {end}"
            ))
            .and(more.or(changed.map(str::to_owned)))
    } else {
        remedy
            .step(format!("aws cloudfront get-function --name {name} --stage LIVE {name}.js"))
            .step(format!(
                "aws logs filter-log-events --region us-east-1 --log-group-name \
                 /aws/cloudfront/function/{name} --start-time {start} --end-time {end}"
            ))
            .and(more.or(changed.map(str::to_owned)))
    }
}
