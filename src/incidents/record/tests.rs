use std::cell::Cell;

use proptest::prelude::*;

use super::*;
use crate::causes::Cause;
use crate::incidents::store::memory::MemoryStore;
use crate::incidents::store::samples::Hourly;
use crate::incidents::store::{Change, Counted, Known, Store, Stored, VERSION, WafSlots};
use crate::incidents::{Bucket, Clients, Reason};

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

fn alert(_: &[Incident], place: &Place) -> Option<Outgoing> {
    Some(Outgoing {
        alert_id: place.alert_id.clone(),
        sequence: place.sequence,
        stored: Timestamp::UNIX_EPOCH,
        subject: place.state.to_owned(),
        message: String::new(),
        attributes: Vec::new(),
    })
}

fn put_at(store: &dyn Store, now: Bucket, all: Vec<Contribution>) -> Result<Recorded, StoreError> {
    let (heard, now) = (Heard::default(), at(now));
    let desk = Desk { store, heard, distributions: 1, now, write: &alert, wait: &|_| {} };
    let nothing = all.is_empty();
    record(&desk, "E1", if nothing { Arrived::Nothing } else { Arrived::Objects(all) })
}

fn put(store: &dyn Store, contributions: Vec<Contribution>) -> Recorded {
    put_at(store, NOON, contributions).unwrap()
}

fn said(recorded: &Recorded) -> Vec<(&str, u64)> {
    recorded.alerts.iter().map(|alert| (alert.subject.as_str(), alert.sequence)).collect()
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
    let grown = put_at(&store, NOON + 7, vec![one("d", waf(), NOON + 3, 500)]).unwrap();
    assert_eq!(said(&grown), [("update", 2)]);
}

#[test]
fn silence_ends_an_incident_whether_logs_come_or_not() {
    for logs_come in [true, false] {
        let store = MemoryStore::default();
        let bucket = subject(Cause::S3Origin, None);
        put(&store, vec![one("a", bucket.clone(), NOON, 60)]);
        assert_eq!(store.open_sites().unwrap(), ["E1"]);
        let soon = put_at(&store, NOON + 20, Vec::new()).unwrap();
        assert_eq!(said(&soon), [], "75 minutes are for late logs");
        let later = match logs_come {
            true => put_at(&store, NOON + 40, vec![calm("b", NOON + 40)]),
            false => put_at(&store, NOON + 40, Vec::new()),
        };
        assert_eq!(said(&later.unwrap()), [("resolved", 2)]);
        assert!(store.open_sites().unwrap().is_empty());
        assert_eq!(said(&put_at(&store, NOON + 41, Vec::new()).unwrap()), []);
        // What was over before it was known is counted and is no news.
        let late = put_at(&store, NOON + 60, vec![one("c", bucket, NOON + 10, 60)]).unwrap();
        assert_eq!(said(&late), if logs_come { vec![] } else { vec![("update", 3)] });
    }
}

#[test]
fn what_follows_within_the_hour_is_the_same_story() {
    let store = MemoryStore::default();
    let bucket = subject(Cause::S3Origin, None);
    let first = put(&store, vec![one("a", bucket.clone(), NOON, 60)]);
    assert_eq!(said(&put_at(&store, NOON + 25, Vec::new()).unwrap()), [("resolved", 2)]);
    let again = put_at(&store, NOON + 25, vec![one("b", bucket, NOON + 12, 60)]).unwrap();
    assert_eq!(said(&again), [("update", 3)]);
    assert_eq!(again.alerts[0].alert_id, first.alerts[0].alert_id);
}

#[test]
fn old_logs_teach_and_wake_nobody() {
    let store = MemoryStore::default();
    let bucket = subject(Cause::S3Origin, None);
    let old = put_at(&store, NOON + 3 * 288, vec![one("a", bucket.clone(), NOON, 500)]).unwrap();
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
    let recorded = record(&desk, "E1", Arrived::Objects(all)).unwrap();
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
    assert_eq!(second.alerts[0].subject, "update");
    let other = put(&store, vec![one("f", subject(Cause::GeoRestriction, None), NOON + 10, 30)]);
    assert_eq!(said(&other), [("open", 1)]);
    // All of them are over, and then another begins.
    let over = put_at(&store, NOON + 90, vec![calm("d", NOON + 90)]).unwrap();
    assert_eq!(said(&over), [("resolved", 3), ("resolved", 2)]);
    let later = put_at(&store, NOON + 90, vec![one("e", rule("R4"), NOON + 90, 30)]).unwrap();
    assert_eq!(said(&later), [("open", 1)]);
    assert_ne!(later.alerts[0].alert_id, first.alert_id);
}

