//! Asks what CloudFront asks of a signature, as far as the log can answer.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::parameters::{Carrier, KeyId, Parameters, Slot, is_whole_in_cookies, once_decoded};
use super::resource::{Url, covers, differs};
use super::statement::{
    Demand, Malformation, Notes, Range, Statement, custom, decoded, policy_text,
};
use super::{Asked, Began, Key, Policy, Present};

/// The answer to one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Check {
    /// The policy does not ask for it.
    NotAsked,
    /// It is as it must be.
    Holds,
    /// It may not be: the log is not exact enough, or AWS's pages do not say.
    MayFail,
    /// It is not as it must be.
    Fails,
    /// The log or the configuration does not tell.
    Unknown,
}

impl Check {
    /// Whether something is or may be wrong.
    fn may_fail(self) -> bool {
        matches!(self, Self::Fails | Self::MayFail)
    }
}

/// How sure a fault is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Certainty {
    /// CloudFront cannot have seen it otherwise.
    Certain,
    /// It may be so.
    Uncertain,
}

/// One thing for which CloudFront refuses a signed request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// The key is not among the usable ones. CloudFront asks this before the dates.
    UnknownKey,
    /// A part is missing or cannot be read.
    Malformed(Malformation),
    /// The policy is for another URL.
    PolicyMismatch,
    /// The policy has not begun.
    NotYetValid,
    /// The policy has ended.
    Expired,
    /// The policy is for another address.
    IpMismatch,
}

impl Fault {
    /// The name of the fault among the details of the cause `signed-access`.
    pub fn detail(self) -> &'static str {
        match self {
            Self::UnknownKey => "unknown-key",
            Self::Malformed(_) => "malformed",
            Self::PolicyMismatch => "policy-mismatch",
            Self::NotYetValid => "not-yet-valid",
            Self::Expired => "expired",
            Self::IpMismatch => "ip-mismatch",
        }
    }
}

/// A fault, and how sure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Found {
    /// The fault.
    pub fault: Fault,
    /// How sure it is.
    pub certainty: Certainty,
}

/// The answers to all questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Checks {
    /// Whether the key is usable.
    pub key: Check,
    /// Whether every part is there and can be read.
    pub form: Check,
    /// What is wrong with the form, if `form` fails or may fail.
    pub malformation: Option<Malformation>,
    /// Whether the URL is one that the policy covers. Never asked of a canned policy, whose
    /// resource is the URL itself: another URL shows only as a signature that does not verify.
    pub resource: Check,
    /// Whether the request came after `DateGreaterThan`.
    pub start: Check,
    /// Whether the request came before `Expires` or `DateLessThan`.
    pub end: Check,
    /// Whether the client's address is within `IpAddress`.
    pub address: Check,
}

impl Checks {
    /// All faults found, certain or not, with the key's first. Empty where nothing wrong is
    /// visible: then only a signature that does not verify, or another cause, is left.
    pub fn faults(&self) -> impl Iterator<Item = Found> + use<> {
        let malformed = self.malformation.map(Fault::Malformed);
        [
            (self.key, Some(Fault::UnknownKey)),
            (self.form, malformed),
            (self.resource, Some(Fault::PolicyMismatch)),
            (self.start, Some(Fault::NotYetValid)),
            (self.end, Some(Fault::Expired)),
            (self.address, Some(Fault::IpMismatch)),
        ]
        .into_iter()
        .filter_map(|(check, fault)| {
            let certainty = match check {
                Check::Fails => Certainty::Certain,
                Check::MayFail => Certainty::Uncertain,
                Check::NotAsked | Check::Holds | Check::Unknown => return None,
            };
            fault.map(|fault| Found { fault, certainty })
        })
    }

    /// Whether every question was answered and nothing is wrong: by elimination the signature does
    /// not verify, or the cause is another one.
    pub fn is_sound(&self) -> bool {
        [self.key, self.form, self.resource, self.start, self.end, self.address]
            .iter()
            .all(|check| matches!(check, Check::Holds | Check::NotAsked))
    }
}

/// Checks a signature that is there.
pub(super) fn present(
    asked: &Asked<'_>,
    found: &Parameters,
    usable: Option<&BTreeSet<KeyId>>,
) -> Present {
    let mut notes = Notes::default();
    let key = key(&found.key, &mut notes);
    let policy = policy(found);
    let statement = statement(found, policy, &mut notes);
    note_parts(found, &mut notes);
    let (form, malformation) = form(found, notes);
    let url = Url::of(asked);
    let mut checks = Checks {
        key: usable_key(key, usable),
        form,
        malformation,
        resource: match &statement.resource {
            Demand::Nothing => Check::NotAsked,
            Demand::Unread => Check::Unknown,
            Demand::Is(pattern) => url.as_ref().map_or(Check::Unknown, |url| covers(pattern, url)),
        },
        start: date(&statement.starts, asked.began, started),
        end: date(&statement.ends, asked.began, not_ended),
        address: match statement.address {
            Demand::Nothing => Check::NotAsked,
            Demand::Unread => Check::Unknown,
            Demand::Is(range) => within(range, asked),
        },
    };
    if found.in_doubt {
        doubt(&mut checks);
    }
    let differs = match (&statement.resource, &url) {
        (Demand::Is(pattern), Some(url)) if checks.resource.may_fail() => differs(pattern, url),
        _ => None,
    };
    let ran_out = match (&statement.ends, asked.ended) {
        (Demand::Is(ends), Some(ended)) => checks.end == Check::Holds && ended.as_second() >= *ends,
        _ => false,
    };
    Present {
        carrier: found.carrier,
        policy,
        key,
        named: found.named(),
        cookies_beside: found.carrier == Carrier::Query && is_whole_in_cookies(asked),
        differs,
        by_ipv6: matches!(statement.address, Demand::Is(_))
            && matches!(address(asked), Some(IpAddr::V6(_))),
        ran_out,
        checks,
    }
}

