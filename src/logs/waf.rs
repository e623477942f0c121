//! WAF logs: an index of what the WAF did with each refused request.
//!
//! A WAF logs every request, a refusal concerns few of them. So a record is looked at by a byte
//! search first, and parsed only if it is one of a request that was refused. What is kept of the
//! others is the five minutes in which they lie, since those tell how far the logs reach.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use memchr::memmem;
use serde::{Deserialize, Serialize};

use super::fault::{Fault, FaultKind, Faults};
use super::lines::Line;
use super::waf_record::Record;
use crate::limits::{EARLIEST_SECOND, LATEST_SECOND, ORIGIN_IDS, WEB_ACL_BYTES, WEB_ACLS};

/// Seconds of one WAF log file.
pub const SLOT_SECONDS: i64 = 300;

/// The five minutes in which a moment lies.
pub fn slot_of(time: Timestamp) -> i64 {
    time.as_second().div_euclid(SLOT_SECONDS)
}

/// What a WAF did with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Action {
    /// It let the request pass.
    Allow,
    /// It refused the request.
    Block,
    /// It asked for a CAPTCHA (405) or sent a challenge (202).
    Interrupt,
    /// Something that we do not know.
    Other,
}

/// Where the WAF stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Side {
    /// In front of the distribution.
    Edge,
    /// In front of the origin (a load balancer, an API).
    Origin,
}

/// What is kept of one record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WafRow {
    /// What was done.
    pub action: Action,
    /// The rule that did it, as people know it.
    pub rule: Arc<str>,
    /// `REGULAR`, `RATE_BASED`, `GROUP`, `MANAGED_RULE_GROUP`.
    pub rule_type: Arc<str>,
    /// The web ACL's rule that brings in the group which has the rule; `None` for one of its own.
    pub group: Option<Arc<str>>,
    /// The web ACL's ARN.
    pub acl: Arc<str>,
    /// `CF`, `ALB`, `APIGW`, ….
    pub source: Arc<str>,
    /// The distribution, load balancer or stage.
    pub source_id: Arc<str>,
    /// The status that the WAF sent, where it is not the 403 of a plain block.
    pub response_code: Option<u16>,
    /// The viewer's country.
    pub country: Option<Arc<str>>,
}

/// How far the logs of one web ACL reach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    slots: BTreeSet<i64>,
}

impl Reach {
    /// Whether nothing is missing between two moments: every slot of the span was seen, and a
    /// later one as well, because the last file may still be followed by others of its slot.
    pub fn is_complete(&self, from: Timestamp, to: Timestamp) -> bool {
        let (first, last) = (slot_of(from), slot_of(to));
        let later = self.slots.last().is_some_and(|newest| *newest > last);
        later && (first..=last).all(|slot| self.slots.contains(&slot))
    }

    /// Whether anything was seen at all.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }
}

/// What the WAF logs say of the refusals.
#[derive(Clone, Debug, Default)]
pub struct WafIndex {
    /// Records read.
    pub records: u64,
    edge: HashMap<Box<str>, WafRow>,
    origin: HashMap<Box<str>, WafRow>,
    /// The ids under which origins know a refused request, as the records of their WAF say.
    behind: BTreeMap<Box<str>, BTreeSet<Box<str>>>,
    /// Whether a WAF in front of an origin writes `REDACTED` in the place of the id that joins.
    redacts: bool,
    reach: BTreeMap<Arc<str>, Reach>,
    /// Whether there were more web ACLs than are remembered.
    pub acls_left_out: bool,
    names: Names,
}

/// Names that many rows have in common, each kept once.
#[derive(Clone, Debug, Default)]
pub struct Names(BTreeSet<Arc<str>>);

impl Names {
    /// The one copy of a name.
    pub fn get(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return known.clone();
        }
        let name: Arc<str> = text.into();
        self.0.insert(name.clone());
        name
    }
}

pub(super) fn moment_and_acl<'a>(line: &Line<'a>) -> Result<(Timestamp, &'a str), Fault> {
    let time = after_key(line.bytes, b"\"timestamp\"").and_then(integer);
    // A time that cannot be would make logs seem to reach further than they do.
    let time = time
        .and_then(|ms| Timestamp::from_millisecond(ms).ok())
        .filter(|time| (EARLIEST_SECOND..LATEST_SECOND).contains(&time.as_second()));
    let acl = acl_of(line.bytes).filter(|acl| acl.len() <= WEB_ACL_BYTES);
    time.zip(acl).ok_or_else(|| {
        let reason = "neither `timestamp` nor `webaclId` can be read";
        Fault::new(line.place(), FaultKind::BadJson, reason)
    })
}

