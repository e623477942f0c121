//! What the edge let in: the countries, hosts, methods, protocols and keys that a configuration
//! must have allowed when these requests came.
//!
//! Which of them would be refused is not known here: that takes the configuration. So everything
//! is kept that some configuration refuses, as a sample of the smallest hashes, each with the
//! moments at which it was let in. Order, splitting and repetition of objects change neither.

use std::collections::BTreeMap;

use super::names::Name;
use super::record::Column;
use super::row::Row;
use crate::limits::{LET_IN, LET_IN_BYTES, LET_IN_SLOTS};

/// What of a request the edge may refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Attribute {
    /// The Host, for a tenant or none.
    Host,
    /// The viewer's country, for a tenant or none.
    Country,
    /// A method other than GET and HEAD.
    Method,
    /// A request without TLS.
    Plain,
    /// The key that a signature names.
    Key,
    /// A request without a signature, neither in its query nor among its cookies.
    Unsigned,
}

const ATTRIBUTES: usize = 6;

/// For whom a value was let in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// For the whole distribution, or a tenant of it.
    Tenant(Option<Box<[u8]>>),
    /// For the behaviour with this pattern, as logged.
    Behavior(Box<[u8]>),
    /// For the behaviour of this path, as logged.
    Path(Box<[u8]>),
}

/// A place as long as the row lies there.
#[derive(Clone, Copy)]
enum At<'a> {
    Tenant(Option<&'a [u8]>),
    Behavior(&'a [u8]),
    Path(&'a [u8]),
}

impl At<'_> {
    fn parts(&self) -> (u8, &[u8]) {
        match self {
            Self::Tenant(None) => (0, b""),
            Self::Tenant(Some(id)) => (1, id),
            Self::Behavior(pattern) => (2, pattern),
            Self::Path(path) => (3, path),
        }
    }

    fn keep(&self) -> Place {
        match self {
            Self::Tenant(id) => Place::Tenant(id.map(Into::into)),
            Self::Behavior(pattern) => Place::Behavior((*pattern).into()),
            Self::Path(path) => Place::Path((*path).into()),
        }
    }
}

/// Something that was let in, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The value as logged; empty where the attribute has none.
    pub value: Box<[u8]>,
    /// For whom.
    pub place: Place,
    /// When.
    pub moments: Moments,
}

/// The seconds in which something was let in: the first and the last of every five minutes. Past a
/// limit the middle goes, since what is asked is mostly whether it was let in afterwards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moments(BTreeMap<i64, (i64, i64)>);

impl Moments {
    fn note(&mut self, first: i64, last: i64) {
        let span = self.0.entry(first.div_euclid(300)).or_insert((first, last));
        *span = (span.0.min(first), span.1.max(last));
        // The earliest half and the latest half of a set are those of any union that it is part
        // of, so that it does not matter when the middle goes.
        while self.0.len() > LET_IN_SLOTS
            && let Some(middle) = self.0.keys().nth(LET_IN_SLOTS / 2).copied()
        {
            self.0.remove(&middle);
        }
    }

    /// The seconds, in their order.
    pub fn iter(&self) -> impl Iterator<Item = i64> {
        self.0.values().flat_map(|(first, last)| [*first, *last])
    }
}

/// All that was let in by one distribution.
#[derive(Clone, Debug, Default)]
pub struct LetIn {
    seen: [BTreeMap<u64, Seen>; ATTRIBUTES],
    /// What was noted lately. Nearly every row says the same as one before it, and noting a moment
    /// between two that are known already changes nothing.
    lately: [Lately; LATELY],
}

const LATELY: usize = 8;

/// One value that was noted, with the moments of one five minutes between which nothing is new.
#[derive(Clone, Debug, Default)]
struct Lately {
    attribute: Option<Attribute>,
    kind: u8,
    value: Vec<u8>,
    place: Vec<u8>,
    hash: u64,
    span: (i64, i64),
}

