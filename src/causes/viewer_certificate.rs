//! The viewer's certificate.
//!
//! # What it means
//! The certificate of the connection does not fit the request. A refused handshake of mutual TLS
//! has no HTTP status and is no 403.
//!
//! # What proves it
//! The result type InvalidRequestCertificate with a Host that the distribution has; never more than
//! likely.
//!
//! # What excludes it
//! Another result type; a distribution without mutual TLS whose Host is foreign.
//!
//! # What it is confused with
//! alternate-domain-name, which logs the same result type for a Host that no distribution has.
//!
//! # Remedy
//! Let clients send the Host that their TLS server name is, one connection for each name; with
//! mutual TLS read the connection log.
//!
//! # Reference
//! <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/mtls-authentication.html>

use super::kind::{Host, Kind};
use super::opinion::{LOG, Opinion, Says};
use super::remedy::{Case, Remedy};
use super::{Cause, Rule, Sheet, Step};

use crate::account::facts::DistributionFacts;

pub(super) const RULE: Rule = Rule {
    cause: Cause::ViewerCertificate,
    step: Step::Host,
    sheet: Sheet {
        means: "The certificate of the connection does not fit the request. A refused handshake \
                of mutual TLS has no HTTP status and is no 403.",
        proves: "The result type InvalidRequestCertificate with a Host that the distribution has; \
                 never more than likely.",
        excludes: "Another result type; a distribution without mutual TLS whose Host is foreign.",
        confused_with: "alternate-domain-name, which logs the same result type for a Host that no \
                        distribution has.",
        remedy: "Let clients send the Host that their TLS server name is, one connection for \
                 each name; with mutual TLS read the connection log.",
        reference: "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/mtls-authentication.html",
        changes: &["UpdateTrustStore", "UpdateConnectionFunction", "UpdateDistribution"],
    },
    opinion,
    remedy,
};

const CONFIG: &str = "cloudfront/get-distribution";

fn opinion(kind: &Kind, facts: Option<&DistributionFacts>) -> Opinion {
    match kind.detailed() {
        Some("InvalidRequestCertificate") => {}
        Some(other) => {
            return Opinion::excludes(LOG, format!("the result type is {other}"));
        }
        None if kind.config(facts).is_some_and(|d| d.config.viewer_mtls_config.is_none()) => {
            return Opinion::excludes(CONFIG, "the distribution asks viewers for no certificate");
        }
        None => return Opinion::silent(),
    }
    match kind.host {
        Host::Own => Opinion::of(Says::Supports, "client-certificate")
            .detail_unsure()
            .because(LOG, "the request does not match the certificate of its connection"),
        Host::Unknown => Opinion::of(Says::Hints, "client-certificate")
            .detail_unsure()
            .because(LOG, "the request does not match the certificate of its connection"),
        Host::Foreign(_) | Host::Elsewhere(..) => Opinion::excludes(
            CONFIG,
            "the Host is not the distribution's, which explains the result type",
        ),
    }
}

fn remedy(case: &Case<'_>) -> Remedy {
    let mutual = case.distribution().is_some_and(|one| one.config.viewer_mtls_config.is_some());
    let host = case.host();
    Remedy::new(
        "Find out under which name these clients open their connection, and which Host they send.",
    )
    .step(
        "CloudFront refuses a Host that the certificate of the connection does not cover: a \
             client that sends another Host than its TLS server name, or reuses a connection for \
             a second name. To see the certificate:",
    )
    .step(format!("curl -sSv -o /dev/null https://{host}/"))
    .step(case.show("[Aliases.Items,ViewerCertificate]"))
    .and(mutual.then(|| {
        "The distribution asks viewers for certificates: its connection log tells which were \
             refused, and why."
            .to_owned()
    }))
}
