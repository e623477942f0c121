//! What happened, and what the program must say of it: one folder of `incidents/` for each case.
//!
//! A folder is a bundle with two files more. `expect.json` says in one sentence (`about`) what
//! happened and what the evidence allows, and then what the answer must be:
//!
//! - `verdicts`, each with `cause`, `detail`, `confidence` and the number of `requests` that get
//!   it; where the evidence leaves a choice, a list of what is allowed. `rule`, `status`,
//!   `country` and `path` (how the path begins) are compared where they are given. Every line of
//!   `--requests` must belong to one of them.
//! - of the largest finding with that verdict: `severity`, `trigger` (`null` for none), `evidence`
//!   (what some sentence of it must contain) and `ruled_out`. `forbid_confirmed_detail` allows
//!   `confirmed` only without a detail.
//! - `totals`, `missing` (operations that the report must name as missing), `not_missing` (those
//!   that it must not, for they are there) and `absent` (what must not be readable in any output).
//!
//! Of every report: no cause is ruled out and named as an alternative in one breath, and what is
//! unattributed names a fact that would decide it, or says that there is none.
//!
//! `report.txt` is the report for people. `UPDATE_REPORTS=1` writes it anew, to be read in the
//! diff.
//!
//! A new folder is a new test; nothing else has to be said.

#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test reads files and may fail"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// How far the seconds between a change and the first refusal may be off.
const SECONDS: i64 = 5;

#[test]
fn every_incident_is_told_as_it_was() {
    let mut told = Vec::new();
    let folders = folders();
    for folder in &folders {
        let expect = parse(&fs::read(folder.join("expect.json")).unwrap(), "expect.json");
        let mismatches = mismatches(folder, &expect);
        if !mismatches.is_empty() {
            let about = expect["about"].as_str().unwrap_or("expect.json has no `about`");
            told.push(format!("{}: {about}\n    {}", name(folder), mismatches.join("\n    ")));
        }
    }
    assert!(!folders.is_empty(), "no incidents");
    assert!(
        told.is_empty(),
        "{} of {} incidents are told otherwise\n\n{}\n",
        told.len(),
        folders.len(),
        told.join("\n\n")
    );
}

#[test]
fn any_number_of_threads_says_the_same() {
    for folder in folders() {
        let on = |threads| {
            let output = why403(&folder, &["--format", "json", "--threads", threads]);
            (output.status.code(), output.stdout, output.stderr)
        };
        assert!(on("1") == on("3"), "{}", name(&folder));
    }
}

fn folders() -> Vec<PathBuf> {
    let mut folders: Vec<_> = fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("expect.json").is_file())
        .collect();
    folders.sort();
    folders
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join("incidents")
}

fn name(folder: &Path) -> &str {
    folder.file_name().and_then(|name| name.to_str()).unwrap()
}

fn why403(folder: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_why403"))
        .current_dir(root())
        .args(["replay", name(folder)])
        .args(more)
        .output()
        .unwrap()
}

fn parse(bytes: &[u8], what: &str) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|error| panic!("{what}: {error}"))
}

fn mismatches(folder: &Path, expect: &Value) -> Vec<String> {
    let scratch = tempfile::tempdir().unwrap();
    let requests = scratch.path().join("requests.ndjson");
    let json = why403(folder, &["--format", "json", "--requests", requests.to_str().unwrap()]);
    let exit = i64::from(json.status.code().unwrap_or(-1));
    if exit != expect["exit"].as_i64().unwrap_or(0) {
        return vec![format!("exit {exit}: {}", String::from_utf8_lossy(&json.stderr).trim_end())];
    }
    let report = parse(&json.stdout, "the report");
    let lines = fs::read_to_string(&requests).unwrap();
    let text = why403(folder, &[]);
    let text = String::from_utf8(text.stdout).expect("the report is text");

    let mut all = Vec::new();
    compare_requests(&lines, expect, &mut all);
    compare_findings(&report, expect, &mut all);
    compare_totals(&report, expect, &mut all);
    for secret in list(&expect["absent"]) {
        let secret = secret.as_str().unwrap();
        if text.contains(secret) || report.to_string().contains(secret) || lines.contains(secret) {
            all.push(format!("shows `{secret}`"));
        }
    }
    compare_alternatives(&text, &mut all);
    compare_openness(&report, &mut all);
    compare_remedies(&report, &mut all);
    compare_text(folder, &text, &mut all);
    all
}

