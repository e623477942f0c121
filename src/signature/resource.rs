//! Compares a policy's `Resource` with the URL that was asked for.
//!
//! `private-content-creating-signed-url-custom-policy`, "Wildcard characters": the URL in the
//! policy has four sections, `[protocol]://[domain]/[path]\?[query string]`, and a wildcard stays
//! within its own. A trailing `*` in the path reaches into the query, one in the domain into both;
//! the protocol may be left out before a `*`; a lone `*` is every URL. Older versions of the page
//! let a wildcard match anywhere. A URL that matches only so, or only after smaller differences in
//! spelling are put aside, is a mismatch that may be.

use percent_encoding::percent_decode;

use super::check::Check;
use super::parameters::{base_query, once_decoded};
use super::{Asked, COLUMN_BYTES, MATCH_STEPS};

/// The URL that was asked for, as the viewer sent it but for the signature. `None` is a part that
/// the log does not have.
#[derive(Clone, Debug)]
pub(super) struct Url {
    pub(super) protocol: Option<Vec<u8>>,
    pub(super) host: Option<Vec<u8>>,
    pub(super) path: Vec<u8>,
    pub(super) query: Option<Vec<u8>>,
}

impl Url {
    /// The URL of the request. Protocol and host are lower-cased, since neither has a case.
    pub(super) fn of(asked: &Asked<'_>) -> Option<Self> {
        if asked.path.len() > COLUMN_BYTES {
            return None;
        }
        let lower = |column: &[u8]| once_decoded(column).to_ascii_lowercase();
        Some(Self {
            protocol: asked.protocol.value().map(lower),
            host: asked.host.value().map(lower),
            path: once_decoded(asked.path).into_owned(),
            query: match asked.query {
                super::Column::Dash => Some(Vec::new()),
                column => column.value().map(|query| base_query(&once_decoded(query))),
            },
        })
    }

    /// The URL in one piece, if the log has every part.
    pub(super) fn text(&self) -> Option<Vec<u8>> {
        let (protocol, host) = (self.protocol.as_ref()?, self.host.as_ref()?);
        let query = self.query.as_ref()?;
        let mut text = [protocol, &b"://"[..], host, &self.path].concat();
        if !query.is_empty() {
            text.push(b'?');
            text.extend_from_slice(query);
        }
        Some(text)
    }
}

/// Whether the URL is one that `resource` covers.
pub(super) fn covers(resource: &str, url: &Url) -> Check {
    let mut steps = MATCH_STEPS;
    match compare(resource.as_bytes(), url, &mut steps) {
        Some(check) => check,
        None => Check::Unknown,
    }
}

/// A part of a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// `http` or `https`.
    Scheme,
    /// The host.
    Host,
    /// The path.
    Path,
    /// The query.
    Query,
}

/// The one part of the URL that `resource` does not cover; `None` where several are not, or no
/// part can be told from the others.
pub(super) fn differs(resource: &str, url: &Url) -> Option<Part> {
    let mut steps = MATCH_STEPS;
    let mut failing = |mark| Sections::of(resource.as_bytes(), mark)?.failing(url, &mut steps);
    let readings = [failing(Mark::Query), failing(Mark::Wildcard)];
    match readings.into_iter().flatten().min_by_key(Vec::len)?.as_slice() {
        [one] => Some(*one),
        _ => None,
    }
}

/// `None` where the steps ran out.
fn compare(resource: &[u8], url: &Url, steps: &mut usize) -> Option<Check> {
    let strictly = by_section(resource, url, steps)?;
    if strictly != Check::Fails {
        return Some(strictly);
    }
    let spelled = Url {
        protocol: url.protocol.as_deref().map(as_http),
        host: url.host.as_deref().map(without_port),
        path: percent_decode(&url.path).collect(),
        query: url.query.as_deref().map(|query| percent_decode(query).collect()),
    };
    let plain: Vec<u8> = percent_decode(resource).collect();
    let whole = match url.text() {
        Some(text) => wildcard(&without_escape(resource), &text, steps)?,
        None => false,
    };
    let may_match = whole || by_section(&plain, &spelled, steps)? != Check::Fails;
    Some(if may_match { Check::MayFail } else { Check::Fails })
}

/// A `?` in a policy begins the query or stands for one character of the path; both readings count.
fn by_section(resource: &[u8], url: &Url, steps: &mut usize) -> Option<Check> {
    let mut best = Check::Fails;
    for mark in [Mark::Query, Mark::Wildcard] {
        let Some(sections) = Sections::of(resource, mark) else {
            continue;
        };
        match sections.cover(url, steps)? {
            Check::Holds => return Some(Check::Holds),
            Check::Unknown => best = Check::Unknown,
            _ => {}
        }
    }
    Some(best)
}

/// What the first `?` after the domain is taken for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Query,
    Wildcard,
}

