//! What origins logged of refusals: kept when it comes, and an alert that it makes surer is told
//! again when it comes late.
//!
//! The logs of load balancers are mostly there before the access log; those of buckets come hours
//! later. They change how sure an alert is and what it says, never the series of a count.

#![expect(clippy::disallowed_methods, reason = "the function has a clock: this is one of the ends")]

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use super::Tools;
use super::count::{about, jittered};
use super::explained::Explained;
use super::objects::{self, Seen, Trouble, fault_of, log_faults};
use super::places;
use super::waf::{runs, waf_index};
use crate::account::facts::Depth;
use crate::alerts::{Alert, Outgoing};
use crate::analysis::{self, Directory, Logs};
use crate::incidents::bucket_of;
use crate::incidents::places::Places;
use crate::incidents::record::{Arrived, Desk, record};
use crate::incidents::store::StoreError;
use crate::incidents::store::dynamo::Awaited;
use crate::logs::origin::{OriginIndex, Wanted, slots};
use crate::logs::record::Refusal;
use crate::logs::tally::AccessTally;
use crate::logs::waf::{WafIndex, slot_of};
use crate::report::{Finding, Inputs};
use crate::trigger::Object;

/// After this long an alert stands as it is. S3 writes its server access logs within hours.
const PATIENCE: SignedDuration = SignedDuration::from_hours(6);

/// How often an alert is judged again at most: a bucket's log comes in many small objects.
const JUDGED: u32 = 12;

/// Slots that are looked at for one alert, the newest two hours of it.
const SLOTS: i64 = 24;

/// Keeps the lines of an origin's log that say 403.
pub(super) fn see(tools: &Tools, object: &Object, body: impl Read) -> Seen {
    let slots = slots::read(&object.key, object.edition(), body, &tools.settings.limits);
    let trouble = fault_of(&slots.outcome.faults);
    if let Some(Trouble::Passing(reason)) = trouble {
        return Seen::Later(reason);
    }
    if slots.lines == 0 && trouble.is_none() {
        return Seen::Ignored;
    }
    log_faults(object, &slots.outcome.faults);
    if let Err(error) = tools.store.put_origin(&slots.chunks) {
        return Seen::Later(error.to_string());
    }
    match trouble {
        Some(Trouble::Lasting(partial)) => Seen::Origin(slots.lines, Some(partial)),
        _ => Seen::Origin(slots.lines, None),
    }
}

/// All that is stored beside the access log of these refusals.
pub(super) fn logs_of(
    tools: &Tools,
    refusals: impl Iterator<Item = Refusal> + Clone,
) -> Result<Logs, StoreError> {
    let waf = waf_index(tools, refusals.clone())?;
    let origin = index(tools, refusals, &waf)?;
    Ok(Logs { waf: waf.into(), origin: origin.into(), ..Logs::default() })
}

fn index(
    tools: &Tools,
    refusals: impl Iterator<Item = Refusal> + Clone,
    waf: &WafIndex,
) -> Result<OriginIndex, StoreError> {
    let mut slots = BTreeSet::new();
    for (from, to) in refusals.clone().map(|refusal| refusal.span()) {
        slots.extend(slot_of(from)..=slot_of(to));
    }
    let wanted = Wanted::new(refusals, waf.all_behind());
    let mut index = OriginIndex::default();
    for run in runs(&slots) {
        tools.store.origin(run)?.iter().for_each(|chunk| chunk.fill(&wanted, &mut index));
    }
    Ok(index)
}

/// Whether logs of origins may still make something surer than it is.
pub(super) fn may_come(tools: &Tools, findings: &[Finding]) -> bool {
    !tools.settings.origin_buckets.is_empty()
        && findings.iter().any(|finding| finding.confidence != "confirmed")
}

/// Remembers that an alert about some objects has gone out that may become surer. If the function
/// dies before it does, the alert stands as it is.
pub(super) fn expect(tools: &Tools, distribution: &str, objects: Vec<Object>, tally: &AccessTally) {
    let mine =
        |refusal: &Refusal| refusal.distribution_id.as_deref().unwrap_or_default() == distribution;
    let spans = || tally.refusals.iter().filter(mine).map(|refusal| refusal.span());
    let first = spans().map(|(from, _)| slot_of(from)).min();
    let last = spans().map(|(_, to)| slot_of(to)).max();
    let (Some(first), Some(last)) = (first, last) else { return };
    let slots = (first.max(last - SLOTS), last);
    let awaited = tools.store.origin_pieces(slots).and_then(|seen| {
        let distribution = distribution.to_owned();
        let since = Timestamp::now();
        tools.store.put_awaited(&Awaited { distribution, objects, slots, since, seen, judged: 0 })
    });
    if let Err(error) = awaited {
        tracing::warn!(distribution, %error, "the alert will not wait for logs of origins");
    }
}

