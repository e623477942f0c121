//! Why CloudFront answered 403: one file for each cause, and the judge.
//!
//! Everything here is pure. A cause sees a [`Kind`] (what the log, the WAF and the configuration
//! say of requests that look alike) and the [`Facts`](crate::account::facts::Facts), and gives an
//! [`Opinion`]; the judge weighs the opinions and knows no cause by name.

pub mod judge;
pub mod kind;
pub mod opinion;
pub mod remedy;

mod alternate_domain_name;
mod asked;
mod custom_origin;
mod distribution_disabled;
mod edge_block;
mod edge_function;
mod geo_restriction;
mod invalid_request;
mod method_not_allowed;
mod origin_log;
pub mod s3_origin;
mod seen;
mod signed_access;
mod stacked_distributions;
mod viewer_certificate;
mod viewer_protocol;
mod waf;

pub use waf::names_resource;

use std::fmt;

use crate::account::facts::DistributionFacts;
use kind::Kind;
use opinion::Opinion;
use remedy::{Case, Remedy};

/// A cause of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// The Host belongs to no distribution, or to another one.
    AlternateDomainName,
    /// A WAF blocked it.
    Waf,
    /// An origin that is no bucket refused it.
    CustomOrigin,
    /// A bucket refused it.
    S3Origin,
    /// The viewer's country is not served.
    GeoRestriction,
    /// The signed URL or cookie is missing or wrong.
    SignedAccess,
    /// Distributions stand in front of each other.
    StackedDistributions,
    /// Plain HTTP where HTTPS is required.
    ViewerProtocol,
    /// The behaviour does not let the method through.
    MethodNotAllowed,
    /// A function at the edge answered.
    EdgeFunction,
    /// The viewer's certificate.
    ViewerCertificate,
    /// The distribution is disabled.
    DistributionDisabled,
    /// The request is malformed.
    InvalidRequest,
    /// CloudFront blocks it for reasons of its own.
    EdgeBlock,
    /// The evidence does not decide.
    Unattributed,
}

impl Cause {
    /// The stable identifier.
    pub fn id(self) -> &'static str {
        match self {
            Self::AlternateDomainName => "alternate-domain-name",
            Self::Waf => "waf",
            Self::CustomOrigin => "custom-origin",
            Self::S3Origin => "s3-origin",
            Self::GeoRestriction => "geo-restriction",
            Self::SignedAccess => "signed-access",
            Self::StackedDistributions => "stacked-distributions",
            Self::ViewerProtocol => "viewer-protocol",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::EdgeFunction => "edge-function",
            Self::ViewerCertificate => "viewer-certificate",
            Self::DistributionDisabled => "distribution-disabled",
            Self::InvalidRequest => "invalid-request",
            Self::EdgeBlock => "edge-block",
            Self::Unattributed => "unattributed",
        }
    }
}

