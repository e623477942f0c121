//! What is counted of access logs: a summary that merges.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::contrast::{self, ServedRequest};
use super::names::Name;
use super::record::Column;
use super::refusals::Refusals;
use super::row::Row;
use super::served::LetIn;
use crate::clusters::Sample;
use crate::limits::{
    DOMAIN_BYTES, SAMPLED_SERVED, SAMPLED_SERVED_LEAST, SAMPLED_SERVED_OF_ALL,
    SERVED_DISTRIBUTIONS, SERVED_PATHS,
};

/// Statuses that a custom error response puts in the place of 403, over all distributions that
/// are known. Rows with one of them may be masked refusals and are kept until the distribution's
/// own rules are at hand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Masks(BTreeSet<u16>);

impl Masks {
    /// The statuses that may hide a 403.
    pub fn new(statuses: impl IntoIterator<Item = u16>) -> Self {
        Self(statuses.into_iter().filter(|status| *status != 403).collect())
    }

    fn may_hide(&self, status: u16) -> bool {
        self.0.contains(&status)
    }
}

/// What a distribution served in a time: the contrast to what it refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    /// Requests that were not refused, by five minutes of their end.
    pub buckets: BTreeMap<i64, u64>,
    /// Paths that the origin answered with content, by hash, with the last time; a sample of the
    /// smallest hashes, which no order or split of files can change.
    pub paths: BTreeMap<u64, ServedPath>,
    /// The largest hash that has a place among them.
    last_path: u64,
    /// What the edge let in.
    pub let_in: LetIn,
    /// Some of the requests, with what clusters are told by.
    pub sample: Sample<ServedRequest>,
}

/// A path that was served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServedPath {
    /// The path as logged.
    pub path: Box<[u8]>,
    /// The last time.
    pub last: Timestamp,
    /// Seconds in which the origin itself answered, not a cache: the first few, and the last.
    pub by_origin: BTreeSet<i64>,
}

/// Seconds of one path that are kept.
const SECONDS_OF_A_PATH: usize = 64;

/// How many requests are kept of each of so many distributions.
fn sampled(distributions: usize) -> usize {
    let even = SAMPLED_SERVED_OF_ALL.checked_div(distributions).unwrap_or(SAMPLED_SERVED);
    even.clamp(SAMPLED_SERVED_LEAST, SAMPLED_SERVED)
}

impl Default for Served {
    fn default() -> Self {
        Self::new(SAMPLED_SERVED)
    }
}

impl Served {
    fn new(k: usize) -> Self {
        Self {
            buckets: BTreeMap::new(),
            paths: BTreeMap::new(),
            last_path: u64::MAX,
            let_in: LetIn::default(),
            sample: Sample::new(k),
        }
    }

    fn count(&mut self, row: &Row<'_>) {
        self.let_in.count(row);
        self.sample.offer(contrast::identity(row), || ServedRequest::new(row));
        let bucket = row.time.as_second().div_euclid(300);
        match self.buckets.last_entry().filter(|last| *last.key() == bucket) {
            Some(mut last) => *last.get_mut() += 1,
            None => *self.buckets.entry(bucket).or_default() += 1,
        }
        if is_content(row) {
            let result = row.logged(Name::ResultType);
            let asked = matches!(result, Column::Value(b"Miss" | b"RefreshHit"));
            self.note_path(row.path(), row.time, asked.then_some(row.time.as_second()));
        }
    }

    fn note_path(
        &mut self,
        path: &[u8],
        time: Timestamp,
        by_origin: impl IntoIterator<Item = i64>,
    ) {
        let hash = hash(path);
        if hash > self.last_path {
            return;
        }
        let served = self.paths.entry(hash).or_insert_with(|| ServedPath {
            path: path.into(),
            last: time,
            by_origin: BTreeSet::new(),
        });
        served.last = served.last.max(time);
        served.by_origin.extend(by_origin);
        while served.by_origin.len() > SECONDS_OF_A_PATH {
            let middle = served.by_origin.iter().nth_back(1).copied();
            middle.map(|slot| served.by_origin.remove(&slot));
        }
        while self.paths.len() > SERVED_PATHS {
            self.paths.pop_last();
        }
        if let Some((last, _)) =
            self.paths.last_key_value().filter(|_| self.paths.len() == SERVED_PATHS)
        {
            self.last_path = *last;
        }
    }
}

/// A hash that is the same on every machine and in every run.
pub fn hash(bytes: &[u8]) -> u64 {
    siphasher::sip::SipHasher13::new_with_keys(0x7768_7934, 0x3033).hash(bytes)
}