/// An object whose refusals wait for the log of the web ACL.
fn late(name: &str, bucket: Bucket, count: u64) -> Contribution {
    let mut counts = Series::new();
    counts.add(bucket, count);
    counts.unite_clients(bucket, Clients::from_places(u32::MAX));
    let wait = Wait {
        object: object(name),
        distribution: "E1".into(),
        acl: "acl".into(),
        last_slot: bucket,
        since: at(bucket),
        ids: BTreeSet::new(),
        counts: counts.clone(),
    };
    Contribution { waf: counts, waiting: Some(wait), ..calm(name, bucket) }
}

/// The log has come, and says where all that waited belongs.
fn settle(store: &MemoryStore, now: Bucket, to: &Subject) -> Recorded {
    let (heard, now) = (Heard::default(), at(now));
    let desk = Desk { store, heard, distributions: 1, now, write: &alert, wait: &|_| {} };
    let mut all = Recorded::default();
    for wait in store.waits().unwrap() {
        let moved = [(to.clone(), wait.counts.clone())].into();
        let one = record(&desk, "E1", Arrived::Evidence(Box::new(wait), moved)).unwrap();
        all.alerts.extend(one.alerts);
        all.opened += one.opened;
    }
    all
}

#[test]
fn late_evidence_updates_the_alert_and_moves_the_counts() {
    let store = MemoryStore::default();
    let rule = subject(Cause::Waf, Some("R"));
    let first = put(&store, vec![late("a", NOON, 60)]);
    assert_eq!(said(&first), [("open", 1)]);
    let settled = settle(&store, NOON + 2, &rule);
    assert_eq!(said(&settled), [("update", 2)]);
    assert_eq!(settled.alerts[0].alert_id, first.alerts[0].alert_id);
    assert_eq!(total(&store, &rule), 60);
    assert!(store.waits().unwrap().is_empty());
    // Once and no more: somebody else has settled it.
    assert_eq!(said(&settle(&store, NOON + 2, &rule)), []);
    let end = put_at(&store, NOON + 60, Vec::new()).unwrap();
    assert_eq!(said(&end), [("resolved", 3)]);
}

#[test]
fn what_waited_for_the_waf_may_turn_out_to_be_something_else() {
    let store = MemoryStore::default();
    put(&store, vec![late("a", NOON, 60)]);
    let origin = subject(Cause::CustomOrigin, None);
    let settled = settle(&store, NOON + 2, &origin);
    assert_eq!(said(&settled), [("resolved", 2), ("open", 1)]);
    assert_eq!(total(&store, &origin), 60);
}

