//! Real-time records and objects that tell of the same requests.

use super::*;
use crate::trigger::stream::Sequence;

fn number(text: &str) -> Sequence {
    Sequence::new(text).unwrap()
}

/// Records of a shard with refusals, of which those up to `before` were counted.
fn records(before: Option<&str>, last: &str, bucket: Bucket, count: u64) -> Contribution {
    let mark = Mark { shard: "s".into(), before: before.map(number), last: number(last) };
    let subject = subject(Cause::S3Origin, None);
    Contribution { realtime: true, mark: Some(mark), ..one("records", subject, bucket, count) }
}

fn object_of(name: &str, bucket: Bucket, count: u64) -> Contribution {
    one(name, subject(Cause::S3Origin, None), bucket, count)
}

fn counted(store: &MemoryStore, bucket: Bucket) -> u32 {
    store.series()[&subject(Cause::S3Origin, None)].state.recent().count(bucket)
}

#[test]
fn a_shard_is_counted_on_from_where_it_is_or_not_at_all() {
    let store = MemoryStore::default();
    put(&store, vec![records(None, "9", NOON, 5)]);
    put(&store, vec![records(Some("9"), "12", NOON, 3)]);
    // Somebody has counted meanwhile what this one holds as well.
    for before in [None, Some("9")] {
        let again = put_at(&store, NOON, vec![records(before, "14", NOON, 7)]);
        assert_eq!(again.failed.unwrap().error, StoreError::Outrun);
        assert!(again.refused.is_empty());
    }
    assert_eq!(counted(&store, NOON), 8);
    assert_eq!(store.marks("s").unwrap(), [("E1".to_owned(), number("12"))].into());
}

#[test]
fn objects_take_the_place_of_records_once_they_know_as_much() {
    let store = MemoryStore::default();
    assert_eq!(said(&put(&store, vec![records(None, "1", NOON, 60)])), [("open", 1)]);
    // They come edge by edge, and no number falls meanwhile.
    for (name, count) in [("a", 20), ("b", 30)] {
        let recorded = put(&store, vec![object_of(name, NOON, count)]);
        assert_eq!((said(&recorded), counted(&store, NOON)), (vec![], 60));
        assert!(recorded.refused.is_empty());
    }
    put(&store, vec![object_of("c", NOON, 20)]);
    assert_eq!(counted(&store, NOON), 70);
    // From now on these five minutes are those of the objects.
    put(&store, vec![records(Some("1"), "2", NOON, 40), records(Some("1"), "2", NOON + 1, 4)]);
    put(&store, vec![object_of("d", NOON, 5)]);
    assert_eq!((counted(&store, NOON), counted(&store, NOON + 1)), (75, 4));
}

#[test]
fn records_that_come_after_objects_count_nothing_again() {
    let store = MemoryStore::default();
    put(&store, vec![object_of("a", NOON, 60)]);
    let recorded = put(&store, vec![records(None, "1", NOON, 60)]);
    assert_eq!((counted(&store, NOON), recorded.refused.len()), (60, 0));
}

#[test]
fn whatever_comes_first_the_larger_count_stays() {
    // Parts of one truth: records that are a sample, and objects of three edges.
    let all = [
        records(None, "1", NOON, 30),
        object_of("a", NOON, 25),
        object_of("b", NOON, 25),
        object_of("c", NOON, 25),
    ];
    for first in 0..all.len() {
        let store = MemoryStore::default();
        for step in 0..all.len() {
            put(&store, vec![all[(first + step) % all.len()].clone()]);
            let counted = counted(&store, NOON);
            assert!(counted <= 75, "{counted}");
        }
        assert_eq!(counted(&store, NOON), 75);
    }
}

#[test]
fn evidence_moves_what_its_own_source_counts() {
    for (realtime, objects_know) in [(true, 10), (true, 40), (false, 10), (false, 40)] {
        let store = MemoryStore::default();
        let waits = |contribution: Contribution, lines: &[u8]| {
            let counts = contribution.refused.values().next().unwrap().clone();
            let wait = Wait {
                object: contribution.object.clone(),
                distribution: "E1".into(),
                acl: "acl".into(),
                last_slot: NOON,
                since: at(NOON),
                ids: BTreeSet::new(),
                counts: counts.clone(),
                lines: lines.to_vec(),
            };
            Contribution {
                waf: counts,
                waiting: Some(wait),
                refused: BTreeMap::new(),
                ..contribution
            }
        };
        put(&store, vec![waits(records(None, "1", NOON, 30), b"line")]);
        put(&store, vec![waits(object_of("a", NOON, objects_know), b"")]);
        let wait = store.waits().unwrap().into_iter().find(|one| one.is_realtime() == realtime);
        let wait = Box::new(wait.unwrap());
        let to = subject(Cause::Waf, Some("R"));
        let moved = [(to.clone(), wait.counts.clone())].into();
        let (heard, now) = (Heard::default(), at(NOON + 1));
        let write = &alert;
        let desk = Desk { store: &store, heard, distributions: 1, now, write, wait: &|_| {} };
        assert_eq!(record(&desk, "E1", Arrived::Evidence(wait, moved)).failed, None);
        let site = store.load("E1").unwrap().site.unwrap();
        let moved = store.series().get(&to).map_or(0, |one| one.state.recent().count(NOON));
        let expected = match (realtime, objects_know) {
            // The objects know less: the records count, and what the objects know is aside.
            (true, 10) => (0, 30, 10, 0),
            (false, 10) => (30, 0, 0, 10),
            // The objects have taken their place, and the records count nothing any more.
            (true, _) => (40, 0, 0, 0),
            (false, _) => (0, 40, 0, 0),
        };
        let aside = &site.sources.aside;
        let refused = aside.refused.get(&to).map_or(0, |series| series.count(NOON));
        let found = (site.waiting.count(NOON), moved, aside.waiting.count(NOON), refused);
        assert_eq!(found, expected, "{realtime} {objects_know}");
    }
}
