//! What is to be written and told: a pure function of what is known, what came, and the time.

use std::collections::{BTreeMap, BTreeSet};

use super::counting::{crowded_out, rest, series_name, settings, shown};
use super::messages::{self, CauseNews};
use super::record::{Arrived, Contribution, Desk};
use super::sources::{self, Part};
use super::store::{Change, Counted, Known, Site, Stored};
use super::story::{News as What, going_on, tell};
use super::{Bucket, Series, bucket_of};
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
    /// Refusals that it counts. What another source has told of already is not among them.
    pub refused: BTreeMap<Cause, u64>,
}

impl Planned {
    fn note_refused(&mut self, part: &Part) {
        let waiting = [(Cause::Waf, &part.waiting)];
        let judged = part.refused.iter().map(|(subject, series)| (subject.cause, series));
        for (cause, series) in judged.chain(waiting) {
            let sum: u64 = series.counts().map(|(_, count)| u64::from(count)).sum();
            if sum > 0 {
                *self.refused.entry(cause).or_default() += sum;
            }
        }
    }
}

/// The series of a distribution while a commit is planned.
#[derive(Default)]
struct Table {
    series: BTreeMap<Subject, Stored>,
    /// Rules that have no series of their own, now or any more.
    crowded: BTreeSet<Subject>,
    /// What came for the rest of the rules, by its series.
    together: BTreeMap<Subject, BTreeSet<Subject>>,
    /// Refusals that came too late for their five minutes.
    late: u64,
}

impl Table {
    fn add(&mut self, subject: &Subject, counts: &Series) {
        let rest = rest(subject);
        let mine = if self.crowded.contains(subject) { &rest } else { subject };
        if *mine == rest && subject.cause == Cause::Waf {
            self.together.entry(rest.clone()).or_default().insert(subject.clone());
        }
        self.late += self.series.entry(mine.clone()).or_default().state.merge(counts);
    }

    fn shown(&self, subject: &Subject, incident: &super::Incident) -> Incident {
        shown(subject, incident, self.together.get(subject))
    }
}

