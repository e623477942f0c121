//! Reads what a signature covers: the canned policy of `Expires`, or the custom one of `Policy`.

use std::net::Ipv4Addr;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use percent_encoding::percent_decode;
use serde_json::Value;

use super::check::Certainty;
use super::{POLICY_BYTES, parameters::Slot};

/// What is wrong with the form of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Malformation {
    /// There is no `Key-Pair-Id`. CloudFront answers `MissingKey`, as it does without a signature.
    NoKeyPairId,
    /// There is no `Signature`.
    NoSignature,
    /// There is neither `Expires` nor `Policy`.
    NoPolicy,
    /// The key pair id has characters that none has.
    KeyPairId,
    /// `Signature` is not base64. CloudFront answers `MalformedSignature`.
    Signature,
    /// A value is base64, but not in the alphabet that CloudFront asks for: `-`, `_` and `~` in
    /// place of `+`, `=` and `/`.
    Alphabet,
    /// `Expires`, or a time in the policy, is not a number of seconds.
    NotANumber,
    /// It is a time in milliseconds. See: aws/aws-sdk-js#2236.
    Milliseconds,
    /// It is later than January 2038, which CloudFront's page does not allow.
    After2038,
    /// It is a number in quotation marks, or with a fraction.
    NumberForm,
    /// `Policy` ends before the document in it does.
    PolicyCut,
    /// `Policy` is not base64.
    PolicyEncoding,
    /// `Policy` is longer than a URL can be.
    PolicyLength,
    /// `Policy` is not JSON.
    PolicyJson,
    /// The policy has no `Statement`, or one that cannot be read.
    Statement,
    /// The policy has several statements; one is allowed.
    Statements,
    /// The policy has no `DateLessThan`, which every policy needs. See: boto/boto#825.
    NoDateLessThan,
    /// `Resource` is not one text.
    Resource,
    /// `IpAddress` is not an IPv4 address or range, the only ones that CloudFront supports.
    IpAddress,
    /// `Hash-Algorithm` is neither `SHA1` nor `SHA256`.
    HashAlgorithm,
}

/// The worst thing noticed so far: what is certain goes first, then the order of [`Malformation`],
/// so that the order of the parameters does not matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Notes {
    worst: Option<(Certainty, Malformation)>,
}

impl Notes {
    pub(super) fn add(&mut self, certainty: Certainty, malformation: Malformation) {
        let new = (certainty, malformation);
        self.worst = Some(self.worst.map_or(new, |old| old.min(new)));
    }

    pub(super) fn worst(self) -> Option<(Certainty, Malformation)> {
        self.worst
    }
}

/// What a policy demands in one respect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Demand<T> {
    /// Nothing.
    #[default]
    Nothing,
    /// Something that could not be read.
    Unread,
    /// This.
    Is(T),
}

/// The statement of a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) resource: Demand<String>,
    pub(super) ends: Demand<i64>,
    pub(super) starts: Demand<i64>,
    pub(super) address: Demand<Range>,
}

impl Statement {
    /// A statement of which nothing is known.
    pub(super) fn unread() -> Self {
        Self {
            resource: Demand::Unread,
            ends: Demand::Unread,
            starts: Demand::Unread,
            address: Demand::Unread,
        }
    }

    /// The statement of a canned policy: it demands the URL itself, which can only show as a
    /// signature that does not verify, and an end.
    pub(super) fn canned(expires: &Slot, notes: &mut Notes) -> Self {
        let ends = match expires {
            Slot::Is(text) => seconds_in_text(text, notes),
            Slot::Absent | Slot::Cut => Demand::Unread,
        };
        Self { ends, ..Self::default() }
    }
}

/// An IPv4 range in CIDR notation; one address is a range of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    network: Ipv4Addr,
    prefix: u32,
}

