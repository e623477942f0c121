//! Bytes to records.
//!
//! An object is unpacked, told by its content and read line by line. What comes out are a tally of
//! the access log (counts, and every refusal) and an index of what the WAF did. What could not be
//! read comes out beside it as faults; reading never fails as a whole.

pub mod access;
pub mod connection;
pub mod contrast;
pub mod delimited;
pub mod envelope;
pub mod fault;
mod forms;
pub mod function;
pub mod json;
pub mod key;
pub mod layout;
pub mod layouts;
pub mod lines;
pub mod names;
pub mod objects;
pub mod origin;
pub mod parquet;
pub mod record;
pub mod redact;
pub mod refusals;
pub mod row;
pub mod served;
pub mod split;
pub mod tally;
pub mod unpack;
pub mod waf;
pub mod waf_record;
pub mod waf_slots;

use std::collections::{BTreeSet, HashSet};
use std::io::Read;
use std::ops::ControlFlow;
use std::sync::Arc;

use fault::{Fault, FaultKind, Faults};
use jiff::Timestamp;
use layouts::Layouts;
use tally::Masks;
use waf::WafIndex;

use crate::limits::Limits;

pub use access::read_access;
pub use connection::read_connections;
pub use function::read_function;
pub use origin::read_origin;

/// What is known beforehand of the objects that are read.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// Statuses that may hide a 403.
    pub masks: Masks,
    /// The columns of lines without a header.
    pub layouts: Layouts,
    /// What reading an object may cost.
    pub limits: Limits,
    /// The hashes of the request ids that somebody asks about.
    pub asked: Arc<BTreeSet<u64>>,
    /// The times whose lines count.
    pub times: Times,
}

/// From a moment on, and before another one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// The first moment, where there is one.
    pub since: Option<Timestamp>,
    /// The first moment that is too late, where there is one.
    pub until: Option<Timestamp>,
}

impl Times {
    /// Whether a moment is one of them.
    pub fn have(&self, at: Timestamp) -> bool {
        self.since.is_none_or(|since| at >= since) && self.until.is_none_or(|until| at < until)
    }
}

/// What an object turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An access log.
    Access,
    /// A WAF log.
    Waf,
    /// The log of an origin.
    Origin,
    /// The log of a function at the edge.
    Function,
    /// A log of TLS handshakes.
    Connection,
    /// An access log and a WAF log, one after the other.
    Mixed,
    /// Nothing at all.
    Empty,
    /// Something that is no log of ours.
    Foreign,
}

impl Kind {
    /// What it is, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Access => "an access log",
            Self::Waf => "a WAF log",
            Self::Origin => "the log of an origin",
            Self::Function => "the log of a function at the edge",
            Self::Connection => "a connection log",
            Self::Mixed => "an access log and a WAF log",
            Self::Empty => "empty",
            Self::Foreign => "no log that is known",
        }
    }
}

/// What became of reading one object.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What it is.
    pub kind: Kind,
    /// What could not be read of it.
    pub faults: Faults,
}

/// Reads a WAF log into `index`; `wanted` are the request ids of refusals.
pub fn read_waf(
    name: &str,
    source: impl Read,
    limits: &Limits,
    wanted: &HashSet<Box<str>>,
    index: &mut WafIndex,
) -> Outcome {
    let mut faults = Faults::default();
    let mut acl = None;
    let mut began = None;
    lines::read_lines(source, limits, &mut faults, |line, faults| {
        if is_access_line(line.bytes) {
            // Where they stand first, they were counted as an access log.
            if began == Some(Kind::Waf) {
                began = Some(Kind::Mixed);
                let reason = "access-log lines behind WAF records are not counted";
                faults.push(Fault::new(line.place(), FaultKind::NotALog, reason));
            }
            began = began.or(Some(Kind::Access));
            return ControlFlow::Continue(());
        }
        began = began.or(Some(Kind::Waf));
        index.read(&line, wanted, faults);
        if acl.is_none() {
            acl = waf::acl_of(line.bytes).map(str::to_owned);
        }
        ControlFlow::Continue(())
    });
    // The file's own five minutes are covered even if no record of it has a time in them.
    if let (Some(acl), Some(slot)) = (acl, key::waf_slot(name)) {
        index.note_slot(&acl, waf::slot_of(slot));
    }
    Outcome { kind: Kind::Waf, faults }
}

/// Whether a line in an object with WAF records is one of an access log.
fn is_access_line(line: &[u8]) -> bool {
    let text = line.trim_ascii_start();
    match text.first() {
        None => false,
        Some(b'{') => waf::acl_of(text).is_none() && json::is_record(text),
        Some(b'#') => true,
        Some(_) => text.contains(&b'\t'),
    }
}
