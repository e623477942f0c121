//! Evidence of the WAF that comes later than the refusals.

use super::*;

/// An object whose refusals wait for the log of the web ACL.
fn late(name: &str, bucket: Bucket, count: u64) -> Contribution {
    let mut counts = Series::new();
    counts.add(bucket, count);
    counts.unite_clients(bucket, Clients::from_places(u32::MAX));
    let wait = Wait {
        object: object(name),
        distribution: "E1".into(),
        acl: "acl".into(),
        last_slot: bucket,
        since: at(bucket),
        ids: BTreeSet::new(),
        counts: counts.clone(),
        lines: Vec::new(),
    };
    Contribution { waf: counts, waiting: Some(wait), ..calm(name, bucket) }
}

/// The log has come, and says where all that waited belongs.
fn settle(store: &MemoryStore, now: Bucket, to: &Subject) -> Recorded {
    let (heard, now) = (Heard::default(), at(now));
    let desk = Desk { store, heard, distributions: 1, now, write: &alert, wait: &|_| {} };
    let mut all = Recorded::default();
    for wait in store.waits().unwrap() {
        let moved = [(to.clone(), wait.counts.clone())].into();
        let one = record(&desk, "E1", Arrived::Evidence(Box::new(wait), moved));
        all.alerts.extend(one.alerts);
        all.opened += one.opened;
    }
    all
}

#[test]
fn late_evidence_updates_the_alert_and_moves_the_counts() {
    let store = MemoryStore::default();
    let rule = subject(Cause::Waf, Some("R"));
    let first = put(&store, vec![late("a", NOON, 60)]);
    assert_eq!(said(&first), [("open", 1)]);
    let settled = settle(&store, NOON + 2, &rule);
    assert_eq!(said(&settled), [("update", 2)]);
    assert_eq!(settled.alerts[0].alert_id, first.alerts[0].alert_id);
    assert_eq!(total(&store, &rule), 60);
    assert!(store.waits().unwrap().is_empty());
    // Once and no more: somebody else has settled it.
    assert_eq!(said(&settle(&store, NOON + 2, &rule)), []);
    let end = put_at(&store, NOON + 60, Vec::new());
    assert_eq!(said(&end), [("resolved", 3)]);
}

#[test]
fn what_waited_for_the_waf_may_turn_out_to_be_something_else() {
    let store = MemoryStore::default();
    put(&store, vec![late("a", NOON, 60)]);
    let origin = subject(Cause::CustomOrigin, None);
    let settled = settle(&store, NOON + 2, &origin);
    assert_eq!(said(&settled), [("resolved", 2), ("open", 1)]);
    assert_eq!(total(&store, &origin), 60);
}

#[test]
fn a_nightly_scanner_whose_logs_are_always_late_is_news_once() {
    let store = MemoryStore::default();
    let rule = subject(Cause::Waf, Some("R"));
    let mut told = Vec::new();
    for night in 0..4 {
        let (at_night, name) = (NOON + 288 * night, format!("{night}"));
        told.push(put_at(&store, at_night, vec![late(&name, at_night, 90)]).opened);
        told.push(settle(&store, at_night + 2, &rule).opened);
        put_at(&store, at_night + 60, vec![calm(&format!("c{night}"), at_night + 60)]);
    }
    assert_eq!(told, [1, 1, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn waiting_refusals_of_an_old_story_leave_it_alone() {
    let store = MemoryStore::default();
    let rule = subject(Cause::Waf, Some("R"));
    // Most of what the web ACL refuses has its evidence; little waits.
    let known = Contribution {
        waf: one("", rule.clone(), NOON, 100).refused.remove(&rule).unwrap(),
        ..one("a", rule.clone(), NOON, 100)
    };
    let first = put(&store, vec![known, late("b", NOON, 20)]);
    assert_eq!((said(&first), first.opened), (vec![("open", 1)], 1));
}
