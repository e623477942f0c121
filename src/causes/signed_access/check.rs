//! What the public key says of a signature.

use super::super::kind::Kind;
use super::super::opinion::{Evidence, LOG, Opinion, Says};
use super::words::signature;
use crate::account::Question;
use crate::account::facts::Held;
use crate::signature::{Check, Elsewhere, Key, Present, Verified};

const PUBLIC_KEY: &str = "cloudfront/get-public-key";

/// The opinion where the check decides something that nothing else about the request does.
pub(super) fn opinion(kind: &Kind, present: &Present) -> Option<Opinion> {
    let it = signature(present);
    let checks = &present.checks;
    let supports = if kind.page.is_signature() { Says::Supports } else { Says::Hints };
    let trusted = checks.key == Check::Holds && kind.keys == Held::Holds;
    let clean = checks.faults().next().is_none();
    match kind.verified {
        // What cannot be read cannot verify either.
        Verified::Bad | Verified::OtherHash if checks.form != Check::Holds => None,
        Verified::Bad | Verified::OtherHash => {
            let says = if trusted { Says::Explains } else { Says::Supports };
            let opinion = Opinion::of(says, "bad-signature").and(evidence(kind, present));
            Some(if trusted { opinion } else { opinion.detail_unsure() })
        }
        Verified::Elsewhere(_) if clean => Some(
            Opinion::of(supports, "bad-signature")
                .detail_unsure()
                .and(evidence(kind, present))
                .but(
                    LOG,
                    "that this is what CloudFront compares is likely, and AWS does not document it",
                ),
        ),
        Verified::Good if clean && trusted && checks.is_sound() && !kind.page.is_signature() => {
            Some(Opinion::excludes(
                PUBLIC_KEY,
                format!("{it} verifies, and its key, dates, address and URL are in order"),
            ))
        }
        // CloudFront's own words against those of mathematics: something about the signature was
        // refused, and it was not the signature.
        Verified::Good if clean => {
            let says = if kind.page.is_signature() { Says::Hints } else { Says::Silent };
            let rest = match trusted && checks.is_sound() {
                true => ", and its key, dates, address and URL are in order",
                false => "",
            };
            let says_so = format!("{it} verifies: it is not a bad signature{rest}");
            Some(Opinion::of(says, None).but(PUBLIC_KEY, says_so))
        }
        _ => None,
    }
}

/// What was checked, beside what else is wrong with the request.
pub(super) fn evidence(kind: &Kind, present: &Present) -> Option<Evidence> {
    let it = signature(present);
    let says = match kind.verified {
        Verified::Good => format!("{it} verifies: what it says is what was signed"),
        Verified::Bad => format!(
            "{it} does not verify with that key: another key signed, or something else \
             was signed"
        ),
        Verified::OtherHash => {
            let (made, taken, why) = hashes(present);
            format!("{it} verifies with {made}, and CloudFront takes {taken}: {why}")
        }
        Verified::Elsewhere(what) => format!("{it} verifies only {}", elsewhere(what)),
        _ => return None,
    };
    Some(Evidence::new(PUBLIC_KEY, says))
}

/// The hash that a signature was made with, the one that CloudFront takes, and why it does.
pub(super) fn hashes(present: &Present) -> (&'static str, &'static str, &'static str) {
    match present.named.sha256 {
        true => ("SHA-1", "SHA-256", "Hash-Algorithm=SHA256 is sent"),
        false => ("SHA-256", "SHA-1", "Hash-Algorithm=SHA256 is not sent"),
    }
}

fn elsewhere(what: Elsewhere) -> &'static str {
    match what {
        Elsewhere::Scheme => "for the same URL with the other of http:// and https://",
        Elsewhere::Host => "for the same path of another name of the distribution",
        Elsewhere::Order => "for the same URL with its parameters in another order",
        Elsewhere::Base64 => "if base64 is read that CloudFront's page does not allow",
    }
}

/// Why the signature itself was not checked, and the question that would help.
pub(super) fn unchecked(kind: &Kind, present: &Present) -> (&'static str, Option<Question>) {
    let ask = match present.key {
        Key::Id(id) => Some(Question::new(PUBLIC_KEY, id.as_str())),
        _ => None,
    };
    match kind.verified {
        Verified::NoKey => ("whether a signature verifies is told by its public key", ask),
        Verified::Masked => ("the signature was taken out of the log before it was checked", None),
        Verified::TooMany => ("there are more signatures in this log than are checked", None),
        _ => ("whether a signature verifies is not in a log", None),
    }
}
