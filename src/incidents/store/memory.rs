//! A store in memory, for tests and for what runs once.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::samples::Hourly;
use super::{
    Change, Committed, Counted, Known, Mark, Site, Store, StoreError, Stored, Story, WafSlots, Wait,
};
use crate::alerts::{Audience, Outgoing};
use crate::causes::Cause;
use crate::incidents::series::HourNumber;
use crate::logs::waf::Side;
use crate::logs::waf_slots::Chunk;
use crate::report::build::Subject;
use crate::trigger::Object;
use crate::trigger::stream::Sequence;

/// What DynamoDB would hold.
#[derive(Debug, Default)]
pub struct MemoryStore {
    inner: RefCell<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    ledger: BTreeMap<Object, BTreeMap<String, Counted>>,
    marks: BTreeMap<String, BTreeMap<String, Sequence>>,
    sites: BTreeMap<String, Site>,
    series: BTreeMap<Subject, Stored>,
    stories: BTreeMap<(String, Cause), Story>,
    open: BTreeSet<String>,
    waits: BTreeMap<(Object, String), Wait>,
    outbox: BTreeMap<(String, u64, Audience), (Outgoing, bool)>,
    waf: BTreeMap<(String, i64, u64, u32), Chunk>,
    origin_acls: BTreeSet<String>,
    samples: BTreeMap<(String, String, HourNumber), Hourly>,
}

impl MemoryStore {
    /// All series, for tests.
    pub fn series(&self) -> BTreeMap<Subject, Stored> {
        self.inner.borrow().series.clone()
    }

    /// All alerts that were ever stored, with whether they went out, for tests.
    pub fn outbox(&self) -> Vec<(Outgoing, bool)> {
        self.inner.borrow().outbox.values().cloned().collect()
    }
}

impl Store for MemoryStore {
    fn counted(&self, object: &Object) -> Result<Vec<Counted>, StoreError> {
        let inner = self.inner.borrow();
        Ok(inner.ledger.get(object).into_iter().flat_map(|all| all.values().cloned()).collect())
    }

    fn marks(&self, shard: &str) -> Result<BTreeMap<String, Sequence>, StoreError> {
        Ok(self.inner.borrow().marks.get(shard).cloned().unwrap_or_default())
    }

    fn load(&self, distribution: &str) -> Result<Known, StoreError> {
        let inner = self.inner.borrow();
        let mine = |subject: &Subject| {
            subject.distribution_id.as_deref().unwrap_or_default() == distribution
        };
        let series = inner.series.iter().filter(|(subject, _)| mine(subject));
        let stories = inner.stories.iter().filter(|((id, _), _)| id == distribution);
        Ok(Known {
            site: inner.sites.get(distribution).cloned(),
            series: series.map(|(subject, one)| (subject.clone(), one.clone())).collect(),
            stories: stories.map(|((_, cause), one)| (*cause, one.clone())).collect(),
        })
    }

    fn commit(&self, change: &Change) -> Result<Committed, StoreError> {
        let mut inner = self.inner.borrow_mut();
        let duplicates: Vec<Object> = change
            .objects
            .iter()
            .map(|(object, _)| object)
            .filter(|object| {
                let known = inner.ledger.get(object);
                known.is_some_and(|all| all.contains_key(&change.distribution))
            })
            .cloned()
            .collect();
        if !duplicates.is_empty() {
            return Ok(Committed::Duplicates(duplicates));
        }
        let is_outrun = |mark: &Mark| {
            let known = inner.marks.get(&mark.shard);
            known.and_then(|all| all.get(&change.distribution)) != mark.before.as_ref()
        };
        if change.marks.iter().any(is_outrun) {
            return Err(StoreError::Outrun);
        }
        let series = change.series.iter().map(|(subject, series)| (subject, series.revision));
        let gone = change.gone.iter().map(|(subject, revision)| (subject, *revision));
        let stale = series.chain(gone).any(|(subject, revision)| {
            inner.series.get(subject).map_or(0, |known| known.revision) != revision
        }) || change.stories.iter().any(|(cause, story)| {
            let known = inner.stories.get(&(change.distribution.clone(), *cause));
            known.map_or(0, |known| known.revision) != story.revision
        }) || change.site.as_ref().is_some_and(|site| {
            let known = inner.sites.get(&change.distribution);
            known.map_or(0, |known| known.revision) != site.revision
        });
        let settled = change.settled.as_ref().is_some_and(|wait| {
            !inner.waits.contains_key(&(wait.object.clone(), wait.distribution.clone()))
        });
        if stale || settled {
            return Ok(Committed::Conflict);
        }
        for (object, counted) in &change.objects {
            let all = inner.ledger.entry(object.clone()).or_default();
            all.insert(change.distribution.clone(), counted.clone());
        }
        for mark in &change.marks {
            let all = inner.marks.entry(mark.shard.clone()).or_default();
            all.insert(change.distribution.clone(), mark.last.clone());
        }
        if let Some(site) = &change.site {
            let written = Site { revision: site.revision + 1, ..site.clone() };
            inner.sites.insert(change.distribution.clone(), written);
        }
        for (subject, series) in &change.series {
            let written = Stored { revision: series.revision + 1, ..series.clone() };
            inner.series.insert(subject.clone(), written);
        }
        for subject in change.gone.keys() {
            inner.series.remove(subject);
        }
        for (cause, story) in &change.stories {
            let written = Story { revision: story.revision + 1, ..story.clone() };
            inner.stories.insert((change.distribution.clone(), *cause), written);
        }
        match change.opens {
            Some(true) => drop(inner.open.insert(change.distribution.clone())),
            Some(false) => drop(inner.open.remove(&change.distribution)),
            None => {}
        }
        if let Some(wait) = &change.settled {
            inner.waits.remove(&(wait.object.clone(), wait.distribution.clone()));
        }
        for wait in &change.waits {
            inner.waits.insert((wait.object.clone(), wait.distribution.clone()), wait.clone());
        }
        for alert in &change.outbox {
            let key = (alert.alert_id.clone(), alert.sequence, alert.audience);
            inner.outbox.insert(key, (alert.clone(), false));
        }
        Ok(Committed::Done)
    }

