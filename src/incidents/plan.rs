//! What is to be written and told: a pure function of what is known, what came, and the time.

use std::collections::BTreeMap;

use super::counting::{series_name, settings, shown};
use super::record::{Arrived, Contribution, Desk, Place};
use super::series::HOUR;
use super::store::{Change, Counted, Known, Site, Stored, Story};
use super::{Bucket, News, bucket_of, tell};
use crate::alerts::Outgoing;
use crate::causes::{Cause, Severity};
use crate::report::Incident;
use crate::report::build::Subject;

/// How late most logs are: an incident ends only by the silence of buckets that are older. S3 logs
/// of a busy site were measured to come within the hour; AWS says "up to 24 hours", and what comes
/// so late opens the incident again.
const LATENESS: Bucket = 15;

/// What people want to hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Faults.
    pub fault: bool,
    /// Rules at work that are new or out of proportion.
    pub enforcement: bool,
    /// What may be either.
    pub unknown: bool,
}

impl Default for Heard {
    fn default() -> Self {
        Self { fault: true, enforcement: true, unknown: true }
    }
}

impl Heard {
    fn of(self, severity: Severity) -> bool {
        match severity {
            Severity::Fault => self.fault,
            Severity::Enforcement => self.enforcement,
            Severity::Unknown => self.unknown,
        }
    }
}

/// What a commit writes, and what it means.
#[derive(Debug, Default)]
pub struct Planned {
    /// What is written.
    pub change: Change,
    /// Incidents that it opens.
    pub opened: usize,
    /// Refusals that came too late for their five minutes.
    pub late: u64,
}

/// What is to be written.
pub fn plan(desk: &Desk<'_>, distribution: &str, arrived: &Arrived, known: Known) -> Planned {
    let contributions = arrived.objects();
    let mut planned = Planned::default();
    planned.change.distribution = distribution.to_owned();
    let Known { site, mut series, stories } = known;
    let before = site.clone().unwrap_or_default();
    let mut site = site.unwrap_or_default();
    let mut touched: BTreeMap<Subject, Stored> = BTreeMap::new();
    for one in contributions {
        let counted = Counted {
            distribution: distribution.to_owned(),
            of: one.of,
            partial: one.partial.clone(),
        };
        planned.change.objects.push((one.object.clone(), counted));
        note_span(&mut site, one);
        site.served.merge(&one.served);
        site.waf.merge(&one.waf);
        if let Some(wait) = &one.waiting {
            site.waiting.merge(&wait.counts);
            planned.change.waits.push(wait.clone());
        }
        for (subject, counts) in &one.refused {
            let stored = touched
                .entry(subject.clone())
                .or_insert_with(|| series.remove(subject).unwrap_or_default());
            planned.late += stored.state.merge(counts);
        }
    }
    if let Arrived::Evidence(wait, moved) = arrived {
        site.waiting.take_all(&wait.counts);
        planned.change.settled = Some(wait.as_ref().clone());
        for (subject, counts) in moved {
            let stored = touched
                .entry(subject.clone())
                .or_insert_with(|| series.remove(subject).unwrap_or_default());
            planned.late += stored.state.merge(counts);
        }
    }
    // What is open is looked at again, although nothing of it came: that may be its end.
    let mut waiting: BTreeMap<Subject, Stored> =
        site.open.iter().filter_map(|subject| series.remove_entry(subject)).collect();
    let unchanged = waiting.clone();
    let Some(first) = site.first else {
        planned.change.site = (!contributions.is_empty()).then_some(site);
        return planned;
    };
    let clock = bucket_of(desk.now);
    let newest = site.newest.unwrap_or(first);
    // Where no log comes there may have been no request, or none was logged yet.
    let complete = match arrived {
        Arrived::Nothing => clock,
        Arrived::Objects(_) | Arrived::Evidence(..) => newest,
    } - LATENESS
        + 1;
    let mut news: BTreeMap<Cause, Vec<(News, Incident)>> = BTreeMap::new();
    for (subject, stored) in touched.iter_mut().chain(&mut waiting) {
        let name = series_name(subject);
        let settings = settings(subject, &name, first, desk.distributions);
        let state = &mut stored.state;
        let mut found = state.fold(Some(&site.served), &settings, newest);
        found.extend(state.detect(Some(&site.served), &settings, complete));
        for change in tell(&mut state.written, &found, &settings, clock) {
            planned.opened += usize::from(change.news == News::Opened);
            if desk.heard.of(subject.severity()) {
                let incident = shown(subject, &change.incident);
                news.entry(subject.cause).or_default().push((change.news, incident));
            }
        }
        if state.written.iter().any(|written| written.closed.is_none()) {
            site.open.insert(subject.clone());
        } else {
            site.open.remove(subject);
        }
    }
    planned.opened += judge_waiting(desk, distribution, &mut site, complete, &mut news);
    site.served.fold_served(first, newest);
    for (cause, news) in news {
        let known = stories.get(&cause).cloned().unwrap_or_default();
        planned.change.stories.insert(cause, go_on(desk, known, news, &mut planned.change.outbox));
    }
    waiting.retain(|subject, stored| unchanged.get(subject) != Some(stored));
    touched.extend(waiting);
    planned.change.series = touched;
    let opens = site.has_open();
    planned.change.opens = (opens != before.has_open()).then_some(opens);
    planned.change.site = (site != before || !contributions.is_empty()).then_some(site);
    planned
}

