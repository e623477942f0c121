//! Finds the signature's parameters in the query or in the cookies.

use std::borrow::Cow;
use std::fmt;

use percent_encoding::percent_decode;

use super::{Asked, COLUMN_BYTES, Column};

/// Where a signature was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Carrier {
    /// In the query of the URL.
    Query,
    /// In `CloudFront-…` cookies.
    Cookie,
}

/// The id of a public key, `K2JCJMDEHXQW5F` or the older `APKA…`. Capital letters and digits only,
/// so that it may be shown: it is the one thing of a viewer's that leaves this module.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId {
    /// Padded with zeros, which no id contains, so that the order is that of the text.
    bytes: [u8; KeyId::BYTES],
}

impl KeyId {
    /// The longest id that is taken for one. Those of AWS have 14 or 20 characters.
    pub const BYTES: usize = 32;

    /// Reads an id; `None` if no key can have this one.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut bytes = [0; Self::BYTES];
        let good = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        if text.is_empty() || !text.iter().all(good) {
            return None;
        }
        bytes.get_mut(..text.len())?.copy_from_slice(text);
        Some(Self { bytes })
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        let text = self.bytes.split(|byte| *byte == 0).next().unwrap_or_default();
        std::str::from_utf8(text).unwrap_or_default()
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "KeyId({})", self.as_str())
    }
}

/// One parameter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Slot {
    /// Not there.
    #[default]
    Absent,
    /// There, as the viewer sent it.
    Is(Vec<u8>),
    /// There, but the log ends within it.
    Cut,
}

impl Slot {
    /// The value, if there is one. An empty parameter has none.
    pub(super) fn value(&self) -> Option<&[u8]> {
        match self {
            Self::Is(value) if !value.is_empty() => Some(value),
            _ => None,
        }
    }
}

/// The parameters of one signature.
#[derive(Clone, Debug)]
pub(super) struct Parameters {
    pub(super) carrier: Carrier,
    pub(super) expires: Slot,
    pub(super) policy: Slot,
    pub(super) signature: Slot,
    pub(super) key: Slot,
    pub(super) hash: Slot,
    /// It is not certain which of several values CloudFront took: a name came twice with different
    /// values, `Expires` stands beside `Policy`, or there may be a query that was not logged.
    pub(super) in_doubt: bool,
    /// The log cut the cookies off, so that what is absent may have been there.
    pub(super) cut: bool,
}

/// Which parameters of a signature are there, be they empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Named {
    /// `Expires`.
    pub expires: bool,
    /// `Policy`.
    pub policy: bool,
    /// `Signature`.
    pub signature: bool,
    /// `Key-Pair-Id`.
    pub key: bool,
    /// `Hash-Algorithm` with the value `SHA256`.
    pub sha256: bool,
}

impl Named {
    /// Their names.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        [
            (self.expires, "Expires"),
            (self.policy, "Policy"),
            (self.signature, "Signature"),
            (self.key, "Key-Pair-Id"),
        ]
        .into_iter()
        .filter_map(|(there, name)| there.then_some(name))
    }
}

impl Parameters {
    pub(super) fn named(&self) -> Named {
        Named {
            expires: self.expires != Slot::Absent,
            policy: self.policy != Slot::Absent,
            signature: self.signature != Slot::Absent,
            key: self.key != Slot::Absent,
            sha256: self.hash.value() == Some(b"SHA256".as_slice()),
        }
    }
}

/// What became of looking for a signature.
pub(super) enum Looked {
    Absent,
    NotSeen,
    Found(Parameters),
}

/// Looks in the query and then in the cookies. CloudFront takes a URL with any of the names for a
/// signed one and does not look at its cookies (`private-content-choosing-signed-urls-cookies`).
pub(super) fn look(asked: &Asked<'_>) -> Looked {
    let query = asked.query.value().map(once_decoded);
    if let Some(found) = query.as_deref().and_then(in_query) {
        return Looked::Found(found);
    }
    let query_seen = query.is_some() || asked.query == Column::Dash;
    let (found, cookies_seen) = in_cookie_column(asked);
    match found {
        Some(mut found) => {
            found.in_doubt |= !query_seen;
            Looked::Found(found)
        }
        None if query_seen && cookies_seen => Looked::Absent,
        None => Looked::NotSeen,
    }
}

/// Whether the cookies have a whole signature, which CloudFront passes over where the query has a
/// part of one.
pub(super) fn is_whole_in_cookies(asked: &Asked<'_>) -> bool {
    let (found, _) = in_cookie_column(asked);
    found.is_some_and(|found| {
        let is_there = |slot: &Slot| slot.value().is_some();
        is_there(&found.key)
            && is_there(&found.signature)
            && (is_there(&found.policy) || is_there(&found.expires))
    })
}

