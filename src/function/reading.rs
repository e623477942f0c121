//! The objects of an invocation: read, judged, counted, and what becomes of each.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::task::spawn_blocking;
use tokio::time::timeout_at;

use super::count::{self, Read};
use super::metrics::Metrics;
use super::objects::{self, Seen};
use super::settings::Settings;
use super::{Fate, Function, NO_TIME, Time, apart};
use crate::alerts::Outgoing;
use crate::analysis::Directory;
use crate::incidents::store::Partial;
use crate::limits::REFUSALS_AT_ONCE;
use crate::trigger::{Batch, Object};

/// Objects that are read at the same time. Reading is work for the processor; what overlaps is the
/// waiting for S3.
const AT_ONCE: usize = 4;

impl Function {
    /// Keeps what the batch brings along of WAF logs.
    pub(super) async fn carried(
        &self,
        batch: &Batch,
        time: &Time,
        metrics: &mut Metrics,
    ) -> BTreeMap<Object, Fate> {
        let mut fates = BTreeMap::new();
        let carried = batch.messages.iter().flat_map(|message| &message.carried);
        for carried in carried.filter(|carried| !carried.realtime) {
            if time.is_short() {
                fates.insert(carried.object.clone(), Fate::NotStarted);
                continue;
            }
            metrics.carried += 1;
            let (tools, one) = (self.0.clone(), carried.clone());
            let seen = spawn_blocking(move || objects::see_carried(&tools, &one));
            let fate = match timeout_at(time.stop.into(), seen).await {
                Ok(Ok(Seen::Waf(records, partial))) => {
                    metrics.waf_objects += 1;
                    metrics.records += records;
                    partial.map_or(Fate::Done, Fate::Never)
                }
                Ok(Ok(Seen::Never(partial))) => Fate::Never(partial),
                Ok(Ok(Seen::Later(reason))) => Fate::Later(reason),
                Ok(Ok(_)) => Fate::Ignored,
                Ok(Err(_)) => {
                    let reason = "panic: reading failed on it".to_owned();
                    Fate::Never(Partial { reason, offset: 0 })
                }
                Err(_) => Fate::Later(NO_TIME.to_owned()),
            };
            fates.insert(carried.object.clone(), fate);
        }
        fates
    }

    /// Reads and counts every object of the batch, each once, what goes with access logs first.
    pub(super) async fn objects(
        &self,
        batch: &Batch,
        time: &Time,
        metrics: &mut Metrics,
    ) -> (BTreeMap<Object, Fate>, Vec<Outgoing>) {
        let mut fates = BTreeMap::new();
        let mut alerts = Vec::new();
        let (objects, foreign): (Vec<_>, Vec<_>) = distinct(batch, &self.0.settings)
            .into_iter()
            .partition(|one| self.0.settings.wants(&one.object));
        fates.extend(foreign.into_iter().map(|one| (one.object, Fate::Ignored)));
        metrics.objects = objects.len() as u64 + metrics.carried;
        if objects.is_empty() {
            return (fates, alerts);
        }
        let Some(directory) = self.directory(time).await else {
            fates.extend(objects.into_iter().map(|one| (one.object, Fate::NotStarted)));
            return (fates, alerts);
        };
        let (first, access): (Vec<_>, Vec<_>) = objects.into_iter().partition(|one| one.first);
        let mut reads = Vec::new();
        // The logs of WAFs and origins are all there before the batch's access logs are judged.
        for some in first.chunks(AT_ONCE).chain(access.chunks(AT_ONCE)) {
            if time.is_short() {
                fates.extend(some.iter().map(|one| (one.object.clone(), Fate::NotStarted)));
                continue;
            }
            for (object, seen) in self.see(some, &directory, time).await {
                match seen {
                    Seen::Access(tally, partial) => {
                        metrics.records += tally.lines;
                        reads.push(Read { object, tally: *tally, partial, records: None });
                        continue;
                    }
                    Seen::Waf(records, partial) => {
                        metrics.waf_objects += 1;
                        metrics.records += records;
                        fates.insert(object, partial.map_or(Fate::Done, Fate::Never));
                    }
                    Seen::Origin(lines, partial) => {
                        metrics.origin_objects += 1;
                        metrics.records += lines;
                        fates.insert(object, partial.map_or(Fate::Done, Fate::Never));
                    }
                    Seen::Duplicate(partial) => {
                        // Its letter may not have gone out, if the function died in between.
                        let again = some.iter().any(|one| one.object == object && one.receives > 1);
                        let fate = partial.filter(|_| again).map_or(Fate::Done, Fate::Never);
                        fates.insert(object, fate);
                    }
                    Seen::Ignored => drop(fates.insert(object, Fate::Ignored)),
                    Seen::Later(reason) => drop(fates.insert(object, Fate::Later(reason))),
                    Seen::Never(partial) => drop(fates.insert(object, Fate::Never(partial))),
                }
            }
            let refusals: usize = reads.iter().map(|read| read.tally.refusals.len()).sum();
            if refusals > REFUSALS_AT_ONCE {
                let some = std::mem::take(&mut reads);
                self.count(some, &directory, time, metrics, &mut fates, &mut alerts).await;
            }
        }
        self.count(reads, &directory, time, metrics, &mut fates, &mut alerts).await;
        (fates, alerts)
    }

