//! What was read of several objects: judged, counted, and the alerts that follow.

#![expect(clippy::disallowed_methods, reason = "the function has a clock: this is one of the ends")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::Tools;
use super::apart::alone;
use super::contribution::{contributions, finding_of};
use super::explained::Explained;
use super::realtime::Records;
use super::{origin, places};
use crate::account::distribution::Distribution;
use crate::account::facts::Depth;
use crate::account::{Fact, Question};
use crate::alerts::{About, Alert, Outgoing};
use crate::analysis::{self, Directory};
use crate::causes::Cause;
use crate::incidents::bucket_of;
use crate::incidents::messages::Gist;
use crate::incidents::places::Places;
use crate::incidents::record::{Arrived, Contribution, Desk, Failed, record};
use crate::incidents::store::{Partial, Store};
use crate::logs::record::Refusal;
use crate::logs::tally::AccessTally;
use crate::report::{Finding, Inputs};
use crate::trigger::Object;

/// An access-log object that was read.
pub struct Read {
    /// The object.
    pub object: Object,
    /// What it says.
    pub tally: AccessTally,
    /// What of it could not be read.
    pub partial: Option<Partial>,
    /// What must be known of it besides where these are records of a stream.
    pub records: Option<Records>,
}

/// What became of the objects.
#[derive(Debug, Default)]
pub struct Counted {
    /// Objects that have to come again, with the reason.
    pub later: BTreeMap<Object, String>,
    /// Objects on which the analysis failed.
    pub never: BTreeMap<Object, Partial>,
    /// Objects that somebody else counted meanwhile.
    pub duplicates: BTreeSet<Object>,
    /// Alerts that are to go out.
    pub alerts: Vec<Outgoing>,
    /// Incidents that were opened.
    pub opened: usize,
    /// Refusals that came too late for their five minutes.
    pub late: u64,
    /// Distributions in the account.
    pub distributions: u32,
    /// Refusals by distribution and cause, of the objects that were counted now.
    pub forbidden: BTreeMap<(String, Cause), u64>,
}

/// Judges and counts. Blocks.
pub fn count(tools: &Tools, directory: &Directory, mut reads: Vec<Read>) -> Counted {
    let distributions = u32::try_from(directory.len()).unwrap_or(u32::MAX);
    let mut counted = Counted { distributions, ..Counted::default() };
    for read in &mut reads {
        read.tally.settle();
        directory.assign(&mut read.tally.refusals);
    }
    let refusals = || reads.iter().flat_map(|read| read.tally.refusals.iter());
    // What was read of the account before a request says little about it.
    if let Some(newest) = refusals().map(|refusal| refusal.time).max() {
        tools.account.forget_before(newest);
    }
    let logs = match origin::logs_of(tools, refusals()) {
        Ok(logs) => logs,
        Err(error) => {
            let all = reads.into_iter().map(|read| (read.object, error.to_string()));
            counted.later.extend(all);
            return counted;
        }
    };
    let mut merged = AccessTally::default();
    let mut by_distribution: BTreeMap<String, Vec<Contribution>> = BTreeMap::new();
    for read in reads {
        match alone("the analysis", || contributions(tools, directory, &read, &logs)) {
            Ok(contributions) => {
                for (distribution, one) in contributions {
                    by_distribution.entry(distribution).or_default().push(one);
                }
                merged.merge(read.tally);
            }
            Err(partial) => drop(counted.never.insert(read.object, partial)),
        }
    }
    merged.settle();
    let seen = alone("the report", || {
        let account = tools.account.as_ref();
        let analysis = analysis::analyse(&merged, logs.clone(), account, Depth::Causes);
        let report = analysis.report(&merged, Inputs::default(), &directory.countries);
        let as_counted = |_: &Refusal, kind: &_, verdict: &_| Some(finding_of(kind, verdict));
        (report.findings, places::of(&analysis, &merged, directory, &as_counted))
    });
    // What is counted is told with less then.
    let (findings, mut all_places) = seen.unwrap_or_else(|partial| {
        tracing::error!(reason = partial.reason, "no finding stands in these alerts");
        Default::default()
    });
    let explained = Explained::new(tools, directory, &merged, logs, &findings);
    for (distribution, contributions) in by_distribution {
        let about = about(tools, &distribution, &merged, &findings);
        let mut places = all_places.remove(&distribution).unwrap_or_default();
        let objects: Vec<Object> = contributions.iter().map(|one| one.object.clone()).collect();
        // Records of a stream cannot be read again.
        let again = contributions.iter().filter(|one| !one.realtime);
        let again: Vec<Object> = again.map(|one| one.object.clone()).collect();
        let kept = alone("counting", || {
            places::keep(&mut places, &tools.store, &distribution);
            let seen = (&explained, &places);
            if keep(tools, &distribution, contributions, seen, &about, &mut counted)
                && !again.is_empty()
                && origin::may_come(tools, explained.findings())
            {
                origin::expect(tools, &distribution, again, &merged);
            }
        });
        if let Err(Partial { reason, .. }) = kept {
            tracing::error!(distribution, reason, "not counted");
            counted.later.extend(objects.into_iter().map(|object| (object, reason.clone())));
        }
    }
    counted
}