/// Undoes the encoding that CloudFront added when it wrote the log.
pub(super) fn once_decoded(column: &[u8]) -> Cow<'_, [u8]> {
    percent_decode(column).into()
}

/// The query as it was before it was signed: without the parameters of the signature
/// (`private-content-creating-signed-url-custom-policy`, "Resource").
pub(super) fn base_query(query: &[u8]) -> Vec<u8> {
    let mut base = Vec::with_capacity(query.len());
    let own = query.split(|byte| *byte == b'&').filter(|pair| slot_name(split(pair).0).is_none());
    for (position, pair) in own.enumerate() {
        if position > 0 {
            base.push(b'&');
        }
        base.extend_from_slice(pair);
    }
    base
}

#[derive(Clone, Copy)]
enum Name {
    Expires,
    Policy,
    Signature,
    Key,
    Hash,
}

/// The names are case-sensitive.
fn slot_name(name: &[u8]) -> Option<Name> {
    match name {
        b"Expires" => Some(Name::Expires),
        b"Policy" => Some(Name::Policy),
        b"Signature" => Some(Name::Signature),
        b"Key-Pair-Id" => Some(Name::Key),
        b"Hash-Algorithm" => Some(Name::Hash),
        _ => None,
    }
}

fn split(pair: &[u8]) -> (&[u8], Option<&[u8]>) {
    match memchr::memchr(b'=', pair) {
        Some(at) => {
            let (name, rest) = pair.split_at_checked(at).unwrap_or((pair, &[]));
            (name, rest.get(1..))
        }
        None => (pair, None),
    }
}

fn in_query(query: &[u8]) -> Option<Parameters> {
    let mut found = Finding::default();
    for pair in query.split(|byte| *byte == b'&') {
        let (name, value) = split(pair);
        if let Some(name) = slot_name(name) {
            found.put(name, Slot::Is(value.unwrap_or_default().to_vec()));
        }
    }
    found.finish(Carrier::Query, false)
}

/// The signature in the cookies, and whether they were seen in full. A column that has a value was
/// logged, whatever is known of the configuration.
fn in_cookie_column(asked: &Asked<'_>) -> (Option<Parameters>, bool) {
    match asked.cookie {
        Column::Value(column) if column.len() <= COLUMN_BYTES => {
            let cut = asked.cookie_cut_at.is_some_and(|limit| column.len() >= limit);
            (in_cookies(&once_decoded(column), cut), !cut)
        }
        Column::Dash => (None, asked.cookies_logged == Some(true)),
        Column::Value(_) | Column::Missing => (None, false),
    }
}

fn in_cookies(cookies: &[u8], cut: bool) -> Option<Parameters> {
    let mut found = Finding::default();
    let mut pairs = cookies.split(|byte| *byte == b';').peekable();
    while let Some(pair) = pairs.next() {
        let (name, value) = split(pair.trim_ascii());
        let (Some(name), Some(value)) =
            (name.strip_prefix(b"CloudFront-").and_then(slot_name), value)
        else {
            continue;
        };
        let last = pairs.peek().is_none();
        found.put(name, if cut && last { Slot::Cut } else { Slot::Is(value.to_vec()) });
    }
    found.finish(Carrier::Cookie, cut)
}

#[derive(Default)]
struct Finding {
    expires: Slot,
    policy: Slot,
    signature: Slot,
    key: Slot,
    hash: Slot,
    any: bool,
    twice: bool,
}

impl Finding {
    /// Keeps the smallest of several values, so that the answer does not depend on their order.
    fn put(&mut self, name: Name, value: Slot) {
        let slot = match name {
            Name::Expires => &mut self.expires,
            Name::Policy => &mut self.policy,
            Name::Signature => &mut self.signature,
            Name::Key => &mut self.key,
            Name::Hash => &mut self.hash,
        };
        self.any = true;
        match (&*slot, &value) {
            (Slot::Absent, _) => *slot = value,
            (before, now) if before == now => {}
            (Slot::Is(before), Slot::Is(now)) => {
                self.twice = true;
                if now < before {
                    *slot = value;
                }
            }
            _ => self.twice = true,
        }
    }

    fn finish(self, carrier: Carrier, cut: bool) -> Option<Parameters> {
        let both = self.expires != Slot::Absent && self.policy != Slot::Absent;
        self.any.then_some(Parameters {
            carrier,
            expires: self.expires,
            policy: self.policy,
            signature: self.signature,
            key: self.key,
            hash: self.hash,
            in_doubt: self.twice || both,
            cut,
        })
    }
}