/// The summary of access-log objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessTally {
    /// Lines of data that were counted.
    pub lines: u64,
    /// Lines of times that nobody asked about.
    pub of_other_times: u64,
    /// Lines that could not be read.
    pub malformed: u64,
    /// The first and the last moment of any line.
    pub window: Option<(Timestamp, Timestamp)>,
    /// Rows with status 403, and rows that may be masked refusals.
    pub refusals: Refusals,
    /// Lines whose columns were told by what stands in them, and by no header and no field list.
    pub told_by_forms: u64,
    /// What was served, by the distribution's own name.
    pub served: BTreeMap<Box<str>, Served>,
    /// Whether there were more distributions than are remembered.
    pub served_left_out: bool,
}

impl AccessTally {
    /// Counts one line. `owner` is the distribution that the object's key names.
    pub fn count(&mut self, row: &Row<'_>, owner: Option<&str>, masks: &Masks) {
        self.lines += 1;
        self.window = Some(match self.window {
            Some((first, last)) => (first.min(row.time), last.max(row.time)),
            None => (row.time, row.time),
        });
        if row.status == 403
            || (masks.may_hide(row.status) && is_error(row))
            || is_proven_refusal(row)
        {
            let mut refusal = row.refusal();
            refusal.distribution_id = owner.map(Into::into);
            self.refusals.push(&refusal);
            return;
        }
        let domain = row.distribution_domain().unwrap_or_default();
        let Ok(domain) = std::str::from_utf8(domain) else { return };
        match self.served.get_mut(domain) {
            Some(served) => served.count(row),
            None => {
                if let Some(served) = self.served_by(domain) {
                    served.count(row);
                }
            }
        }
    }

    /// What is kept of a distribution. The more of them there are, the less is kept of each.
    fn served_by(&mut self, domain: &str) -> Option<&mut Served> {
        if !self.served.contains_key(domain) {
            // The smallest names are kept, so that the order of lines does not matter.
            let full = self.served.len() >= SERVED_DISTRIBUTIONS
                && self.served.last_key_value().is_some_and(|(last, _)| **last < *domain);
            if domain.len() > DOMAIN_BYTES {
                return None;
            }
            if full {
                self.served_left_out = true;
                return None;
            }
            let before = sampled(self.served.len());
            let now = sampled(self.served.len() + 1);
            if now < before {
                self.served.values_mut().for_each(|served| served.sample.shrink(now));
            }
            self.served.insert(domain.into(), Served::new(now));
            if self.served.len() > SERVED_DISTRIBUTIONS {
                self.served.pop_last();
                self.served_left_out = true;
            }
        }
        self.served.get_mut(domain)
    }

    /// Adds the summary of another part of the logs. Order does not matter.
    pub fn merge(&mut self, other: Self) {
        self.lines += other.lines;
        self.malformed += other.malformed;
        self.told_by_forms += other.told_by_forms;
        self.served_left_out |= other.served_left_out;
        self.of_other_times += other.of_other_times;
        self.window = match (self.window, other.window) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (one, two) => one.or(two),
        };
        self.refusals.merge(other.refusals);
        for (domain, theirs) in other.served {
            let Some(mine) = self.served_by(&domain) else { continue };
            mine.let_in.merge(theirs.let_in);
            mine.sample.merge(theirs.sample);
            for (bucket, count) in theirs.buckets {
                *mine.buckets.entry(bucket).or_default() += count;
            }
            for (_, served) in theirs.paths {
                mine.note_path(&served.path, served.last, served.by_origin);
            }
        }
    }

    /// Puts the refusals into their order in time and drops those that came twice: a request id
    /// counts once over all objects, a line without one by its object and position.
    pub fn settle(&mut self) {
        self.refusals.settle();
    }
}

/// Whether what was served came from an origin, be it by way of a cache. A preflight is answered
/// by rules of its own, an error page is none of the path that was asked for, and what a function
/// at the edge made is nobody's.
fn is_content(row: &Row<'_>) -> bool {
    let (result, _) = row.result_types();
    let generated = |column: Column<&[u8]>| {
        column.value().is_some_and(|result| result.ends_with(b"GeneratedResponse"))
    };
    matches!(row.status, 200 | 206)
        && row.logged(Name::Method) != Column::Value(b"OPTIONS")
        && result != Column::Value(b"Error")
        && !generated(result)
        && !generated(row.detailed_result_type())
}

/// A masked refusal logs `Error` twice; `Error` and something else is a viewer who hung up.
fn is_error(row: &Row<'_>) -> bool {
    let (result, response) = row.result_types();
    result == Column::Value(b"Error")
        && matches!(response, Column::Value(b"Error") | Column::Missing)
}

/// Two result types say by themselves that a request was refused, whatever status was put in the
/// place of 403.
fn is_proven_refusal(row: &Row<'_>) -> bool {
    matches!(
        row.detailed_result_type(),
        Column::Value(b"InvalidRequestMethod" | b"ClientGeoBlocked")
    )
}
