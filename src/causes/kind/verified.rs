//! The signatures of refused requests, checked with their public keys.

use std::collections::BTreeMap;

use super::matched;
use super::signed::asked;
use crate::account::distribution::Distribution;
use crate::account::facts::{DistributionFacts, Facts};
use crate::limits::SIGNATURE_CHECKS;
use crate::logs::record::Refusal;
use crate::signature::{Parts, Verified, Work, parts, verify};

/// Checks each signature that refusals carry once, in the order in which they came.
pub fn check(facts: &mut Facts, refusals: impl IntoIterator<Item = Refusal>) {
    let mut work = Work(SIGNATURE_CHECKS);
    let mut checked = BTreeMap::new();
    for refusal in refusals {
        let Some((mine, distribution, parts)) = carried(&refusal, facts) else { continue };
        let key = mine.public_keys.get(parts.key.as_str()).and_then(|fact| fact.known());
        let Some(key) = key else { continue };
        checked.entry(parts.digest()).or_insert_with(|| {
            let names = std::iter::once(&distribution.domain_name)
                .chain(&distribution.config.aliases.items)
                .map(String::as_str)
                .filter(|name| !name.contains('*'));
            let names: Vec<&str> = names.collect();
            verify(&asked(&refusal, None), &parts, key, &names, &mut work)
        });
    }
    facts.signatures = checked;
}

/// What became of a refusal's signature.
pub(super) fn of(refusal: &Refusal, facts: &Facts) -> Verified {
    let Some((mine, _, parts)) = carried(refusal, facts) else { return Verified::Unseen };
    if parts.is_masked() {
        let kept = refusal.request_id.as_deref().and_then(|id| facts.kept_signatures.get(id));
        return kept.copied().unwrap_or(Verified::Masked);
    }
    match mine.public_keys.get(parts.key.as_str()) {
        Some(fact) if fact.known().is_some() => {
            facts.signatures.get(&parts.digest()).copied().unwrap_or(Verified::TooMany)
        }
        _ => Verified::NoKey,
    }
}

/// What became of the signatures of refusals, by the ids of the requests, for a bundle that does
/// not have the signatures themselves.
pub fn outcomes(
    facts: &Facts,
    refusals: impl IntoIterator<Item = Refusal>,
) -> BTreeMap<String, &'static str> {
    let told = refusals.into_iter().filter_map(|refusal| {
        let id = refusal.request_id.as_deref()?;
        Some((id.to_owned(), of(&refusal, facts).id()?))
    });
    told.collect()
}

/// Whether a refusal carries a signature that can be checked.
pub fn is_carried(refusal: &Refusal) -> bool {
    parts(&asked(refusal, None)).is_some()
}

/// The signature of a refusal whose behaviour asks for one.
fn carried<'a>(
    refusal: &Refusal,
    facts: &'a Facts,
) -> Option<(&'a DistributionFacts, &'a Distribution, Parts)> {
    let mine = facts.distributions.get(refusal.distribution_id.as_deref()?)?;
    let distribution = mine.distribution.known()?;
    matched(refusal, Some(distribution)).0.filter(|behavior| behavior.is_signed())?;
    Some((mine, distribution, parts(&asked(refusal, None))?))
}
