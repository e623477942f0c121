//! Where requests were: from an analysis to what is kept of it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::analysis::{Analysis, Directory};
use crate::causes::judge::Verdict;
use crate::causes::kind::Kind;
use crate::incidents::places::Places;
use crate::incidents::store::Store;
use crate::incidents::{Bucket, bucket_of};
use crate::logs::record::Refusal;
use crate::logs::tally::AccessTally;
use crate::report::clusters::{Whereabouts, of_refusal, of_served};
use crate::report::{Finding, Incident};

use super::count::jittered;

/// The places of each distribution. `name` says as which finding's a refusal is kept.
pub(super) fn of(
    analysis: &Analysis<'_>,
    tally: &AccessTally,
    directory: &Directory,
    name: &dyn Fn(&Refusal, &Kind, &Verdict) -> Option<String>,
) -> BTreeMap<String, Places> {
    let countries = Whereabouts {
        of_refusal: &|refusal| analysis.country(refusal),
        of_address: &|address| directory.countries.of(address),
    };
    let mut all: BTreeMap<String, Places> = BTreeMap::new();
    for (refusal, kind, verdict) in analysis.verdicts() {
        let Some(finding) = name(&refusal, kind, verdict) else { continue };
        let id = kind.distribution.as_deref().unwrap_or_default().to_owned();
        let row = of_refusal(&refusal, &countries);
        all.entry(id).or_default().refused(&finding, bucket_of(refusal.time), row);
    }
    for (domain, served) in &tally.served {
        let Some(id) = directory.id_of(domain) else { continue };
        let places = all.entry(id.to_owned()).or_default();
        for (hash, request) in served.sample.rows() {
            let row = of_served(hash, &request, &countries);
            places.served(request.second.div_euclid(crate::incidents::BUCKET_SECONDS), row);
        }
    }
    all
}

/// Keeps them. What cannot be kept is missing in a sample, which is no reason to read again.
pub(super) fn keep(places: &mut Places, store: &dyn Store, distribution: &str) {
    let wait = |longest: Duration| std::thread::sleep(jittered(longest));
    if let Err(error) = places.keep(store, distribution, &wait) {
        tracing::warn!(distribution, %error, "no sample of the requests is kept");
    }
}

/// The findings that an alert shows, each with all that is known of its incidents.
pub(super) fn widened(
    places: &Places,
    store: &dyn Store,
    distribution: &str,
    (findings, incidents): (&[Finding], &[Incident]),
    now: Bucket,
) -> Vec<Finding> {
    let concerns =
        |finding: &&Finding| incidents.iter().any(|one| one.finding_ids.contains(&finding.id));
    let mut findings: Vec<Finding> = findings.iter().filter(concerns).cloned().collect();
    for finding in &mut findings {
        if let Err(error) = places.widen(store, distribution, finding, incidents, now) {
            tracing::warn!(distribution, %error, "clusters are those of the last objects alone");
        }
    }
    findings
}
