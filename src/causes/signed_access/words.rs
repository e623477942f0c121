//! What is wrong with a signature, in words.

use crate::signature::{Carrier, Fault, Key, Malformation, Named, Part, Present};

/// The signature, as the subject of a sentence.
pub(super) fn signature(present: &Present) -> String {
    let place = place(present);
    match present.key {
        Key::Id(id) => format!("the signature in the {place} (key {})", id.as_str()),
        _ => format!("the signature in the {place}"),
    }
}

/// The key that it names.
pub(super) fn names(present: &Present) -> Option<String> {
    match present.key {
        Key::Id(id) => {
            Some(format!("the signature in the {} names key {}", place(present), id.as_str()))
        }
        _ => None,
    }
}

fn place(present: &Present) -> &'static str {
    match present.carrier {
        Carrier::Query => "URL",
        Carrier::Cookie => "cookies",
    }
}

/// What is wrong with it, as the rest of the sentence.
pub(super) fn words(fault: Fault, present: &Present) -> String {
    match fault {
        Fault::UnknownKey => "names a key that the behaviour does not trust".to_owned(),
        Fault::Malformed(how) => malformed(how, present),
        Fault::PolicyMismatch => match present.differs {
            Some(part) => {
                format!("is for another URL: {} is not the one that its policy names", of(part))
            }
            None => "is for another URL: its policy does not cover the one asked for".to_owned(),
        },
        Fault::NotYetValid => "was not valid yet when the request began".to_owned(),
        Fault::Expired => "had expired when the request began".to_owned(),
        Fault::IpMismatch if present.by_ipv6 => {
            "is for IPv4 alone, and the viewer came by IPv6, which no policy can name".to_owned()
        }
        Fault::IpMismatch => "is for another address than the viewer's".to_owned(),
    }
}

/// A part of a URL.
pub(super) fn of(part: Part) -> &'static str {
    match part {
        Part::Scheme => "the scheme (http or https)",
        Part::Host => "the host",
        Part::Path => "the path",
        Part::Query => "the query",
    }
}

/// The parameters that are there, as the log names them.
pub(super) fn listed(named: Named) -> String {
    named.names().collect::<Vec<_>>().join(", ")
}

fn malformed(how: Malformation, present: &Present) -> String {
    let lacks =
        |what: &str| format!("is not whole: {} is there and {what} is not", listed(present.named));
    let how = match how {
        Malformation::NoKeyPairId => return lacks("Key-Pair-Id"),
        Malformation::NoSignature => return lacks("Signature"),
        Malformation::NoPolicy => {
            return format!(
                "is not whole: {} is there, and neither Expires nor Policy is",
                listed(present.named)
            );
        }
        Malformation::KeyPairId => "its Key-Pair-Id is none that AWS gives",
        Malformation::Signature => "Signature is no base64",
        Malformation::Alphabet => "it is base64 without CloudFront's - for +, _ for = and ~ for /",
        Malformation::NotANumber => "a time in it is no number of seconds",
        Malformation::Milliseconds => "a time in it is in milliseconds where seconds are asked for",
        Malformation::After2038 => "a time in it is later than January 2038",
        Malformation::NumberForm => "a time in it is in quotation marks or has a fraction",
        Malformation::PolicyCut => "Policy is cut off: the JSON in it does not end",
        Malformation::PolicyEncoding => "Policy is no base64",
        Malformation::PolicyLength => "Policy is longer than a URL can be",
        Malformation::PolicyJson => "Policy is base64, and what is in it is no JSON",
        Malformation::Statement => "its policy has no Statement that can be read",
        Malformation::Statements => "its policy has several statements, where one is allowed",
        Malformation::NoDateLessThan => "its policy has no DateLessThan",
        Malformation::Resource => "its policy's Resource is not one text",
        Malformation::IpAddress => "its policy's IpAddress is no IPv4 address or range",
        Malformation::HashAlgorithm => "its Hash-Algorithm is neither SHA1 nor SHA256",
    };
    format!("is malformed: {how}")
}

/// Why a fault that may be one is none for certain.
pub(super) fn unsure(fault: Fault, present: &Present) -> &'static str {
    match fault {
        Fault::IpMismatch if present.by_ipv6 => {
            "whether IPv6 is within 0.0.0.0/0, AWS's pages do not say"
        }
        Fault::Expired | Fault::NotYetValid => {
            "by the precision of the log, it may have been in time"
        }
        Fault::PolicyMismatch => "whether CloudFront compares it in this way is not documented",
        Fault::Malformed(_) => "whether CloudFront refuses that is not documented",
        Fault::UnknownKey | Fault::IpMismatch => {
            "a parameter stands there twice, and which one CloudFront read is not known"
        }
    }
}
