//! One object: out of its bucket, read, and what becomes of it.

#![expect(clippy::disallowed_methods, reason = "the clock of the delivery: one of the ends")]

use std::io::{self, Read};
use std::time::Instant;

use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata};
use aws_sdk_s3::primitives::ByteStream;
use jiff::Timestamp;
use tokio::runtime::Handle;

use super::{Tools, origin};
use crate::account::facts::acl_id;
use crate::account::web_acl::{Kept, Logging};
use crate::account::{Fact, Question};
use crate::analysis::Directory;
use crate::incidents::BUCKET_SECONDS;
use crate::incidents::store::{Partial, Store, StoreError};
use crate::logs::fault::{Fault, FaultKind, Faults, Place};
use crate::logs::tally::AccessTally;
use crate::logs::waf_slots::Keeps;
use crate::logs::{self, Kind, key, waf_slots};
use crate::trigger::{Carried, Object};

/// How often a bucket may say no before its object is given up: rights and objects appear late.
const TRIES: u32 = 3;

/// How far past the delivery's clock a line may lie; clocks differ by less.
const AHEAD_SECONDS: i64 = 900;

/// What reading an object gave.
pub enum Seen {
    /// It was counted before, perhaps in part.
    Duplicate(Option<Partial>),
    /// It is an access log; what of it could not be read.
    Access(Box<AccessTally>, Option<Partial>),
    /// It is a WAF log, which is kept now; its records, and what of it could not be read.
    Waf(u64, Option<Partial>),
    /// It is the log of an origin, of which what matters is kept now; its lines, and what of it could
    /// not be read.
    Origin(u64, Option<Partial>),
    /// It is somebody else's.
    Ignored,
    /// It may be readable later.
    Later(String),
    /// It will never be readable.
    Never(Partial),
}

/// Reads one object. Blocks.
pub fn see(
    tools: &Tools,
    directory: &Directory,
    object: &Object,
    receives: u32,
    until: Instant,
) -> Seen {
    match tools.store.counted(object) {
        Ok(counted) => {
            let of = counted.iter().map(|one| one.of).max();
            if of.is_some_and(|of| counted.len() >= of) {
                return Seen::Duplicate(counted.into_iter().find_map(|one| one.partial));
            }
        }
        Err(error) => return Seen::Later(error.to_string()),
    }
    let open = || open(tools, object, receives, until);
    if looks_like_waf(tools, object) {
        match open() {
            Ok(body) => {
                let seen = see_waf(tools, object, body, false);
                if !matches!(seen, Seen::Ignored) {
                    return seen;
                }
            }
            Err(seen) => return seen,
        }
    }
    let mut tally = AccessTally::default();
    let outcome = match open() {
        Ok(body) => logs::read_access(&object.key, body, &directory.logs, &mut tally),
        Err(seen) => return seen,
    };
    log_faults(object, &outcome.faults);
    drop_later_than(&mut tally, Timestamp::now());
    match (outcome.kind, fault_of(&outcome.faults)) {
        (_, Some(Trouble::Passing(reason))) => Seen::Later(reason),
        (Kind::Waf, _) => match open() {
            Ok(body) => see_waf(tools, object, body, false),
            Err(seen) => seen,
        },
        (Kind::Origin, _) => match open() {
            Ok(body) => origin::see(tools, object, body),
            Err(seen) => seen,
        },
        // What functions at the edge and handshakes log is read by `replay` alone so far.
        (Kind::Function | Kind::Connection, _) => Seen::Ignored,
        // Central buckets hold many logs; what is none of ours and is not named like one is not
        // ours to complain about.
        (Kind::Foreign, _) if !is_named_like_ours(&object.key) => Seen::Ignored,
        (Kind::Foreign, Some(Trouble::Lasting(partial))) => Seen::Never(partial),
        (_, Some(Trouble::Lasting(partial))) => Seen::Access(Box::new(tally), Some(partial)),
        (_, None) => Seen::Access(Box::new(tally), None),
    }
}

