use std::collections::BTreeSet;

use super::*;
use crate::alerts::Audience;
use crate::incidents::store::VERSION;
use crate::incidents::store::memory::MemoryStore;
use crate::incidents::{Bucket, Clients};

mod late;
mod orders;
mod sources;
mod stories;
mod trouble;

/// A Tuesday noon; the clock of most tests stands at it.
const NOON: Bucket = 5_909_904;

fn subject(cause: Cause, rule: Option<&str>) -> Subject {
    Subject {
        distribution_id: Some("E1".into()),
        cause,
        detail: (cause == Cause::Waf).then_some("edge"),
        rule: rule.map(str::to_owned),
    }
}

fn object(name: &str) -> Object {
    Object { bucket: "logs".into(), key: name.into(), ..Object::default() }
}

/// One object with refusals of one subject in one bucket, of many visitors.
fn one(name: &str, subject: Subject, bucket: Bucket, count: u64) -> Contribution {
    let mut series = Series::new();
    series.add(bucket, count);
    series.unite_clients(bucket, Clients::from_places(u32::MAX));
    let refused = [(subject, series)].into();
    Contribution {
        object: object(name),
        of: 1,
        partial: None,
        realtime: false,
        mark: None,
        refused,
        served: Series::new(),
        waf: Series::new(),
        waiting: None,
    }
}

/// One object in which all is well.
fn calm(name: &str, bucket: Bucket) -> Contribution {
    let mut served = Series::new();
    served.add(bucket, 100);
    Contribution {
        served,
        refused: BTreeMap::new(),
        ..one(name, subject(Cause::Waf, None), bucket, 0)
    }
}

fn at(bucket: Bucket) -> Timestamp {
    crate::incidents::time_of(bucket)
}

/// All that was ever counted of a subject, as far as it lies in kept buckets.
fn total(store: &MemoryStore, subject: &Subject) -> u64 {
    store.series()[subject].state.recent().counts().map(|(_, count)| u64::from(count)).sum()
}

fn alert(incidents: &[Incident], place: &Place) -> Option<(Vec<Outgoing>, Gist)> {
    Some((vec![outgoing(incidents, place)], Gist::default()))
}

fn outgoing(incidents: &[Incident], place: &Place) -> Outgoing {
    let rules = incidents.iter().map(|one| one.rule.clone().unwrap_or_default());
    Outgoing {
        audience: Audience::Subscribers,
        alert_id: place.alert_id.clone(),
        sequence: place.sequence,
        stored: Timestamp::UNIX_EPOCH,
        subject: Some(place.state.to_owned()),
        message: rules.collect::<Vec<_>>().join(" "),
        attributes: Vec::new(),
    }
}

fn put_at(store: &dyn Store, now: Bucket, all: Vec<Contribution>) -> Recorded {
    saying(store, now, all, &alert)
}

fn saying(store: &dyn Store, now: Bucket, all: Vec<Contribution>, write: &Write<'_>) -> Recorded {
    let (heard, now) = (Heard::default(), at(now));
    let desk = Desk { store, heard, distributions: 1, now, write, wait: &|_| {} };
    let nothing = all.is_empty();
    record(&desk, "E1", if nothing { Arrived::Nothing } else { Arrived::Objects(all) })
}

fn put(store: &dyn Store, contributions: Vec<Contribution>) -> Recorded {
    let recorded = put_at(store, NOON, contributions);
    assert_eq!(recorded.failed, None);
    recorded
}

fn said(recorded: &Recorded) -> Vec<(&str, u64)> {
    recorded
        .alerts
        .iter()
        .map(|alert| (alert.subject.as_deref().unwrap_or_default(), alert.sequence))
        .collect()
}

#[test]
fn a_rule_never_counted_before_is_an_alert_at_twenty() {
    let store = MemoryStore::default();
    let waf = || subject(Cause::Waf, Some("R"));
    assert_eq!(said(&put(&store, vec![one("a", waf(), NOON, 19)])), []);
    let second = put(&store, vec![one("b", waf(), NOON + 1, 2)]);
    assert_eq!((said(&second), second.opened), (vec![("open", 1)], 1));
    // It is known from now on, and growth is told after half an hour.
    assert_eq!(said(&put(&store, vec![one("c", waf(), NOON + 2, 500)])), []);
    let grown = put_at(&store, NOON + 7, vec![one("d", waf(), NOON + 3, 500)]);
    assert_eq!(said(&grown), [("update", 2)]);
}

#[test]
fn silence_ends_an_incident_whether_logs_come_or_not() {
    for logs_come in [true, false] {
        let store = MemoryStore::default();
        let bucket = subject(Cause::S3Origin, None);
        put(&store, vec![one("a", bucket.clone(), NOON, 60)]);
        assert_eq!(store.open_sites().unwrap(), ["E1"]);
        let soon = put_at(&store, NOON + 20, Vec::new());
        assert_eq!(said(&soon), [], "75 minutes are for late logs");
        let later = match logs_come {
            true => put_at(&store, NOON + 40, vec![calm("b", NOON + 40)]),
            false => put_at(&store, NOON + 40, Vec::new()),
        };
        assert_eq!(said(&later), [("resolved", 2)]);
        assert!(store.open_sites().unwrap().is_empty());
        assert_eq!(said(&put_at(&store, NOON + 41, Vec::new())), []);
        // What was over before it was known is counted and is no news.
        let late = put_at(&store, NOON + 60, vec![one("c", bucket, NOON + 10, 60)]);
        assert_eq!(said(&late), if logs_come { vec![] } else { vec![("update", 3)] });
    }
}

