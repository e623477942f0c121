//! Counting, exactly once: what objects say of one distribution, merged into what was seen before.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::Series;
use super::plan::{Heard, plan};
use super::store::{CHANGE_ITEMS, Committed, Partial, Store, StoreError, Wait};
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
    /// All of its refusals that are the web ACL's or wait for its log.
    pub waf: Series,
    /// Those that wait; they are not among the refusals above.
    pub waiting: Option<Wait>,
}

/// What has come: objects; or the evidence for what waited, with where it belongs; or nothing, and
/// then what is open is looked at again, because the silence of a site that gets no logs ends
/// incidents as well.
#[derive(Clone, Debug)]
pub enum Arrived {
    /// Objects.
    Objects(Vec<Contribution>),
    /// Evidence.
    Evidence(Box<Wait>, BTreeMap<Subject, Series>),
    /// Nothing.
    Nothing,
}

impl Arrived {
    /// The objects.
    pub fn objects(&self) -> &[Contribution] {
        match self {
            Self::Objects(objects) => objects,
            Self::Evidence(..) | Self::Nothing => &[],
        }
    }

    fn subjects(&self) -> Vec<Subject> {
        let subjects: BTreeSet<&Subject> = match self {
            Self::Objects(objects) => objects.iter().flat_map(|one| one.refused.keys()).collect(),
            Self::Evidence(_, moved) => moved.keys().collect(),
            Self::Nothing => BTreeSet::new(),
        };
        subjects.into_iter().cloned().collect()
    }
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

/// Counts what has come of one distribution and tells what follows.
pub fn record(
    desk: &Desk<'_>,
    distribution: &str,
    mut arrived: Arrived,
) -> Result<Recorded, StoreError> {
    let mut recorded = Recorded::default();
    let mut tries = 0;
    loop {
        if let Arrived::Objects(objects) = &arrived
            && objects.is_empty()
        {
            break;
        }
        let known = desk.store.load(distribution, &arrived.subjects())?;
        let planned = plan(desk, distribution, &arrived, known);
        if let Arrived::Objects(objects) = &mut arrived
            && planned.change.items() > CHANGE_ITEMS
            && objects.len() > 1
        {
            let rest = objects.split_off(objects.len() / 2);
            for half in [std::mem::take(objects), rest] {
                let part = record(desk, distribution, Arrived::Objects(half))?;
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
                if let Arrived::Objects(mine) = &mut arrived {
                    mine.retain(|one| !objects.contains(&one.object));
                }
                recorded.duplicates.extend(objects);
            }
            Committed::Conflict => {
                // Somebody else may have settled it.
                if let Arrived::Evidence(wait, _) = &arrived
                    && !desk.store.waits()?.iter().any(|one| one.is_of(wait))
                {
                    break;
                }
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
