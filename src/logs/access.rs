//! One access-log object, whatever its format, into the tally.

use std::io::Read;
use std::ops::ControlFlow;

use jiff::{SignedDuration, Timestamp};

use super::fault::{Fault, FaultKind, Faults, Place};
use super::layouts::{Fit, Layouts};
use super::lines::{self, Line};
use super::row::Row;
use super::tally::AccessTally;
use super::unpack::Unpacked;
use super::{
    Context, Kind, Outcome, connection, delimited, function, json, key, origin, parquet, waf,
};
use crate::limits::AHEAD_OF_KEY_SECONDS;

/// Reads an object's access-log lines into `tally`. An object that is a WAF log, an origin's or a function's is
/// recognised and left for the reader of its kind, since its records are
/// looked at by the ids and times of the refusals.
pub fn read_access(
    name: &str,
    source: impl Read,
    context: &Context,
    tally: &mut AccessTally,
) -> Outcome {
    let outcome = read(name, source, context, tally);
    if matches!(outcome.kind, Kind::Access | Kind::Mixed) {
        tally.malformed += outcome.faults.lines();
    }
    outcome
}

fn read(name: &str, source: impl Read, context: &Context, tally: &mut AccessTally) -> Outcome {
    let mut faults = Faults::default();
    let mut kind = Kind::Empty;
    let mut access = Access::new(name, context, tally);
    let mut unpacked = match Unpacked::open(source) {
        Ok(unpacked) => unpacked,
        Err(fault) => {
            faults.push(fault);
            return Outcome { kind, faults };
        }
    };
    if unpacked.starts_with(parquet::MAGIC) {
        let read = unpacked.whole(context.limits.parquet_bytes).and_then(|bytes| {
            parquet::read(&bytes, &context.limits, &mut faults, |row, place| access.row(row, place))
        });
        let kind = match read {
            Ok(()) => Kind::Access,
            Err(fault) => {
                let ours = fault.kind != FaultKind::NotALog;
                faults.push(fault);
                if ours { Kind::Access } else { Kind::Foreign }
            }
        };
        return Outcome { kind, faults };
    }
    lines::read_text(unpacked, &context.limits, &mut faults, |line, faults| {
        if kind == Kind::Empty {
            kind = told_by(line.bytes, &context.layouts);
            if matches!(
                kind,
                Kind::Waf | Kind::Origin | Kind::Function | Kind::Connection | Kind::Foreign
            ) {
                return ControlFlow::Break(());
            }
        }
        // Its columns tell it, as far as no request was counted before.
        if kind == Kind::Access && connection::is_header(line.bytes) && access.is_unread() {
            kind = Kind::Connection;
            return ControlFlow::Break(());
        }
        if access.line(&line, faults) == Kind::Waf {
            kind = Kind::Mixed;
        }
        ControlFlow::Continue(())
    });
    if kind == Kind::Foreign && faults.of_the_object().is_none() {
        let reason = "neither a CloudFront access log nor a WAF log, nor a known log of an origin";
        faults.push(Fault::new(Place::Whole, FaultKind::NotALog, reason));
    }
    Outcome { kind, faults }
}

/// What a first line says of its object. The key is never asked.
// See: lambda-promtail: an object at the root of a bucket, without a prefix, was not recognised.
fn told_by(line: &[u8], layouts: &Layouts) -> Kind {
    if line.trim_ascii().is_empty() {
        Kind::Empty
    } else if line.starts_with(b"#Version:") || line.starts_with(b"#Fields:") {
        Kind::Access
    } else if waf::is_record(line) {
        Kind::Waf
    } else if line.starts_with(b"{") && json::is_record(line) {
        Kind::Access
    } else if connection::is_record(line) {
        Kind::Connection
    } else if origin::told_by(line).is_some() {
        Kind::Origin
    } else if function::told_by(line).is_some() {
        Kind::Function
    } else if line.starts_with(b"{") || matches!(layouts.fit(line), Fit::Foreign) {
        Kind::Foreign
    } else {
        Kind::Access
    }
}

/// The access-log lines of one object.
struct Access<'a> {
    lines: Counted<'a>,
    splitter: delimited::Splitter,
    records: json::Records,
}

/// Where rows are counted.
struct Counted<'a> {
    context: &'a Context,
    tally: &'a mut AccessTally,
    /// The distribution that the object's key names.
    owner: Option<&'a str>,
    /// Lines that were counted before this object.
    before: u64,
    /// The latest moment that a line of this object can have.
    latest: Option<Timestamp>,
}

impl Counted<'_> {
    fn row(&mut self, row: &Row<'_>, place: Place) -> Result<(), Fault> {
        if self.latest.is_some_and(|latest| row.time > latest) {
            let reason = "later than its object can have been written";
            return Err(Fault::new(place, FaultKind::TimeAhead, reason));
        }
        if !self.context.times.have(row.time) {
            self.tally.of_other_times += 1;
            return Ok(());
        }
        self.tally.count(row, self.owner, &self.context.masks);
        Ok(())
    }
}

impl<'a> Access<'a> {
    fn new(name: &'a str, context: &'a Context, tally: &'a mut AccessTally) -> Self {
        tally.refusals.keep_within(context);
        let ahead = SignedDuration::from_secs(AHEAD_OF_KEY_SECONDS);
        let latest = key::hour(name).and_then(|hour| hour.checked_add(ahead).ok());
        Self {
            lines: Counted {
                context,
                before: tally.lines,
                tally,
                owner: key::distribution(name),
                latest,
            },
            splitter: delimited::Splitter::default(),
            records: json::Records::default(),
        }
    }

    /// Whether no line of this object was counted.
    fn is_unread(&self) -> bool {
        self.lines.tally.lines == self.lines.before
    }

    /// Counts one row of an object that has no lines.
    fn row(&mut self, row: &Row<'_>, place: Place) -> Result<(), Fault> {
        self.lines.row(row, place)
    }

    /// Reads one line, and says whether it was one of an access log or a WAF record.
    fn line(&mut self, line: &Line<'_>, faults: &mut Faults) -> Kind {
        let read = if line.bytes.starts_with(b"{") {
            if waf::is_record(line.bytes) {
                return Kind::Waf;
            }
            let lines = &mut self.lines;
            self.records.read(line, |row| lines.row(row, line.place()))
        } else {
            match self.splitter.read(line, &self.lines.context.layouts) {
                delimited::Read::Nothing => return Kind::Access,
                delimited::Read::Bad(fault) => Err(fault),
                delimited::Read::Row(row) => self.lines.row(&row, line.place()),
            }
        };
        if self.splitter.is_told_by_forms() && read.is_ok() && !line.bytes.starts_with(b"{") {
            self.lines.tally.told_by_forms += 1;
        }
        if let Err(fault) = read {
            faults.push(fault);
        }
        Kind::Access
    }
}