pub(super) fn policy(found: &Parameters) -> Policy {
    match (&found.policy, &found.expires) {
        (Slot::Absent, Slot::Absent) => Policy::Unseen,
        (Slot::Absent, _) => Policy::Canned,
        _ => Policy::Custom,
    }
}

pub(super) fn statement(found: &Parameters, policy: Policy, notes: &mut Notes) -> Statement {
    match policy {
        Policy::Canned => Statement::canned(&found.expires, notes),
        Policy::Custom => match &found.policy {
            Slot::Is(value) => match policy_text(value, notes) {
                Some(text) => custom(&text, notes),
                None => Statement::unread(),
            },
            Slot::Absent | Slot::Cut => Statement::unread(),
        },
        Policy::Unseen => Statement::unread(),
    }
}

fn key(slot: &Slot, notes: &mut Notes) -> Key {
    match (slot, slot.value()) {
        (Slot::Cut, _) => Key::Cut,
        (_, None) => Key::Missing,
        (_, Some(text)) => match KeyId::parse(text) {
            Some(id) => Key::Id(id),
            None => {
                notes.add(Certainty::Uncertain, Malformation::KeyPairId);
                Key::NotAnId
            }
        },
    }
}

/// Notes what is missing, and what of the rest cannot be read. Behind a cut nothing is missing.
fn note_parts(found: &Parameters, notes: &mut Notes) {
    let missing = |slot: &Slot| match slot {
        Slot::Absent => !found.cut,
        Slot::Is(value) => value.is_empty(),
        Slot::Cut => false,
    };
    if missing(&found.key) {
        notes.add(Certainty::Certain, Malformation::NoKeyPairId);
    }
    if missing(&found.policy) && missing(&found.expires) {
        notes.add(Certainty::Certain, Malformation::NoPolicy);
    }
    match found.signature.value() {
        Some(value) => drop(decoded(value, Malformation::Signature, notes)),
        None if missing(&found.signature) => {
            notes.add(Certainty::Certain, Malformation::NoSignature);
        }
        None => {}
    }
    if matches!(&found.hash, Slot::Is(value) if !matches!(&value[..], b"SHA1" | b"SHA256")) {
        notes.add(Certainty::Uncertain, Malformation::HashAlgorithm);
    }
}

fn form(found: &Parameters, notes: Notes) -> (Check, Option<Malformation>) {
    match notes.worst() {
        Some((Certainty::Certain, fault)) => (Check::Fails, Some(fault)),
        Some((Certainty::Uncertain, fault)) => (Check::MayFail, Some(fault)),
        None if found.cut => (Check::Unknown, None),
        None => (Check::Holds, None),
    }
}

/// An id that no key can have is not among the usable ones, if those are known.
fn usable_key(key: Key, usable: Option<&BTreeSet<KeyId>>) -> Check {
    match (key, usable) {
        (Key::Missing | Key::Cut, _) | (_, None) => Check::Unknown,
        (Key::Id(id), Some(usable)) if usable.contains(&id) => Check::Holds,
        (Key::Id(_) | Key::NotAnId, Some(_)) => Check::Fails,
    }
}

const SECOND: i128 = 1_000_000_000;

fn date(
    demand: &Demand<i64>,
    began: Option<Began>,
    compare: fn(i128, i128, i128) -> Check,
) -> Check {
    match (demand, began) {
        (Demand::Nothing, _) => Check::NotAsked,
        (Demand::Unread, _) | (_, None) => Check::Unknown,
        (Demand::Is(seconds), Some(began)) => compare(
            i128::from(*seconds) * SECOND,
            began.earliest.as_nanosecond(),
            began.latest.as_nanosecond(),
        ),
    }
}

/// Within the very second of the end AWS's pages do not say on which side it falls.
fn not_ended(end: i128, earliest: i128, latest: i128) -> Check {
    if earliest >= end + SECOND {
        Check::Fails
    } else if latest < end {
        Check::Holds
    } else {
        Check::MayFail
    }
}

/// A request "on or before" the start is refused; the clock that is compared may have seconds only.
fn started(start: i128, earliest: i128, latest: i128) -> Check {
    if latest < start {
        Check::Fails
    } else if earliest >= start + SECOND {
        Check::Holds
    } else {
        Check::MayFail
    }
}

/// `IpAddress` is IPv4 alone, and AWS's page says not to enable IPv6 beside it. So an IPv6 viewer
/// is outside of every range; whether also of `0.0.0.0/0`, which some SDKs write where no range is
/// given, it does not say.
fn within(range: Range, asked: &Asked<'_>) -> Check {
    match address(asked) {
        None => Check::Unknown,
        Some(IpAddr::V4(address)) if range.contains(address) => Check::Holds,
        Some(IpAddr::V6(_)) if range.is_everyone() => Check::MayFail,
        Some(IpAddr::V4(_) | IpAddr::V6(_)) => Check::Fails,
    }
}

/// The viewer's address.
fn address(asked: &Asked<'_>) -> Option<IpAddr> {
    let column = once_decoded(asked.client_ip.value()?);
    let address: IpAddr = std::str::from_utf8(&column).ok()?.parse().ok()?;
    Some(address.to_canonical())
}

/// Where CloudFront may have taken another value, no answer is certain.
fn doubt(checks: &mut Checks) {
    let Checks { key, form, malformation: _, resource, start, end, address } = checks;
    for check in [key, form, resource, start, end, address] {
        *check = match *check {
            Check::Fails => Check::MayFail,
            Check::Holds | Check::NotAsked => Check::Unknown,
            other => other,
        };
    }
}