/// What is to be written.
pub fn plan(desk: &Desk<'_>, distribution: &str, arrived: &Arrived, known: Known) -> Planned {
    let contributions = arrived.objects();
    let mut planned = Planned::default();
    planned.change.distribution = distribution.to_owned();
    let had_open = known.has_open();
    let Known { site, series: unchanged, stories } = known;
    let before = site.clone().unwrap_or_default();
    let mut site = site.unwrap_or_default();
    let mut table = Table {
        crowded: crowded_out(
            unchanged.keys().chain(arrived.subjects()).chain(before.sources.aside.refused.keys()),
        ),
        series: unchanged.clone(),
        ..Table::default()
    };
    let mut parts = Vec::new();
    for one in contributions {
        let counted = Counted {
            distribution: distribution.to_owned(),
            of: one.of,
            partial: one.partial.clone(),
        };
        match &one.mark {
            Some(mark) => planned.change.marks.push(mark.clone()),
            None => planned.change.objects.push((one.object.clone(), counted)),
        }
        note_span(&mut site, one);
        planned.change.waits.extend(one.waiting.clone());
        let part = Part::of(one);
        let part = match one.realtime {
            true => {
                let mut sources = std::mem::take(&mut site.sources);
                let counted = |bucket| sources::requests(&site, &unchanged, bucket) > 0;
                let part = sources.of_stream(&part, counted);
                site.sources = sources;
                part
            }
            false => site.sources.of_object(part),
        };
        site.served.merge(&part.served);
        site.waf.merge(&part.waf);
        site.waiting.merge(&part.waiting);
        planned.note_refused(&part);
        parts.push(part);
    }
    if let Arrived::Evidence(wait, moved) = arrived {
        let part = site.sources.of_evidence(wait.is_realtime(), &wait.counts, moved);
        site.waiting.take_all(&part.waiting);
        planned.change.settled = Some(wait.as_ref().clone());
        parts.push(part);
    }
    let Some(first) = site.first else {
        planned.change.site = (!contributions.is_empty()).then_some(site);
        return planned;
    };
    let clock = bucket_of(desk.now);
    let newest = site.newest.unwrap_or(first);
    let mut news = News::default();
    for subject in &table.crowded {
        let Some(mut stored) = table.series.remove(subject) else { continue };
        planned.change.gone.insert(subject.clone(), stored.revision);
        let name = series_name(subject);
        let settings = settings(subject, &name, first, desk.distributions);
        // It goes on as part of the rest, if it does.
        for change in tell(&mut stored.state.written, &[], &settings, clock) {
            news.add(desk, change.news, shown(subject, &change.incident, None), subject);
        }
        stored.state.fold(Some(&site.served), &settings, newest);
        table.series.entry(rest(subject)).or_default().state.absorb(stored.state);
    }
    for (subject, counts) in parts.iter().flat_map(|part| &part.refused) {
        table.add(subject, counts);
    }
    for part in sources::settle(&mut site, &mut table.series, newest) {
        part.refused.iter().for_each(|(subject, counts)| table.add(subject, counts));
    }
    planned.late = table.late;
    // Where no log comes there may have been no request, or none was logged yet.
    let complete = match arrived {
        Arrived::Nothing => clock,
        Arrived::Objects(_) | Arrived::Evidence(..) | Arrived::Proof => newest,
    } - LATENESS
        + 1;
    let mut series = std::mem::take(&mut table.series);
    for (subject, stored) in &mut series {
        // What is open is looked at again, although nothing of it came: that may be its end.
        let came = unchanged.get(subject).is_none_or(|known| known.state != stored.state);
        if !came && !stored.state.has_open() {
            continue;
        }
        let name = series_name(subject);
        let settings = settings(subject, &name, first, desk.distributions);
        let state = &mut stored.state;
        let mut found = state.fold(Some(&site.served), &settings, newest);
        found.extend(state.detect(Some(&site.served), &settings, complete));
        for change in tell(&mut state.written, &found, &settings, clock) {
            news.add(desk, change.news, table.shown(subject, &change.incident), subject);
        }
        for incident in going_on(&state.written, &found, &settings) {
            news.goes_on(desk, table.shown(subject, &incident), subject);
        }
    }
    judge_waiting(desk, distribution, &mut site, complete, &mut news);
    site.served.fold_served(first, newest);
    planned.opened = news.opened;
    let at_once = matches!(arrived, Arrived::Proof);
    for (cause, news) in news.by_cause {
        let known = stories.get(&cause).cloned().unwrap_or_default();
        let story = messages::go_on(desk, known.clone(), news, at_once, &mut planned.change.outbox);
        if story != known {
            planned.change.stories.insert(cause, story);
        }
    }
    let waf_open = site.waf.has_open();
    let opens = waf_open || series.values().any(|stored| stored.state.has_open());
    planned.change.opens = (opens != had_open).then_some(opens);
    series.retain(|subject, stored| unchanged.get(subject) != Some(stored));
    planned.change.series = series;
    planned.change.site = (site != before || !contributions.is_empty()).then_some(site);
    planned
}

/// What is to be told of the incidents of a distribution.
#[derive(Default)]
struct News {
    by_cause: BTreeMap<Cause, CauseNews>,
    opened: usize,
}

impl News {
    fn of(&mut self, desk: &Desk<'_>, subject: &Subject) -> Option<&mut CauseNews> {
        let heard = desk.heard.of(subject.severity());
        heard.then(|| self.by_cause.entry(subject.cause).or_default())
    }

    fn add(&mut self, desk: &Desk<'_>, what: What, incident: Incident, subject: &Subject) {
        self.opened += usize::from(what == What::Opened);
        if let Some(news) = self.of(desk, subject) {
            match what {
                What::Resolved(_) => news.over.push(incident),
                What::Opened | What::Reopened | What::Grown => news.begun.push((what, incident)),
            }
        }
    }

    fn goes_on(&mut self, desk: &Desk<'_>, incident: Incident, subject: &Subject) {
        if let Some(news) = self.of(desk, subject) {
            news.open.push(incident);
        }
    }
}

/// Judges what waits for WAF logs: by the past of the whole web ACL together with what waited
/// before, or every nightly scanner would be news until its log is there. Incidents of which what
/// waits is less than half are those of other series.
fn judge_waiting(
    desk: &Desk<'_>,
    distribution: &str,
    site: &mut Site,
    complete: Bucket,
    news: &mut News,
) {
    let (Some(first), Some(newest)) = (site.first, site.newest) else { return };
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
    for change in tell(&mut site.waf.written, &found, &settings, bucket_of(desk.now)) {
        news.add(desk, change.news, shown(&subject, &change.incident, None), &subject);
    }
    for incident in going_on(&site.waf.written, &found, &settings) {
        news.goes_on(desk, shown(&subject, &incident, None), &subject);
    }
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
