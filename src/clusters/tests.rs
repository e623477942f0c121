//! The room as a whole: the worked examples, the done-when list, and what must change nothing.

use super::{Cluster, Row, Sample, key_hash, locate, template};
use proptest::prelude::*;

fn row(i: usize, path: &str, edge: &str, country: Option<&str>, method: &str) -> Row {
    Row {
        path: path.into(),
        edge: edge.into(),
        country: country.map(Into::into),
        host: None,
        method: method.into(),
        example: path.into(),
        hash: key_hash(&[&(i as u64).to_le_bytes()]),
    }
}

/// Where the traffic of the examples goes: sixteen edges in eight countries, and twenty pages, all
/// as often as each other.
fn edge(i: usize) -> String {
    format!("E{:02}", i % 16)
}

fn country(i: usize) -> String {
    format!("C{}", i % 16 / 2)
}

fn page(i: usize) -> String {
    format!("/page-{}", char::from(b'a' + (i / 16 % 20) as u8))
}

fn traffic(n: usize) -> Vec<Row> {
    let one = |i: usize| {
        let method = if i.is_multiple_of(19) { "POST" } else { "GET" };
        row(i, &page(i), &edge(i), Some(&country(i)), method)
    };
    (0..n).map(one).collect()
}

fn texts(clusters: &[Cluster]) -> Vec<String> {
    let line = |c: &Cluster| {
        let mut words = vec![c.path.clone()];
        let named = [
            (c.named.edge, &c.edges),
            (c.named.country, &c.countries),
            (c.named.host, &c.hosts),
            (c.named.method, &c.methods),
        ];
        words.extend(named.iter().filter(|(n, _)| *n).map(|(_, list)| {
            let mut list = (*list).clone();
            list.sort();
            list.join("+")
        }));
        words.join(" ")
    };
    clusters.iter().map(line).collect()
}

fn said(refused: &[Row], served: &[Row]) -> Vec<String> {
    texts(&locate(refused, served, refused.len() as u64, None))
}

#[test]
fn a_file_version_that_is_missing_stands_above_crawler_probes() {
    let mut served = traffic(16_171);
    served.extend((0..213).map(|i| row(i, "/static/{hash}.js", &edge(i), None, "GET")));
    let mut refused: Vec<Row> =
        (0..790).map(|i| row(i, "/static/{hash}.js", &edge(i), None, "GET")).collect();
    refused.extend((0..210).map(|i| row(i + 790, &format!("/probe{i}x"), &edge(i), None, "GET")));
    let clusters = locate(&refused, &served, 2000, None);
    let first = &clusters[0];
    assert_eq!((first.path.as_str(), first.requests, first.rows), ("/static/{hash}.js", 1580, 790));
    assert!(first.lift.is_some_and(|lift| (lift - 60.6).abs() < 0.5), "{:?}", first.lift);
    assert!(!first.named.edge && !first.named.country && first.edges.len() == 12);
    assert_eq!(first.examples, ["/static/{hash}.js"]);
    assert_eq!(clusters[1].path, "/{*}");
}

/// Refusals at one point of presence, of which normally six in a hundred requests come, nine in ten
/// of these from DE.
fn at_frankfurt(from_elsewhere: usize) -> Vec<String> {
    let mut served = traffic(15_401);
    let german = |r: &&mut Row| r.country.as_deref() == Some("C0");
    served.iter_mut().filter(german).for_each(|r| r.country = Some("DE".into()));
    let home = |i: usize, other: bool| {
        row(i, &page(i * 16), "FRA", Some(if other { "AT" } else { "DE" }), "GET")
    };
    served.extend((0..983).map(|i| home(i, i % 10 == 0)));
    let refused: Vec<Row> = (0..120).map(|i| home(i, i < from_elsewhere)).collect();
    said(&refused, &served)
}

#[test]
fn a_country_is_named_beside_an_edge_only_where_it_adds_something() {
    assert_eq!(at_frankfurt(0), ["/page-* FRA DE"]);
    assert_eq!(at_frankfurt(12), ["/page-* FRA"]);
}

