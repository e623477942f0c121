//! When a story speaks again.

use super::*;

/// What a look at a story's refusals finds.
fn look(confidence: &str, place: &str, looked_at: u64) -> Gist {
    Gist { confidence: confidence.into(), place: Some(place.into()), looked_at, waits: false }
}

#[test]
fn a_story_that_becomes_another_thing_says_so_once() {
    let store = MemoryStore::default();
    let bucket = subject(Cause::S3Origin, None);
    let mut number = 0;
    let mut put = |now: Bucket, gist: Gist| {
        number += 1;
        let write = |incidents: &[Incident], place: &Place| {
            Some((vec![outgoing(incidents, place)], gist.clone()))
        };
        let count = if number == 1 { 60 } else { 10 };
        let all = vec![one(&number.to_string(), bucket.clone(), now, count)];
        said(&saying(&store, now, all, &write)).first().map(|(state, _)| (*state).to_owned())
    };
    let update = Some("update".to_owned());
    assert_eq!(put(NOON, look("likely", "/a", 60)).as_deref(), Some("open"));
    // Every file says the same, or something else too soon, or too little of it.
    assert_eq!(put(NOON + 1, look("likely", "/a", 60)), None);
    assert_eq!(put(NOON + 2, look("confirmed", "/a", 60)), None);
    assert_eq!(put(NOON + 7, look("likely", "/a", 60)), None);
    assert_eq!(put(NOON + 7, look("confirmed", "/b", 11)), None);
    assert_eq!(put(NOON + 8, look("confirmed", "/a", 12)), update, "surer");
    assert_eq!(put(NOON + 9, look("confirmed", "/b", 60)), None, "too soon");
    assert_eq!(put(NOON + 15, look("confirmed", "/b", 60)), update, "elsewhere");
    assert_eq!(put(NOON + 22, look("confirmed", "/a", 60)), None, "said before");
    assert_eq!(put(NOON + 23, look("likely", "/a", 60)), update, "less sure");
    // A story that strikes everywhere is told of its first places.
    let told =
        (0..100).filter(|n| put(NOON + 30 + 7 * n, look("likely", &format!("/{n}"), 60)).is_some());
    assert!(told.count() < 24);
}

#[test]
fn an_update_speaks_of_all_that_goes_on_the_largest_first() {
    let store = MemoryStore::default();
    let rule = |name| subject(Cause::Waf, Some(name));
    put(&store, vec![one("a", rule("large"), NOON, 500)]);
    let joined = put(&store, vec![one("b", rule("small"), NOON + 1, 130)]);
    assert_eq!(joined.alerts[0].message, "large small");
    // The small one becomes the large one, and has not grown by so much that this alone is news.
    let grown = put_at(&store, NOON + 8, vec![one("d", rule("small"), NOON + 2, 380)]);
    assert_eq!(said(&grown), [("update", 3)]);
    assert_eq!(grown.alerts[0].message, "small large");
    assert_eq!(said(&put_at(&store, NOON + 15, vec![one("e", rule("large"), NOON + 3, 20)])), []);
    // The small one goes on for longer, and the end is that of both.
    let longer = [5, 9, 13].map(|at| one(&format!("f{at}"), rule("small"), NOON + at, 90));
    assert_eq!(said(&put_at(&store, NOON + 16, longer.to_vec())), [("update", 4)]);
    assert_eq!(said(&put_at(&store, NOON + 29, vec![calm("g", NOON + 28)])), []);
    let over = put_at(&store, NOON + 120, Vec::new());
    assert_eq!(said(&over), [("resolved", 5)]);
    assert_eq!(over.alerts[0].message, "small large");
}

#[test]
fn proof_is_told_at_once_and_not_taken_back_by_what_still_waits() {
    let store = MemoryStore::default();
    let bucket = subject(Cause::CustomOrigin, None);
    let told = |now: Bucket, arrived: Arrived, gist: Gist| -> Vec<(String, u64)> {
        let write = |incidents: &[Incident], place: &Place| {
            Some((vec![outgoing(incidents, place)], gist.clone()))
        };
        let desk = Desk {
            store: &store,
            heard: Heard::default(),
            distributions: 1,
            now: at(now),
            write: &write,
            wait: &|_| {},
        };
        let recorded = record(&desk, "E1", arrived);
        said(&recorded).into_iter().map(|(state, number)| (state.to_owned(), number)).collect()
    };
    let objects = |name: &str, now| Arrived::Objects(vec![one(name, bucket.clone(), now, 60)]);
    let update = |sequence| vec![("update".to_owned(), sequence)];
    let waits = |confidence| Gist { waits: true, ..look(confidence, "/a", 60) };
    assert_eq!(told(NOON, objects("a", NOON), waits("likely")), [("open".to_owned(), 1)]);
    // The log of the origin comes within the half hour in which nothing else is told twice.
    let before = total(&store, &bucket);
    assert_eq!(told(NOON + 1, Arrived::Proof, look("confirmed", "/a", 60)), update(2));
    assert_eq!(told(NOON + 1, Arrived::Proof, look("confirmed", "/a", 60)), []);
    assert_eq!(total(&store, &bucket), before, "proof moves no count");
    // What comes next has no proof yet.
    assert_eq!(told(NOON + 9, objects("b", NOON + 8), waits("likely")), []);
    assert_eq!(told(NOON + 17, objects("c", NOON + 16), look("likely", "/a", 60)), update(3));
    // Where nothing goes on, there is nothing to prove.
    let other = MemoryStore::default();
    let desk = Desk {
        store: &other,
        heard: Heard::default(),
        distributions: 1,
        now: at(NOON),
        write: &alert,
        wait: &|_| {},
    };
    assert!(record(&desk, "E1", Arrived::Proof).alerts.is_empty());
}
