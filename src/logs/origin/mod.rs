//! Logs of what stands behind CloudFront: load balancers, buckets, APIs.
//!
//! Each format has a file of its own and is told by its content. None of them holds CloudFront's
//! request id, so a line joins a refusal in one of two ways: exactly, where the record of a WAF in
//! front of the origin has both ids, or by what both say of the request. Only lines that can join
//! are kept: those that may be a refusal's, by status and time, and those with an id that is wanted.

mod alb;
mod api_gateway;
mod index;
mod s3;
pub mod slots;
mod wanted;

use std::collections::BTreeSet;
use std::fmt;
use std::io::Read;
use std::ops::ControlFlow;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

pub use index::{Group, OriginIndex};
pub use wanted::Wanted;

use super::fault::{Fault, FaultKind, Faults, Place};
use super::lines::{self, Line};
use super::tally::hash;
use super::{Kind, Outcome};
use crate::limits::{Limits, TOKEN_BYTES};
use crate::viewer::decode_once;

/// Which log a line is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum OriginLog {
    /// An Application Load Balancer's access log.
    LoadBalancer,
    /// S3's server access log.
    Bucket,
    /// The access log of a stage of API Gateway.
    Api,
}

impl OriginLog {
    /// Its name, as the source of a sentence.
    pub fn name(self) -> &'static str {
        match self {
            Self::LoadBalancer => "elb access log",
            Self::Bucket => "s3 server access log",
            Self::Api => "api gateway access log",
        }
    }
}

/// What a line says of who answered, and with what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Said {
    /// The application behind a load balancer answered 403.
    Target,
    /// The WAF at a load balancer rejected it.
    BalancerWaf,
    /// A listener rule of a load balancer answered 403 by itself: its priority; 0 is the default
    /// rule.
    ListenerRule(u32),
    /// A load balancer answered 403 by itself, and its line does not say why.
    Balancer,
    /// A bucket answered 403: S3's code, and who asked.
    Bucket {
        /// For example `AccessDenied`.
        code: Box<str>,
        /// Who asked.
        caller: Caller,
    },
    /// An API's WAF blocked it.
    ApiWaf,
    /// An API knows no such route, or wants a signature of IAM.
    ApiNoRoute,
    /// An API refused it for this reason, a type of its gateway responses.
    ApiRefused(Box<str>),
    /// What an API passes requests on to answered 403.
    Integration,
    /// An API answered 403, and its line does not say why.
    Api,
    /// Another status than 403.
    Answered(OriginLog, u16),
}

/// Who asked a bucket.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Caller {
    /// CloudFront, by an origin access control; no line says for which distribution.
    Service,
    /// An origin access identity, by its ID.
    Identity(Box<str>),
    /// Nobody: the request was not signed.
    Unsigned,
    /// Somebody else.
    Other,
}

impl Said {
    /// The log that says it.
    pub fn log(&self) -> OriginLog {
        match self {
            Self::Target | Self::BalancerWaf | Self::ListenerRule(_) | Self::Balancer => {
                OriginLog::LoadBalancer
            }
            Self::Bucket { .. } => OriginLog::Bucket,
            Self::Answered(log, _) => *log,
            _ => OriginLog::Api,
        }
    }

    /// Whether it is a refusal with status 403.
    pub fn is_forbidden(&self) -> bool {
        !matches!(self, Self::Answered(..))
    }

    /// Whether a WAF in front of the origin refused.
    pub fn is_waf(&self) -> bool {
        matches!(self, Self::BalancerWaf | Self::ApiWaf)
    }
}

/// What was said, as the end of "… says that".
impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target => f.write_str("the application behind the load balancer answered 403"),
            Self::BalancerWaf => f.write_str("the WAF at the load balancer rejected it"),
            Self::ListenerRule(0) => {
                f.write_str("the listener's default rule answered 403 by itself (fixed response)")
            }
            Self::ListenerRule(priority) => write!(
                f,
                "the listener rule of priority {priority} answered 403 by itself (fixed response)"
            ),
            Self::Balancer => f.write_str("the load balancer answered 403 by itself"),
            Self::Bucket { code, caller } => write!(
                f,
                "S3 answered {code} to {}",
                match caller {
                    Caller::Service => "CloudFront's signed request",
                    Caller::Identity(_) => "the origin access identity",
                    Caller::Unsigned => "an unsigned request",
                    Caller::Other => "somebody else",
                }
            ),
            Self::ApiWaf => f.write_str("the WAF at the API blocked it"),
            Self::ApiNoRoute => f.write_str(
                "the API knows no such route, or wants a signature \
                 (MISSING_AUTHENTICATION_TOKEN)",
            ),
            Self::ApiRefused(reason) => write!(f, "the API refused it ({reason})"),
            Self::Integration => f.write_str("what stands behind the API answered 403"),
            Self::Api => f.write_str("the API answered 403"),
            Self::Answered(OriginLog::LoadBalancer, status) => {
                write!(f, "the load balancer answered {status}")
            }
            Self::Answered(OriginLog::Bucket, status) => write!(f, "S3 answered {status}"),
            Self::Answered(OriginLog::Api, status) => write!(f, "the API answered {status}"),
        }
    }
}

