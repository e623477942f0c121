//! Counting, exactly once: what objects say of one distribution, merged into what was seen before.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::Series;
use super::plan::{Heard, plan};
use super::store::{CHANGE_ITEMS, Committed, Partial, Store, StoreError};
use crate::alerts::Outgoing;
use crate::report::Incident;
use crate::report::build::Subject;
use crate::trigger::Object;

/// What one object says of one distribution.
#[derive(Clone, Debug)]
pub struct Contribution {
    /// The object.
    pub object: Object,
    /// How many distributions it holds.
    pub of: usize,
    /// What could not be read of it.
    pub partial: Option<Partial>,
    /// Its refusals.
    pub refused: BTreeMap<Subject, Series>,
    /// Its other requests.
    pub served: Series,
}

/// How often a commit is tried. With jitter, two dozen functions that write at once all get in.
const TRIES: u32 = 12;

/// How a record ended.
#[derive(Clone, Debug, Default)]
pub struct Recorded {
    /// The alerts that were stored with the counts and are to go out now.
    pub alerts: Vec<Outgoing>,
    /// Incidents that were opened.
    pub opened: usize,
    /// Objects that had been counted before.
    pub duplicates: Vec<Object>,
    /// Refusals that came too late for their five minutes and were counted in their hour alone.
    pub late: u64,
}

/// An alert's place in its story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The story's id.
    pub alert_id: String,
    /// The number of the message.
    pub sequence: u64,
    /// `open`, `update` or `resolved`.
    pub state: &'static str,
    /// How sure the last message was, where there was one.
    pub confidence: Option<String>,
}

/// What counting needs beside the counts.
pub struct Desk<'a> {
    /// What was seen before.
    pub store: &'a dyn Store,
    /// What people want to hear of.
    pub heard: Heard,
    /// Distributions in the account.
    pub distributions: u32,
    /// The time of the delivery.
    pub now: Timestamp,
    /// Makes the alert of incidents of one cause, the largest first.
    pub write: &'a dyn Fn(&[Incident], &Place) -> Option<Outgoing>,
    /// Sleeps before a try that follows a conflict.
    pub wait: &'a dyn Fn(Duration),
}

/// Counts what objects say of one distribution and tells what follows. Without objects it looks
/// again at what is open, because the silence of a site that gets no logs ends incidents as well.
pub fn record(
    desk: &Desk<'_>,
    distribution: &str,
    mut contributions: Vec<Contribution>,
) -> Result<Recorded, StoreError> {
    let mut recorded = Recorded::default();
    let is_tick = contributions.is_empty();
    let mut tries = 0;
    while is_tick || !contributions.is_empty() {
        let subjects: BTreeSet<&Subject> =
            contributions.iter().flat_map(|one| one.refused.keys()).collect();
        let subjects: Vec<Subject> = subjects.into_iter().cloned().collect();
        let known = desk.store.load(distribution, &subjects)?;
        let planned = plan(desk, distribution, &contributions, known);
        if planned.change.items() > CHANGE_ITEMS && contributions.len() > 1 {
            let rest = contributions.split_off(contributions.len() / 2);
            for half in [contributions, rest] {
                let part = record(desk, distribution, half)?;
                recorded.alerts.extend(part.alerts);
                recorded.opened += part.opened;
                recorded.duplicates.extend(part.duplicates);
                recorded.late += part.late;
            }
            return Ok(recorded);
        }
        if planned.change.items() == 0 {
            break;
        }
        match desk.store.commit(&planned.change)? {
            Committed::Done => {
                recorded.alerts.extend(planned.change.outbox);
                recorded.opened += planned.opened;
                recorded.late += planned.late;
                break;
            }
            Committed::Duplicates(objects) => {
                contributions.retain(|one| !objects.contains(&one.object));
                recorded.duplicates.extend(objects);
            }
            Committed::Conflict => {
                tries += 1;
                if tries >= TRIES {
                    return Err(StoreError::Away("others write at the same time".to_owned()));
                }
                (desk.wait)(Duration::from_millis(20 << tries.min(6)));
            }
        }
    }
    Ok(recorded)
}

#[cfg(test)]
mod tests;