    /// Asks for the account's distributions, if there is time.
    pub(super) async fn directory(&self, time: &Time) -> Option<Arc<Directory>> {
        let tools = self.0.clone();
        let asked = spawn_blocking(move || {
            let mut directory = Directory::ask(tools.account.as_ref());
            directory.countries = tools.countries.clone();
            directory.logs.limits = tools.settings.limits.clone();
            directory
        });
        let asked = timeout_at(time.last_start.into(), asked).await.ok()?;
        Some(Arc::new(asked.unwrap_or_default()))
    }

    /// Reads a few objects at the same time.
    async fn see(
        &self,
        some: &[Wanted],
        directory: &Arc<Directory>,
        time: &Time,
    ) -> Vec<(Object, Seen)> {
        let work = some.iter().cloned().map(|one| {
            let (tools, directory, until) = (self.0.clone(), directory.clone(), time.stop);
            let Wanted { object, receives, .. } = one;
            let read = object.clone();
            (object, move || objects::see(&tools, &directory, &read, receives, until))
        });
        apart::read(work.collect(), time.stop).await
    }

    /// Judges and counts what was read.
    pub(super) async fn count(
        &self,
        reads: Vec<Read>,
        directory: &Arc<Directory>,
        time: &Time,
        metrics: &mut Metrics,
        fates: &mut BTreeMap<Object, Fate>,
        alerts: &mut Vec<Outgoing>,
    ) {
        if reads.is_empty() {
            return;
        }
        let partials: Vec<(Object, Option<Partial>)> =
            reads.iter().map(|read| (read.object.clone(), read.partial.clone())).collect();
        let (tools, directory) = (self.0.clone(), directory.clone());
        let counted = spawn_blocking(move || count::count(&tools, &directory, reads));
        // What is counted although nobody waited for it is a duplicate when it comes again.
        let counted = match timeout_at(time.end.into(), counted).await {
            Ok(counted) => counted.map_err(|_| "panic: the analysis failed"),
            Err(_) => Err(NO_TIME),
        };
        let counted = match counted {
            Ok(counted) => counted,
            Err(reason) => {
                let all = partials.into_iter().map(|(one, _)| one);
                fates.extend(all.map(|object| (object, Fate::Later(reason.to_owned()))));
                return;
            }
        };
        for (object, partial) in partials {
            let fate = match (counted.later.get(&object), counted.never.get(&object), partial) {
                (Some(reason), ..) => Fate::Later(reason.clone()),
                (_, Some(partial), _) => Fate::Never(partial.clone()),
                (_, _, Some(partial)) if !counted.duplicates.contains(&object) => {
                    Fate::Never(partial)
                }
                _ => Fate::Done,
            };
            fates.insert(object, fate);
        }
        for ((distribution, cause), count) in counted.forbidden {
            *metrics.by_distribution.entry(distribution).or_default() += count;
            *metrics.by_cause.entry(cause.id()).or_default() += count;
            if cause == crate::causes::Cause::Unattributed {
                metrics.unattributed += count;
            }
        }
        metrics.opened += counted.opened as u64;
        alerts.extend(counted.alerts);
    }
}

/// An object with what is known of its delivery.
#[derive(Clone, Debug)]
struct Wanted {
    object: Object,
    receives: u32,
    /// Whether it is read before the access logs.
    first: bool,
}

/// Every object of a batch once, however many messages speak of it.
fn distinct(batch: &Batch, settings: &Settings) -> Vec<Wanted> {
    let mut all: BTreeMap<&Object, u32> = BTreeMap::new();
    for message in &batch.messages {
        // Elsewhere than in a queue nothing counts the tries, and Lambda makes three.
        let receives = if batch.partial { message.receives } else { u32::MAX };
        for object in &message.objects {
            let most = all.entry(object).or_default();
            *most = receives.max(*most);
        }
    }
    let wanted = |(object, receives): (&Object, u32)| Wanted {
        object: object.clone(),
        receives,
        first: objects::is_waf_key(object)
            || settings.waf_buckets.contains(&object.bucket)
            || settings.origin_buckets.contains(&object.bucket),
    };
    all.into_iter().map(wanted).collect()
}