/// Judges what waits for WAF logs: by the past of the whole web ACL together with what waited
/// before, or every nightly scanner would be news until its log is there. Incidents of which what
/// waits is less than half are those of other series.
fn judge_waiting(
    desk: &Desk<'_>,
    distribution: &str,
    site: &mut Site,
    complete: Bucket,
    news: &mut BTreeMap<Cause, Vec<(News, Incident)>>,
) -> usize {
    let (Some(first), Some(newest)) = (site.first, site.newest) else { return 0 };
    let subject = Subject {
        distribution_id: (!distribution.is_empty()).then(|| distribution.into()),
        cause: Cause::Waf,
        detail: Some("edge"),
        rule: None,
    };
    let settings = settings(&subject, "waf/waiting", first, desk.distributions);
    let mut found = site.waf.fold(Some(&site.served), &settings, newest);
    found.extend(site.waf.detect(Some(&site.served), &settings, complete));
    found.retain(|one| {
        let waits = site.waiting.sum(one.start..one.end.unwrap_or(Bucket::MAX));
        waits > 0 && waits * 2 >= one.forbidden
    });
    let mut opened = 0;
    for change in tell(&mut site.waf.written, &found, &settings, bucket_of(desk.now)) {
        opened += usize::from(change.news == News::Opened);
        if desk.heard.of(subject.severity()) {
            let incident = shown(&subject, &change.incident);
            news.entry(subject.cause).or_default().push((change.news, incident));
        }
    }
    opened
}

/// Notes when a distribution was first and last heard of.
fn note_span(site: &mut Site, one: &Contribution) {
    let all = one.refused.values().chain([&one.served, &one.waf]);
    let spans = all.filter_map(super::Series::span);
    for (first, last) in spans {
        site.first = Some(site.first.map_or(first, |known| known.min(first)));
        site.newest = Some(site.newest.map_or(last, |known| known.max(last)));
    }
}

/// What a story tells next: that something began or grew, and that all of it is over.
///
/// Incidents of one cause that overlap or follow within the hour are one story, whose id is that of
/// the first.
fn go_on(
    desk: &Desk<'_>,
    mut story: Story,
    news: Vec<(News, Incident)>,
    outbox: &mut Vec<Outgoing>,
) -> Story {
    let (mut over, mut begun): (Vec<_>, Vec<_>) =
        news.into_iter().partition(|(news, _)| matches!(news, News::Resolved(_)));
    let largest = |(_, a): &(News, Incident), (_, b): &(News, Incident)| {
        (b.forbidden, &a.id).cmp(&(a.forbidden, &b.id))
    };
    begun.sort_by(largest);
    over.sort_by(largest);
    let incidents = |news: &[(News, Incident)]| -> Vec<Incident> {
        news.iter().map(|(_, incident)| incident.clone()).collect()
    };
    if let Some(start) = begun.iter().map(|(_, one)| bucket_of(one.start)).min() {
        let goes_on = story.sequence > 0 && (!story.open.is_empty() || start <= story.last + HOUR);
        if !goes_on {
            story.alert_id = begun.first().map(|(_, one)| one.id.clone()).unwrap_or_default();
            story.sequence = 0;
            story.confidence = None;
        }
        for (_, one) in &begun {
            story.open.insert(one.id.clone());
            story.last = story.last.max(bucket_of(one.detected));
        }
        say(desk, &mut story, if goes_on { "update" } else { "open" }, &incidents(&begun), outbox);
    }
    for (_, one) in &over {
        story.open.remove(&one.id);
        story.last = story.last.max(one.end.map_or(Bucket::MIN, bucket_of));
    }
    if !over.is_empty() && story.open.is_empty() && story.sequence > 0 {
        say(desk, &mut story, "resolved", &incidents(&over), outbox);
    }
    story
}

fn say(
    desk: &Desk<'_>,
    story: &mut Story,
    state: &'static str,
    incidents: &[Incident],
    outbox: &mut Vec<Outgoing>,
) {
    story.sequence += 1;
    let place = Place {
        alert_id: story.alert_id.clone(),
        sequence: story.sequence,
        state,
        confidence: story.confidence.clone(),
    };
    let Some(alert) = (desk.write)(incidents, &place) else { return };
    let said = alert.attributes.iter().find(|(name, _)| name == "confidence");
    story.confidence = said.map(|(_, confidence)| confidence.clone()).or(story.confidence.take());
    outbox.push(alert);
}