#[test]
fn every_kind_of_place_can_be_named() {
    let served = traffic(6400);
    let refused = |n: usize, path: Option<&str>, e: Option<&str>, c: Option<&str>, m: &str| {
        let one = |i: usize| {
            let i = i * 7;
            let at = e.map_or_else(|| edge(i), str::to_owned);
            let from = c.map_or_else(|| country(i), str::to_owned);
            row(i, path.unwrap_or(&page(i)), &at, Some(&from), m)
        };
        (0..n).map(one).collect::<Vec<_>>()
    };
    let p = Some("/page-c");
    assert_eq!(said(&refused(300, None, Some("E03"), Some("C1"), "GET"), &served), ["/page-* E03"]);
    assert_eq!(said(&refused(300, None, None, None, "POST"), &served), ["/page-* POST"]);
    assert_eq!(said(&refused(300, p, None, None, "GET"), &served), ["/page-c"]);
    assert_eq!(said(&refused(300, p, Some("E03"), Some("C1"), "GET"), &served), ["/page-c E03"]);
    assert_eq!(said(&refused(300, None, None, None, "GET"), &served), ["/page-*"], "everywhere");
    let denied: Vec<Row> = (0..300)
        .map(|i| row(i, &page(i * 7), &edge(i), Some(["CU", "KP"][i % 2]), "GET"))
        .collect();
    assert_eq!(said(&denied, &served), ["/page-* CU+KP"]);
    let mut two = refused(300, Some("/page-d"), None, None, "POST");
    two.extend(refused(200, p, Some("E03"), Some("C1"), "GET"));
    let mut both = said(&two, &served);
    both.sort();
    assert_eq!(both, ["/page-c E03", "/page-d POST"]);
}

/// Everybody asks for `/page-c`, and everybody comes by `E03`; only both together are refused.
#[test]
fn what_only_a_path_and_an_edge_together_show() {
    let served: Vec<Row> = (0..6400)
        .map(|i| {
            let path = if i % 2 == 0 { "/page-c".to_owned() } else { page(i) };
            let at = if i / 2 % 2 == 0 { "E03".to_owned() } else { edge(i / 4) };
            row(i, &path, &at, None, "GET")
        })
        .collect();
    // Refused by each alone as often as it is served, and twice as often by both.
    let both = (0..300).map(|i| row(i, "/page-c", "E03", None, "GET"));
    let path = (0..75).map(|i| row(i + 300, "/page-c", &edge(i), None, "GET"));
    let place = (0..75).map(|i| row(i + 375, &page(i * 16), "E03", None, "GET"));
    let refused: Vec<Row> = both.chain(path).chain(place).collect();
    let clusters = locate(&refused, &served, 450, None);
    let first = &clusters[0];
    assert!(first.named.path && first.named.edge, "{clusters:?}");
    assert_eq!((first.path.as_str(), first.edges.as_slice()), ("/page-c", &["E03".to_owned()][..]));
}

#[test]
fn one_host_of_several() {
    let hosted = |rows: Vec<Row>, pick: fn(usize) -> &'static str| -> Vec<Row> {
        let one = |(i, row)| Row { host: Some(pick(i).into()), ..row };
        rows.into_iter().enumerate().map(one).collect()
    };
    let served = hosted(traffic(3200), |i| ["www", "api", "shop"][i / 320 % 3]);
    let refused = hosted(traffic(320), |_| "shop");
    assert_eq!(said(&refused, &served), ["/page-* shop"]);
}

#[test]
fn a_country_that_one_side_does_not_know_is_listed_and_explains_nothing() {
    let mut served = traffic(3200);
    served.iter_mut().for_each(|r| r.country = None);
    let refused: Vec<Row> =
        (0..200).map(|i| row(i, "/login", &edge(i), Some("VN"), "GET")).collect();
    let clusters = locate(&refused, &served, 200, None);
    assert_eq!(texts(&clusters), ["/login"]);
    assert_eq!(clusters[0].countries, ["VN"]);
    assert!(!clusters[0].named.country && clusters[0].country_known == 200);
}

#[test]
fn a_country_that_some_rows_know_is_contrasted_over_those() {
    let served = traffic(3200);
    let one = |i: usize| row(i, &page(i), &edge(i), (!i.is_multiple_of(4)).then_some("VN"), "GET");
    let refused: Vec<Row> = (0..320).map(one).collect();
    let clusters = locate(&refused, &served, 320, None);
    assert!(clusters[0].named.country && clusters[0].countries == ["VN"], "{clusters:?}");
    assert_eq!((clusters[0].rows, clusters[0].country_known), (240, 240));
}

#[test]
fn few_refusals_or_no_traffic_are_one_cluster() {
    let few: Vec<Row> = (0..12).map(|i| row(i, "/x", "FRA", Some("DE"), "GET")).collect();
    let clusters = locate(&few, &traffic(1000), 12, None);
    assert_eq!(texts(&clusters), ["/x"]);
    assert_eq!((clusters[0].edges.as_slice(), clusters[0].lift), (&["FRA".to_owned()][..], None));
    assert!(clusters[0].named.nothing());
    assert_eq!(said(&traffic(1000), &[]), ["/page-*"]);
    assert_eq!(locate(&[], &traffic(10), 0, None), []);
}