    fn open_sites(&self) -> Result<Vec<String>, StoreError> {
        Ok(self.inner.borrow().open.iter().cloned().collect())
    }

    fn unsent(&self, before: Timestamp) -> Result<Vec<Outgoing>, StoreError> {
        let inner = self.inner.borrow();
        let waits = |(alert, sent): &&(Outgoing, bool)| !sent && alert.stored < before;
        Ok(inner.outbox.values().filter(waits).map(|(alert, _)| alert.clone()).collect())
    }

    fn mark_sent(&self, alert: &Outgoing) -> Result<(), StoreError> {
        let key = (alert.alert_id.clone(), alert.sequence, alert.audience);
        if let Some((_, sent)) = self.inner.borrow_mut().outbox.get_mut(&key) {
            *sent = true;
        }
        Ok(())
    }

    fn put_waf(&self, chunks: &[Chunk]) -> Result<(), StoreError> {
        let mut inner = self.inner.borrow_mut();
        for chunk in chunks {
            if chunk.side == Side::Origin {
                inner.origin_acls.insert(chunk.acl.clone());
            }
            let key = (chunk.acl.clone(), chunk.slot, chunk.object, chunk.number);
            inner.waf.insert(key, chunk.clone());
        }
        Ok(())
    }

    fn waf(&self, acl: &str, first: i64, last: i64) -> Result<WafSlots, StoreError> {
        let inner = self.inner.borrow();
        let mine = || inner.waf.values().filter(|chunk| chunk.acl == acl);
        let slots = || mine().map(|chunk| chunk.slot);
        Ok(WafSlots {
            chunks: mine().filter(|chunk| (first..=last).contains(&chunk.slot)).cloned().collect(),
            earlier: slots().filter(|slot| *slot < first).max(),
            later: slots().filter(|slot| *slot > last).min(),
        })
    }

    fn waits(&self) -> Result<Vec<Wait>, StoreError> {
        Ok(self.inner.borrow().waits.values().cloned().collect())
    }

    fn origin_acls(&self) -> Result<Vec<String>, StoreError> {
        Ok(self.inner.borrow().origin_acls.iter().cloned().collect())
    }

    fn samples(
        &self,
        distribution: &str,
        name: &str,
        (first, last): (HourNumber, HourNumber),
    ) -> Result<Vec<Hourly>, StoreError> {
        let key = |hour| (distribution.to_owned(), name.to_owned(), hour);
        let inner = self.inner.borrow();
        Ok(inner.samples.range(key(first)..=key(last)).map(|(_, hourly)| hourly.clone()).collect())
    }

    fn put_sample(
        &self,
        distribution: &str,
        name: &str,
        hourly: &Hourly,
    ) -> Result<bool, StoreError> {
        let mut inner = self.inner.borrow_mut();
        let key = (distribution.to_owned(), name.to_owned(), hourly.hour);
        let known = inner.samples.get(&key).map_or(0, |known| known.revision);
        if known != hourly.revision {
            return Ok(false);
        }
        // Written and read as it would be elsewhere.
        let sample = Hourly::decode(hourly.hour, &hourly.encode(), known + 1)?;
        inner.samples.insert(key, sample);
        Ok(true)
    }
}