fn compare_requests(lines: &str, expect: &Value, all: &mut Vec<String>) {
    let mut left: Vec<Value> =
        lines.lines().map(|line| parse(line.as_bytes(), "a line of --requests")).collect();
    for verdict in list(&expect["verdicts"]) {
        let (mine, others): (Vec<_>, Vec<_>) = left.into_iter().partition(|line| is(line, verdict));
        left = others;
        let wanted = verdict["requests"].as_u64().expect("`requests` of a verdict");
        if mine.len() as u64 != wanted {
            all.push(format!("{} of {wanted} requests: {}", mine.len(), describe(verdict)));
        }
    }
    let mut surplus = BTreeMap::new();
    for line in &left {
        *surplus.entry(describe(line)).or_insert(0) += 1;
    }
    all.extend(surplus.into_iter().map(|(line, n)| format!("{n} requests say otherwise: {line}")));
}

/// Whether a line of `--requests`, or a finding, is what the verdict allows.
fn is(line: &Value, verdict: &Value) -> bool {
    let allowed = ["cause", "detail", "confidence", "rule", "status", "country"]
        .iter()
        .filter(|key| verdict.get(**key).is_some() && line.get(**key).is_some())
        .all(|key| one_of(&verdict[*key], &line[*key]));
    let below = match (verdict["path"].as_str(), line["path"].as_str()) {
        (Some(start), Some(path)) => path.starts_with(start),
        _ => true,
    };
    let overdone = verdict["forbid_confirmed_detail"] == true
        && line["confidence"] == "confirmed"
        && !line["detail"].is_null();
    allowed && below && !overdone
}

