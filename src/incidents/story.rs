//! What people are told of an incident: that it has begun, that it has grown, that it is over, and
//! each of these once.
//!
//! The detector is asked again after every delivery, and each time it tells the whole story. Beside
//! it stands what was written the last time; only the difference is news.

use super::lifecycle::{REOPENS, Reason};
use super::series::Bucket;
use super::state::HORIZON;
use super::{Incident, IncidentState, Settings, incident_id};

/// Incidents of a series that are remembered as written: more than can follow each other, an hour
/// apart, within the buckets that are judged again.
pub const WRITTEN_KEPT: usize = 26;

/// Growth that is worth another message: four of them for a 256-fold rise.
const GROWTH: u64 = 4;

/// Buckets between two messages about growth: half an hour.
pub(super) const BETWEEN_MESSAGES: Bucket = 6;

/// An incident as it was written the last time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// The start that it got its name from.
    pub first_start: Bucket,
    /// The start as it is known now.
    pub start: Bucket,
    /// The first bucket after it, if it was over.
    pub end: Option<Bucket>,
    /// Why it was over.
    pub closed: Option<Reason>,
    /// The moment of the last message, by the delivery's clock.
    pub told: Bucket,
    /// Refusals at the last message.
    pub told_count: u64,
    /// It was found in logs so old that nobody was told.
    pub silent: bool,
}

/// What is new about an incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// It was not known before.
    Opened,
    /// It is over no more.
    Reopened,
    /// It has grown fourfold since the last message.
    Grown,
    /// It is over.
    Resolved(Reason),
}

/// One thing to tell.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The incident, under the name that it was first given.
    pub incident: Incident,
    /// What is new about it.
    pub news: News,
}

/// Compares what was written with what is found now (settled incidents included), brings `written`
/// up to date, and gives what is to be told. Asking again changes nothing and tells nothing, so a
/// crash between writing and telling loses and doubles nothing.
pub fn tell(
    written: &mut Vec<Written>,
    found: &[Incident],
    settings: &Settings<'_>,
    clock: Bucket,
) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut matched = vec![false; written.len()];
    for incident in found {
        let known = written
            .iter_mut()
            .zip(matched.iter_mut())
            .find(|(known, matched)| !**matched && known.same_story(incident));
        match known {
            Some((known, matched)) => {
                *matched = true;
                changes.extend(known.goes_on(incident, settings, clock));
            }
            None => {
                let (new, news) = Written::first(incident, clock);
                written.push(new);
                matched.push(true);
                changes.extend(
                    news.into_iter().map(|news| Change { incident: incident.clone(), news }),
                );
            }
        }
    }
    // An alert cannot be unsent; but what later evidence explains away must not stay open.
    for (known, _) in written.iter_mut().zip(&matched).filter(|(_, matched)| !**matched) {
        changes.extend(known.explained_away(settings, clock));
    }
    written.sort_by_key(|known| (known.start, known.first_start));
    let surplus = written.len().saturating_sub(WRITTEN_KEPT);
    written.drain(..surplus);
    changes
}

/// Of what was found, what people think of that it goes on, under the names that it has for them.
pub fn going_on(written: &[Written], found: &[Incident], settings: &Settings<'_>) -> Vec<Incident> {
    let open = written.iter().filter(|known| known.closed.is_none());
    let now = open.filter_map(|known| {
        let mine = |one: &&Incident| one.end.is_none() && known.same_story(one);
        found.iter().rfind(mine).map(|one| known.named(one, settings))
    });
    now.collect()
}

impl Written {
    /// What is written of an incident that was not known, and what is told of it.
    fn first(incident: &Incident, clock: Bucket) -> (Written, Vec<News>) {
        // Old logs teach. They are no reason to wake anybody.
        let silent = incident.last_excess < clock - HORIZON;
        let (closed, end) = match incident.state {
            IncidentState::Resolved(reason) => (Some(reason), incident.end),
            IncidentState::Open if silent => (Some(Reason::Quiet), Some(incident.last_excess + 1)),
            IncidentState::Open => (None, None),
        };
        let written = Written {
            first_start: incident.start,
            start: incident.start,
            end,
            closed,
            told: clock,
            told_count: incident.forbidden,
            silent,
        };
        let news = match closed {
            _ if silent => Vec::new(),
            Some(reason) => vec![News::Opened, News::Resolved(reason)],
            None => vec![News::Opened],
        };
        (written, news)
    }

    /// Whether a found incident is the one that was written, or continues it within the hour.
    fn same_story(&self, incident: &Incident) -> bool {
        let written_end = self.end.unwrap_or(Bucket::MAX - REOPENS);
        let found_end = incident.end.unwrap_or(Bucket::MAX - REOPENS);
        incident.start <= written_end + REOPENS && self.start <= found_end + REOPENS
    }

    fn goes_on(
        &mut self,
        incident: &Incident,
        settings: &Settings<'_>,
        clock: Bucket,
    ) -> Option<Change> {
        let old = incident.last_excess < clock - HORIZON;
        let news = match (self.closed, incident.state) {
            (None, IncidentState::Resolved(reason)) => Some(News::Resolved(reason)),
            (Some(_), IncidentState::Open) if self.silent && old => None,
            (Some(_), IncidentState::Open) if self.silent => Some(News::Opened),
            (Some(_), IncidentState::Open) => Some(News::Reopened),
            (None, IncidentState::Open)
                if incident.forbidden >= GROWTH.saturating_mul(self.told_count)
                    && clock - self.told >= BETWEEN_MESSAGES =>
            {
                Some(News::Grown)
            }
            _ => None,
        };
        self.start = incident.start;
        if !(self.silent && old) {
            (self.closed, self.end) = match incident.state {
                IncidentState::Resolved(reason) => (Some(reason), incident.end),
                IncidentState::Open => (None, None),
            };
        }
        let news = news?;
        (self.told, self.told_count) = (clock, incident.forbidden);
        self.silent = false;
        Some(Change { incident: self.named(incident, settings), news })
    }

    fn explained_away(&mut self, settings: &Settings<'_>, clock: Bucket) -> Option<Change> {
        if self.closed.is_some() {
            return None;
        }
        let end = self.start + 1;
        (self.closed, self.end, self.told) = (Some(Reason::LateData), Some(end), clock);
        let incident = Incident {
            id: String::new(),
            start: self.start,
            detected: end,
            end: Some(end),
            last_excess: self.start,
            forbidden: 0,
            expected: 0.0,
            p_value: 1.0,
            state: IncidentState::Resolved(Reason::LateData),
        };
        let incident = self.named(&incident, settings);
        Some(Change { incident, news: News::Resolved(Reason::LateData) })
    }

    fn named(&self, incident: &Incident, settings: &Settings<'_>) -> Incident {
        let id = incident_id(settings.distribution, settings.series, self.first_start);
        Incident { id, ..incident.clone() }
    }
}
