use proptest::prelude::*;

use super::*;
use crate::clusters::{key_hash, locate};
use crate::incidents::store::memory::MemoryStore;
use crate::report::RemedyOut;

const NOON: Bucket = 5_909_904;

fn row(i: u64, path: &str, edge: &str) -> Row {
    Row {
        path: path.into(),
        edge: edge.into(),
        country: Some("DE".into()),
        host: None,
        method: "GET".into(),
        example: path.into(),
        hash: key_hash(&[&i.to_le_bytes()]),
    }
}

/// A request of the stories below: refused at Frankfurt, served everywhere.
#[derive(Clone, Debug)]
struct Request {
    refused: bool,
    bucket: Bucket,
    row: Row,
}

fn story(refused: u64, served: u64) -> Vec<Request> {
    let edges = ["FRA", "IAD", "NRT", "GRU", "LHR"];
    let at = |i: u64| NOON + (i % 6) as Bucket;
    let page = |i: u64| ["/a", "/b", "/c", "/d"][(i / 5 % 4) as usize];
    let no =
        (0..refused).map(|i| Request { refused: true, bucket: at(i), row: row(i, page(i), "FRA") });
    let yes = (0..served).map(|i| Request {
        refused: false,
        bucket: at(i),
        row: row(i + 1_000_000, page(i), edges[(i % 5) as usize]),
    });
    no.chain(yes).collect()
}

/// What one invocation makes of some requests.
fn invoke(store: &MemoryStore, some: &[Request]) -> Places {
    let mut places = Places::default();
    for one in some {
        match one.refused {
            true => places.refused("f-1", one.bucket, one.row.clone()),
            false => places.served(one.bucket, one.row.clone()),
        }
    }
    places.keep(store, "E1", &|_| {}).unwrap();
    places
}

fn finding(requests: u64) -> Finding {
    Finding {
        id: "f-1".to_owned(),
        distribution_id: Some("E1".to_owned()),
        cause: "s3-origin",
        detail: None,
        rule: None,
        confidence: "likely",
        requests,
        share: 1.0,
        masked: 0,
        examples: Vec::new(),
        moot: Vec::new(),
        first_seen: time_of(NOON + 3),
        last_seen: time_of(NOON + 3),
        severity: "fault",
        clusters: Vec::new(),
        evidence: Vec::new(),
        ruled_out: Vec::new(),
        alternatives: Vec::new(),
        contradicted: false,
        or_else: None,
        follows: Vec::new(),
        echoed: 0,
        asked_by: None,
        shown: None,
        cookies: false,
        past_edge_waf: false,
        missing: Vec::new(),
        trigger: None,
        remedy: RemedyOut {
            summary: String::new(),
            without_viewer: None,
            steps: Vec::new(),
            reference: "",
        },
    }
}

fn incident(start: Bucket, forbidden: u64) -> Incident {
    Incident {
        id: "i-1".to_owned(),
        distribution_id: Some("E1".to_owned()),
        cause: "s3-origin",
        detail: None,
        rule: None,
        severity: "fault",
        state: "open",
        start: time_of(start),
        detected: time_of(start + 1),
        end: None,
        forbidden,
        expected: 0.0,
        p_value: 0.0,
        finding_ids: vec!["f-1".to_owned()],
    }
}

fn said(store: &MemoryStore, last: &Places, forbidden: u64) -> Finding {
    let mut finding = finding(1);
    last.widen(store, "E1", &mut finding, &[incident(NOON, forbidden)], NOON + 9).unwrap();
    finding
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_split_order_and_repetition_says_what_the_whole_says(
        seed in any::<u64>(),
        pieces in 1_usize..12,
        again in any::<prop::sample::Index>(),
    ) {
        let all = story(60, 120);
        let rows = |refused: bool| -> Vec<Row> {
            let some = all.iter().filter(|one| one.refused == refused);
            some.map(|one| Row { hash: one.row.hash >> 24, ..one.row.clone() }).collect()
        };
        let whole = locate(&rows(true), &rows(false), 60, None);
        let mut shuffled = all.clone();
        shuffled.sort_by_key(|one| key_hash(&[&seed.to_le_bytes(), &one.row.hash.to_le_bytes()]));
        let store = MemoryStore::default();
        let pieces: Vec<&[Request]> = shuffled.chunks(all.len().div_ceil(pieces)).collect();
        let mut last = Places::default();
        for piece in pieces.iter().chain([&pieces[again.index(pieces.len())]]) {
            last = invoke(&store, piece);
        }
        let finding = said(&store, &last, 60);
        let [one] = finding.clusters.as_slice() else { panic!("{finding:?}") };
        prop_assert_eq!(&one.about, &["edges"]);
        prop_assert_eq!((&one.edges, one.requests, one.approximate), (&whole[0].edges, 60, false));
        prop_assert_eq!(one.lift, whole[0].lift.map(|lift| (lift * 10.0).round() / 10.0));
        prop_assert_eq!(&one.examples, &whole[0].examples);
        prop_assert_eq!((finding.requests, finding.first_seen), (60, time_of(NOON)));
    }
}

