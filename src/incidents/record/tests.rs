use std::cell::Cell;

use proptest::prelude::*;

use super::*;
use crate::incidents::store::memory::MemoryStore;
use crate::incidents::store::{Store, VERSION};

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

/// One object with refusals of one subject in one bucket.
fn one(name: &str, subject: Subject, bucket: i64, count: u64) -> Contribution {
    let series = [(subject, Counts::from([(bucket, count)]))].into();
    Contribution { object: object(name), of: 1, partial: None, series }
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

fn put(store: &dyn Store, contributions: Vec<Contribution>) -> Recorded {
    record(store, "E1", contributions, Timestamp::UNIX_EPOCH, &alert, &|_| {}).unwrap()
}

#[test]
fn a_cause_never_counted_before_is_an_alert_at_twenty() {
    let store = MemoryStore::default();
    let waf = || subject(Cause::Waf, Some("R"));
    assert!(put(&store, vec![one("a", waf(), 100, 19)]).alerts.is_empty());
    let second = put(&store, vec![one("b", waf(), 101, 1)]);
    assert_eq!((second.alerts.len(), second.opened), (1, 1));
    assert_eq!(second.alerts[0].alert_id, waf().id("i"));
    // It is known from now on.
    assert!(put(&store, vec![one("c", waf(), 102, 500)]).alerts.is_empty());
}

// See: elastic-serverless-forwarder#677: a redelivered object was treated as a failure.
#[test]
fn an_object_that_was_counted_is_a_duplicate_and_counts_nothing() {
    let store = MemoryStore::default();
    let waf = || subject(Cause::Waf, Some("R"));
    put(&store, vec![one("a", waf(), 100, 15)]);
    let again = put(&store, vec![one("a", waf(), 100, 15), one("b", waf(), 100, 2)]);
    assert_eq!(again.duplicates, [object("a")]);
    assert_eq!(store.series()[&waf()].tally.total(), 17);
    assert!(store.outbox().is_empty());
    assert_eq!(store.counted(&object("a")).unwrap().len(), 1);
}

#[test]
fn incidents_of_one_cause_within_an_hour_are_one_story() {
    let store = MemoryStore::default();
    let rule = |name| subject(Cause::Waf, Some(name));
    let first = put(&store, vec![one("a", rule("R1"), 100, 30), one("b", rule("R2"), 100, 90)]);
    let [first] = first.alerts.as_slice() else { panic!("one alert for one cause") };
    assert_eq!((first.alert_id.clone(), first.sequence), (rule("R2").id("i"), 1));
    let second = put(&store, vec![one("c", rule("R3"), 110, 30)]);
    let place = (second.alerts[0].alert_id.clone(), second.alerts[0].sequence);
    assert_eq!(place, (first.alert_id.clone(), 2));
    assert_eq!(second.alerts[0].subject, "update");
    let later = put(&store, vec![one("d", rule("R4"), 200, 30)]);
    assert_eq!(
        (later.alerts[0].alert_id.clone(), later.alerts[0].sequence),
        (rule("R4").id("i"), 1)
    );
    let other = put(&store, vec![one("e", subject(Cause::GeoRestriction, None), 110, 30)]);
    assert_eq!(other.alerts[0].sequence, 1);
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
    fn load(&self, distribution: &str, subjects: &[Subject]) -> Result<State, StoreError> {
        self.inner.load(distribution, subjects)
    }
    fn commit(&self, change: &Change) -> Result<Committed, StoreError> {
        if self.conflicts.get() > 0 {
            self.conflicts.set(self.conflicts.get() - 1);
            let name = format!("other-{}", self.conflicts.get());
            put(&self.inner, vec![one(&name, subject(Cause::Waf, None), 100, 1)]);
        }
        self.inner.commit(change)
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
    fn waf(
        &self,
        acl: &str,
        first: i64,
        last: i64,
    ) -> Result<(Vec<crate::logs::waf_slots::Chunk>, Option<i64>), StoreError> {
        self.inner.waf(acl, first, last)
    }
    fn origin_acls(&self) -> Result<Vec<String>, StoreError> {
        self.inner.origin_acls()
    }
}

#[test]
fn what_others_write_meanwhile_is_kept() {
    let store = Contended { inner: MemoryStore::default(), conflicts: Cell::new(5) };
    let recorded = put(&store, vec![one("a", subject(Cause::Waf, None), 100, 15)]);
    assert_eq!(store.inner.series()[&subject(Cause::Waf, None)].tally.total(), 20);
    assert_eq!(recorded.alerts.len(), 1);
    let busy = Contended { inner: MemoryStore::default(), conflicts: Cell::new(1000) };
    let many = vec![one("a", subject(Cause::Waf, None), 100, 15)];
    let error = record(&busy, "E1", many, Timestamp::UNIX_EPOCH, &alert, &|_| {}).unwrap_err();
    assert!(matches!(error, StoreError::Away(_)));
}

#[test]
fn more_than_a_transaction_takes_is_written_in_parts() {
    let store = MemoryStore::default();
    let many: Vec<_> = (0..300)
        .map(|n| one(&format!("o{n}"), subject(Cause::Waf, Some(&format!("R{}", n % 80))), 100, 1))
        .collect();
    put(&store, many);
    let sum: u64 = store.series().values().map(|series| series.tally.total()).sum();
    assert_eq!(sum, 300);
}

#[test]
fn a_newer_version_is_refused_with_a_clear_error() {
    let error = StoreError::Newer { found: VERSION + 1 };
    assert_eq!(
        error.to_string(),
        "the state was written by a newer version (2, this one knows 1): update the function"
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
            one(&format!("o{n}"), subject(causes[cause], None), 100 + bucket, count)
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
            let series = store.series();
            let of = |(subject, series): (&Subject, &Series)| {
                (subject.clone(), series.tally.clone(), series.incident.clone())
            };
            series.iter().map(of).collect()
        };
        prop_assert_eq!(counts(&straight), counts(&shuffled));
        let ids = |store: &MemoryStore| -> Vec<_> {
            store.outbox().into_iter().map(|(alert, _)| (alert.alert_id, alert.sequence)).collect()
        };
        prop_assert_eq!(ids(&straight), ids(&shuffled));
    }
}
