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
//! Compare the names in the viewer's certificate and in the trust store with those of the
//! distribution.
//!
//! # Reference
//! <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/mtls-authentication.html>

use super::kind::{Host, Kind};
use super::opinion::{LOG, Opinion, Says};
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
        remedy: "Compare the names in the viewer's certificate and in the trust store with those \
                 of the distribution.",
        reference: "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/mtls-authentication.html",
        changes: &["UpdateTrustStore", "UpdateConnectionFunction", "UpdateDistribution"],
    },
    opinion,
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
