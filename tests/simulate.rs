//! `why403 simulate`: what is made up is told as it was made up, and nobody's files are lost by it.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test reads files and may fail"
)]

// The other tests want all of it.
#[allow(dead_code)]
mod bundles;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use bundles::{Bundle, analyse, files, read};
use serde_json::Value;
use why403::countries::Countries;
use why403::report::{Inputs, Report};
use why403::simulate::{Scenario, simulate};

/// Seeds, each of which makes up another site, and the ends of their logs: an afternoon, and a
/// Sunday's small hours.
const UNTIL: [(u64, &str); 2] = [(1, "2026-03-10T15:00:00Z"), (2, "2026-06-14T04:23:11Z")];

fn why403(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_why403")).args(arguments).output().unwrap()
}

fn text(line: &Value, key: &str) -> String {
    line.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn written(folder: &Path, files: &BTreeMap<String, Vec<u8>>) {
    for (name, bytes) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// What is said of the refusals otherwise than the truth has it.
fn mistakes(folder: &Path) -> (Vec<String>, Report) {
    let truth = fs::read_to_string(folder.join("truth.ndjson")).unwrap();
    let mut truth: BTreeMap<String, Value> = truth
        .lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            (text(&line, "request_id"), line)
        })
        .collect();
    let bundle = Bundle::open(folder);
    let objects = bundle.logs.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
    let (tally, logs) = read(&bundle.account, objects);
    let analysis = analyse(&tally, logs, &bundle.account);
    let mut told = Vec::new();
    for said in analysis.requests() {
        let id = said.request_id.unwrap();
        let Some(truth) = truth.remove(&*id) else {
            told.push(format!("{id} was not refused"));
            continue;
        };
        let known = [text(&truth, "cause"), text(&truth, "detail")];
        let (sure, decidable) = (said.confidence == "confirmed", text(&truth, "decidable"));
        let right = match decidable.as_str() {
            "unsure" => !sure,
            "open" => true,
            _ => sure,
        };
        if [said.cause, said.detail.unwrap_or_default()] != known || !right {
            told.push(format!("{id}: {}/{:?}, {}", said.cause, said.detail, said.confidence));
        }
    }
    told.extend(truth.into_keys().map(|id| format!("{id} is not told")));
    (told, analysis.report(&tally, Inputs::default(), &Countries::default()))
}

#[test]
fn every_scenario_is_told_as_it_was_made_up() {
    for scenario in Scenario::ALL {
        for (seed, until) in UNTIL {
            let folder = tempfile::tempdir().unwrap();
            let made = simulate(scenario, seed, until.parse().unwrap());
            written(folder.path(), &made.files);
            let name = format!("{} with seed {seed}", scenario.id());
            let (told, report) = mistakes(folder.path());
            assert_eq!(told, Vec::<String>::new(), "{name}");
            assert_eq!(report.totals.requests, made.requests as u64, "{name}");
            assert_eq!(report.totals.forbidden, made.refused as u64, "{name}");

            let expected = fs::read(folder.path().join("expect.json")).unwrap();
            let expected: Vec<Value> = serde_json::from_slice(&expected).unwrap();
            assert_eq!(expected.is_empty(), scenario == Scenario::Healthy, "{name}");
            let stands_out: Vec<[String; 2]> = report
                .incidents
                .iter()
                .map(|one| [one.cause.to_owned(), one.detail.unwrap_or_default().to_owned()])
                .collect();
            let wanted: Vec<[String; 2]> =
                expected.iter().map(|one| [text(one, "cause"), text(one, "detail")]).collect();
            assert_eq!(stands_out, wanted, "{name}: what stands out");
            for one in &expected {
                let cause = text(one, "cause");
                let mut findings = report.findings.iter().filter(|found| found.cause == cause);
                let finding = findings.by_ref().max_by_key(|found| found.requests).unwrap();
                assert_eq!(finding.severity, text(one, "severity"), "{name}");
                let started = finding.trigger.as_ref().map(|trigger| trigger.event.clone());
                assert_eq!(started.unwrap_or_default(), text(one, "trigger"), "{name}");
            }
        }
    }
}

/// The tree of a folder.
fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    files(folder)
        .into_iter()
        .map(|path| (path.strip_prefix(folder).unwrap().to_owned(), fs::read(&path).unwrap()))
        .collect()
}

#[test]
fn the_same_seed_and_moment_are_the_same_bytes() {
    let root = tempfile::tempdir().unwrap();
    let make = |name: &str, seed: &str| {
        let out = root.path().join(name);
        let out = out.to_str().unwrap();
        let until = "2026-03-10T15:00:00Z";
        let made =
            why403(&["simulate", "waf-rule", "--out", out, "--seed", seed, "--until", until]);
        assert_eq!(made.status.code(), Some(0), "{}", String::from_utf8_lossy(&made.stderr));
        assert!(made.stdout.is_empty());
        tree(Path::new(out))
    };
    let one = make("a", "7");
    assert!(one.contains_key(Path::new("truth.ndjson")) && one.len() > 50, "{:?}", one.keys());
    assert!(one == make("b", "7"));
    assert!(one != make("c", "8"));
    // Nothing is left beside them.
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 3);
}

#[test]
fn a_folder_that_holds_something_is_left_alone() {
    let root = tempfile::tempdir().unwrap();
    let (full, empty) = (root.path().join("full"), root.path().join("empty"));
    fs::create_dir_all(&full).unwrap();
    fs::create_dir_all(&empty).unwrap();
    fs::write(full.join("mine"), "kept").unwrap();
    let into = |out: &Path| why403(&["simulate", "country", "--out", out.to_str().unwrap()]);

    let refused = into(&full);
    assert_eq!(refused.status.code(), Some(64));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("is not an empty folder"), "{said}");
    assert_eq!(tree(&full).into_keys().collect::<Vec<_>>(), [PathBuf::from("mine")]);
    assert_eq!(into(&full.join("mine")).status.code(), Some(64));
    assert_eq!(into(&root.path().join("no/such/place")).status.code(), Some(64));

    assert_eq!(into(&empty).status.code(), Some(0));
    assert!(empty.join("truth.ndjson").is_file());
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 2);
}

#[test]
fn the_scenarios_are_listed() {
    let listed = why403(&["simulate", "--list"]);
    assert_eq!(listed.status.code(), Some(0));
    let listed = String::from_utf8(listed.stdout).unwrap();
    let names: Vec<&str> = listed.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(names, Scenario::ALL.map(Scenario::id));
    assert_eq!(why403(&["simulate", "earthquake", "--out", "x"]).status.code(), Some(64));
    assert_eq!(why403(&["simulate", "country"]).status.code(), Some(64));
}
