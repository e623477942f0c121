//! Plain HTTP where HTTPS is asked for.
//!
//! # What it means
//! The behaviour lets only HTTPS through, and the request came over HTTP; or it redirects, and the
//! request cannot be redirected.
//!
//! # What proves it
//! The logged protocol and the behaviour's policy.
//!
//! # What excludes it
//! HTTPS; a behaviour that allows everything.
//!
//! # What it is confused with
//! alternate-domain-name, which sends the same page.
//!
//! # Remedy
//! Set the behaviour's viewer protocol policy to redirect-to-https, and let clients ask by HTTPS.
//!
//! # Reference
//! <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-https-viewers-to-cloudfront.html>

use super::kind::{Host, Kind, Page, Protocol};
use super::opinion::{LOG, Opinion, Says};
use super::remedy::{Case, Remedy};
use super::{Cause, Rule, Sheet, Step};

use crate::account::facts::DistributionFacts;

pub(super) const RULE: Rule = Rule {
    cause: Cause::ViewerProtocol,
    step: Step::Rules,
    sheet: Sheet {
        means: "The behaviour lets only HTTPS through, and the request came over HTTP; or it \
                redirects, and the request cannot be redirected.",
        proves: "The logged protocol and the behaviour's policy.",
        excludes: "HTTPS; a behaviour that allows everything.",
        confused_with: "alternate-domain-name, which sends the same page.",
        remedy: "Set the behaviour's viewer protocol policy to redirect-to-https, and let clients \
                 ask by HTTPS.",
        reference: "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-https-viewers-to-cloudfront.html",
        changes: &["UpdateDistribution", "UpdateDistributionWithStagingConfig"],
    },
    opinion,
    remedy,
};

const CONFIG: &str = "cloudfront/get-distribution";

/// What makes the protocol the first that comes to mind.
const SERVED: &str = "the same Host was served over HTTPS, and nothing was served over plain HTTP";

fn opinion(kind: &Kind, facts: Option<&DistributionFacts>) -> Opinion {
    if kind.protocol == Protocol::Tls {
        return Opinion::excludes(LOG, "the request came over HTTPS");
    }
    if kind.reached_waf() {
        return Opinion::excludes(LOG, "the request came past the edge's own rules");
    }
    if let Some(other) = kind.detailed()
        && !matches!(other, "Error" | "InvalidRequest")
    {
        return Opinion::excludes(LOG, format!("the edge had another reason ({other})"));
    }
    let Some(behavior) = kind.behavior(facts) else {
        let says = match (kind.protocol, kind.page) {
            (Protocol::Plain, Page::EdgeBadRequest) => Says::Hints,
            _ => Says::Silent,
        };
        let opinion = Opinion::of(says, (says > Says::Silent).then_some("https-required"))
            .missing(kind.ask_config());
        return match (says, kind.served_by_tls) {
            (Says::Hints, true) => opinion
                .because(LOG, "the request came over plain HTTP")
                .because(LOG, SERVED)
                .but(CONFIG, "whether the behaviour lets plain HTTP in is not known"),
            _ => opinion,
        };
    };
    let policy = behavior.viewer_protocol_policy.as_str();
    let body = matches!(kind.method.as_ref(), "POST" | "PUT" | "DELETE" | "OPTIONS" | "PATCH");
    let refuses = match policy {
        "https-only" => Some("lets only HTTPS through".to_owned()),
        // A request below HTTP/1.1 with such a method gets 403 where others get 307.
        "redirect-to-https" if kind.old_http && body => Some(format!(
            "redirects to HTTPS, and a {} below HTTP/1.1 gets 403 instead",
            kind.method
        )),
        _ => None,
    };
    if refuses.is_some() && kind.page != Page::EdgeBadRequest && !kind.page_may_differ(facts) {
        return Opinion::doubts(kind);
    }
    match (refuses, kind.protocol) {
        (None, _) => Opinion::excludes(
            CONFIG,
            format!("behaviour {} does not refuse HTTP ({policy})", behavior.name()),
        ),
        (Some(how), Protocol::Plain) => Opinion::of(Says::Explains, "https-required")
            .because(LOG, "the request came over plain HTTP")
            .because(CONFIG, format!("behaviour {} {how}", behavior.name()))
            .unless_let_in(kind.let_in.plain, "over plain HTTP"),
        (Some(_), _) => Opinion::silent(),
    }
}

fn remedy(case: &Case<'_>) -> Remedy {
    let (id, name) = (case.id(), case.behavior_name());
    let kind = case.kind();
    if kind.is_some_and(|kind| kind.let_in.plain) {
        let lets = format!("{name} of {id} lets plain HTTP in");
        return case
            .let_in_again(false, &lets, "others over plain HTTP")
            .step(case.show_behavior("ViewerProtocolPolicy"));
    }
    // Where the Host is not the distribution's either, HTTPS alone does not help.
    let foreign =
        kind.is_some_and(|kind| matches!(kind.host, Host::Foreign(_) | Host::Elsewhere(..)));
    let foreign = foreign.then(|| {
        format!("The Host is none of {id}'s names either: over HTTPS it is refused for that.")
    });
    if case.websocket {
        return Remedy::new("Let the clients open their WebSockets by wss://, not by ws://.")
            .step("A client of WebSockets follows no redirect: redirect-to-https does not help it.")
            .step(case.show_behavior("ViewerProtocolPolicy"))
            .and(foreign);
    }
    let redirects = case
        .behavior()
        .is_some_and(|behavior| behavior.viewer_protocol_policy == "redirect-to-https");
    if redirects {
        return Remedy::new("Let these clients ask by https://.")
            .step(format!(
                "On {id} {name} redirects already; below HTTP/1.1 a request that does more than \
                 read is refused in the place of being redirected."
            ))
            .and(foreign);
    }
    let set = format!("et clients ask by https://, or set {name} of {id} to redirect-to-https.");
    Remedy::new(match case.configured() && case.distribution().is_some() {
        true => format!("L{set}"),
        false => format!(
            "See whether {name} let plain HTTP in at that time, which is not known. If not: l{set}"
        ),
    })
    .step("A redirect helps browsers; other clients may not follow it.")
    .step(case.show_behavior("ViewerProtocolPolicy"))
    .and(foreign)
}