struct Sections<'a> {
    protocol: Vec<u8>,
    domain: Vec<u8>,
    path: &'a [u8],
    query: &'a [u8],
}

/// A part with its pattern, and what of the URL the log has of it.
type Against<'a> = (Part, &'a [u8], Option<&'a [u8]>);

impl<'a> Sections<'a> {
    /// `None` for a resource without a protocol that does not begin with `*`.
    fn of(resource: &'a [u8], mark: Mark) -> Option<Self> {
        let (protocol, rest) = match protocol(resource) {
            Some(parts) => parts,
            None if resource.first() == Some(&b'*') => (&b"*"[..], resource),
            None => return None,
        };
        let (domain, tail) = match memchr::memchr(b'/', rest) {
            Some(slash) => rest.split_at_checked(slash)?,
            None if rest.last() == Some(&b'*') => (rest, &b"*"[..]),
            None => (rest, &b"/"[..]),
        };
        let escaped = memchr::memmem::find(tail, br"\?").map(|at| (at, 2));
        let plain = || memchr::memchr(b'?', tail).filter(|_| mark == Mark::Query).map(|at| (at, 1));
        let (path, query) = match escaped.or_else(plain) {
            Some((at, length)) => (tail.get(..at)?, tail.get(at + length..)?),
            None if tail.last() == Some(&b'*') => (tail, &b"*"[..]),
            None => (tail, &b""[..]),
        };
        Some(Self {
            protocol: protocol.to_ascii_lowercase(),
            domain: domain.to_ascii_lowercase(),
            path,
            query,
        })
    }

    /// Each part with its pattern, and what of the URL the log has of it.
    fn against<'b>(&'b self, url: &'b Url) -> [Against<'b>; 4] {
        [
            (Part::Scheme, &self.protocol, url.protocol.as_deref()),
            (Part::Host, &self.domain, url.host.as_deref()),
            (Part::Path, self.path, Some(&url.path[..])),
            (Part::Query, self.query, url.query.as_deref()),
        ]
    }

    /// The parts that are not covered; `None` where the steps ran out.
    fn failing(&self, url: &Url, steps: &mut usize) -> Option<Vec<Part>> {
        let mut failing = Vec::new();
        for (name, pattern, part) in self.against(url) {
            if let Some(part) = part
                && !wildcard(pattern, part, steps)?
            {
                failing.push(name);
            }
        }
        Some(failing)
    }

    fn cover(&self, url: &Url, steps: &mut usize) -> Option<Check> {
        let mut all = Check::Holds;
        for (_, pattern, part) in self.against(url) {
            match part {
                _ if pattern == b"*" => {}
                None => all = Check::Unknown,
                Some(part) => {
                    if !wildcard(pattern, part, steps)? {
                        return Some(Check::Fails);
                    }
                }
            }
        }
        Some(all)
    }
}

/// The protocol and what follows it; `://` further behind belongs to a query.
fn protocol(resource: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(b':', resource)?;
    let (protocol, rest) = resource.split_at_checked(at)?;
    let good = |byte: &u8| byte.is_ascii_alphabetic() || matches!(byte, b'*' | b'?');
    protocol.iter().all(good).then_some((protocol, rest.strip_prefix(b"://")?))
}

/// Whether `pattern` matches the whole of `text`: `*` is any run of bytes, `?` one byte. `None`
/// where the steps ran out: going back to the last star costs the product of the two lengths.
fn wildcard(pattern: &[u8], text: &[u8], steps: &mut usize) -> Option<bool> {
    let (mut at, mut read) = (0, 0);
    let mut star = None;
    while let Some(byte) = text.get(read) {
        *steps = steps.checked_sub(1)?;
        match pattern.get(at) {
            Some(b'*') => {
                at += 1;
                star = Some((at, read));
            }
            Some(wanted) if *wanted == b'?' || wanted == byte => {
                at += 1;
                read += 1;
            }
            _ => {
                let Some((after, from)) = star else {
                    return Some(false);
                };
                at = after;
                read = from + 1;
                star = Some((after, read));
            }
        }
    }
    Some(pattern.get(at..).unwrap_or_default().iter().all(|byte| *byte == b'*'))
}

/// WebSocket and gRPC requests are HTTP requests at first; which protocol CloudFront compares for
/// them is not documented.
fn as_http(protocol: &[u8]) -> Vec<u8> {
    match protocol {
        b"ws" => b"http".to_vec(),
        b"wss" | b"grpcs" => b"https".to_vec(),
        other => other.to_vec(),
    }
}

fn without_port(host: &[u8]) -> Vec<u8> {
    host.strip_suffix(b":443").or_else(|| host.strip_suffix(b":80")).unwrap_or(host).to_vec()
}

fn without_escape(resource: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(resource.len());
    for byte in resource {
        if *byte == b'?' && plain.last() == Some(&b'\\') {
            plain.pop();
        }
        plain.push(*byte);
    }
    plain
}