/// What is kept of one line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OriginLine {
    /// When the origin had the answer, or the request where only that is logged.
    pub to: Timestamp,
    /// When the origin had the request.
    pub from: Timestamp,
    /// The method.
    pub method: Box<str>,
    /// The name by which the origin was asked, in lower case; a bucket's name for a bucket. Empty
    /// where the line does not tell.
    pub host: Box<str>,
    /// What was asked for.
    pub path: Path,
    /// The query, where the line has one.
    pub query: Option<Query>,
    /// The agent as it was sent, where the line has one.
    pub agent: Option<Box<[u8]>>,
    /// What it says.
    pub said: Said,
}

/// What a line says was asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Path {
    /// This path or key, all encoding undone, by hash: it is compared and never shown.
    Meant(u64),
    /// A path of this form, `{…}` for what may be anything.
    Template(Box<[u8]>),
    /// The line does not tell.
    Untold,
}

impl Path {
    /// The path of these bytes.
    pub fn meant(path: &[u8]) -> Self {
        Self::Meant(hash(path))
    }
}

/// The parameters of a query, their encoding undone, by hash: they are compared and never shown,
/// and what is kept of them can give no secret away.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Query(BTreeSet<u64>);

impl Query {
    /// The query of these bytes.
    pub fn of(query: &[u8]) -> Self {
        let parameters = query.split(|byte| *byte == b'&').filter(|one| !one.is_empty());
        Self(parameters.map(|one| hash(&decode_once(one))).collect())
    }

    /// Whether the other has all of its parameters.
    pub fn is_part_of(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }
}

/// A line, and the ids by which it can be found.
struct Told {
    line: OriginLine,
    ids: Vec<Box<str>>,
}

/// Why a line cannot be read.
type Unread = (FaultKind, &'static str);

/// What a decoder makes of a line: nothing where the line is of no request.
type Decoded = Result<Option<Told>, Unread>;

/// Which log a line is of; `None` where it is of none of them.
pub fn told_by(line: &[u8]) -> Option<OriginLog> {
    if alb::is_line(line) {
        Some(OriginLog::LoadBalancer)
    } else if s3::is_line(line) || s3::is_record(line) {
        Some(OriginLog::Bucket)
    } else if api_gateway::is_record(line) {
        Some(OriginLog::Api)
    } else {
        None
    }
}

/// Reads an object with the log of an origin into `index`, which keeps what can join with `wanted`.
pub fn read_origin(
    source: impl Read,
    limits: &Limits,
    wanted: &Wanted,
    index: &mut OriginIndex,
) -> Outcome {
    let mut faults = Faults::default();
    let mut kind = Kind::Empty;
    lines::read_lines(source, limits, &mut faults, |line, faults| {
        if line.bytes.trim_ascii().is_empty() {
            return ControlFlow::Continue(());
        }
        kind = Kind::Origin;
        index.lines += 1;
        if let Err((fault, reason)) = read_line(&line, wanted, index) {
            index.malformed += 1;
            faults.push(Fault::new(line.place(), fault, reason));
        }
        ControlFlow::Continue(())
    });
    if kind == Kind::Empty && faults.is_empty() {
        faults.push(Fault::new(Place::Whole, FaultKind::NotALog, "nothing in it"));
    }
    Outcome { kind, faults }
}

/// What a line says, whichever log it is of.
fn decode(line: &[u8]) -> Decoded {
    match told_by(line) {
        Some(OriginLog::LoadBalancer) => alb::read(line),
        Some(OriginLog::Bucket) if line.starts_with(b"{") => s3::read_record(line),
        Some(OriginLog::Bucket) => s3::read(line),
        Some(OriginLog::Api) => api_gateway::read(line),
        None => Err((FaultKind::WrongColumns, "no line of an origin's log that is known")),
    }
}

fn read_line(line: &Line<'_>, wanted: &Wanted, index: &mut OriginIndex) -> Result<(), Unread> {
    let Some(Told { line, ids }) = decode(line.bytes)? else { return Ok(()) };
    let mut exact = false;
    for id in ids.into_iter().filter(|id| wanted.has_id(id)) {
        index.insert_exact(id, line.clone());
        exact = true;
    }
    if !exact && line.said.is_forbidden() && wanted.covers(line.from, line.to) {
        index.insert(line);
    }
    Ok(())
}

/// A short word of a log, such as a method or a code; anything else is no such word.
fn token(bytes: &[u8]) -> Option<&str> {
    let fits = !bytes.is_empty()
        && bytes.len() <= TOKEN_BYTES
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    std::str::from_utf8(bytes).ok().filter(|_| fits)
}

fn status(bytes: &[u8]) -> Option<u16> {
    let number = std::str::from_utf8(bytes).ok()?.parse::<u16>().ok()?;
    (100..1000).contains(&number).then_some(number)
}

/// A time as in `06/Feb/2019:00:00:38 +0000`.
fn bracketed_time(text: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?;
    let (local, zone) = text.split_once(' ')?;
    let local = DateTime::strptime("%d/%b/%Y:%H:%M:%S", local).ok()?;
    let time = TimeZone::UTC.to_timestamp(local).ok()?;
    within(time).filter(|_| zone == "+0000")
}

fn iso_time(text: &[u8]) -> Option<Timestamp> {
    within(std::str::from_utf8(text).ok()?.parse().ok()?)
}

/// A time that is none of a damaged line.
fn within(time: Timestamp) -> Option<Timestamp> {
    use crate::limits::{EARLIEST_SECOND, LATEST_SECOND};
    (EARLIEST_SECOND..LATEST_SECOND).contains(&time.as_second()).then_some(time)
}