#[test]
fn what_follows_within_the_hour_is_the_same_story() {
    let store = MemoryStore::default();
    let bucket = subject(Cause::S3Origin, None);
    let first = put(&store, vec![one("a", bucket.clone(), NOON, 60)]);
    assert_eq!(said(&put_at(&store, NOON + 25, Vec::new())), [("resolved", 2)]);
    let again = put_at(&store, NOON + 25, vec![one("b", bucket, NOON + 12, 60)]);
    assert_eq!(said(&again), [("update", 3)]);
    assert_eq!(again.alerts[0].alert_id, first.alerts[0].alert_id);
}

#[test]
fn old_logs_teach_and_wake_nobody() {
    let store = MemoryStore::default();
    let bucket = subject(Cause::S3Origin, None);
    let old = put_at(&store, NOON + 3 * 288, vec![one("a", bucket.clone(), NOON, 500)]);
    assert_eq!(said(&old), []);
    assert_eq!(total(&store, &bucket), 500);
}

#[test]
fn what_nobody_wants_to_hear_is_counted_and_not_told() {
    let store = MemoryStore::default();
    let heard = Heard { enforcement: false, ..Heard::default() };
    let desk = Desk {
        store: &store,
        heard,
        distributions: 1,
        now: at(NOON),
        write: &alert,
        wait: &|_| {},
    };
    let rule = subject(Cause::Waf, Some("R"));
    let all =
        vec![one("a", rule.clone(), NOON, 90), one("b", subject(Cause::S3Origin, None), NOON, 90)];
    let recorded = record(&desk, "E1", Arrived::Objects(all));
    assert_eq!((recorded.alerts.len(), recorded.opened), (1, 2));
    assert_eq!(total(&store, &rule), 90);
}

// See: elastic-serverless-forwarder#677: a redelivered object was treated as a failure.
#[test]
fn an_object_that_was_counted_is_a_duplicate_and_counts_nothing() {
    let store = MemoryStore::default();
    let waf = || subject(Cause::Waf, Some("R"));
    put(&store, vec![one("a", waf(), NOON, 15)]);
    let again = put(&store, vec![one("a", waf(), NOON, 15), one("b", waf(), NOON, 2)]);
    assert_eq!(again.duplicates, [object("a")]);
    assert_eq!(total(&store, &waf()), 17);
    assert!(store.outbox().is_empty());
    assert_eq!(store.counted(&object("a")).unwrap().len(), 1);
}

#[test]
fn incidents_of_one_cause_within_an_hour_are_one_story() {
    let store = MemoryStore::default();
    let rule = |name| subject(Cause::Waf, Some(name));
    let first = put(&store, vec![one("a", rule("R1"), NOON, 30), one("b", rule("R2"), NOON, 90)]);
    let [first] = first.alerts.as_slice() else { panic!("one alert for one cause") };
    assert_eq!(first.sequence, 1);
    let second = put(&store, vec![one("c", rule("R3"), NOON + 10, 30)]);
    let place = (second.alerts[0].alert_id.clone(), second.alerts[0].sequence);
    assert_eq!(place, (first.alert_id.clone(), 2));
    assert_eq!(second.alerts[0].subject.as_deref(), Some("update"));
    let other = put(&store, vec![one("f", subject(Cause::GeoRestriction, None), NOON + 10, 30)]);
    assert_eq!(said(&other), [("open", 1)]);
    // All of them are over, and then another begins.
    let over = put_at(&store, NOON + 90, vec![calm("d", NOON + 90)]);
    assert_eq!(said(&over), [("resolved", 3), ("resolved", 2)]);
    let later = put_at(&store, NOON + 90, vec![one("e", rule("R4"), NOON + 90, 30)]);
    assert_eq!(said(&later), [("open", 1)]);
    assert_ne!(later.alerts[0].alert_id, first.alert_id);
}

#[test]
fn more_than_a_transaction_takes_is_written_in_parts() {
    let store = MemoryStore::default();
    let many: Vec<_> = (0..300)
        .map(|n| one(&format!("o{n}"), subject(Cause::Waf, Some(&format!("R{}", n % 80))), NOON, 1))
        .collect();
    put(&store, many);
    let sum: u64 = store.series().keys().map(|subject| total(&store, subject)).sum();
    assert_eq!(sum, 300);
}

#[test]
fn a_newer_version_is_refused_with_a_clear_error() {
    let error = StoreError::Newer { found: VERSION + 1 };
    assert_eq!(
        error.to_string(),
        "the state was written by a newer version (5, this one knows 4): update the function"
    );
}
