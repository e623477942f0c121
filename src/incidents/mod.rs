//! What is new.
//!
//! One rule so far: a cause that was never counted before for its distribution is an incident at
//! twenty requests.

pub mod record;
pub mod series;
pub mod store;

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::report::Incident;
use crate::report::build::Subject;

/// Requests from which a cause that was never seen before is news. One refusal is a typing error,
/// twenty of them are people.
pub const NEWS: u64 = 20;

/// Seconds of one bucket of counts.
pub const BUCKET_SECONDS: i64 = 300;

/// The counts of one series: five-minute buckets of event time. They merge in any order.
pub type Counts = BTreeMap<i64, u64>;

/// The bucket in which a moment lies.
pub fn bucket_of(time: Timestamp) -> i64 {
    time.as_second().div_euclid(BUCKET_SECONDS)
}

/// The moment at which a bucket begins.
pub fn start_of(bucket: i64) -> Timestamp {
    Timestamp::from_second(bucket.saturating_mul(BUCKET_SECONDS)).unwrap_or(Timestamp::MIN)
}

/// Counts refusals by subject and bucket.
pub fn count(subjects: impl Iterator<Item = (Subject, Timestamp)>) -> BTreeMap<Subject, Counts> {
    let mut series: BTreeMap<Subject, Counts> = BTreeMap::new();
    for (subject, time) in subjects {
        *series.entry(subject).or_default().entry(bucket_of(time)).or_default() += 1;
    }
    series
}

/// The incidents of refusals.
pub fn of(subjects: impl Iterator<Item = (Subject, Timestamp)>) -> Vec<Incident> {
    let mut incidents: Vec<Incident> = count(subjects)
        .into_iter()
        .filter_map(|(subject, counts)| detect(&subject, &counts))
        .collect();
    incidents.sort_by(|a, b| (a.start, &a.id).cmp(&(b.start, &b.id)));
    incidents
}

/// Whether a series holds an incident. A pure function of its counts.
pub fn detect(subject: &Subject, counts: &Counts) -> Option<Incident> {
    let start = *counts.keys().next()?;
    let mut sum = 0;
    let detected = counts.iter().find_map(|(bucket, count)| {
        sum += count;
        (sum >= NEWS).then_some(*bucket)
    })?;
    let forbidden: u64 = counts.values().sum();
    Some(Incident {
        id: subject.id("i"),
        distribution_id: subject.distribution_id.as_deref().map(str::to_owned),
        cause: subject.cause.id(),
        detail: subject.detail,
        rule: subject.rule.clone(),
        severity: subject.severity().id(),
        state: "open",
        start: start_of(start),
        detected: start_of(detected + 1),
        end: None,
        forbidden,
        // A series that was never seen before: half a refusal, by the rule of succession.
        expected: 0.5,
        p_value: poisson_tail(forbidden, 0.5),
        finding_ids: vec![subject.id("f")],
    })
}

/// The chance of at least `n` events where `mean` are expected.
fn poisson_tail(n: u64, mean: f64) -> f64 {
    let mut term = (-mean).exp();
    for k in 1..=n.min(1000) {
        term *= mean / k as f64;
    }
    // The first term of the tail bounds it from below; the rest is a geometric series.
    (term / (1.0 - mean / (n as f64 + 1.0))).max(f64::MIN_POSITIVE)
}
