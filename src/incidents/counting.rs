//! Refusals to series, and a whole log to its incidents.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Bucket, Incident, IncidentState, Kind, Series, Settings, bucket_of, detect, time_of};
use crate::causes::{Cause, Severity};
use crate::logs::refusals::Glance;
use crate::logs::tally::{AccessTally, hash};
use crate::report;
use crate::report::build::Subject;

/// What was counted of one distribution.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Refusals by what they are counted under.
    pub refused: BTreeMap<Subject, Series>,
    /// Requests that were answered otherwise than with 403.
    pub served: Series,
}

impl Counts {
    /// Counts a refusal.
    pub fn refuse(&mut self, subject: &Subject, refusal: &Glance<'_>) {
        if !self.refused.contains_key(subject) {
            self.refused.insert(subject.clone(), Series::default());
        }
        if let Some(series) = self.refused.get_mut(subject) {
            note(series, refusal);
        }
    }

    /// Leaves no more rules apart than may be. Gives what is now together, by the series of the rest.
    pub fn crowd(&mut self) -> BTreeMap<Subject, BTreeSet<Subject>> {
        let mut crowded: BTreeMap<Subject, BTreeSet<Subject>> = BTreeMap::new();
        for subject in crowded_out(self.refused.keys()) {
            let Some(series) = self.refused.remove(&subject) else { continue };
            let rest = rest(&subject);
            let named = self.refused.contains_key(&rest).then(|| rest.clone());
            self.refused.entry(rest.clone()).or_default().merge(&series);
            let together = crowded.entry(rest).or_insert_with(|| named.into_iter().collect());
            together.insert(subject);
        }
        crowded
    }

    /// The first and the last bucket of anything.
    pub fn span(&self) -> Option<(Bucket, Bucket)> {
        let spans = || self.refused.values().chain([&self.served]).filter_map(Series::span);
        let first = spans().map(|(first, _)| first).min()?;
        Some((first, spans().map(|(_, last)| last).max()?))
    }
}

/// Counts one refusal.
pub fn note(series: &mut Series, refusal: &Glance<'_>) {
    let bucket = bucket_of(refusal.time);
    series.add(bucket, 1);
    if let Some(address) = refusal.client_ip.value() {
        series.add_client(bucket, hash(address.as_bytes()));
    }
}

/// Rules of one distribution that have a series of their own. Web ACLs that block by more are
/// rare, and a transaction takes a hundred items.
pub const RULES: usize = 32;

/// The rules that share one series, where there are more than [`RULES`].
///
/// Each rule is judged by its own past, because a new one on a checkout must not drown in a noisy
/// one. Which of too many keep their own must not depend on what came first: the largest would,
/// as long as not all has come. So the smallest of their ids keep it. Whatever comes later, these
/// were among the smallest from the first, and have lost nothing.
pub fn crowded_out<'a>(subjects: impl Iterator<Item = &'a Subject>) -> BTreeSet<Subject> {
    let rules: BTreeSet<&Subject> = subjects.filter(|subject| subject.rule.is_some()).collect();
    if rules.len() <= RULES {
        return BTreeSet::new();
    }
    let mut rules: Vec<(String, &Subject)> =
        rules.into_iter().map(|subject| (subject.id("s"), subject)).collect();
    rules.sort();
    rules.into_iter().skip(RULES).map(|(_, subject)| subject.clone()).collect()
}

/// The series of all rules that have none of their own.
pub fn rest(subject: &Subject) -> Subject {
    Subject { rule: None, ..subject.clone() }
}

/// The key of a subject in the name of an incident.
pub fn series_name(subject: &Subject) -> String {
    let (detail, rule) = (subject.detail.unwrap_or_default(), subject.rule.as_deref());
    format!("{}/{detail}/{}", subject.cause.id(), rule.unwrap_or_default())
}

