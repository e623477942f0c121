//! Whatever comes first, in how many pieces, or twice.

use proptest::prelude::*;

use super::*;
use crate::incidents::Reason;
use crate::incidents::counting::{Counts, RULES, crowded_out};
use crate::incidents::store::Stored;

#[test]
fn rules_beyond_the_largest_number_are_judged_together() {
    let store = MemoryStore::default();
    let all: Vec<_> = (0..RULES + 8).map(|n| subject(Cause::Waf, Some(&format!("R{n}")))).collect();
    // Each is too small to be news by itself.
    let told =
        put(&store, all.iter().map(|rule| one(&rule.id("o"), rule.clone(), NOON, 5)).collect());
    assert_eq!(said(&told), [("open", 1)]);
    let series = store.series();
    assert_eq!(series.len(), RULES + 1);
    assert_eq!(total(&store, &subject(Cause::Waf, None)), 40);
    // `replay` counts the same.
    let mut folder = Counts::default();
    for rule in &all {
        let mut object = one("", rule.clone(), NOON, 5);
        folder.refused.extend(object.refused.remove_entry(rule));
    }
    let together = folder.crowd();
    assert_eq!(together.values().map(BTreeSet::len).sum::<usize>(), 8);
    let counted = series.iter().map(|(subject, one)| (subject.clone(), one.state.recent().clone()));
    assert_eq!(folder.refused, counted.collect());
    // The same, whatever came first, and an incident of a rule goes on as one of the rest.
    let other = MemoryStore::default();
    let crowded = crowded_out(all.iter());
    let (first, then): (Vec<_>, Vec<_>) = all.iter().partition(|one| crowded.contains(one));
    let first: Vec<_> =
        first.into_iter().map(|rule| one(&rule.id("o"), rule.clone(), NOON, 5)).collect();
    let loud = one("loud", first[0].refused.keys().next().unwrap().clone(), NOON, 40);
    assert_eq!(said(&put(&other, first)), []);
    let opened = put(&other, vec![loud]);
    assert_eq!(said(&opened), [("open", 1)]);
    let mut ids = BTreeSet::new();
    for rule in then {
        let told = put(&other, vec![one(&rule.id("o"), rule.clone(), NOON, 5)]);
        ids.extend(told.alerts.into_iter().map(|alert| (alert.alert_id, alert.subject)));
    }
    // It is one story still, and it is not over.
    assert_eq!(ids, [(opened.alerts[0].alert_id.clone(), Some("update".to_owned()))].into());
    assert_eq!(other.series().keys().collect::<Vec<_>>(), series.keys().collect::<Vec<_>>());
    assert_eq!(total(&other, &subject(Cause::Waf, None)), 80);
    assert_eq!(other.open_sites().unwrap(), ["E1"]);
}

proptest! {
    /// Any order, split and repetition of the same objects leaves the same counts, and an alert
    /// goes out once under one id.
    #[test]
    fn commits_are_idempotent(
        objects in proptest::collection::vec((0usize..3, 0i64..12, 1u64..15), 1..12),
        order in proptest::collection::vec((0usize..12, 1usize..4), 0..40),
        rules in 1usize..50,
    ) {
        let causes = [Cause::Waf, Cause::S3Origin, Cause::GeoRestriction];
        let make = |n: usize| {
            let (cause, bucket, count) = objects[n];
            let mut made = one(&format!("o{n}"), subject(causes[cause], None), NOON + bucket, count);
            // Of the WAF there may be more rules than have a series of their own.
            if let Some(series) = made.refused.remove(&subject(Cause::Waf, None)) {
                for k in 0..rules {
                    let rule = format!("R{}", (n * 7 + k) % 60);
                    made.refused.insert(subject(Cause::Waf, Some(&rule)), series.clone());
                }
            }
            made
        };
        let straight = MemoryStore::default();
        put(&straight, (0..objects.len()).map(make).collect());
        let shuffled = MemoryStore::default();
        let mut next = order.iter().map(|(n, _)| n % objects.len()).chain(0..objects.len()).peekable();
        let mut sizes = order.iter().map(|(_, size)| *size).cycle();
        while next.peek().is_some() {
            let mut batch: Vec<usize> = next.by_ref().take(sizes.next().unwrap_or(1)).collect();
            batch.sort();
            batch.dedup();
            put(&shuffled, batch.into_iter().map(make).collect());
        }
        prop_assert!(straight.series().len() <= RULES + 3);
        let counts = |store: &MemoryStore| -> Vec<_> {
            let of = |(subject, series): (Subject, Stored)| {
                let told: Vec<_> = series
                    .state
                    .written
                    .iter()
                    // What was told on part of the objects and explained away by the others.
                    .filter(|one| one.closed != Some(Reason::LateData))
                    .map(|one| (one.start, one.end, one.closed.is_none()))
                    .collect();
                (subject, series.state.recent().clone(), told)
            };
            store.series().into_iter().map(of).collect()
        };
        prop_assert_eq!(counts(&straight), counts(&shuffled));
        // One story a cause: its messages are numbered, and come under one id.
        for store in [&straight, &shuffled] {
            let mut ids: BTreeMap<String, u64> = BTreeMap::new();
            for (alert, _) in store.outbox() {
                let last = ids.entry(alert.alert_id).or_default();
                prop_assert_eq!(alert.sequence, *last + 1);
                *last += 1;
            }
            prop_assert!(ids.len() <= 3);
        }
        prop_assert_eq!(straight.open_sites().unwrap(), shuffled.open_sites().unwrap());
    }
}
