//! Where the refusals of an incident are, over all objects of its time and not over those alone
//! that were read with the last one.
//!
//! Of each hour some requests are kept: of each finding's refusals, and of what was served. These
//! are the ones with the smallest hashes, so that it does not matter in which order, in how many
//! pieces, or how often the objects came. They are kept beside the counts and not with them: a
//! request that is missing here is missing in a sample, and one that comes twice is there once.

use std::collections::BTreeMap;
use std::time::Duration;

use super::series::{Bucket, HourNumber, hour_of};
use super::store::samples::{Hourly, Seen, seen};
use super::store::{Store, StoreError};
use super::{bucket_of, time_of};
use crate::clusters::{Row, Sample};
use crate::limits::{SAMPLED_FINDINGS, SAMPLED_HOURS};
use crate::report::clusters::of_rows;
use crate::report::{Finding, Incident};

/// The name of what was served; those of findings begin otherwise.
const SERVED: &str = "served";

/// Hours before an incident of which the served requests are looked at as well: an incident that
/// is young would else be held against very few.
const HOURS_BEFORE: HourNumber = 2;

/// A full sample of what was served is written again only where one in so many of its requests is
/// new: it is no longer a matter of any one of them.
const WORTH_WRITING: usize = 16;

/// How often a write is tried while others write the same.
const TRIES: u32 = 5;

/// What was seen of one distribution.
#[derive(Clone, Debug, Default)]
pub struct Places {
    by_name: BTreeMap<String, BTreeMap<HourNumber, Hourly>>,
}

impl Places {
    /// Notes a refusal of a finding.
    pub fn refused(&mut self, finding: &str, bucket: Bucket, row: Row) {
        self.note(finding, bucket, row);
    }

    /// Notes a request that was not refused.
    pub fn served(&mut self, bucket: Bucket, row: Row) {
        self.note(SERVED, bucket, row);
    }

    fn note(&mut self, name: &str, bucket: Bucket, row: Row) {
        let hour = hour_of(bucket);
        if !self.by_name.contains_key(name) {
            self.by_name.insert(name.to_owned(), BTreeMap::new());
        }
        let Some(hours) = self.by_name.get_mut(name) else { return };
        let hourly = hours.entry(hour).or_insert_with(|| Hourly::new(hour));
        let (bucket, row) = seen(bucket, row);
        hourly.sample.offer(row.hash, || (bucket, row));
    }

    /// Adds what others have seen of the same hours, and writes what they have not.
    pub fn keep(
        &mut self,
        store: &dyn Store,
        distribution: &str,
        wait: &dyn Fn(Duration),
    ) -> Result<(), StoreError> {
        self.leave_small_ones();
        for (name, hours) in &mut self.by_name {
            let (Some((first, _)), Some((last, _))) =
                (hours.first_key_value(), hours.last_key_value())
            else {
                continue;
            };
            let span = (*first, *last);
            let mut tries = 0;
            loop {
                for known in store.samples(distribution, name, span)? {
                    let Some(mine) = hours.get_mut(&known.hour) else { continue };
                    let writes = is_worth_writing(name, &known.sample, &mine.sample);
                    mine.sample.merge(known.sample);
                    // What needs no writing is as if it were written.
                    mine.revision = if writes { known.revision } else { NOT_WRITTEN };
                }
                let mut conflict = false;
                for mine in hours.values_mut().filter(|mine| mine.revision != NOT_WRITTEN) {
                    if store.put_sample(distribution, name, mine)? {
                        mine.revision = NOT_WRITTEN;
                    } else {
                        conflict = true;
                    }
                }
                tries += 1;
                if !conflict || tries >= TRIES {
                    break;
                }
                wait(Duration::from_millis(20 << tries));
            }
        }
        Ok(())
    }

    /// A web ACL may have hundreds of rules; of one invocation the largest findings are enough.
    fn leave_small_ones(&mut self) {
        let mut sizes: Vec<(usize, String)> = self
            .by_name
            .iter()
            .filter(|(name, _)| *name != SERVED)
            .map(|(name, hours)| {
                let rows = hours.values().map(|one| one.sample.rows().len()).sum();
                (rows, name.clone())
            })
            .collect();
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        for (_, name) in sizes.into_iter().skip(SAMPLED_FINDINGS) {
            self.by_name.remove(&name);
        }
    }

    /// Says of a finding where all of its incidents' refusals are, of which `now` is the last
    /// bucket that may be known.
    pub fn widen(
        &self,
        store: &dyn Store,
        distribution: &str,
        finding: &mut Finding,
        incidents: &[Incident],
        now: Bucket,
    ) -> Result<(), StoreError> {
        let mine = || incidents.iter().filter(|one| one.finding_ids.contains(&finding.id));
        let Some(start) = mine().map(|one| bucket_of(one.start)).min() else { return Ok(()) };
        let ends: Option<Vec<Bucket>> = mine().map(|one| one.end.map(bucket_of)).collect();
        let end = ends.and_then(|ends| ends.into_iter().max()).unwrap_or(Bucket::MAX);
        // Clocks differ a little: what was logged may lie ahead of ours.
        let last = hour_of(end.min(now)).max(hour_of(start));
        let first = hour_of(start).max(last - SAMPLED_HOURS);
        let refused = self.all(store, distribution, &finding.id, (first, last))?;
        let refused: Vec<Row> = refused
            .into_iter()
            .filter(|(bucket, _)| (start..end).contains(bucket))
            .map(|(_, row)| row)
            .collect();
        if refused.is_empty() {
            return Ok(());
        }
        let served = self.all(store, distribution, SERVED, (first - HOURS_BEFORE, last))?;
        let served: Vec<Row> = served.into_iter().map(|(_, row)| row).collect();
        let total: u64 = mine().map(|one| one.forbidden).sum();
        let total = total.max(refused.len() as u64);
        finding.clusters = of_rows(&refused, &served, total);
        finding.requests = total;
        finding.first_seen = finding.first_seen.min(time_of(start));
        Ok(())
    }

    /// What is known of some hours, by anybody.
    fn all(
        &self,
        store: &dyn Store,
        distribution: &str,
        name: &str,
        (first, last): (HourNumber, HourNumber),
    ) -> Result<Vec<Seen>, StoreError> {
        let known = store.samples(distribution, name, (first, last))?;
        let mut hours: BTreeMap<HourNumber, Sample<Seen>> =
            known.into_iter().map(|one| (one.hour, one.sample)).collect();
        let mine = self.by_name.get(name).into_iter().flat_map(|hours| hours.range(first..=last));
        for (hour, one) in mine {
            match hours.get_mut(hour) {
                Some(known) => known.merge(one.sample.clone()),
                None => drop(hours.insert(*hour, one.sample.clone())),
            }
        }
        Ok(Sample::union(hours.into_values()).into_iter().map(|(_, seen)| seen).collect())
    }
}

/// The revision of what is there already.
const NOT_WRITTEN: u64 = u64::MAX;

/// Whether a sample would say something new to those who read it.
fn is_worth_writing(name: &str, known: &Sample<Seen>, mine: &Sample<Seen>) -> bool {
    let mut both = known.clone();
    both.merge(mine.clone());
    let (before, after) = (known.rows(), both.rows());
    let known: Vec<u64> = before.into_iter().map(|(hash, _)| hash).collect();
    let new = after.iter().filter(|(hash, _)| known.binary_search(hash).is_err()).count();
    let full = name == SERVED && both.is_partial();
    new > 0 && (!full || new * WORTH_WRITING >= after.len())
}

#[cfg(test)]
mod tests;
