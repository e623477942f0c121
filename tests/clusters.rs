//! Where refusals are, as the reader of a report sees it: logs that are made here, and one line of
//! the table of clusters for each story.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::disallowed_methods)]

use std::fmt::Write as _;
use std::process::Command;

use serde_json::{Value, json};

const FIELDS: &str = "#Fields: date time x-edge-location c-ip cs-method cs(Host) cs-uri-stem \
    sc-status x-edge-result-type x-edge-request-id x-host-header cs-protocol \
    x-edge-response-result-type c-country";

#[derive(Clone)]
struct Request {
    edge: &'static str,
    country: &'static str,
    host: &'static str,
    method: &'static str,
    path: String,
}

/// A request as others are: every edge has its country, and every page is as popular as the next.
fn usual(n: usize) -> Request {
    let places = [
        ("FRA56-P3", "DE"),
        ("IAD89-C1", "US"),
        ("NRT12-P1", "JP"),
        ("GRU3-C1", "BR"),
        ("LHR61-P2", "GB"),
    ];
    let (edge, country) = places[n % 5];
    let host = ["www.shop.example", "api.shop.example", "img.shop.example"][n / 5 % 3];
    let method = if (n / 15).is_multiple_of(10) { "POST" } else { "GET" };
    let path = format!("/{}", ["home", "cart", "login", "search", "help", "news"][n / 7 % 6]);
    Request { edge, country, host, method, path }
}

fn log(requests: &[(Request, u16)]) -> String {
    let mut text = format!("#Version: 1.0\n{FIELDS}\n");
    for (n, (request, status)) in requests.iter().enumerate() {
        let Request { edge, country, host, method, path } = request;
        let (minute, second) = (n / 60 % 60, n % 60);
        let result = if *status == 403 { "Error" } else { "Miss" };
        writeln!(
            text,
            "2026-03-10\t14:{minute:02}:{second:02}\t{edge}\t198.51.100.{}\t{method}\t\
             d111111abcdef8.cloudfront.net\t{path}\t{status}\t{result}\tid-{n:08}\t{host}\thttps\t\
             {result}\t{country}",
            n % 250
        )
        .unwrap();
    }
    text
}

/// The clusters of the only finding, and the report for people.
fn told(refused: Vec<Request>, served: Vec<Request>) -> (Vec<Value>, String) {
    let folder = tempfile::tempdir().unwrap();
    let refused = refused.into_iter().map(|one| (one, 403));
    let all: Vec<_> = refused.chain(served.into_iter().map(|one| (one, 200))).collect();
    let file = folder.path().join("E2EXAMPLE1.2026-03-10-14.abcd1234");
    std::fs::write(&file, log(&all)).unwrap();
    let run = |format: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_why403"))
            .args(["replay", "--color", "never", "--format", format])
            .arg(&file)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let report: Value = serde_json::from_str(&run("json")).unwrap();
    assert_eq!(report["findings"].as_array().unwrap().len(), 1, "{report:#}");
    let finding = &report["findings"][0];
    let clusters = finding["clusters"].as_array().unwrap().clone();
    let sum: u64 = clusters.iter().map(|one| one["requests"].as_u64().unwrap()).sum();
    assert_eq!(json!(sum), finding["requests"]);
    (clusters, run("text"))
}

/// What usually comes, changed into what is refused.
fn refused(count: usize, change: impl Fn(usize, Request) -> Request) -> Vec<Request> {
    (0..count).map(|n| change(n, usual(n * 11))).collect()
}

fn served(count: usize) -> Vec<Request> {
    (0..count).map(usual).collect()
}

/// One cluster that is about this alone, and these words in the report for people.
fn is_about(refused: Vec<Request>, about: &[&str], words: &str) {
    let (clusters, text) = told(refused, served(3000));
    assert_eq!(clusters[0]["about"], json!(about), "{clusters:#?}");
    assert_eq!(clusters.len(), 1, "{clusters:#?}");
    assert_eq!(clusters[0]["lift"].is_null(), about.is_empty());
    assert!(text.contains(words), "{text}");
}