pub(super) fn no_record(line: &Line<'_>, error: &serde_json::Error) -> Fault {
    let reason = format!("no WAF record: {}", super::json::what_is_wrong(error));
    Fault::new(line.place(), FaultKind::BadJson, reason)
}

/// Whether a line is a WAF record. Its two keys stand in every version of the format.
pub fn is_record(line: &[u8]) -> bool {
    line.trim_ascii_start().starts_with(b"{")
        && memmem::find(line, b"\"webaclId\"").is_some()
        && memmem::find(line, b"\"httpRequest\"").is_some()
}

/// The web ACL that a record names.
pub fn acl_of(line: &[u8]) -> Option<&str> {
    after_key(line, b"\"webaclId\"").and_then(quoted)
}

impl WafIndex {
    /// Notes that a file of a web ACL's slot exists, whatever it holds.
    pub fn note_slot(&mut self, acl: &str, slot: i64) {
        if let Some(reach) = self.reach.get_mut(acl) {
            reach.slots.insert(slot);
            return;
        }
        // The smallest names are kept, so that the order of records does not matter.
        let full = self.reach.len() >= WEB_ACLS;
        if full && self.reach.last_key_value().is_some_and(|(last, _)| **last < *acl) {
            self.acls_left_out = true;
            return;
        }
        let acl = self.names.get(acl);
        self.reach.entry(acl).or_default().slots.insert(slot);
        self.forget_surplus();
    }

    fn forget_surplus(&mut self) {
        while self.reach.len() > WEB_ACLS {
            self.acls_left_out = true;
            if let Some((acl, _)) = self.reach.pop_last() {
                self.names.0.remove(&acl);
            }
        }
    }

    /// Reads one line of a WAF log. `wanted` are the request ids of refusals.
    pub fn read(&mut self, line: &Line<'_>, wanted: &HashSet<Box<str>>, faults: &mut Faults) {
        if line.bytes.trim_ascii().is_empty() {
            return;
        }
        let (time, acl) = match moment_and_acl(line) {
            Ok(read) => read,
            Err(fault) => {
                faults.push(fault);
                return;
            }
        };
        self.records += 1;
        self.note_slot(acl, slot_of(time));
        let id = after_key(line.bytes, b"\"requestId\"").and_then(quoted);
        let joins = id.is_some_and(|id| wanted.contains(id));
        self.redacts |= !joins && acl.contains(":regional/") && redacts_id(line.bytes);
        if joins || may_name_one(line.bytes, wanted) {
            match serde_json::from_slice::<Record>(line.bytes) {
                Ok(record) => self.keep(record, wanted),
                Err(error) => faults.push(no_record(line, &error)),
            }
        }
    }

    fn keep(&mut self, record: Record, wanted: &HashSet<Box<str>>) {
        let own = record.http_request.request_id.as_deref().map(Box::from);
        let (side, id, row) = record.into_row(&mut self.names);
        let Some(id) = id.filter(|id| wanted.contains(id.as_str())) else { return };
        if let (Side::Origin, Some(own)) = (side, own) {
            self.note_behind(id.as_str().into(), own);
        }
        self.insert(side, id.into(), row);
    }

    /// Adds what is known of one request.
    pub fn insert(&mut self, side: Side, request_id: Box<str>, row: WafRow) {
        let rows = match side {
            Side::Edge => &mut self.edge,
            Side::Origin => &mut self.origin,
        };
        // Retries of the edge may leave several records of one id; a block says more than a pass.
        rows.entry(request_id)
            .and_modify(|kept| {
                if better(&row, kept) {
                    *kept = row.clone();
                }
            })
            .or_insert(row);
    }

    pub(super) fn note_behind(&mut self, request_id: Box<str>, own: Box<str>) {
        let ids = self.behind.entry(request_id).or_default();
        ids.insert(own);
        // The smallest are kept, so that the order of records does not matter.
        if ids.len() > ORIGIN_IDS {
            ids.pop_last();
        }
    }

    /// The ids under which its origins know a request: a load balancer's trace id, an API's
    /// extended request id.
    pub fn behind(&self, request_id: &str) -> impl Iterator<Item = &str> {
        self.behind.get(request_id).into_iter().flatten().map(AsRef::as_ref)
    }

