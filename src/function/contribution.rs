//! What one object says of each distribution that it holds, and what of it waits for WAF logs.

#![expect(clippy::disallowed_methods, reason = "the function has a clock: this is one of the ends")]

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::Tools;
use super::count::Read;
use super::realtime::{Lines, Records};
use crate::account::facts::Depth;
use crate::analysis::{self, Directory, Logs};
use crate::causes::Cause;
use crate::causes::judge::{Confidence, Verdict};
use crate::causes::kind::{Kind, WafSeen};
use crate::incidents::Series;
use crate::incidents::counting::{Counts, note};
use crate::incidents::record::Contribution;
use crate::incidents::store::Wait;
use crate::logs::key;
use crate::logs::record::Refusal;
use crate::logs::tally::hash;
use crate::logs::waf::slot_of;
use crate::report::build::Subject;

/// Refusals of one object that wait for WAF logs; further ones are counted as they are judged now.
/// Fifty objects are one transaction, which ends at four megabytes.
const WAITING: usize = 4096;

/// What of one distribution is the web ACL's, and what waits for its log.
#[derive(Default)]
struct Waiting {
    /// Both together.
    waf: Series,
    acl: Option<Box<str>>,
    ids: BTreeSet<u64>,
    last_slot: i64,
    counts: Series,
    /// The lines of a stream, which cannot be read again.
    lines: Lines,
}

impl Waiting {
    /// Takes a refusal that waits: the WAF may have refused it, and the log that will tell is not
    /// there yet.
    fn takes(
        &mut self,
        refusal: &Refusal,
        kind: &Kind,
        verdict: &Verdict,
        records: Option<&Records>,
    ) -> bool {
        let (Some(id), Some(acl)) = (&refusal.request_id, &kind.acl_arn) else { return false };
        let id = hash(id.as_bytes());
        let waits = may_wait(kind, verdict)
            && self.ids.len() < WAITING
            && self.acl.as_ref().is_none_or(|known| known == acl)
            && records.is_none_or(|records| self.lines.take(records, id));
        if waits {
            self.acl = Some(acl.clone());
            self.ids.insert(id);
            self.last_slot = self.last_slot.max(slot_of(refusal.span().1));
            note(&mut self.counts, &refusal.glance());
            note(&mut self.waf, &refusal.glance());
        }
        waits
    }
}

/// Whether the WAF's log may say more of a refusal and is not there yet.
fn may_wait(kind: &Kind, verdict: &Verdict) -> bool {
    let may_be = verdict.cause == Cause::Waf || verdict.alternatives.contains(&Cause::Waf);
    kind.waf == WafSeen::NotYet && may_be && verdict.confidence != Confidence::Confirmed
}

/// The finding as whose a refusal is counted. What waits is the web ACL's until its log is there.
pub(super) fn finding_of(kind: &Kind, verdict: &Verdict) -> String {
    let subject = Subject::of(kind, verdict);
    let subject = match may_wait(kind, verdict) {
        true => Subject { cause: Cause::Waf, detail: Some("edge"), rule: None, ..subject },
        false => subject,
    };
    subject.id("f")
}

/// Whether a refusal is one of those that wait.
pub(super) fn belongs(wait: &Wait, refusal: &Refusal) -> bool {
    refusal.distribution_id.as_deref().unwrap_or_default() == wait.distribution
        && refusal.request_id.as_ref().is_some_and(|id| wait.ids.contains(&hash(id.as_bytes())))
}

/// What one object says of each distribution that it holds.
pub(super) fn contributions(
    tools: &Tools,
    directory: &Directory,
    read: &Read,
    logs: &Logs,
) -> Vec<(String, Contribution)> {
    let tally = &read.tally;
    let analysis = analysis::analyse(tally, logs.clone(), tools.account.as_ref(), Depth::Causes);
    let mut all: BTreeMap<String, Counts> = BTreeMap::new();
    // A distribution that refused nothing is counted too: the object must be known as done.
    for (domain, served) in &tally.served {
        let id = directory.id_of(domain).or_else(|| key::distribution(&read.object.key));
        let mine = all.entry(id.unwrap_or_default().to_owned()).or_default();
        served.buckets.iter().for_each(|(bucket, count)| mine.served.add(*bucket, *count));
    }
    let mut waits: BTreeMap<String, Waiting> = BTreeMap::new();
    for (refusal, kind, verdict) in analysis.verdicts() {
        let subject = Subject::of(kind, verdict);
        let id = subject.distribution_id.as_deref().unwrap_or_default().to_owned();
        let mine = all.entry(id.clone()).or_default();
        let waiting = waits.entry(id).or_default();
        if waiting.takes(&refusal, kind, verdict, read.records.as_ref()) {
            continue;
        }
        if verdict.cause == Cause::Waf && verdict.detail != Some("origin") {
            note(&mut waiting.waf, &refusal.glance());
        }
        mine.refuse(&subject, &refusal.glance());
    }
    let mark_of = |id: &str| read.records.as_ref().and_then(|records| records.mark(id));
    // A stretch of a stream is known as done by what it holds.
    if all.is_empty() && read.records.as_ref().is_none_or(|records| records.shard.is_none()) {
        let id = key::distribution(&read.object.key).unwrap_or_default().to_owned();
        all.insert(id, Counts::default());
    }
    let of = all.len();
    let now = Timestamp::now();
    let mut contribution = |id: &str, counts: Counts| {
        let Waiting { waf, acl, ids, last_slot, counts: waiting, lines } =
            waits.remove(id).unwrap_or_default();
        let wait = |acl: Box<str>| Wait {
            object: read.object.clone(),
            distribution: id.to_owned(),
            acl: acl.into(),
            last_slot,
            since: now,
            ids,
            counts: waiting,
            lines: lines.text,
        };
        Contribution {
            object: read.object.clone(),
            of,
            partial: read.partial.clone(),
            realtime: read.records.is_some(),
            mark: mark_of(id),
            refused: counts.refused,
            served: counts.served,
            waf,
            waiting: acl.map(wait),
        }
    };
    let one = |(id, counts): (String, Counts)| {
        let one = contribution(&id, counts);
        (id, one)
    };
    all.into_iter().map(one).collect()
}