/// Counts what belongs to one distribution; whether an alert follows.
fn keep(
    tools: &Tools,
    distribution: &str,
    contributions: Vec<Contribution>,
    (findings, places): (&Explained<'_>, &Places),
    about: &About,
    counted: &mut Counted,
) -> bool {
    let now = Timestamp::now();
    let write = |news: &[_], place: &_| {
        let seen = (findings.findings(), news);
        let findings = places::widened(places, &tools.store, distribution, seen, bucket_of(now));
        let waits = origin::may_come(tools, &findings);
        let alert = Alert::new(news, &findings, place, about)?;
        let (alerts, gist) = alert.outgoing(tools.settings.audiences(), now);
        Some((alerts, Gist { waits, ..gist }))
    };
    let wait = |longest: Duration| std::thread::sleep(jittered(longest));
    let desk = Desk {
        store: &tools.store,
        heard: tools.settings.heard,
        distributions: counted.distributions,
        now,
        write: &write,
        wait: &wait,
    };
    let recorded = record(&desk, distribution, Arrived::Objects(contributions));
    if let Some(Failed { objects, error }) = recorded.failed {
        tracing::error!(distribution, %error, "not counted");
        counted.later.extend(objects.into_iter().map(|object| (object, error.to_string())));
    }
    for (cause, sum) in recorded.refused {
        *counted.forbidden.entry((distribution.to_owned(), cause)).or_default() += sum;
    }
    counted.opened += recorded.opened;
    counted.late += recorded.late;
    let tells = !recorded.alerts.is_empty();
    counted.alerts.extend(recorded.alerts);
    counted.duplicates.extend(recorded.duplicates);
    tells
}

/// Looks again at every distribution that has something open, although nothing of it came.
pub fn tick(tools: &Tools) -> Vec<Outgoing> {
    let sites = tools.store.open_sites().unwrap_or_else(|error| {
        tracing::error!(%error, "open incidents cannot be looked for");
        Vec::new()
    });
    let mut alerts = Vec::new();
    for site in sites {
        let about = About { domain: distribution_of(tools, &site).map(name), ..About::default() };
        let now = Timestamp::now();
        let write = |news: &[_], place: &_| {
            let alert = Alert::new(news, &[], place, &about);
            alert.map(|alert| alert.outgoing(tools.settings.audiences(), now))
        };
        let desk = Desk {
            store: &tools.store,
            heard: tools.settings.heard,
            distributions: 1,
            now,
            write: &write,
            wait: &|longest| std::thread::sleep(jittered(longest)),
        };
        let recorded = record(&desk, &site, Arrived::Nothing);
        alerts.extend(recorded.alerts);
        if let Some(Failed { error, .. }) = recorded.failed {
            tracing::error!(site, %error, "not looked at again");
        }
    }
    alerts
}

/// Between half of a time and all of it, so that functions that met do not meet again.
pub(super) fn jittered(longest: Duration) -> Duration {
    let nanos = Timestamp::now().subsec_nanosecond().unsigned_abs() ^ std::process::id();
    let share = f64::from(nanos % 1000) / 1000.0;
    longest.mul_f64(0.5 + share / 2.0)
}

pub(super) fn distribution_of(tools: &Tools, id: &str) -> Option<Distribution> {
    let question = Question::new("cloudfront/get-distribution", id);
    Fact::ask(tools.account.as_ref(), question, Distribution::parse).known().cloned()
}

/// What people call a distribution, and how much it was asked for.
pub(super) fn about(tools: &Tools, id: &str, tally: &AccessTally, findings: &[Finding]) -> About {
    let known = distribution_of(tools, id);
    let mine = |refusal: &Refusal| refusal.distribution_id.as_deref().unwrap_or_default() == id;
    let mut refused = 0;
    let mut domains: BTreeSet<Box<str>> =
        known.iter().map(|known| known.domain_name.to_ascii_lowercase().into()).collect();
    for refusal in tally.refusals.iter().filter(mine) {
        refused += 1;
        domains.extend(refusal.distribution_domain);
    }
    let served = domains.iter().filter_map(|domain| tally.served.get(domain));
    let served: u64 = served.flat_map(|served| served.buckets.values()).sum();
    // Without the distribution's own name nobody knows what it served.
    let requests = if domains.is_empty() { 0 } else { served + refused };
    let of_findings = findings.iter().map(|one| (one.id.clone(), one.requests)).collect();
    About { domain: known.map(name), requests, of_findings }
}

/// The name under which people know a distribution.
fn name(known: Distribution) -> String {
    let aliases = &known.config.aliases.items;
    aliases.first().cloned().unwrap_or(known.domain_name)
}