impl PartialEq for LetIn {
    fn eq(&self, other: &Self) -> bool {
        self.seen == other.seen
    }
}

impl Eq for LetIn {}

impl LetIn {
    /// Counts a row that is no refusal. Most rows that were answered from the cache or the origin
    /// were let in; an error or a redirection may have come before the edge looked.
    pub fn count(&mut self, row: &Row<'_>) {
        let served = matches!(
            row.logged(Name::ResultType),
            Column::Value(b"Hit" | b"Miss" | b"RefreshHit" | b"OriginShieldHit")
        );
        if !served || !matches!(row.status, 101 | 200..=399) {
            return;
        }
        let began = row.began();
        let tenant = At::Tenant(row.logged(Name::TenantId).value().copied());
        if let Column::Value(host) = row.logged(Name::Host) {
            self.note(Attribute::Host, host, tenant, began);
        }
        if let Column::Value(country) = row.logged(Name::Country) {
            self.note(Attribute::Country, country, tenant, began);
        }
        let place = || match row.logged(Name::Behavior) {
            Column::Value(pattern) => At::Behavior(pattern),
            Column::Dash | Column::Missing => At::Path(row.path()),
        };
        if let Column::Value(method) = row.logged(Name::Method)
            && !matches!(method, b"GET" | b"HEAD")
        {
            self.note(Attribute::Method, method, place(), began);
        }
        if let Column::Value(b"http" | b"ws") = row.logged(Name::Protocol) {
            self.note(Attribute::Plain, b"", place(), began);
        }
        let cookie = row.logged(Name::Cookie);
        let query = row.logged_query().unwrap_or_default();
        if let Some(key) = key_in_query(query) {
            self.note(Attribute::Key, key, place(), began);
        } else if let Column::Value(cookie) = cookie {
            match memchr::memmem::find(cookie, COOKIE) {
                Some(at) => {
                    let value = cookie.get(at + COOKIE.len()..).unwrap_or_default();
                    let end = value.iter().position(|byte| !byte.is_ascii_alphanumeric());
                    let key = value.get(..end.unwrap_or(value.len())).unwrap_or_default();
                    self.note(Attribute::Key, key, place(), began);
                }
                // A dash would mean nothing: cookies may not be logged.
                None => self.note(Attribute::Unsigned, b"", place(), began),
            }
        }
    }

    /// Adds what was let in in another part of the logs.
    pub fn merge(&mut self, other: Self) {
        for (mine, theirs) in self.seen.iter_mut().zip(other.seen) {
            for (hash, seen) in theirs {
                let Some(kept) = room(mine, hash, || Seen {
                    value: seen.value,
                    place: seen.place,
                    moments: Moments::default(),
                }) else {
                    continue;
                };
                for (first, last) in seen.moments.0.into_values() {
                    kept.moments.note(first, last);
                }
            }
        }
    }

    /// What was let in, with its attribute.
    pub fn iter(&self) -> impl Iterator<Item = (Attribute, &Seen)> {
        use Attribute::{Country, Host, Key, Method, Plain, Unsigned};
        let all = [Host, Country, Method, Plain, Key, Unsigned];
        let seen = all.into_iter().zip(&self.seen);
        seen.flat_map(|(attribute, seen)| seen.values().map(move |seen| (attribute, seen)))
    }

