//! Counting, exactly once: what objects say of one distribution, merged into what was seen before.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::series::{Opened, Series, Story};
use super::store::{CHANGE_ITEMS, Change, Committed, Counted, Partial, State, Store, StoreError};
use super::{Counts, detect};
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
    /// Its counts.
    pub series: BTreeMap<Subject, Counts>,
}

/// Incidents of one cause that follow within this belong to one story.
const SAME_STORY_SECONDS: i64 = 3600;

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
}

/// An alert's place in its story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The story's id.
    pub alert_id: String,
    /// The number of the message.
    pub sequence: u64,
    /// `open` or `update`.
    pub state: &'static str,
}

/// Counts what objects say of one distribution and opens the incidents that follow.
///
/// `write` makes the alert of incidents of one cause. `wait` sleeps before a try that follows a
/// conflict.
pub fn record(
    store: &dyn Store,
    distribution: &str,
    mut contributions: Vec<Contribution>,
    now: Timestamp,
    write: &dyn Fn(&[Incident], &Place) -> Option<Outgoing>,
    wait: &dyn Fn(Duration),
) -> Result<Recorded, StoreError> {
    let mut recorded = Recorded::default();
    let mut tries = 0;
    while !contributions.is_empty() {
        let subjects: BTreeSet<&Subject> =
            contributions.iter().flat_map(|one| one.series.keys()).collect();
        let subjects: Vec<Subject> = subjects.into_iter().cloned().collect();
        let state = store.load(distribution, &subjects)?;
        let (change, opened) = plan(distribution, &contributions, &state, now, write);
        if change.items() > CHANGE_ITEMS && contributions.len() > 1 {
            let rest = contributions.split_off(contributions.len() / 2);
            for half in [contributions, rest] {
                let part = record(store, distribution, half, now, write, wait)?;
                recorded.alerts.extend(part.alerts);
                recorded.opened += part.opened;
                recorded.duplicates.extend(part.duplicates);
            }
            return Ok(recorded);
        }
        match store.commit(&change)? {
            Committed::Done => {
                recorded.alerts.extend(change.outbox);
                recorded.opened += opened;
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
                wait(Duration::from_millis(20 << tries.min(6)));
            }
        }
    }
    Ok(recorded)
}

/// What is to be written, and how many incidents it opens. A pure function of what is known.
fn plan(
    distribution: &str,
    contributions: &[Contribution],
    state: &State,
    now: Timestamp,
    write: &dyn Fn(&[Incident], &Place) -> Option<Outgoing>,
) -> (Change, usize) {
    let mut change = Change { distribution: distribution.to_owned(), ..Change::default() };
    for one in contributions {
        let counted = Counted {
            distribution: distribution.to_owned(),
            of: one.of,
            partial: one.partial.clone(),
        };
        change.objects.push((one.object.clone(), counted));
        for (subject, counts) in &one.series {
            let known = || state.series.get(subject).cloned().unwrap_or_default();
            change.series.entry(subject.clone()).or_insert_with(known).tally.add(counts);
        }
    }
    let mut news: BTreeMap<Cause, Vec<Incident>> = BTreeMap::new();
    for (subject, series) in &mut change.series {
        if let Some(incident) = opens(subject, series) {
            series.incident = Some(Opened { id: incident.id.clone(), at: now });
            news.entry(subject.cause).or_default().push(incident);
        }
    }
    let opened = news.values().map(Vec::len).sum();
    for (cause, mut incidents) in news {
        incidents.sort_by(|a, b| (b.forbidden, &a.id).cmp(&(a.forbidden, &b.id)));
        let known = state.stories.get(&cause).cloned().unwrap_or_default();
        let (story, place) = next(known, &incidents);
        change.outbox.extend(write(&incidents, &place));
        change.stories.insert(cause, story);
    }
    (change, opened)
}

/// The incident that a series opens by its new counts, unless it has opened one before.
fn opens(subject: &Subject, series: &Series) -> Option<Incident> {
    if series.incident.is_some() {
        return None;
    }
    detect(subject, &series.tally.recent)
}

/// The next message of a story: its first one, or an update of what began within the hour before.
fn next(mut story: Story, incidents: &[Incident]) -> (Story, Place) {
    let detected = incidents.iter().map(|one| one.detected.as_second()).max().unwrap_or_default();
    let goes_on = story.revision > 0 && detected - story.last <= SAME_STORY_SECONDS;
    if !goes_on {
        story.alert_id = incidents.first().map(|one| one.id.clone()).unwrap_or_default();
        story.sequence = 0;
    }
    story.sequence += 1;
    story.last = story.last.max(detected);
    let place = Place {
        alert_id: story.alert_id.clone(),
        sequence: story.sequence,
        state: if goes_on { "update" } else { "open" },
    };
    (story, place)
}

#[cfg(test)]
mod tests;