/// Reads an access log again that was counted before; `None` where it is not there any more.
pub fn again(
    tools: &Tools,
    directory: &Directory,
    object: &Object,
    until: Instant,
) -> Result<Option<AccessTally>, StoreError> {
    let body = match open(tools, object, TRIES, until) {
        Ok(body) => body,
        Err(Seen::Later(reason)) => return Err(StoreError::Away(reason)),
        Err(_) => return Ok(None),
    };
    let mut tally = AccessTally::default();
    let outcome = logs::read_access(&object.key, body, &directory.logs, &mut tally);
    drop_later_than(&mut tally, Timestamp::now());
    if let Some(Trouble::Passing(reason)) = fault_of(&outcome.faults) {
        return Err(StoreError::Away(reason));
    }
    Ok(matches!(outcome.kind, Kind::Access | Kind::Mixed).then_some(tally))
}

/// Drops lines that lie later than now and a little: one of the year 9999 would end every baseline.
pub(super) fn drop_later_than(tally: &mut AccessTally, now: Timestamp) {
    let last = now.as_second().saturating_add(AHEAD_SECONDS);
    let before = tally.refusals.len();
    tally.refusals.retain(|refusal| refusal.time.as_second() <= last);
    tally.malformed += (before - tally.refusals.len()) as u64;
    for served in tally.served.values_mut() {
        let late = served.buckets.split_off(&(last.div_euclid(BUCKET_SECONDS) + 1));
        tally.malformed += late.values().sum::<u64>();
    }
}

fn looks_like_waf(tools: &Tools, object: &Object) -> bool {
    tools.settings.waf_buckets.contains(&object.bucket) || is_waf_key(object)
}

/// Whether an object's name speaks for a WAF log. Only the order and the first attempt follow it.
pub fn is_waf_key(object: &Object) -> bool {
    object.bucket.starts_with("aws-waf-logs-") || object.key.contains("_waflogs_")
}

fn is_named_like_ours(name: &str) -> bool {
    key::distribution(name).is_some() || key::waf_slot(name).is_some()
}

/// Reads what an event brought along. What stands in the index twice is there once, so that nothing
/// has to be remembered.
pub fn see_carried(tools: &Tools, carried: &Carried) -> Seen {
    match see_waf(tools, &carried.object, carried.text.as_slice(), true) {
        Seen::Ignored => {
            let reason = "not-a-log: log events without a record of AWS WAF".to_owned();
            Seen::Never(Partial { reason, offset: 0 })
        }
        seen => seen,
    }
}

/// Keeps the rows of a WAF log. `scattered` where its records come one by one and not as whole files
/// of five minutes: what is not there may still come, so that its silence proves nothing.
pub(super) fn see_waf(tools: &Tools, object: &Object, body: impl Read, scattered: bool) -> Seen {
    let passes = |acl: &str| {
        // Silence about a refusal proves nothing where blocks are dropped, or where nobody knows.
        tools.account.note_acl(acl);
        let question = Question::new("wafv2/get-logging-configuration", acl_id(acl));
        let logging = Fact::ask(tools.account.as_ref(), question, Logging::parse);
        logging.known().is_none_or(|logging| logging.keeps("BLOCK") != Kept::All)
    };
    let keeps = Keeps { passes, behind: !tools.settings.origin_buckets.is_empty() };
    let mut slots =
        waf_slots::read(&object.key, object.edition(), body, &tools.settings.limits, keeps);
    let trouble = fault_of(&slots.outcome.faults);
    if let Some(Trouble::Passing(reason)) = trouble {
        return Seen::Later(reason);
    }
    if slots.records == 0 && trouble.is_none() {
        return Seen::Ignored;
    }
    log_faults(object, &slots.outcome.faults);
    slots.chunks.iter_mut().for_each(|chunk| chunk.sampled |= scattered);
    if let Err(error) = tools.store.put_waf(&slots.chunks) {
        return Seen::Later(error.to_string());
    }
    match trouble {
        Some(Trouble::Lasting(partial)) => Seen::Waf(slots.records, Some(partial)),
        _ => Seen::Waf(slots.records, None),
    }
}

