//! Refusals that waited for WAF logs: once these are there, or after half an hour, they are judged
//! again and counted where they belong.

#![expect(clippy::disallowed_methods, reason = "the function has a clock: this is one of the ends")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use super::Tools;
use super::contribution::belongs;
use super::count::{about, jittered};
use super::explained::Explained;
use super::objects;
use super::origin::logs_of;
use super::places;
use super::realtime;
use crate::account::facts::Depth;
use crate::alerts::{About, Alert, Outgoing};
use crate::analysis::{self, Directory, Logs};
use crate::causes::Cause;
use crate::incidents::Series;
use crate::incidents::bucket_of;
use crate::incidents::counting::note;
use crate::incidents::places::Places;
use crate::incidents::record::{Arrived, Desk, record};
use crate::incidents::store::{Store, StoreError, Wait};
use crate::logs::record::Refusal;
use crate::logs::tally::AccessTally;
use crate::report::build::Subject;
use crate::report::{Finding, Inputs};

/// After this long a verdict stands as it is. WAF logs come within minutes.
const PATIENCE: SignedDuration = SignedDuration::from_mins(30);

/// How long WAF records that come one by one are waited for. They come within seconds, and in no
/// order.
const SCATTERED: SignedDuration = SignedDuration::from_mins(5);

/// Settles what can be settled. Blocks.
pub fn settle(tools: &Tools, directory: &Directory, until: Instant) -> Vec<Outgoing> {
    let waits = tools.store.waits().unwrap_or_else(|error| {
        tracing::error!(%error, "what waits for WAF logs cannot be looked for");
        Vec::new()
    });
    let mut alerts = Vec::new();
    for wait in waits {
        if Instant::now() >= until {
            break;
        }
        match settle_one(tools, directory, &wait, until) {
            Ok(some) => alerts.extend(some),
            Err(error) => {
                let (bucket, key) = (&wait.object.bucket, &wait.object.key);
                tracing::warn!(bucket, key, %error, "goes on waiting for WAF logs");
            }
        }
    }
    alerts
}

fn settle_one(
    tools: &Tools,
    directory: &Directory,
    wait: &Wait,
    until: Instant,
) -> Result<Vec<Outgoing>, StoreError> {
    let now = Timestamp::now();
    let waited = now.duration_since(wait.since);
    let is_complete = || -> Result<bool, StoreError> {
        let stored = tools.store.waf(&wait.acl, wait.last_slot, wait.last_slot)?;
        // Scattered records are followed by others of the same slot for a while.
        let scattered = stored.chunks.iter().any(|chunk| chunk.sampled);
        Ok(stored.later.is_some() && (!scattered || waited >= SCATTERED))
    };
    let is_late = waited >= PATIENCE;
    if !is_late && !is_complete()? {
        return Ok(Vec::new());
    }
    let Again { moved, findings, about, mut places, tally, logs } =
        judged_again(tools, directory, wait, until)?;
    places::keep(&mut places, &tools.store, &wait.distribution);
    let explained = Explained::new(tools, directory, &tally, logs, &findings);
    let write = |news: &[_], place: &_| {
        let seen = (explained.findings(), news);
        let id = &wait.distribution;
        let findings = places::widened(&places, &tools.store, id, seen, bucket_of(now));
        let alert = Alert::new(news, &findings, place, &about);
        alert.map(|alert| alert.outgoing(tools.settings.audiences(), now))
    };
    let desk = Desk {
        store: &tools.store,
        heard: tools.settings.heard,
        distributions: u32::try_from(directory.len()).unwrap_or(u32::MAX),
        now,
        write: &write,
        wait: &|longest: Duration| std::thread::sleep(jittered(longest)),
    };
    let arrived = Arrived::Evidence(Box::new(wait.clone()), moved);
    let recorded = record(&desk, &wait.distribution, arrived);
    match recorded.failed {
        Some(failed) => Err(failed.error),
        None => Ok(recorded.alerts),
    }
}

/// What is known of the refusals that waited.
#[derive(Default)]
struct Again {
    /// Where they belong.
    moved: BTreeMap<Subject, Series>,
    findings: Vec<Finding>,
    about: About,
    /// Where they were.
    places: Places,
    tally: AccessTally,
    logs: Logs,
}

/// Judges the refusals again that waited.
fn judged_again(
    tools: &Tools,
    directory: &Directory,
    wait: &Wait,
    until: Instant,
) -> Result<Again, StoreError> {
    let mut moved: BTreeMap<Subject, Series> = BTreeMap::new();
    let read = match wait.is_realtime() {
        true => realtime::again(tools, directory, wait)?,
        false => objects::again(tools, directory, &wait.object, until)?,
    };
    let Some(mut tally) = read else {
        // The lines are gone: what waited stays what it most likely was.
        let subject = Subject {
            distribution_id: Some(wait.distribution.as_str().into()),
            cause: Cause::Waf,
            detail: Some("edge"),
            rule: None,
        };
        moved.insert(subject, wait.counts.clone());
        return Ok(Again { moved, ..Again::default() });
    };
    tally.settle();
    directory.assign(&mut tally.refusals);
    let logs = logs_of(tools, tally.refusals.iter())?;
    let analysis = analysis::analyse(&tally, logs.clone(), tools.account.as_ref(), Depth::Causes);
    for (refusal, kind, verdict) in analysis.verdicts() {
        if belongs(wait, &refusal) {
            let series = moved.entry(Subject::of(kind, verdict)).or_default();
            note(series, &refusal.glance());
        }
    }
    let findings = analysis.report(&tally, Inputs::default(), &directory.countries).findings;
    let about = about(tools, &wait.distribution, &tally, &findings);
    let mine = |refusal: &Refusal, kind: &_, verdict: &_| {
        belongs(wait, refusal).then(|| Subject::of(kind, verdict).id("f"))
    };
    let all = places::of(&analysis, &AccessTally::default(), directory, &mine);
    let places = all.into_iter().find(|(id, _)| *id == wait.distribution);
    let places = places.map(|(_, places)| places).unwrap_or_default();
    Ok(Again { moved, findings, about, places, tally, logs })
}