/// An expectation is a value, or a list of those that are allowed.
fn one_of(allowed: &Value, value: &Value) -> bool {
    match allowed {
        Value::Array(several) => several.contains(value),
        one => one == value,
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn describe(verdict: &Value) -> String {
    let shown = ["cause", "detail", "confidence", "rule", "status", "country"]
        .iter()
        .filter_map(|key| Some(format!("{key} {}", verdict.get(*key)?)));
    let path = verdict["path"].as_str().and_then(|path| path.split('/').nth(1));
    shown.chain(path.map(|first| format!("below /{first}"))).collect::<Vec<_>>().join(", ")
}

fn compare_findings(report: &Value, expect: &Value, all: &mut Vec<String>) {
    for verdict in list(&expect["verdicts"]) {
        let largest = list(&report["findings"])
            .iter()
            .filter(|finding| is(finding, verdict))
            .max_by_key(|finding| finding["requests"].as_u64());
        // That there is none was said of the requests.
        let Some(finding) = largest else { continue };
        let what = format!("{}/{}", finding["cause"], finding["detail"]);
        if let Some(severity) = verdict.get("severity")
            && finding["severity"] != *severity
        {
            all.push(format!("{what}: severity {}, not {severity}", finding["severity"]));
        }
        if let Some(trigger) = verdict.get("trigger")
            && !same_trigger(&finding["trigger"], trigger)
        {
            all.push(format!("{what}: trigger {}, not {trigger}", finding["trigger"]));
        }
        let says: Vec<_> = list(&finding["evidence"])
            .iter()
            .map(|evidence| {
                let part = |key: &str| evidence[key].as_str().unwrap_or_default().to_owned();
                format!("{}: {}", part("source"), part("says"))
            })
            .collect();
        for part in list(&verdict["evidence"]).iter().filter_map(Value::as_str) {
            if !says.iter().any(|sentence| sentence.contains(part)) {
                all.push(format!("{what}: no evidence says `{part}`, but {says:?}"));
            }
        }
        for cause in list(&verdict["ruled_out"]) {
            if !list(&finding["ruled_out"]).iter().any(|other| other["cause"] == *cause) {
                all.push(format!("{what}: {cause} is not ruled out"));
            }
        }
    }
}

fn same_trigger(trigger: &Value, wanted: &Value) -> bool {
    if wanted.is_null() || trigger.is_null() {
        return wanted.is_null() && trigger.is_null();
    }
    let near = match wanted["seconds_before_onset"].as_i64() {
        None => true,
        Some(wanted) => trigger["seconds_before_onset"]
            .as_i64()
            .is_some_and(|seconds| (seconds - wanted).abs() <= SECONDS),
    };
    near && ["event", "by"]
        .iter()
        .all(|key| wanted.get(*key).is_none_or(|wanted| one_of(wanted, &trigger[*key])))
}

fn compare_totals(report: &Value, expect: &Value, all: &mut Vec<String>) {
    for (key, wanted) in expect["totals"].as_object().into_iter().flatten() {
        if report["totals"][key] != *wanted {
            all.push(format!("totals.{key} is {}, not {wanted}", report["totals"][key]));
        }
    }
    let missing: Vec<_> =
        list(&report["inputs"]["missing"]).iter().filter_map(Value::as_str).collect();
    for operation in list(&expect["missing"]).iter().filter_map(Value::as_str) {
        if !missing.iter().any(|name| name.starts_with(operation)) {
            all.push(format!("{operation} is not named as missing, but {missing:?}"));
        }
    }
    for operation in list(&expect["not_missing"]).iter().filter_map(Value::as_str) {
        if missing.iter().any(|name| name.starts_with(operation)) {
            all.push(format!("{operation} is named as missing, and is there"));
        }
    }
}

/// A remedy is one sentence and few steps, and names what is known.
fn compare_remedies(report: &Value, all: &mut Vec<String>) {
    const STEPS: usize = 4;
    for finding in list(&report["findings"]) {
        let remedy = &finding["remedy"];
        let steps = list(&remedy["steps"]);
        if steps.len() > STEPS {
            all.push(format!("a remedy of {} steps: {steps:?}", steps.len()));
        }
        let summary = remedy["summary"].as_str().unwrap_or_default();
        let texts = std::iter::once(summary).chain(steps.iter().filter_map(Value::as_str));
        for text in texts {
            for unfilled in ["://the origin", "behaviour of these"] {
                if text.contains(unfilled) {
                    all.push(format!("a remedy says `{unfilled}`: {text}"));
                }
            }
        }
    }
}

/// What is not decided says what would decide it, or that nothing can.
fn compare_openness(report: &Value, all: &mut Vec<String>) {
    let open = list(&report["findings"]).iter().filter(|one| one["cause"] == "unattributed");
    for finding in open {
        let summary = finding["remedy"]["summary"].as_str().unwrap_or_default();
        if list(&finding["missing"]).is_empty()
            && !summary.starts_with("Nothing that why403 can still read")
        {
            all.push("unattributed, and no fact that would decide it".to_owned());
        }
    }
}

/// A finding's `not` and `or` are lists of causes, which may run over several lines.
fn compare_alternatives(text: &str, all: &mut Vec<String>) {
    let (mut label, mut ruled_out) = (String::new(), BTreeSet::new());
    for line in text.lines() {
        let indented = line.starts_with("           ");
        let Some(rest) = line.strip_prefix("  ") else {
            ruled_out.clear();
            continue;
        };
        let mut words = rest.split([' ', ',']).filter(|word| !word.is_empty());
        if !indented {
            label = words.next().unwrap_or_default().to_owned();
        }
        match label.as_str() {
            // `CAUSE: REASON`, or causes without one.
            "not" | "nor" => {
                let all: Vec<&str> = words.collect();
                match all.split_first() {
                    Some((first, _)) if first.ends_with(':') => {
                        ruled_out.insert(first.trim_end_matches(':').to_owned());
                    }
                    _ => ruled_out.extend(all.into_iter().map(str::to_owned)),
                }
            }
            "or" => {
                for both in words.filter(|word| ruled_out.contains(*word)) {
                    all.push(format!("report.txt: {both} is ruled out, and an alternative"));
                }
            }
            _ => {}
        }
    }
}

fn compare_text(folder: &Path, text: &str, all: &mut Vec<String>) {
    let path = folder.join("report.txt");
    if std::env::var_os("UPDATE_REPORTS").is_some() {
        fs::write(path, text).unwrap();
        return;
    }
    let Ok(golden) = fs::read_to_string(path) else {
        all.push("report.txt is not there; UPDATE_REPORTS=1 writes it".to_owned());
        return;
    };
    if golden != text {
        let (number, was, is) = first_difference(&golden, text);
        all.push(format!("report.txt, line {number}: was `{was}`, is `{is}`"));
    }
}

fn first_difference<'a>(golden: &'a str, text: &'a str) -> (usize, &'a str, &'a str) {
    let (mut was, mut is) = (golden.lines(), text.lines());
    (1..)
        .map(|number| (number, was.next(), is.next()))
        .find(|(_, was, is)| was != is || was.is_none())
        .map_or((0, "", ""), |(number, was, is)| {
            (number, was.unwrap_or("(the end)"), is.unwrap_or("(the end)"))
        })
}