    fn note(&mut self, attribute: Attribute, value: &[u8], at: At<'_>, second: i64) {
        let (kind, place) = at.parts();
        // A value longer than any that CloudFront knows would be cut into another one.
        if value.len() > LET_IN_BYTES || place.len() > LET_IN_BYTES {
            return;
        }
        let mix =
            attribute as usize + value.len() + usize::from(value.last().copied().unwrap_or(0));
        let Some(known) = self.lately.get_mut(mix % LATELY) else { return };
        let is_known = known.attribute == Some(attribute)
            && known.kind == kind
            && same(&known.value, value)
            && same(&known.place, place);
        let (first, last) = known.span;
        if is_known && (first..=last).contains(&second) {
            return;
        }
        if is_known && first.div_euclid(300) == second.div_euclid(300) {
            known.span = (first.min(second), last.max(second));
        } else {
            known.span = (second, second);
        }
        if !is_known {
            known.attribute = Some(attribute);
            known.kind = kind;
            known.value.clear();
            known.value.extend_from_slice(value);
            known.place.clear();
            known.place.extend_from_slice(place);
            known.hash = crate::clusters::key_hash(&[&[kind], value, place]);
        }
        let hash = known.hash;
        let Some(seen) = self.seen.get_mut(attribute as usize) else { return };
        let seen = room(seen, hash, || Seen {
            value: value.into(),
            place: at.keep(),
            moments: Moments::default(),
        });
        if let Some(seen) = seen {
            seen.moments.note(second, second);
        }
    }
}

/// Whether bytes are the same. What is empty lies nowhere, and a C library that compares with masked
/// loads takes longer over no bytes at no address than over all others of the line together.
fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && (one.is_empty() || one == other)
}

const COOKIE: &[u8] = b"CloudFront-Key-Pair-Id=";

/// The place of a hash in a sample of the smallest ones, if it is among them.
fn room(
    seen: &mut BTreeMap<u64, Seen>,
    hash: u64,
    make: impl FnOnce() -> Seen,
) -> Option<&mut Seen> {
    if !seen.contains_key(&hash) {
        if seen.len() >= LET_IN {
            if seen.last_key_value().is_some_and(|(last, _)| *last < hash) {
                return None;
            }
            seen.pop_last();
        }
        seen.insert(hash, make());
    }
    seen.get_mut(&hash)
}

fn key_in_query(query: &[u8]) -> Option<&[u8]> {
    const NAME: &[u8] = b"Key-Pair-Id=";
    // Few queries have its first letter at all, which is sooner seen than the whole name.
    let value = memchr::memchr_iter(b'K', query)
        .filter(|at| *at == 0 || matches!(query.get(at - 1), Some(b'&')))
        .find_map(|at| query.get(at..)?.strip_prefix(NAME))?;
    let end = memchr::memchr(b'&', value).unwrap_or(value.len());
    value.get(..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(values: impl IntoIterator<Item = (u32, i64)>) -> LetIn {
        let mut let_in = LetIn::default();
        for (value, second) in values {
            let host = format!("h{value}");
            let_in.note(Attribute::Host, host.as_bytes(), At::Tenant(None), second);
        }
        let_in
    }

    #[test]
    fn what_is_kept_depends_on_no_order_and_no_split() {
        let all: Vec<(u32, i64)> = (0..3000)
            .map(|n: u32| {
                (n.wrapping_mul(7919) % 700, i64::from(n.wrapping_mul(104_729) % 300_000))
            })
            .chain((0..1000).map(|n| (1, n * 300)))
            .collect();
        let whole = noted(all.iter().copied());
        let backwards = noted(all.iter().rev().copied());
        let mut parts = LetIn::default();
        for part in all.chunks(277).rev() {
            parts.merge(noted(part.iter().copied()));
            parts.merge(noted(part.iter().copied()));
        }
        assert_eq!(whole, backwards);
        assert_eq!(whole, parts);
        assert_eq!(whole.iter().count(), LET_IN);
    }

    #[test]
    fn the_key_of_a_query_is_a_parameter_of_its_own() {
        assert_eq!(key_in_query(b"a=1&Key-Pair-Id=K1&b=2"), Some(b"K1".as_slice()));
        assert_eq!(key_in_query(b"Key-Pair-Id=K1"), Some(b"K1".as_slice()));
        assert_eq!(key_in_query(b"My-Key-Pair-Id=K1"), None);
    }
}