/// How a subject is judged. `name` is its [`series_name`].
pub fn settings<'a>(
    subject: &'a Subject,
    name: &'a str,
    first: Bucket,
    distributions: u32,
) -> Settings<'a> {
    Settings {
        distribution: subject.distribution_id.as_deref().unwrap_or_default(),
        series: name,
        kind: match subject.severity() {
            Severity::Enforcement => Kind::Enforcement,
            Severity::Fault | Severity::Unknown => Kind::Fault,
        },
        first_bucket_of_distribution: first,
        distributions_in_account: distributions,
        provoked_alone: is_provoked_alone(subject),
    }
}

/// What one visitor can provoke without anybody's fault.
fn is_provoked_alone(subject: &Subject) -> bool {
    match subject.cause {
        Cause::Waf
        | Cause::SignedAccess
        | Cause::GeoRestriction
        | Cause::MethodNotAllowed
        | Cause::InvalidRequest
        | Cause::EdgeBlock
        | Cause::Unattributed => true,
        Cause::S3Origin => matches!(subject.detail, Some("object-missing" | "wrong-path")),
        _ => false,
    }
}

/// An incident as the report and the alerts have it. `rules` are those whose rest the series is.
pub fn shown(
    subject: &Subject,
    incident: &Incident,
    rules: Option<&BTreeSet<Subject>>,
) -> report::Incident {
    let ids = match rules {
        Some(rules) => rules.iter().map(|one| one.id("f")).collect(),
        None => vec![subject.id("f")],
    };
    report::Incident {
        id: incident.id.clone(),
        distribution_id: subject.distribution_id.as_deref().map(str::to_owned),
        cause: subject.cause.id(),
        detail: subject.detail,
        rule: subject.rule.clone(),
        severity: subject.severity().id(),
        state: match incident.state {
            IncidentState::Open => "open",
            IncidentState::Resolved(_) => "resolved",
        },
        start: time_of(incident.start),
        detected: time_of(incident.detected),
        end: incident.end.map(time_of),
        forbidden: incident.forbidden,
        expected: incident.expected,
        p_value: incident.p_value,
        finding_ids: ids,
    }
}

/// The incidents of a whole log, whose end is the end of all data.
pub fn of<'a>(
    tally: &AccessTally,
    refusals: impl Iterator<Item = (&'a Subject, Glance<'a>)>,
) -> Vec<report::Incident> {
    let mut counts: BTreeMap<Option<Box<str>>, Counts> = BTreeMap::new();
    let mut domains: BTreeMap<Option<Box<str>>, BTreeSet<&str>> = BTreeMap::new();
    for (subject, refusal) in refusals {
        let id = &subject.distribution_id;
        // What is served under a name is looked for, and no other name matters.
        let served = refusal.distribution_domain.filter(|name| tally.served.contains_key(*name));
        domains.entry(id.clone()).or_default().extend(served);
        counts.entry(id.clone()).or_default().refuse(subject, &refusal);
    }
    for (id, names) in &domains {
        let Some(mine) = counts.get_mut(id) else { continue };
        for served in names.iter().filter_map(|name| tally.served.get(*name)) {
            served.buckets.iter().for_each(|(bucket, count)| mine.served.add(*bucket, *count));
        }
    }
    let distributions = u32::try_from(tally.served.len()).unwrap_or(u32::MAX);
    let end = tally.window.map_or(Timestamp::UNIX_EPOCH, |(_, end)| end);
    let mut incidents = Vec::new();
    for mine in counts.values_mut() {
        let Some((first, _)) = mine.span() else { continue };
        let crowded = mine.crowd();
        for (subject, series) in &mine.refused {
            let name = series_name(subject);
            let settings = settings(subject, &name, first, distributions);
            let found = detect(series, Some(&mine.served), &settings, bucket_of(end) + 1);
            let rules = crowded.get(subject);
            incidents.extend(found.iter().map(|incident| shown(subject, incident, rules)));
        }
    }
    incidents.sort_by(|a, b| (a.start, &a.id).cmp(&(b.start, &b.id)));
    incidents
}
