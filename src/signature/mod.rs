//! What the log says of a request's CloudFront signature.
//!
//! A cache behaviour with trusted key groups serves a request only if its URL or its cookies carry
//! a signature. The access log has both (the cookies only where the distribution logs them), so
//! most of what CloudFront checked can be checked again: the key, the form, the dates, the address
//! and the resource, and with the public key the signature itself.
//!
//! The way through: `parameters` finds the five parameters, `statement` reads the policy they
//! carry, `resource` compares its `Resource` with the URL, `check` asks every question and keeps
//! the answers apart. `parts` takes out what was signed, and `verify` holds it against the public
//! key. `redact` stands beside them: it shows a query without its secrets.
//!
//! AWS's pages, cited below by their last part, are
//! `https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/` +
//! `private-content-signed-urls`, `private-content-signed-cookies`,
//! `private-content-choosing-signed-urls-cookies`,
//! `private-content-creating-signed-url-canned-policy`,
//! `private-content-creating-signed-url-custom-policy`,
//! `private-content-setting-signed-cookie-custom-policy`, `real-time-logs`.

mod check;
mod parameters;
mod parts;
mod redact;
mod resource;
mod statement;
#[cfg(test)]
mod tests;
mod told;
mod verify;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

pub use check::{Certainty, Check, Checks, Fault, Found};
pub use parameters::{Carrier, KeyId, Named};
pub use parts::{HashAlgorithm, Parts, parts};
pub use redact::{REDACTED, is_secret_name, redact, tells_secret};
pub use resource::Part;
pub use statement::Malformation;
pub use told::{Told, told};
pub use verify::{Elsewhere, PublicKey, Verified, Work, verify};

/// The longest column that is looked at. CloudFront takes URLs of 8,192 bytes and headers of
/// 20,480, and the log's encoding makes at most three bytes of one; a longer column is not one
/// that CloudFront wrote, and is treated as if it had not been logged.
pub const COLUMN_BYTES: usize = 64 * 1024;

/// The longest policy text that is parsed: a longer one does not fit into a URL.
pub const POLICY_BYTES: usize = 8 * 1024;

/// How many steps the comparison of one `Resource` with one URL may take. A pattern made
/// for it costs its length times that of the URL; an honest one takes a few hundred steps.
pub const MATCH_STEPS: usize = 1 << 18;

/// A column of the log row, as the log has it: percent-encoded once more than the viewer sent it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Column<'a> {
    /// The log has no such column, so nothing follows from its silence.
    #[default]
    Missing,
    /// The log says `-`: there was nothing.
    Dash,
    /// What the log says.
    Value(&'a [u8]),
}

impl<'a> Column<'a> {
    /// The column for a field that the log may not have; `-` and the empty field are a dash.
    pub fn of(field: Option<&'a [u8]>) -> Self {
        match field {
            None => Self::Missing,
            Some(b"-" | b"") => Self::Dash,
            Some(value) => Self::Value(value),
        }
    }

    /// The value, if there is one that is not longer than [`COLUMN_BYTES`].
    fn value(self) -> Option<&'a [u8]> {
        match self {
            Self::Value(value) if value.len() <= COLUMN_BYTES => Some(value),
            _ => None,
        }
    }
}

/// When a request can have begun. CloudFront compares the dates of a policy with the clock at the
/// time of the request (`private-content-signed-urls`), but logs when the answer was finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Began {
    /// It did not begin before this.
    pub earliest: Timestamp,
    /// It did not begin after this.
    pub latest: Timestamp,
}

/// `time-taken` has three decimals, rounded or cut: the truth is at most this far away.
const TAKEN_SLACK: SignedDuration = SignedDuration::from_millis(1);

impl Began {
    /// Goes back from the logged end by `time-taken`. `precision` is the step of the log's clock
    /// (a second in standard logs, a millisecond in real-time logs): the true end lies within one
    /// step after the logged one. `None` for times that no calendar has.
    pub fn from_end(
        end: Timestamp,
        precision: SignedDuration,
        taken: SignedDuration,
    ) -> Option<Self> {
        let began = end.checked_sub(taken).ok()?;
        Some(Self {
            earliest: began.checked_sub(TAKEN_SLACK).ok()?,
            latest: began.checked_add(precision).ok()?.checked_add(TAKEN_SLACK).ok()?,
        })
    }
}

/// What the log says of one request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// `cs-protocol`.
    pub protocol: Column<'a>,
    /// The viewer's `Host`: `x-host-header` in standard logs, `cs-host` in real-time logs.
    pub host: Column<'a>,
    /// `cs-uri-stem`, the path alone.
    pub path: &'a [u8],
    /// `cs-uri-query`.
    pub query: Column<'a>,
    /// `cs(Cookie)`.
    pub cookie: Column<'a>,
    /// Whether the distribution logs cookies (`Logging.IncludeCookies`); `None` where that is not
    /// known. Without it a dash in the cookie column means nothing.
    pub cookies_logged: Option<bool>,
    /// Where this log cuts its cookie column off: `Some(800)` for real-time logs
    /// (`real-time-logs`). What lies behind the cut is unknown, and not missing.
    pub cookie_cut_at: Option<usize>,
    /// `c-ip`.
    pub client_ip: Column<'a>,
    /// When the request began, where the log tells.
    pub began: Option<Began>,
    /// When its answer was finished, at the earliest.
    pub ended: Option<Timestamp>,
}

/// The state of a request's signature: small, and without anything that a viewer wrote except the
/// id of the key, so that requests can be grouped by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Signature {
    /// The query and the cookies were both logged, and neither has a signature.
    Absent,
    /// Nothing in what was logged, but not everything was logged.
    NotSeen,
    /// The request carries a signature, or a part of one.
    Present(Present),
}

/// A signature that is there, and what became of each question about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Present {
    /// Where it was found.
    pub carrier: Carrier,
    /// What it was signed for.
    pub policy: Policy,
    /// The key it names.
    pub key: Key,
    /// Which of its parameters are there.
    pub named: Named,
    /// Whether it stands in the query, and the cookies have a whole one beside it.
    pub cookies_beside: bool,
    /// Which part of the URL is not the policy's, where it is for another URL.
    pub differs: Option<Part>,
    /// Whether the policy names an IPv4 address, and the viewer came by IPv6.
    pub by_ipv6: bool,
    /// Whether it was valid when the request began, and no longer when the answer was finished.
    pub ran_out: bool,
    /// The answers.
    pub checks: Checks,
}

/// The kind of policy that a signature covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Policy {
    /// From `Expires`: this URL, until then.
    Canned,
    /// From `Policy`: a statement of its own.
    Custom,
    /// Neither was seen.
    Unseen,
}

/// The key pair id that a signature names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// There is none, or it is empty: CloudFront then answers `MissingKey`, as without a signature.
    Missing,
    /// The log cut it off.
    Cut,
    /// There is one that no key can have.
    NotAnId,
    /// A well-formed id.
    Id(KeyId),
}

/// The state of the request's signature. `usable` are the keys that the cache behaviour trusts,
/// `None` where they are not known.
pub fn signature(asked: &Asked<'_>, usable: Option<&BTreeSet<KeyId>>) -> Signature {
    match parameters::look(asked) {
        parameters::Looked::Absent => Signature::Absent,
        parameters::Looked::NotSeen => Signature::NotSeen,
        parameters::Looked::Found(found) => {
            Signature::Present(check::present(asked, &found, usable))
        }
    }
}