impl Cause {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::AlternateDomainName,
        Self::Waf,
        Self::CustomOrigin,
        Self::S3Origin,
        Self::GeoRestriction,
        Self::SignedAccess,
        Self::StackedDistributions,
        Self::ViewerProtocol,
        Self::MethodNotAllowed,
        Self::EdgeFunction,
        Self::ViewerCertificate,
        Self::DistributionDisabled,
        Self::InvalidRequest,
        Self::EdgeBlock,
        Self::Unattributed,
    ];

    /// The cause of an identifier.
    pub fn of_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.id() == id)
    }

    /// The stable identifiers of its details.
    pub fn details(self) -> &'static [&'static str] {
        match self {
            Self::AlternateDomainName => &["not-on-distribution", "points-elsewhere"],
            Self::Waf => &["edge", "origin"],
            Self::CustomOrigin => &[
                "denied",
                "host-header-forwarded",
                "no-route",
                "secret-header",
                "firewall",
                "lambda-url",
            ],
            Self::S3Origin => &[
                "access-not-granted",
                "wrong-path",
                "object-missing",
                "host-header-forwarded",
                "custom-error-page",
                "explicit-deny",
                "kms-denied",
                "archived",
                "requester-pays",
                "website-not-public",
            ],
            Self::GeoRestriction => &["denied-country", "not-in-allowed-countries"],
            Self::SignedAccess => &[
                "missing",
                "expired",
                "not-yet-valid",
                "ip-mismatch",
                "unknown-key",
                "policy-mismatch",
                "malformed",
                "bad-signature",
            ],
            Self::StackedDistributions => &["origin-is-distribution", "loop"],
            Self::ViewerProtocol => &["https-required"],
            Self::MethodNotAllowed => &["method-not-allowed"],
            Self::EdgeFunction => &["cloudfront-function", "lambda-at-edge"],
            Self::ViewerCertificate => &["client-certificate"],
            Self::DistributionDisabled => &["disabled"],
            Self::InvalidRequest => &["malformed", "get-with-body"],
            Self::EdgeBlock => &["unspecified"],
            Self::Unattributed => &["insufficient-evidence"],
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// Whether a refusal is a fault, a rule at work, or may be either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Somebody who should get in does not.
    Fault,
    /// A rule does what it was set up to do.
    Enforcement,
    /// Either.
    Unknown,
}

impl Severity {
    /// The stable identifier.
    pub fn id(self) -> &'static str {
        match self {
            Self::Fault => "fault",
            Self::Enforcement => "enforcement",
            Self::Unknown => "unknown",
        }
    }

    /// The severity of a detail; it is fixed for each.
    pub fn of(cause: Cause, detail: Option<&str>) -> Self {
        match (cause, detail) {
            (Cause::Waf | Cause::GeoRestriction | Cause::EdgeBlock, _)
            | (Cause::SignedAccess, Some("expired" | "ip-mismatch")) => Self::Enforcement,
            (Cause::SignedAccess, Some("missing"))
            | (Cause::CustomOrigin, Some("denied" | "firewall"))
            | (Cause::EdgeFunction | Cause::Unattributed, _) => Self::Unknown,
            // Where the evidence does not tell the detail, it does not tell the severity either.
            (Cause::SignedAccess | Cause::CustomOrigin, None) => Self::Unknown,
            _ => Self::Fault,
        }
    }
}

/// What a cause is, for people. Each cause's file opens with the same headings.
#[derive(Clone, Copy, Debug)]
pub struct Sheet {
    /// What it means.
    pub means: &'static str,
    /// What proves it.
    pub proves: &'static str,
    /// What excludes it.
    pub excludes: &'static str,
    /// What it is confused with.
    pub confused_with: &'static str,
    /// What to do.
    pub remedy: &'static str,
    /// Where AWS describes it.
    pub reference: &'static str,
    /// Changes in CloudTrail that can start it.
    pub changes: &'static [&'static str],
}

/// One cause: who it is, at which step of a request's way it answers, and what it thinks.
pub struct Rule {
    /// Which.
    pub cause: Cause,
    /// The step of a request's way at which it answers; the smaller one answers first.
    pub step: Step,
    /// What it is, for people.
    pub sheet: Sheet,
    /// What it thinks of requests of one kind. `None` for the facts where the distribution is not
    /// known at all.
    pub opinion: fn(&Kind, Option<&DistributionFacts>) -> Opinion,
    /// What it advises.
    pub remedy: fn(&Case<'_>) -> Remedy,
}

/// The steps of a request's way, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// The Host finds a distribution.
    Host,
    /// Protocol, method, country, signature; their order among each other is not documented.
    Rules,
    /// AWS WAF: after the geographic restriction (documented) and the signature (an experiment).
    Waf,
    /// Functions on the viewer's side.
    Function,
    /// The origin, and what stands in front of it.
    Origin,
}

/// All causes.
pub const RULES: [Rule; 14] = [
    alternate_domain_name::RULE,
    distribution_disabled::RULE,
    viewer_certificate::RULE,
    viewer_protocol::RULE,
    method_not_allowed::RULE,
    invalid_request::RULE,
    edge_block::RULE,
    geo_restriction::RULE,
    signed_access::RULE,
    waf::RULE,
    edge_function::RULE,
    s3_origin::RULE,
    stacked_distributions::RULE,
    custom_origin::RULE,
];

/// The rule of a cause; there is none for `unattributed`.
pub fn rule(cause: Cause) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.cause == cause)
}