#[test]
fn one_edge_of_many_with_its_city() {
    let at = |_, one| Request { edge: "FRA56-P3", country: "DE", path: "/home".into(), ..one };
    let elsewhere = |n: usize, one: Request| Request { path: usual(n * 3).path, ..at(n, one) };
    let (clusters, text) = told(refused(200, elsewhere), {
        // Germans come by way of London as well, so that the edge tells more than the country.
        let mut served = served(3000);
        for one in served.iter_mut().step_by(4) {
            one.country = "DE";
        }
        served
    });
    assert_eq!(clusters[0]["edges"], json!(["FRA"]));
    assert!(clusters[0]["about"].as_array().unwrap().contains(&json!("edges")));
    assert!(text.contains("at FRA (Frankfurt) only"), "{text}");
}

#[test]
fn one_country() {
    is_about(
        refused(200, |_, one| Request { country: "VN", ..one }),
        &["countries"],
        "various paths from VN",
    );
}

#[test]
fn one_host_of_several() {
    is_about(
        refused(200, |_, one| Request { host: "api.shop.example", ..one }),
        &["hosts"],
        "various paths of api.shop.example",
    );
}

#[test]
fn one_method() {
    is_about(
        refused(200, |_, one| Request { method: "DELETE", ..one }),
        &["methods"],
        "DELETE various paths",
    );
}

#[test]
fn one_path_of_many_versions() {
    is_about(
        refused(200, |n, one| {
            let version = n.wrapping_mul(2_654_435_761) & 0xffff_ffff;
            Request { path: format!("/static/app.{version:08x}a1.js"), ..one }
        }),
        &["path"],
        "/static/app.{hash}.js",
    );
}

#[test]
fn nothing_in_common_is_one_cluster() {
    is_about(refused(300, |_, one| one), &[], "all paths at");
}

#[test]
fn two_clusters_of_one_cause() {
    let mut both = refused(200, |_, one| Request { path: "/old/report".into(), ..one });
    both.extend(refused(150, |_, one| Request { country: "VN", path: "/login".into(), ..one }));
    let (clusters, text) = told(both, served(3000));
    let mut about: Vec<_> = clusters.iter().map(|one| one["path"].as_str().unwrap()).collect();
    about.sort_unstable();
    assert_eq!(about, ["/login", "/old/report"], "{clusters:#?}");
    assert!(text.contains("/login from VN"), "{text}");
}

#[test]
fn a_country_that_some_lines_do_not_say() {
    let some = |n: usize, one: Request| match n % 4 {
        0 => Request { country: "-", ..one },
        _ => Request { country: "VN", ..one },
    };
    let (clusters, _) = told(refused(400, some), served(3000));
    let first = &clusters[0];
    assert_eq!((&first["countries"], &first["about"]), (&json!(["VN"]), &json!(["countries"])));
    assert_eq!((&first["country_known"], &first["requests"]), (&json!(300), &json!(300)));
}

#[test]
fn a_country_that_no_served_line_says_explains_nothing() {
    let mut served = served(3000);
    served.iter_mut().for_each(|one| one.country = "-");
    let all = refused(200, |_, one| Request { country: "VN", path: "/old/report".into(), ..one });
    let (clusters, _) = told(all, served);
    assert_eq!(
        (&clusters[0]["about"], &clusters[0]["countries"]),
        (&json!(["path"]), &json!(["VN"]))
    );
}

/// Each field that the contract names, and of the type that it shows.
#[test]
fn a_cluster_has_the_fields_of_the_contract() {
    let (clusters, _) =
        told(refused(50, |_, one| Request { path: "/old".into(), ..one }), served(500));
    let cluster = clusters[0].as_object().unwrap();
    assert!(
        cluster["path"].is_string() && cluster["requests"].is_u64() && cluster["lift"].is_f64()
    );
    for list in ["edges", "countries", "examples"] {
        let list = cluster[list].as_array().unwrap();
        assert!(!list.is_empty() && list.iter().all(Value::is_string));
    }
}