#[test]
fn a_nightly_scanner_whose_logs_are_always_late_is_news_once() {
    let store = MemoryStore::default();
    let rule = subject(Cause::Waf, Some("R"));
    let mut told = Vec::new();
    for night in 0..4 {
        let (at_night, name) = (NOON + 288 * night, format!("{night}"));
        told.push(put_at(&store, at_night, vec![late(&name, at_night, 90)]).unwrap().opened);
        told.push(settle(&store, at_night + 2, &rule).opened);
        put_at(&store, at_night + 60, vec![calm(&format!("c{night}"), at_night + 60)]).unwrap();
    }
    assert_eq!(told, [1, 1, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn waiting_refusals_of_an_old_story_leave_it_alone() {
    let store = MemoryStore::default();
    let rule = subject(Cause::Waf, Some("R"));
    // Most of what the web ACL refuses has its evidence; little waits.
    let known = Contribution {
        waf: one("", rule.clone(), NOON, 100).refused.remove(&rule).unwrap(),
        ..one("a", rule.clone(), NOON, 100)
    };
    let first = put(&store, vec![known, late("b", NOON, 20)]);
    assert_eq!((said(&first), first.opened), (vec![("open", 1)], 1));
}

/// A store in which somebody else writes first, a few times.
struct Contended {
    inner: MemoryStore,
    conflicts: Cell<u32>,
}

impl Store for Contended {
    fn counted(&self, object: &Object) -> Result<Vec<Counted>, StoreError> {
        self.inner.counted(object)
    }
    fn load(&self, distribution: &str, subjects: &[Subject]) -> Result<Known, StoreError> {
        self.inner.load(distribution, subjects)
    }
    fn commit(&self, change: &Change) -> Result<Committed, StoreError> {
        if self.conflicts.get() > 0 {
            self.conflicts.set(self.conflicts.get() - 1);
            let name = format!("other-{}", self.conflicts.get());
            put(&self.inner, vec![one(&name, subject(Cause::Waf, None), NOON, 1)]);
        }
        self.inner.commit(change)
    }
    fn open_sites(&self) -> Result<Vec<String>, StoreError> {
        self.inner.open_sites()
    }
    fn unsent(&self, before: Timestamp) -> Result<Vec<Outgoing>, StoreError> {
        self.inner.unsent(before)
    }
    fn mark_sent(&self, alert: &Outgoing) -> Result<(), StoreError> {
        self.inner.mark_sent(alert)
    }
    fn put_waf(&self, chunks: &[crate::logs::waf_slots::Chunk]) -> Result<(), StoreError> {
        self.inner.put_waf(chunks)
    }
    fn waf(&self, acl: &str, first: i64, last: i64) -> Result<WafSlots, StoreError> {
        self.inner.waf(acl, first, last)
    }
    fn waits(&self) -> Result<Vec<Wait>, StoreError> {
        self.inner.waits()
    }
    fn origin_acls(&self) -> Result<Vec<String>, StoreError> {
        self.inner.origin_acls()
    }
    fn samples(
        &self,
        distribution: &str,
        name: &str,
        hours: (i64, i64),
    ) -> Result<Vec<Hourly>, StoreError> {
        self.inner.samples(distribution, name, hours)
    }
    fn put_sample(
        &self,
        distribution: &str,
        name: &str,
        hourly: &Hourly,
    ) -> Result<bool, StoreError> {
        self.inner.put_sample(distribution, name, hourly)
    }
}

#[test]
fn what_others_write_meanwhile_is_kept() {
    let store = Contended { inner: MemoryStore::default(), conflicts: Cell::new(5) };
    let recorded = put(&store, vec![one("a", subject(Cause::Waf, None), NOON, 16)]);
    assert_eq!(total(&store.inner, &subject(Cause::Waf, None)), 21);
    assert_eq!(recorded.alerts.len(), 1);
    let busy = Contended { inner: MemoryStore::default(), conflicts: Cell::new(1000) };
    let many = vec![one("a", subject(Cause::Waf, None), NOON, 15)];
    let error = put_at(&busy, NOON, many).unwrap_err();
    assert!(matches!(error, StoreError::Away(_)));
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
        "the state was written by a newer version (3, this one knows 2): update the function"
    );
}

proptest! {
    /// Any order, split and repetition of the same objects leaves the same counts, and an alert
    /// goes out once under one id.
    #[test]
    fn commits_are_idempotent(
        objects in proptest::collection::vec((0usize..3, 0i64..12, 1u64..15), 1..12),
        order in proptest::collection::vec((0usize..12, 1usize..4), 0..40),
    ) {
        let causes = [Cause::Waf, Cause::S3Origin, Cause::GeoRestriction];
        let make = |n: usize| {
            let (cause, bucket, count) = objects[n];
            one(&format!("o{n}"), subject(causes[cause], None), NOON + bucket, count)
        };
        let straight = MemoryStore::default();
        put(&straight, (0..objects.len()).map(make).collect());
        let shuffled = MemoryStore::default();
        let mut next = order.iter().map(|(n, _)| n % objects.len()).chain(0..objects.len()).peekable();
        let mut sizes = order.iter().map(|(_, size)| *size).cycle();
        while next.peek().is_some() {
            let mut batch: Vec<usize> = next.by_ref().take(sizes.next().unwrap_or(1)).collect();
            batch.sort();
            batch.dedup();
            put(&shuffled, batch.into_iter().map(make).collect());
        }
        let counts = |store: &MemoryStore| -> Vec<_> {
            let of = |(subject, series): (Subject, Stored)| {
                let told: Vec<_> = series
                    .state
                    .written
                    .iter()
                    // What was told on part of the objects and explained away by the others.
                    .filter(|one| one.closed != Some(Reason::LateData))
                    .map(|one| (one.start, one.end, one.closed.is_none()))
                    .collect();
                (subject, series.state.recent().clone(), told)
            };
            store.series().into_iter().map(of).collect()
        };
        prop_assert_eq!(counts(&straight), counts(&shuffled));
        // One story a cause: its messages are numbered, and come under one id.
        for store in [&straight, &shuffled] {
            let mut ids: BTreeMap<String, u64> = BTreeMap::new();
            for (alert, _) in store.outbox() {
                let last = ids.entry(alert.alert_id).or_default();
                prop_assert_eq!(alert.sequence, *last + 1);
                *last += 1;
            }
            prop_assert!(ids.len() <= 3);
        }
        prop_assert_eq!(straight.open_sites().unwrap(), shuffled.open_sites().unwrap());
    }
}
