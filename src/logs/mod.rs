//! Bytes to records.
//!
//! An object is unpacked, told by its content and read line by line. What comes out are a tally of
//! the access log (counts, and every refusal) and an index of what the WAF did. What could not be
//! read comes out beside it as faults; reading never fails as a whole.

pub mod fault;
pub mod key;
pub mod lines;
pub mod record;
pub mod standard;
pub mod tally;
pub mod waf;
pub mod waf_slots;

use std::collections::HashSet;
use std::io::Read;
use std::ops::ControlFlow;

use fault::{Fault, FaultKind, Faults, Place};
use standard::Splitter;
use tally::{AccessTally, Masks};
use waf::WafIndex;

/// What an object turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An access log.
    Access,
    /// A WAF log.
    Waf,
    /// Nothing at all.
    Empty,
    /// Something that is no log of ours.
    Foreign,
}

/// What became of reading one object.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What it is.
    pub kind: Kind,
    /// What could not be read of it.
    pub faults: Faults,
}

/// Reads an object's access-log lines into `tally`. An object that is a WAF log is recognised and
/// left for [`read_waf`], since its records are looked at by the ids of the refusals.
pub fn read_access(
    name: &str,
    source: impl Read,
    masks: &Masks,
    tally: &mut AccessTally,
) -> Outcome {
    let mut faults = Faults::default();
    let mut kind = Kind::Empty;
    let mut splitter = Splitter::default();
    let latest = key::hour(name).and_then(|hour| {
        hour.checked_add(jiff::SignedDuration::from_secs(crate::limits::AHEAD_OF_KEY_SECONDS)).ok()
    });
    let owner = key::distribution(name);
    lines::read_lines(source, &mut faults, |line, faults| {
        if kind == Kind::Empty {
            kind = told_by(line.bytes);
            if matches!(kind, Kind::Waf | Kind::Foreign) {
                return ControlFlow::Break(());
            }
        }
        match splitter.read(&line) {
            standard::Read::Nothing => {}
            standard::Read::Bad(fault) => {
                tally.malformed += 1;
                faults.push(fault);
            }
            standard::Read::Row(row) if latest.is_some_and(|latest| row.time > latest) => {
                tally.malformed += 1;
                let reason = "later than its object can have been written";
                faults.push(Fault::new(line.place(), FaultKind::TimeAhead, reason));
            }
            standard::Read::Row(row) => tally.count(&row, owner, masks),
        }
        ControlFlow::Continue(())
    });
    if kind == Kind::Foreign && faults.of_the_object().is_none() {
        let reason = "neither a CloudFront access log nor a WAF log";
        faults.push(Fault::new(Place::Whole, FaultKind::NotALog, reason));
    }
    Outcome { kind, faults }
}

/// Reads a WAF log into `index`; `wanted` are the request ids of refusals.
pub fn read_waf(
    name: &str,
    source: impl Read,
    wanted: &HashSet<Box<str>>,
    index: &mut WafIndex,
) -> Outcome {
    let mut faults = Faults::default();
    let mut acl = None;
    lines::read_lines(source, &mut faults, |line, faults| {
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

/// What a first line says of its object.
fn told_by(line: &[u8]) -> Kind {
    if line.trim_ascii().is_empty() {
        Kind::Empty
    } else if line.starts_with(b"#Version:") || line.starts_with(b"#Fields:") {
        Kind::Access
    } else if waf::is_record(line) {
        Kind::Waf
    } else {
        Kind::Foreign
    }
}
