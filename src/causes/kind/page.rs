//! The body that was sent, and whether the origin made it.

use std::collections::BTreeSet;

use super::OriginAsked;
use crate::logs::record::{Column, Refusal};

/// A body, told by its media type and length. A match supports and never proves: the text may
/// change, and an error page may stand in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Page {
    /// CloudFront: "Request blocked."
    EdgeBlocked,
    /// CloudFront: "Bad request."
    EdgeBadRequest,
    /// CloudFront: "... configured to block access from your country."
    EdgeCountry,
    /// CloudFront: "... not configured to allow the HTTP request method ..."
    EdgeMethod,
    /// CloudFront: `MissingKey`.
    SignMissing,
    /// CloudFront: `InvalidKey`.
    SignUnknownKey,
    /// CloudFront: `AccessDenied` about a signature.
    SignDenied,
    /// CloudFront: `MalformedPolicy`.
    SignMalformedPolicy,
    /// CloudFront: `MalformedSignature`.
    SignMalformedSignature,
    /// CloudFront, about a signature, with a length that is not known.
    SignOther,
    /// A body that the WAF sent with other requests, which its log says it blocked, or that its
    /// configuration holds for its blocks.
    WafCustom,
    /// S3's XML.
    S3,
    /// A load balancer's own page.
    LoadBalancer,
    /// API Gateway: `{"message":"Forbidden"}`.
    ApiForbidden,
    /// API Gateway: "Missing Authentication Token".
    ApiNoRoute,
    /// A function URL without a grant.
    LambdaUrl,
    /// A function URL with a signature that does not match.
    LambdaUrlSignature,
    /// AWS's own example of a listener rule that lets no one in without a header.
    LoadBalancerRule,
    /// HTML of another length.
    Html,
    /// Something else.
    Other,
    /// Not logged.
    Unknown,
}

impl Page {
    /// Whether CloudFront made the page.
    pub fn is_edge(self) -> bool {
        matches!(
            self,
            Self::EdgeBlocked | Self::EdgeBadRequest | Self::EdgeCountry | Self::EdgeMethod
        ) || self.is_signature()
    }

    /// Whether CloudFront made the page about a signature.
    pub fn is_signature(self) -> bool {
        matches!(
            self,
            Self::SignMissing
                | Self::SignUnknownKey
                | Self::SignDenied
                | Self::SignMalformedPolicy
                | Self::SignMalformedSignature
                | Self::SignOther
        )
    }

    /// Whether it is the one of AWS's example of a listener rule.
    pub fn is_listener_rule(self) -> bool {
        self == Self::LoadBalancerRule
    }

    /// What the log tells of the answer, as the end of "the answer is …". It has a type and a
    /// length and no body, so that nobody can say whose page it was.
    pub fn words(self) -> &'static str {
        match self {
            Self::EdgeBlocked => {
                "919 bytes of HTML, as long as CloudFront's page \"Request blocked\""
            }
            Self::EdgeBadRequest => {
                "915 bytes of HTML, as long as CloudFront's page \"Bad request\""
            }
            Self::EdgeCountry => {
                "986 bytes of HTML, as long as CloudFront's page about blocked countries"
            }
            Self::EdgeMethod => "1,053 bytes of HTML, as long as CloudFront's page about methods",
            Self::SignMissing => "146 bytes of text/xml, as long as CloudFront's MissingKey",
            Self::SignUnknownKey => "106 bytes of text/xml, as long as CloudFront's InvalidKey",
            Self::SignDenied => {
                "110 bytes of text/xml, as long as CloudFront's AccessDenied to a signature"
            }
            Self::SignMalformedPolicy => {
                "116 bytes of text/xml, as long as CloudFront's MalformedPolicy"
            }
            Self::SignMalformedSignature => {
                "131 bytes of text/xml, as long as CloudFront's MalformedSignature"
            }
            Self::SignOther => "text/xml, as CloudFront answers about signatures",
            Self::WafCustom => "of the type and length that the WAF's blocks have",
            Self::S3 => "application/xml without a length, as S3 sends its errors",
            Self::LoadBalancer => "118 bytes of HTML, as long as a load balancer's own page",
            Self::ApiForbidden => {
                "23 bytes of JSON, as long as API Gateway's {\"message\":\"Forbidden\"}"
            }
            Self::ApiNoRoute => {
                "42 bytes of JSON, as long as API Gateway's \"Missing Authentication Token\""
            }
            Self::LambdaUrl => "144 bytes of JSON, as long as a function URL's \"Forbidden\"",
            Self::LambdaUrlSignature => {
                "192 bytes of JSON, as long as a function URL's complaint about a signature"
            }
            Self::LoadBalancerRule => {
                "13 bytes of plain text, as long as \"Access denied\" of AWS's listener rule"
            }
            Self::Html => "HTML of no length that tells whose page it is",
            Self::Other => "of no type and length that tells whose it is",
            Self::Unknown => "of a type and length that the log does not have",
        }
    }
}