#[test]
fn one_refusal_an_object_is_enough() {
    let store = MemoryStore::default();
    let mut last = Places::default();
    for one in story(24, 120) {
        last = invoke(&store, &[one]);
    }
    let finding = said(&store, &last, 24);
    assert_eq!(finding.clusters[0].about, ["edges"]);
    assert_eq!((finding.clusters[0].edges[0].as_str(), finding.clusters[0].requests), ("FRA", 24));
}

#[test]
fn what_was_before_the_incident_is_no_part_of_it() {
    let store = MemoryStore::default();
    let noise: Vec<Request> = (0..60)
        .map(|i| Request { refused: true, bucket: NOON, row: row(i + 5000, "/x", "GRU") })
        .collect();
    invoke(&store, &noise);
    let last = invoke(&store, &story(60, 120));
    let mut of_all = finding(1);
    // A clock that is an hour behind changes nothing.
    last.widen(&store, "E1", &mut of_all, &[incident(NOON + 1, 50)], NOON - 12).unwrap();
    assert_eq!((of_all.clusters.len(), of_all.requests), (1, 50));
    assert_eq!(of_all.clusters[0].edges, ["FRA"]);
    // Nothing is known of what nobody saw.
    let mut other = finding(7);
    Places::default().widen(&store, "E2", &mut other, &[incident(NOON, 7)], NOON).unwrap();
    assert_eq!((other.requests, other.clusters.len()), (7, 0));
}

#[test]
fn of_many_some_are_enough_and_it_says_so() {
    let store = MemoryStore::default();
    let mut last = Places::default();
    for some in story(5000, 20_000).chunks(500) {
        last = invoke(&store, some);
    }
    let finding = said(&store, &last, 5000);
    let [one] = finding.clusters.as_slice() else { panic!("{finding:?}") };
    assert_eq!((one.about.as_slice(), one.requests, one.approximate), (&["edges"][..], 5000, true));
    assert!(one.lift.is_some_and(|lift| (3.5..7.5).contains(&lift)), "{:?}", one.lift);
    for kept in store.samples("E1", "f-1", (0, i64::MAX)).unwrap() {
        assert!(kept.sample.rows().len() <= 128 && kept.encode().len() < 2048);
    }
}

#[test]
fn a_sample_is_written_where_it_says_something_new() {
    let store = MemoryStore::default();
    let revision = |name: &str| {
        store.samples("E1", name, (0, i64::MAX)).unwrap().first().map_or(0, |one| one.revision)
    };
    let all = story(20, 20_000);
    invoke(&store, &all[..10]);
    invoke(&store, &all[..10]);
    assert_eq!(revision("f-1"), 1, "the same again is nothing new");
    invoke(&store, &all[10..20]);
    assert_eq!(revision("f-1"), 2);
    for some in all[20..].chunks(100) {
        invoke(&store, some);
    }
    let writes = revision(SERVED);
    assert!((5..60).contains(&writes), "{writes} of 200");
}

#[test]
fn the_largest_findings_are_kept() {
    let store = MemoryStore::default();
    let mut places = Places::default();
    for rule in 0..40_u64 {
        for i in 0..=rule {
            places.refused(&format!("f-{rule:02}"), NOON, row(i * 100 + rule, "/x", "FRA"));
        }
    }
    places.keep(&store, "E1", &|_| {}).unwrap();
    let kept = |rule: u64| {
        !store.samples("E1", &format!("f-{rule:02}"), (0, i64::MAX)).unwrap().is_empty()
    };
    assert!((24..40).all(kept) && !(0..24).any(kept));
}
