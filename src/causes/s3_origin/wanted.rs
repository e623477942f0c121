//! Which keys to ask about singly: a bucket can hold more than anybody lists.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::key;
use crate::account::bucket;
use crate::account::facts::{Facts, Key};
use crate::limits::KEYS_ASKED;
use crate::logs::tally::AccessTally;

/// The keys that were refused most, of each bucket a few, as far as no listing tells of them.
pub fn keys(facts: &Facts, tally: &AccessTally) -> Vec<Key> {
    let mut counts: BTreeMap<(String, String), BTreeMap<String, u64>> = BTreeMap::new();
    for refusal in tally.refusals.iter().filter(|refusal| refusal.status == 403) {
        let Some(id) = refusal.distribution_id.as_deref() else { continue };
        let Some(mine) = facts.distributions.get(id) else { continue };
        let Some(distribution) = mine.distribution.known() else { continue };
        let behavior = distribution.behavior_for(&refusal.path.sent());
        for origin in distribution.origins_of(behavior) {
            let Some(endpoint) = bucket::endpoint(&origin.domain_name) else { continue };
            let Some(known) = mine.buckets.get(&endpoint.bucket) else { continue };
            let key = key::of(&refusal.path, distribution, origin);
            let is_told = known.heads.contains_key(&key)
                || known
                    .listings
                    .iter()
                    .filter_map(|fact| fact.known())
                    .any(|listing| listing.speaks_of(&key) || listing.keys.contains_key(&key));
            if !is_told && !key.is_empty() && key.len() <= LONGEST_KEY {
                let keys = counts.entry((id.to_owned(), endpoint.bucket)).or_default();
                *keys.entry(key).or_default() += 1;
            }
        }
    }
    let mut wanted = BTreeSet::new();
    for ((distribution, bucket), keys) in counts {
        let mut keys: Vec<(Reverse<u64>, String)> =
            keys.into_iter().map(|(key, count)| (Reverse(count), key)).collect();
        keys.sort();
        wanted.extend(keys.into_iter().take(KEYS_ASKED).map(|(_, key)| Key {
            distribution: distribution.clone(),
            bucket: bucket.clone(),
            key,
        }));
    }
    wanted.into_iter().collect()
}

/// Bytes of the longest key that S3 takes.
const LONGEST_KEY: usize = 1024;
