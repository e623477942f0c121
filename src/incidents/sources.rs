//! Two sources of one distribution: real-time records, and the objects that come later.
//!
//! Both tell of the same requests, so that of each five minutes only one of them may count. It is
//! the one that knows of more requests. Real-time records come first and open what there is to
//! open; they may be a sample, or those of a few behaviours. Objects come later and edge by edge:
//! what they say of five minutes that real-time records hold is kept aside until it is at least as
//! much, and then takes the place of the others. So no number falls while a log comes in.

use std::collections::{BTreeMap, BTreeSet};

use super::record::Contribution;
use super::series::{Bucket, Series};
use super::state::HORIZON;
use super::store::{Site, Stored};
use crate::report::build::Subject;

/// What one source says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Part {
    /// Requests that were answered otherwise than with 403.
    pub served: Series,
    /// Refusals that are the web ACL's or wait for its log.
    pub waf: Series,
    /// Those that wait.
    pub waiting: Series,
    /// All other refusals.
    pub refused: BTreeMap<Subject, Series>,
}

/// Which source five minutes are counted by, where it is not the objects.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sources {
    /// Buckets that real-time records hold.
    pub held: BTreeSet<Bucket>,
    /// What objects say of them.
    pub aside: Part,
}

impl Part {
    pub(super) fn of(one: &Contribution) -> Self {
        let waiting = one.waiting.as_ref().map(|wait| wait.counts.clone());
        Self {
            served: one.served.clone(),
            waf: one.waf.clone(),
            waiting: waiting.unwrap_or_default(),
            refused: one.refused.clone(),
        }
    }

    fn all(&self) -> impl Iterator<Item = &Series> {
        [&self.served, &self.waf, &self.waiting].into_iter().chain(self.refused.values())
    }

    fn buckets(&self) -> BTreeSet<Bucket> {
        self.all().flat_map(Series::counts).map(|(bucket, _)| bucket).collect()
    }

    /// Requests of a bucket.
    fn requests(&self, bucket: Bucket) -> u64 {
        let refused = self.refused.values();
        let all = [&self.served, &self.waiting].into_iter().chain(refused);
        all.map(|series| u64::from(series.count(bucket))).sum()
    }

    /// Some buckets of it.
    fn only(&self, keep: impl Fn(Bucket) -> bool) -> Self {
        let keep = &keep;
        let some = |(subject, series): (&Subject, &Series)| {
            let series = series.only(keep);
            series.span().map(|_| (subject.clone(), series))
        };
        Self {
            served: self.served.only(keep),
            waf: self.waf.only(keep),
            waiting: self.waiting.only(keep),
            refused: self.refused.iter().filter_map(some).collect(),
        }
    }

    fn merge(&mut self, other: &Self) {
        self.served.merge(&other.served);
        self.waf.merge(&other.waf);
        self.waiting.merge(&other.waiting);
        for (subject, series) in &other.refused {
            self.refused.entry(subject.clone()).or_default().merge(series);
        }
    }
}

impl Sources {
    /// Whether there is but one source.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    fn holds(&self, bucket: Bucket) -> bool {
        self.held.contains(&bucket)
    }

    /// What of an object counts now. What real-time records hold is kept aside.
    pub(super) fn of_object(&mut self, part: Part) -> Part {
        if self.held.is_empty() {
            return part;
        }
        self.aside.merge(&part.only(|bucket| self.holds(bucket)));
        part.only(|bucket| !self.holds(bucket))
    }

    /// What of real-time records counts now: all of which objects have not said anything yet.
    pub(super) fn of_stream(&mut self, part: &Part, counted: impl Fn(Bucket) -> bool) -> Part {
        let new = part.buckets().into_iter().filter(|bucket| !counted(*bucket));
        self.held.extend(new);
        part.only(|bucket| self.holds(bucket))
    }

    /// What of the evidence for refusals that waited counts now: `waited` and where they belong.
    pub(super) fn of_evidence(
        &mut self,
        realtime: bool,
        waited: &Series,
        moved: &BTreeMap<Subject, Series>,
    ) -> Part {
        let part = Part { waiting: waited.clone(), refused: moved.clone(), ..Part::default() };
        if realtime {
            return part.only(|bucket| self.holds(bucket));
        }
        let aside = part.only(|bucket| self.holds(bucket));
        self.aside.waiting.take_all(&aside.waiting);
        self.aside.merge(&Part { waiting: Series::new(), ..aside });
        part.only(|bucket| !self.holds(bucket))
    }

    /// Buckets of which the objects know at least as much as the real-time records that hold them,
    /// with what the objects say. They hold them no more.
    fn overtaken(&mut self, requests: impl Fn(Bucket) -> u64) -> Vec<(Bucket, Part)> {
        let is_overtaken = |bucket: &Bucket| {
            let theirs = self.aside.requests(*bucket);
            theirs > 0 && theirs >= requests(*bucket)
        };
        let buckets: Vec<Bucket> = self.held.iter().copied().filter(is_overtaken).collect();
        let take = |bucket| {
            self.held.remove(&bucket);
            let part = self.aside.only(|one| one == bucket);
            self.aside = self.aside.only(|one| one != bucket);
            (bucket, part)
        };
        buckets.into_iter().map(take).collect()
    }

    /// Forgets what is so old that no object comes any more.
    fn forget_before(&mut self, bucket: Bucket) {
        if self.held.first().is_some_and(|first| *first < bucket) {
            self.held = self.held.split_off(&bucket);
            self.aside = self.aside.only(|one| one >= bucket);
        }
    }
}

/// Requests of a bucket that are counted.
pub(super) fn requests(site: &Site, series: &BTreeMap<Subject, Stored>, bucket: Bucket) -> u64 {
    let refused = series.values().map(|stored| stored.state.recent());
    let all = [site.served.recent(), &site.waiting].into_iter().chain(refused);
    all.map(|series| u64::from(series.count(bucket))).sum()
}

/// Puts what objects say into the place of what real-time records said, where it is at least as
/// much. The refusals are taken out, and those in their place given.
pub(super) fn settle(
    site: &mut Site,
    series: &mut BTreeMap<Subject, Stored>,
    newest: Bucket,
) -> Vec<Part> {
    if site.sources.is_empty() {
        return Vec::new();
    }
    let mut sources = std::mem::take(&mut site.sources);
    let overtaken = sources.overtaken(|bucket| requests(site, series, bucket));
    sources.forget_before(newest - HORIZON);
    site.sources = sources;
    let mut parts = Vec::new();
    for (bucket, part) in overtaken {
        for state in [&mut site.served, &mut site.waf] {
            state.take(bucket, u64::MAX);
        }
        site.waiting.take(bucket, u64::MAX);
        for stored in series.values_mut() {
            stored.state.take(bucket, u64::MAX);
        }
        site.served.merge(&part.served);
        site.waf.merge(&part.waf);
        site.waiting.merge(&part.waiting);
        parts.push(part);
    }
    parts
}