    /// The ids under which origins know refused requests.
    pub fn all_behind(&self) -> impl Iterator<Item = &str> {
        self.behind.values().flatten().map(AsRef::as_ref)
    }

    /// What the WAF of one side did with a request.
    pub fn row(&self, side: Side, request_id: &str) -> Option<&WafRow> {
        match side {
            Side::Edge => self.edge.get(request_id),
            Side::Origin => self.origin.get(request_id),
        }
    }

    /// Whether a WAF in front of an origin does not log the id that joins.
    pub fn redacts(&self) -> bool {
        self.redacts
    }

    /// How far the logs of a web ACL reach.
    pub fn reach(&self, acl: &str) -> Option<&Reach> {
        self.reach.get(acl)
    }

    /// Whether there is any WAF log at all.
    pub fn is_empty(&self) -> bool {
        self.reach.is_empty()
    }

    /// Adds what another part of the logs says. Order does not matter.
    pub fn merge(&mut self, other: Self) {
        self.records += other.records;
        self.acls_left_out |= other.acls_left_out;
        self.redacts |= other.redacts;
        for (acl, reach) in other.reach {
            self.reach.entry(acl).or_default().slots.extend(reach.slots);
        }
        self.forget_surplus();
        for (mine, theirs) in [(&mut self.edge, other.edge), (&mut self.origin, other.origin)] {
            let mut theirs: Vec<_> = theirs.into_iter().collect();
            theirs.sort();
            for (id, row) in theirs {
                mine.entry(id)
                    .and_modify(|kept| {
                        if better(&row, kept) {
                            *kept = row.clone();
                        }
                    })
                    .or_insert(row);
            }
        }
        for (id, own) in other.behind {
            own.into_iter().for_each(|own| self.note_behind(id.clone(), own));
        }
        self.names.0.extend(other.names.0);
    }
}

/// Which of two records of one request is kept: a block before all else, then the smaller one, so
/// that the order of files does not matter.
fn better(new: &WafRow, kept: &WafRow) -> bool {
    let blocks = |row: &WafRow| row.action == Action::Block;
    (!blocks(new), new) < (!blocks(kept), kept)
}

/// The text after `"key"` and a colon. A key with its quotes cannot stand inside a JSON string,
/// where a quote is escaped, and a string that merely equals it is not followed by a colon.
fn after_key<'a>(line: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    memmem::find_iter(line, key).find_map(|at| {
        let rest = line.get(at + key.len()..)?.trim_ascii_start();
        rest.strip_prefix(b":").map(<[u8]>::trim_ascii_start)
    })
}

/// Whether a record of an origin's WAF may be one of a wanted request, whose id stands in a header
/// that CloudFront adds for the origin; its name may be in any case. No other letter of that name is
/// as rare as this one.
fn may_name_one(line: &[u8], wanted: &HashSet<Box<str>>) -> bool {
    ids(line).any(|id| id.is_none_or(|id| wanted.contains(id)))
}

/// Whether the logging configuration keeps that id out of a record.
fn redacts_id(line: &[u8]) -> bool {
    ids(line).any(|id| id == Some("REDACTED"))
}

/// The values of that header; `None` for one that the parser must sort out.
fn ids(line: &[u8]) -> impl Iterator<Item = Option<&str>> {
    memchr::memchr2_iter(b'z', b'Z', line).filter_map(|at| {
        let name = line.get(at.saturating_sub(4)..at + 7)?;
        name.eq_ignore_ascii_case(b"x-amz-cf-id").then(|| line.get(at + 7..).and_then(value))
    })
}

/// The value of a header behind whose name a text begins; `None` where it is not written as AWS
/// writes it, which the parser must sort out.
fn value(text: &[u8]) -> Option<&str> {
    let text = text.strip_prefix(b"\"")?.trim_ascii_start().strip_prefix(b",")?.trim_ascii_start();
    let text = text.strip_prefix(b"\"value\"")?.trim_ascii_start().strip_prefix(b":")?;
    quoted(text.trim_ascii_start()).filter(|id| !id.contains('\\'))
}

fn quoted(text: &[u8]) -> Option<&str> {
    let text = text.strip_prefix(b"\"")?;
    let end = memchr::memchr(b'"', text)?;
    std::str::from_utf8(text.get(..end)?).ok()
}

fn integer(text: &[u8]) -> Option<i64> {
    let end = text.iter().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    std::str::from_utf8(text.get(..end.min(18))?).ok()?.parse().ok()
}
