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
use super::remedy::{Case, Remedy, capital};
use super::{Cause, Rule, Sheet, Step};
use crate::account::command::quoted;
use crate::account::distribution::Distribution;
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
const LIST: &str = "cloudfront/list-distributions";
const TENANTS: &str = "cloudfront/list-distribution-tenants";

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
    const FITS: &str = "the request does not match the certificate of its connection";
    match (&kind.host, kind.config(facts)) {
        (Host::Own, Some(config)) => {
            let mutual = config.config.viewer_mtls_config.is_some();
            let (source, has) = match config.is_for_tenants() {
                true => (TENANTS, "the Host is one of a tenant's domains"),
                false => (CONFIG, "the Host is one of the distribution's names"),
            };
            Opinion::of(Says::Supports, mutual.then_some("client-certificate"))
                .detail_unsure()
                .because(LOG, FITS)
                .because(source, has)
                .but(LOG, NOT_SHOWN)
        }
        // The list of distributions has the names where the configuration is not known.
        (Host::Own, None) if kind.host_by_list => Opinion::of(Says::Supports, None)
            .detail_unsure()
            .because(LOG, FITS)
            .because(LIST, "the Host is one of the distribution's names")
            .but(LOG, NOT_SHOWN)
            .missing(kind.ask_config()),
        (Host::Own, None) => Opinion::of(Says::Hints, None)
            .detail_unsure()
            .because(LOG, FITS)
            .but(LOG, "which names the distribution had at that moment is not known")
            .missing(kind.ask_config()),
        // Whether the name is the distribution's is not known; if it is not, that is the reason.
        (Host::Unknown, _) => Opinion::silent().missing(kind.ask_config()),
        (Host::Foreign(_) | Host::Elsewhere(..), _) => Opinion::excludes(
            CONFIG,
            "the Host is not the distribution's, which explains the result type",
        ),
    }
}

/// AWS's page on names and the certificates that cover them.
const NAMES: &str =
    "https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/CNAMEs.html";

/// Why it is never proved.
const NOT_SHOWN: &str =
    "whether the client's TLS server name or its certificate does not fit is not in this log";

fn remedy(case: &Case<'_>) -> Remedy {
    let mutual = case.distribution().is_some_and(|one| one.config.viewer_mtls_config.is_some());
    let host = case.host();
    let unsure = case.alternatives.contains(&Cause::AlternateDomainName);
    let of_tenant = case.distribution().is_some_and(Distribution::is_for_tenants);
    const FIND: &str =
        "find out under which name these clients open their connection, and which Host they send.";
    let remedy = Remedy::new(match unsure {
        true => format!(
            "See whether the name is among the aliases of {}: if not, add it or point DNS \
             elsewhere; if so, {FIND}",
            case.id()
        ),
        false => capital(FIND),
    })
    .step(
        "CloudFront refuses a Host that the certificate of the connection does not cover: a \
         client that sends another Host than its TLS server name, or reuses a connection for \
         a second name. To see the certificate:",
    )
    .step(format!("curl -sSv -o /dev/null https://{host}/"));
    let remedy = match (of_tenant, case.tenant) {
        (true, tenant) => {
            let (name, how) = match tenant {
                Some((tenant, _)) => (quoted(tenant), "identifier"),
                None => (host, "domain"),
            };
            remedy.step("Its names and its certificate are its tenant's:").step(match how {
                "domain" => format!(
                    "aws cloudfront get-distribution-tenant-by-domain --domain {name} --query \
                     \"DistributionTenant.[Id,Domains,Customizations.Certificate]\""
                ),
                _ => format!(
                    "aws cloudfront get-distribution-tenant --identifier {name} --query \
                     \"DistributionTenant.[Domains,Customizations.Certificate]\""
                ),
            })
        }
        (false, _) => remedy.step(case.show(match case.distribution() {
            Some(_) => "[Aliases.Items,ViewerCertificate]",
            None => "[Aliases.Items,ViewerCertificate,ViewerMtlsConfig]",
        })),
    };
    let remedy = match case.distribution() {
        // Then it can only be the name.
        Some(_) if !mutual && case.configured() => remedy.see(NAMES),
        _ => remedy,
    };
    let unread = case.distribution().is_none().then(|| {
        "With a ViewerMtlsConfig viewers must show a certificate (mutual TLS), and it may be that \
         one which does not fit."
            .to_owned()
    });
    let remedy = remedy.and(unread);
    remedy.and(mutual.then(|| {
        let asks = match case.read_before() {
            Some(at) => format!(
                "The distribution asked viewers for certificates when it was read ({at}); if it \
                     does so still,"
            ),
            None => "The distribution asks viewers for certificates:".to_owned(),
        };
        format!("{asks} its connection log tells which were refused, and why.")
    }))
}