impl Range {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (network, prefix) = match text.split_once('/') {
            Some((network, prefix)) => (network, prefix.parse().ok().filter(|bits| *bits <= 32)?),
            None => (text, 32),
        };
        Some(Self { network: network.parse().ok()?, prefix })
    }

    pub(super) fn contains(self, address: Ipv4Addr) -> bool {
        let mask = u32::MAX.checked_shl(32 - self.prefix).unwrap_or(0);
        (address.to_bits() ^ self.network.to_bits()) & mask == 0
    }

    /// Whom it is for, without a whole address.
    pub(super) fn shown(self) -> String {
        const NARROWEST: u32 = 24;
        let prefix = self.prefix.min(NARROWEST);
        let mask = u32::MAX.checked_shl(32 - prefix).unwrap_or(0);
        let network = Ipv4Addr::from_bits(self.network.to_bits() & mask);
        match self.prefix {
            0 => "every IPv4 address".to_owned(),
            32 => format!("one address in {network}/{prefix}"),
            narrow if narrow > NARROWEST => format!("a part of {network}/{prefix}"),
            _ => format!("{network}/{prefix}"),
        }
    }

    pub(super) fn is_everyone(self) -> bool {
        self.prefix == 0
    }
}

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// Decodes CloudFront's variant of base64. Padding may be left out, as in AWS's own examples. The
/// plain alphabet, line breaks, and characters that the viewer percent-encoded are read as well,
/// but noted: whether CloudFront reads them is not documented.
pub(super) fn decoded(value: &[u8], fault: Malformation, notes: &mut Notes) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(value.len());
    let mut doubt = value.contains(&b'%');
    for byte in percent_decode(value) {
        match byte {
            b'-' => plain.push(b'+'),
            b'~' => plain.push(b'/'),
            b'_' => plain.push(b'='),
            b' ' | b'\t' | b'\r' | b'\n' => doubt = true,
            _ => {
                doubt |= matches!(byte, b'+' | b'/' | b'=');
                plain.push(byte);
            }
        }
    }
    while plain.last() == Some(&b'=') {
        plain.pop();
    }
    match BASE64.decode(&plain) {
        Ok(bytes) if !bytes.is_empty() => {
            if doubt {
                notes.add(Certainty::Uncertain, Malformation::Alphabet);
            }
            Some(bytes)
        }
        _ => {
            notes.add(Certainty::Certain, fault);
            None
        }
    }
}

/// The bytes of a custom policy, which are what was signed.
pub(super) fn policy_text(value: &[u8], notes: &mut Notes) -> Option<Vec<u8>> {
    if value.len() > POLICY_BYTES / 3 * 4 {
        notes.add(Certainty::Uncertain, Malformation::PolicyLength);
        return None;
    }
    // A part of base64 may be none: what is left without its last character is then the beginning
    // of a document.
    let cut = value.split_last().is_some_and(|(_, most)| {
        let whole = decoded(value, Malformation::PolicyEncoding, &mut Notes::default());
        let most = decoded(most, Malformation::PolicyEncoding, &mut Notes::default());
        whole.is_none() && most.is_some_and(|text| is_cut(&text))
    });
    let fault = if cut { Malformation::PolicyCut } else { Malformation::PolicyEncoding };
    decoded(value, fault, notes)
}

/// Whether a text is the beginning of a JSON document.
fn is_cut(text: &[u8]) -> bool {
    serde_json::from_slice::<Value>(text).is_err_and(|error| error.is_eof())
}