pub(super) enum Trouble {
    Passing(String),
    Lasting(Partial),
}

pub(super) fn fault_of(faults: &Faults) -> Option<Trouble> {
    let fault = faults.of_the_object()?;
    Some(match fault.kind {
        FaultKind::Unreadable => Trouble::Passing(fault.to_string()),
        _ => Trouble::Lasting(partial(fault)),
    })
}

pub(super) fn partial(fault: &Fault) -> Partial {
    let offset = match fault.place {
        Place::Byte(byte) | Place::Line { byte, .. } => byte,
        Place::Row(_) | Place::Whole => 0,
    };
    Partial { reason: format!("{}: {}", fault.kind, fault.reason), offset }
}

pub(super) fn log_faults(object: &Object, faults: &Faults) {
    for fault in faults.kept() {
        tracing::warn!(bucket = object.bucket, key = object.key, %fault, "not readable");
    }
}

/// Opens an object for reading.
fn open(tools: &Tools, object: &Object, receives: u32, until: Instant) -> Result<Body, Seen> {
    let request = tools.s3.get_object().bucket(&object.bucket).key(&object.key);
    let request = request.set_version_id(object.version.clone());
    match tools.handle.block_on(request.send()) {
        Ok(said) => Ok(Body {
            stream: said.body,
            handle: tools.handle.clone(),
            chunk: Vec::new(),
            taken: 0,
            until,
        }),
        Err(error) => {
            let code = error.code().unwrap_or_default().to_owned();
            let reason = match code.as_str() {
                "" => crate::viewer::plain(&DisplayErrorContext(&error).to_string()),
                code => format!("S3 answered {code}"),
            };
            let lasting = matches!(
                code.as_str(),
                "AccessDenied"
                    | "NoSuchKey"
                    | "NoSuchBucket"
                    | "NoSuchVersion"
                    | "NotFound"
                    | "InvalidObjectState"
                    | "MethodNotAllowed"
            );
            Err(if lasting && receives >= TRIES {
                Seen::Never(Partial { reason: format!("unreadable: {reason}"), offset: 0 })
            } else {
                Seen::Later(reason)
            })
        }
    }
}

/// An object's bytes as they come, so that memory does not grow with the object.
struct Body {
    stream: ByteStream,
    handle: Handle,
    chunk: Vec<u8>,
    taken: usize,
    until: Instant,
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.taken >= self.chunk.len() {
            if Instant::now() >= self.until {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "no time left"));
            }
            match self.handle.block_on(self.stream.next()) {
                Some(Ok(chunk)) => {
                    self.chunk = chunk.into();
                    self.taken = 0;
                }
                Some(Err(error)) => return Err(io::Error::other(error.to_string())),
                None => return Ok(0),
            }
        }
        let rest = self.chunk.get(self.taken..).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..length), rest.get(..length)) {
            to.copy_from_slice(from);
        }
        self.taken += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::record::Refusal;

    #[test]
    fn a_line_of_the_year_9999_counts_nowhere() {
        let now: Timestamp = "2026-03-10T14:00:00Z".parse().unwrap();
        let at = |text: &str| Refusal { time: text.parse().unwrap(), ..Refusal::default() };
        let mut tally = AccessTally {
            refusals: [at("2026-03-10T14:14:00Z"), at("9999-01-01T00:00:00Z")]
                .into_iter()
                .collect(),
            ..AccessTally::default()
        };
        let buckets = [(now.as_second() / 300, 3), (9_999_999_999, 2)].into();
        tally.served.entry("d".into()).or_default().buckets = buckets;
        drop_later_than(&mut tally, now);
        assert_eq!((tally.refusals.len(), tally.malformed), (1, 3));
    }
}