/// Judges again what waits, where there is something new. Blocks.
pub fn settle(tools: &Tools, directory: &Directory, until: Instant) -> Vec<Outgoing> {
    let waits = tools.store.awaited().unwrap_or_else(|error| {
        tracing::error!(%error, "what waits for logs of origins cannot be looked for");
        Vec::new()
    });
    let mut alerts = Vec::new();
    for awaited in waits {
        if Instant::now() >= until {
            break;
        }
        match settle_one(tools, directory, &awaited, until) {
            Ok(some) => alerts.extend(some),
            Err(error) => {
                let distribution = awaited.distribution;
                tracing::warn!(distribution, %error, "goes on waiting for logs of origins");
            }
        }
    }
    alerts
}

fn settle_one(
    tools: &Tools,
    directory: &Directory,
    awaited: &Awaited,
    until: Instant,
) -> Result<Vec<Outgoing>, StoreError> {
    let now = Timestamp::now();
    if now.duration_since(awaited.since) >= PATIENCE || awaited.judged >= JUDGED {
        tools.store.forget_awaited(awaited)?;
        return Ok(Vec::new());
    }
    let seen = tools.store.origin_pieces(awaited.slots)?;
    if seen == awaited.seen {
        return Ok(Vec::new());
    }
    let distribution = awaited.distribution.as_str();
    let tally = read_again(tools, directory, awaited, until)?;
    let logs = logs_of(tools, tally.refusals.iter())?;
    let judged = |logs: Logs| {
        let analysis = analysis::analyse(&tally, logs, tools.account.as_ref(), Depth::Causes);
        let all = analysis.report(&tally, Inputs::default(), &directory.countries).findings;
        let mine = |finding: &Finding| {
            finding.distribution_id.as_deref().unwrap_or_default() == distribution
        };
        all.into_iter().filter(mine).collect::<Vec<_>>()
    };
    // As they were counted, and as they are now.
    let counted = judged(Logs { origin: Arc::default(), ..logs.clone() });
    let proved = judged(logs.clone());
    let is_sure = |finding: &Finding| finding.confidence == "confirmed";
    let surety = |all: &[Finding]| {
        let each = all.iter().map(|finding| (finding.id.clone(), finding.confidence));
        each.collect::<BTreeSet<_>>()
    };
    if surety(&counted) == surety(&proved) {
        return wait_on(tools, awaited, seen, proved.iter().all(is_sure)).map(|()| Vec::new());
    }
    let about = about(tools, distribution, &tally, &counted);
    let explained = Explained::new(tools, directory, &tally, logs, &counted);
    let write = |news: &[_], place: &_| {
        let seen = (explained.findings(), news);
        let nowhere = Places::default();
        let findings = places::widened(&nowhere, &tools.store, distribution, seen, bucket_of(now));
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
    let recorded = record(&desk, distribution, Arrived::Proof);
    if let Some(failed) = recorded.failed {
        return Err(failed.error);
    }
    // An alert that is stored goes out, whatever becomes of what waits.
    if let Err(error) = wait_on(tools, awaited, seen, proved.iter().all(is_sure)) {
        tracing::warn!(distribution, %error, "is judged again by what it was judged by");
    }
    Ok(recorded.alerts)
}

/// Waits on, unless nothing is left to prove.
fn wait_on(tools: &Tools, awaited: &Awaited, seen: usize, is_over: bool) -> Result<(), StoreError> {
    if is_over {
        return tools.store.forget_awaited(awaited);
    }
    let judged = awaited.judged + 1;
    tools.store.put_awaited(&Awaited { seen, judged, ..awaited.clone() })
}

fn read_again(
    tools: &Tools,
    directory: &Directory,
    awaited: &Awaited,
    until: Instant,
) -> Result<AccessTally, StoreError> {
    let mut tally = AccessTally::default();
    for object in &awaited.objects {
        if let Some(one) = objects::again(tools, directory, object, until)? {
            tally.merge(one);
        }
    }
    tally.settle();
    directory.assign(&mut tally.refusals);
    Ok(tally)
}