/// Reads a custom policy (`private-content-creating-signed-url-custom-policy`). What AWS's page
/// says is required, and is not there, is a fault for certain; what it only says should not be so,
/// is one that may be.
pub(super) fn custom(text: &[u8], notes: &mut Notes) -> Statement {
    let Ok(policy) = serde_json::from_slice::<Value>(text) else {
        let cut = is_cut(text);
        let fault = if cut { Malformation::PolicyCut } else { Malformation::PolicyJson };
        notes.add(Certainty::Certain, fault);
        return Statement::unread();
    };
    let statement = match policy.get("Statement") {
        Some(Value::Array(statements)) => {
            if statements.len() > 1 {
                notes.add(Certainty::Uncertain, Malformation::Statements);
            }
            statements.first().filter(|statement| statement.is_object())
        }
        Some(single @ Value::Object(_)) => {
            notes.add(Certainty::Uncertain, Malformation::Statement);
            Some(single)
        }
        _ => None,
    };
    let Some(statement) = statement else {
        notes.add(Certainty::Certain, Malformation::Statement);
        return Statement::unread();
    };
    let ends = time(statement, "DateLessThan", notes);
    if ends == Demand::Nothing {
        notes.add(Certainty::Certain, Malformation::NoDateLessThan);
    }
    Statement {
        resource: resource(statement, notes),
        ends,
        starts: time(statement, "DateGreaterThan", notes),
        address: address(statement, notes),
    }
}

fn resource(statement: &Value, notes: &mut Notes) -> Demand<String> {
    match statement.get("Resource") {
        None => Demand::Nothing,
        Some(Value::String(resource)) => Demand::Is(resource.clone()),
        Some(_) => {
            notes.add(Certainty::Uncertain, Malformation::Resource);
            Demand::Unread
        }
    }
}

fn condition<'a>(statement: &'a Value, operator: &str) -> Option<&'a Value> {
    statement.get("Condition")?.get(operator)
}

fn time(statement: &Value, operator: &str, notes: &mut Notes) -> Demand<i64> {
    match condition(statement, operator).map(|value| value.get("AWS:EpochTime")) {
        None => Demand::Nothing,
        Some(Some(Value::String(text))) => {
            notes.add(Certainty::Uncertain, Malformation::NumberForm);
            seconds_in_text(text.as_bytes(), notes)
        }
        Some(Some(Value::Number(number))) => match (number.as_i64(), number.as_f64()) {
            (Some(seconds), _) => seconds_in_range(seconds, notes),
            (None, Some(seconds)) => {
                notes.add(Certainty::Uncertain, Malformation::NumberForm);
                // The cast saturates, and `seconds_in_range` refuses what is out of range.
                seconds_in_range(seconds as i64, notes)
            }
            (None, None) => not_a_number(notes),
        },
        Some(_) => not_a_number(notes),
    }
}

fn address(statement: &Value, notes: &mut Notes) -> Demand<Range> {
    let Some(value) = condition(statement, "IpAddress") else {
        return Demand::Nothing;
    };
    match value.get("AWS:SourceIp").and_then(Value::as_str).and_then(Range::parse) {
        Some(range) => Demand::Is(range),
        None => {
            notes.add(Certainty::Uncertain, Malformation::IpAddress);
            Demand::Unread
        }
    }
}

fn not_a_number(notes: &mut Notes) -> Demand<i64> {
    notes.add(Certainty::Certain, Malformation::NotANumber);
    Demand::Unread
}

fn seconds_in_text(text: &[u8], notes: &mut Notes) -> Demand<i64> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    match std::str::from_utf8(text).ok().filter(|_| digits) {
        Some(text) => seconds_in_range(text.parse().unwrap_or(i64::MAX), notes),
        None => not_a_number(notes),
    }
}

/// The last second that `private-content-creating-signed-url-canned-policy` allows.
const LAST_SECOND: i64 = i32::MAX as i64;

/// From here on a number is no time in seconds (it would be the year 5138), but one in
/// milliseconds since 1973.
const FIRST_MILLISECOND: i64 = 100_000_000_000;

fn seconds_in_range(seconds: i64, notes: &mut Notes) -> Demand<i64> {
    if seconds >= FIRST_MILLISECOND {
        notes.add(Certainty::Certain, Malformation::Milliseconds);
        return Demand::Unread;
    }
    if seconds > LAST_SECOND {
        notes.add(Certainty::Uncertain, Malformation::After2038);
    }
    Demand::Is(seconds)
}