#[test]
fn a_million_random_paths_hide_no_missing_files() {
    let (mut refused, mut served) = (Sample::new(16_384), Sample::new(16_384));
    let mut total = 0u64;
    let mut refuse = |i: usize, path: String| {
        total += 1;
        let hash = key_hash(&[&(i as u64).to_le_bytes()]);
        refused.offer(hash, || {
            let mut row = row(i, &template(path.as_bytes()), &edge(i), None, "GET");
            row.example = path.as_str().into();
            row
        });
    };
    for i in 0..1_000_000 {
        let noise = key_hash(&[b"path", &(i as u64).to_le_bytes()]);
        refuse(i, format!("/{}x{i}", ["ga", "zu", "mo"][(noise % 3) as usize]));
    }
    for i in 0..200_000 {
        refuse(
            i + 1_000_000,
            format!("/img/logo-{}.png", ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"][i % 10]),
        );
    }
    for (i, row) in traffic(40_000).into_iter().enumerate() {
        served.offer(key_hash(&[b"served", &(i as u64).to_le_bytes()]), || row);
    }
    assert!(refused.is_partial());
    let rows = |s: Sample<Row>| s.into_rows().into_iter().map(|(_, row)| row).collect::<Vec<_>>();
    let (refused, served) = (rows(refused), rows(served));
    let clusters = locate(&refused, &served, total, None);
    assert_eq!(texts(&clusters), ["/{*}", "/img/*"], "{clusters:?}");
    let off = |c: &Cluster, n: f64| (c.requests as f64 / n - 1.0).abs();
    assert!(off(&clusters[0], 1e6) < 0.02 && off(&clusters[1], 2e5) < 0.05);
    assert_eq!(clusters[1].paths.len(), 10);
    assert_eq!(clusters[0].examples.len(), 3);
}

/// Some requests, not too alike: numbers that become rows.
fn some(seed: &[u8], most: u8) -> Vec<Row> {
    let one = |(i, b): (usize, &u8)| {
        let b = usize::from(*b % most);
        row(i, &page(b * 16), &edge(b / 3), (b % 5 > 0).then(|| country(b)).as_deref(), "GET")
    };
    seed.iter().enumerate().map(one).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn order_names_and_idle_dimensions_change_nothing(
        refused in prop::collection::vec(any::<u8>(), 20..200),
        served in prop::collection::vec(any::<u8>(), 1..300),
        most in 3u8..,
    ) {
        let (refused, served) = (some(&refused, most), some(&served, 255));
        let total = refused.len() as u64;
        let clusters = locate(&refused, &served, total, None);
        // Five and the rest, and every refusal in one of them.
        prop_assert!(clusters.len() <= 6);
        prop_assert_eq!(clusters.iter().map(|c| c.rows).sum::<u64>(), total);

        let shuffled = |rows: &[Row]| {
            let mut rows = rows.to_vec();
            rows.sort_by_key(|r| r.hash);
            rows
        };
        prop_assert_eq!(&locate(&shuffled(&refused), &shuffled(&served), total, None), &clusters);

        let renamed = |rows: &[Row]| -> Vec<Row> {
            rows.iter().map(|r| Row { edge: format!("Z{}", r.edge).into(), ..r.clone() }).collect()
        };
        let mut expected = clusters.clone();
        expected.iter_mut().flat_map(|c| &mut c.edges).for_each(|e| e.insert(0, 'Z'));
        prop_assert_eq!(locate(&renamed(&refused), &renamed(&served), total, None), expected);

        // Every row once with each host: the host follows normal traffic exactly.
        let doubled = |rows: &[Row], hosts: [&str; 2]| -> Vec<Row> {
            let with = |host: &str| {
                let host: Option<Box<str>> = Some(host.into());
                rows.iter().map(move |r| Row { host: host.clone(), ..r.clone() })
            };
            with(hosts[0]).chain(with(hosts[1])).collect()
        };
        let idle = locate(&doubled(&refused, ["a", "b"]), &doubled(&served, ["a", "b"]), total, None);
        let alone = locate(&doubled(&refused, ["a", "a"]), &doubled(&served, ["a", "a"]), total, None);
        prop_assert_eq!(texts(&idle), texts(&alone));
        prop_assert_eq!(
            idle.iter().map(|c| c.requests).collect::<Vec<_>>(),
            alone.iter().map(|c| c.requests).collect::<Vec<_>>()
        );
    }
}