/// The bodies of a WAF's blocks, where they do not matter.
pub(super) const OF_NO_WAF: BTreeSet<(Box<str>, u64)> = BTreeSet::new();

pub(super) fn page(refusal: &Refusal, blocked_bodies: &BTreeSet<(Box<str>, u64)>) -> Page {
    let kind = match &refusal.content_type {
        Column::Missing => return Page::Unknown,
        Column::Dash => return Page::Other,
        Column::Value(kind) => kind.as_ref(),
    };
    let length = match refusal.content_length {
        Column::Value(length) => Some(length),
        _ => None,
    };
    let told = by_text(kind, length);
    let seen = length.is_some_and(|length| blocked_bodies.contains(&(kind.into(), length)));
    if seen && matches!(told, Page::Html | Page::Other | Page::LoadBalancerRule) {
        Page::WafCustom
    } else {
        told
    }
}

pub(super) fn by_text(kind: &str, length: Option<u64>) -> Page {
    match (kind, length) {
        ("text/html", Some(919)) => Page::EdgeBlocked,
        ("text/html", Some(915)) => Page::EdgeBadRequest,
        ("text/html", Some(986)) => Page::EdgeCountry,
        ("text/html", Some(1053)) => Page::EdgeMethod,
        ("text/html", Some(118)) => Page::LoadBalancer,
        ("text/html", _) => Page::Html,
        ("text/xml", Some(146)) => Page::SignMissing,
        ("text/xml", Some(106)) => Page::SignUnknownKey,
        ("text/xml", Some(110)) => Page::SignDenied,
        ("text/xml", Some(116)) => Page::SignMalformedPolicy,
        ("text/xml", Some(131)) => Page::SignMalformedSignature,
        ("text/xml", _) => Page::SignOther,
        // S3 sends its errors in chunks, so that they have no length.
        ("application/xml", None) => Page::S3,
        ("application/json", Some(23)) => Page::ApiForbidden,
        ("application/json", Some(42)) => Page::ApiNoRoute,
        ("application/json", Some(144)) => Page::LambdaUrl,
        ("application/json", Some(192)) => Page::LambdaUrlSignature,
        ("text/plain", Some(13)) => Page::LoadBalancerRule,
        _ => Page::Other,
    }
}

/// Milliseconds below which a first byte may as well have come from the edge itself.
pub(super) const ORIGIN_MS: u32 = 10;

pub(super) fn origin_asked(refusal: &Refusal) -> OriginAsked {
    if refusal.origin_first_byte_ms.value().is_some() || refusal.origin_host.value().is_some() {
        return OriginAsked::Yes;
    }
    // A first byte after ten milliseconds, with a body that the edge does not make. `time-taken`
    // would not do: it counts the time in which a request's body is read.
    let edge_made = match &refusal.content_type {
        Column::Value(kind) => {
            let length = refusal.content_length.value().copied();
            by_text(kind, length).is_edge()
        }
        Column::Dash => false,
        Column::Missing => true,
    };
    match (refusal.origin_first_byte_ms, refusal.first_byte_ms) {
        (Column::Dash, _) => OriginAsked::No,
        (_, Column::Value(ms)) if ms >= ORIGIN_MS && !edge_made => OriginAsked::Yes,
        (_, Column::Value(ms)) if ms >= ORIGIN_MS && refusal.content_type.is_logged() => {
            OriginAsked::Slowly
        }
        (_, Column::Value(ms)) if ms < ORIGIN_MS => OriginAsked::No,
        _ => OriginAsked::Unknown,
    }
}
