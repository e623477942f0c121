//! What the stored WAF logs say of refusals.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Tools;
use super::count::distribution_of;
use crate::account::distribution::Distribution;
use crate::incidents::store::{Store, StoreError};
use crate::logs::record::Refusal;
use crate::logs::tally::hash;
use crate::logs::waf::{WafIndex, slot_of};

/// What the stored WAF logs say of refusals.
pub(super) fn waf_index(
    tools: &Tools,
    refusals: impl Iterator<Item = Refusal>,
) -> Result<WafIndex, StoreError> {
    let mut index = WafIndex::default();
    let mut wanted: HashMap<u64, Box<str>> = HashMap::new();
    let mut slots: BTreeMap<Option<Box<str>>, BTreeSet<i64>> = BTreeMap::new();
    for refusal in refusals {
        let Some(id) = &refusal.request_id else { continue };
        wanted.insert(hash(id.as_bytes()), id.clone());
        let (from, to) = refusal.span();
        let mine = slots.entry(refusal.distribution_id.clone()).or_default();
        mine.extend(slot_of(from)..=slot_of(to));
    }
    if wanted.is_empty() {
        return Ok(index);
    }
    let mut asked: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
    for (distribution, slots) in &slots {
        let Some(id) = distribution else { continue };
        let known = distribution_of(tools, id);
        let acl = known.as_ref().and_then(Distribution::web_acl);
        if let Some(acl) = acl {
            asked.entry(acl.to_owned()).or_default().extend(slots);
        }
    }
    for acl in tools.store.origin_acls()? {
        asked.entry(acl).or_default().extend(slots.values().flatten());
    }
    for (acl, slots) in asked {
        for (first, last) in runs(&slots) {
            let stored = tools.store.waf(&acl, first, last)?;
            stored.chunks.iter().for_each(|chunk| chunk.fill(&wanted, &mut index));
            // A web ACL of which there are logs, only not of that time, is waited for.
            // One of that time speaks for itself: it may hold scattered records, which prove
            // nothing by their silence.
            let others = stored.earlier.into_iter().chain(stored.later);
            for slot in others.filter(|slot| !slots.contains(slot)) {
                index.note_slot(&acl, slot);
            }
        }
    }
    Ok(index)
}

/// Slots as a few spans: close ones are asked for together.
pub(super) fn runs(slots: &BTreeSet<i64>) -> Vec<(i64, i64)> {
    const GAP: i64 = 6;
    let mut runs: Vec<(i64, i64)> = Vec::new();
    for slot in slots {
        match runs.last_mut() {
            Some((_, last)) if slot - *last <= GAP => *last = *slot,
            _ => runs.push((*slot, *slot)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    #[test]
    fn close_slots_are_asked_for_together() {
        let slots = [1, 2, 5, 40, 41].into();
        assert_eq!(super::runs(&slots), [(1, 5), (40, 41)]);
    }
}
