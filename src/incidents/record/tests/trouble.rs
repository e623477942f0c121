//! Others who write at the same time, and a table that goes away.

use std::cell::Cell;

use super::*;
use crate::incidents::store::samples::Hourly;
use crate::incidents::store::{Change, Counted, Known, WafSlots};

/// A store in which somebody else writes first, a few times, and which goes away after some
/// commits.
struct Contended {
    inner: MemoryStore,
    conflicts: Cell<u32>,
    commits: Cell<u32>,
}

impl Contended {
    fn new(conflicts: u32, commits: u32) -> Self {
        let inner = MemoryStore::default();
        Self { inner, conflicts: Cell::new(conflicts), commits: Cell::new(commits) }
    }
}

impl Store for Contended {
    fn counted(&self, object: &Object) -> Result<Vec<Counted>, StoreError> {
        self.inner.counted(object)
    }
    fn marks(
        &self,
        shard: &str,
    ) -> Result<BTreeMap<String, crate::trigger::stream::Sequence>, StoreError> {
        self.inner.marks(shard)
    }
    fn load(&self, distribution: &str) -> Result<Known, StoreError> {
        self.inner.load(distribution)
    }
    fn commit(&self, change: &Change) -> Result<Committed, StoreError> {
        if self.conflicts.get() > 0 {
            self.conflicts.set(self.conflicts.get() - 1);
            let name = format!("other-{}", self.conflicts.get());
            put(&self.inner, vec![one(&name, subject(Cause::Waf, None), NOON, 1)]);
        }
        let left = self.commits.get();
        self.commits.set(left.saturating_sub(1));
        if left == 0 {
            return Err(StoreError::Away("a test has taken it away".to_owned()));
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
    let store = Contended::new(5, u32::MAX);
    let recorded = put(&store, vec![one("a", subject(Cause::Waf, None), NOON, 16)]);
    assert_eq!(total(&store.inner, &subject(Cause::Waf, None)), 21);
    assert_eq!(recorded.alerts.len(), 1);
    let busy = Contended::new(1000, u32::MAX);
    let many = vec![one("a", subject(Cause::Waf, None), NOON, 15)];
    let failed = put_at(&busy, NOON, many).failed.unwrap();
    assert!(matches!(failed.error, StoreError::Away(_)));
    assert_eq!(failed.objects, [object("a")]);
}

#[test]
fn what_was_written_before_the_table_went_away_is_told_at_once() {
    let store = Contended::new(0, 1);
    let all: Vec<_> = (0..120)
        .map(|n| one(&format!("o{n:03}"), subject(Cause::S3Origin, None), NOON, 1))
        .collect();
    let recorded = put_at(&store, NOON, all.clone());
    assert_eq!(said(&recorded), [("open", 1)]);
    assert_eq!(total(&store.inner, &subject(Cause::S3Origin, None)), 60);
    let failed = recorded.failed.unwrap();
    assert_eq!(failed.objects, (60..120).map(|n| object(&format!("o{n:03}"))).collect::<Vec<_>>());
    // What comes again is counted once.
    store.commits.set(u32::MAX);
    put(&store, all);
    assert_eq!(total(&store.inner, &subject(Cause::S3Origin, None)), 120);
}
