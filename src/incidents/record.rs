//! Counting, exactly once: what objects say of one distribution, merged into what was seen before.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::Series;
use super::messages::Gist;
use super::plan::{Heard, plan};
use super::store::{CHANGE_ITEMS, Committed, Mark, Partial, Store, StoreError, Wait};
use crate::alerts::Outgoing;
use crate::causes::Cause;
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
    /// Whether these are records of a real-time log, of whose requests objects may tell as well.
    pub realtime: bool,
    /// How far its shard is counted with it, where it is a stretch of a stream. It is no object then.
    pub mark: Option<Mark>,
    /// Its refusals.
    pub refused: BTreeMap<Subject, Series>,
    /// Its other requests.
    pub served: Series,
    /// All of its refusals that are the web ACL's or wait for its log.
    pub waf: Series,
    /// Those that wait; they are not among the refusals above.
    pub waiting: Option<Wait>,
}

/// What has come: objects; or the evidence for what waited, with where it belongs; or proof of what
/// was told, which moves no count and is told at once; or nothing, and then what is open is looked at again, because the silence of a site that gets no logs ends
/// incidents as well.
#[derive(Clone, Debug)]
pub enum Arrived {
    /// Objects.
    Objects(Vec<Contribution>),
    /// Evidence.
    Evidence(Box<Wait>, BTreeMap<Subject, Series>),
    /// Proof.
    Proof,
    /// Nothing.
    Nothing,
}

impl Arrived {
    /// The objects.
    pub fn objects(&self) -> &[Contribution] {
        match self {
            Self::Objects(objects) => objects,
            Self::Evidence(..) | Self::Proof | Self::Nothing => &[],
        }
    }

    /// What is counted, by what it is counted under.
    pub fn refused(&self) -> impl Iterator<Item = (&Subject, &Series)> {
        let moved = match self {
            Self::Evidence(_, moved) => Some(moved),
            Self::Objects(_) | Self::Proof | Self::Nothing => None,
        };
        self.objects().iter().map(|one| &one.refused).chain(moved).flatten()
    }

    /// Under what something is counted.
    pub fn subjects(&self) -> impl Iterator<Item = &Subject> {
        self.refused().map(|(subject, _)| subject)
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
    /// Refusals that were counted, by cause.
    pub refused: BTreeMap<Cause, u64>,
    /// What could not be written, and why. What stands above was written nevertheless.
    pub failed: Option<Failed>,
}

/// What could not be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// Objects that were not counted.
    pub objects: Vec<Object>,
    /// Why.
    pub error: StoreError,
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
    /// Why there is an update.
    pub why: Option<&'static str>,
    /// How sure the last message was, where there was one.
    pub confidence: Option<String>,
}

/// Makes an alert of some incidents, a message for each audience, with what it says in short.
pub type Write<'a> = dyn Fn(&[Incident], &Place) -> Option<(Vec<Outgoing>, Gist)> + 'a;

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
    pub write: &'a Write<'a>,
    /// Sleeps before a try that follows a conflict.
    pub wait: &'a dyn Fn(Duration),
}

/// Counts what has come of one distribution and tells what follows.
pub fn record(desk: &Desk<'_>, distribution: &str, arrived: Arrived) -> Recorded {
    let mut recorded = Recorded::default();
    let mut parts = vec![arrived];
    while let Some(mut part) = parts.pop() {
        match commit(desk, distribution, &mut part, &mut recorded) {
            Ok(None) => {}
            Ok(Some(rest)) => parts.extend([rest, part]),
            Err(error) => {
                // What is written already stands, and its alerts go out now.
                parts.push(part);
                let objects = parts.iter().flat_map(|part| part.objects());
                let objects = objects.map(|one| one.object.clone()).collect();
                recorded.failed = Some(Failed { objects, error });
                break;
            }
        }
    }
    recorded
}

/// Writes all that has come, or gives back half of it where that is too much for one transaction.
fn commit(
    desk: &Desk<'_>,
    distribution: &str,
    arrived: &mut Arrived,
    recorded: &mut Recorded,
) -> Result<Option<Arrived>, StoreError> {
    let mut tries = 0;
    loop {
        if let Arrived::Objects(objects) = arrived
            && objects.is_empty()
        {
            return Ok(None);
        }
        let known = desk.store.load(distribution)?;
        let planned = plan(desk, distribution, arrived, known);
        if let Arrived::Objects(objects) = arrived
            && planned.change.items() > CHANGE_ITEMS
            && objects.len() > 1
        {
            return Ok(Some(Arrived::Objects(objects.split_off(objects.len() / 2))));
        }
        if planned.change.items() == 0 {
            return Ok(None);
        }
        match desk.store.commit(&planned.change)? {
            Committed::Done => {
                recorded.alerts.extend(planned.change.outbox);
                recorded.opened += planned.opened;
                recorded.late += planned.late;
                for (cause, count) in planned.refused {
                    *recorded.refused.entry(cause).or_default() += count;
                }
                return Ok(None);
            }
            Committed::Duplicates(objects) => {
                if let Arrived::Objects(mine) = arrived {
                    mine.retain(|one| !objects.contains(&one.object));
                }
                recorded.duplicates.extend(objects);
            }
            Committed::Conflict => {
                // Somebody else may have settled it.
                if let Arrived::Evidence(wait, _) = &*arrived
                    && !desk.store.waits()?.iter().any(|one| one.is_of(wait))
                {
                    return Ok(None);
                }
                tries += 1;
                if tries >= TRIES {
                    return Err(StoreError::Away("others write at the same time".to_owned()));
                }
                (desk.wait)(Duration::from_millis(20 << tries.min(6)));
            }
        }
    }
}

#[cfg(test)]
mod tests;
