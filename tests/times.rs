//! `replay --since` and `--until`: lines of other times are left out, and the report says how many.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test reads files and may fail"
)]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use why403::simulate::{Scenario, simulate};

fn bundle() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let made = simulate(Scenario::Country, 5, "2026-03-10T15:00:00Z".parse().unwrap());
    for (name, bytes) in &made.files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    (folder, made.onset.to_string())
}

fn replay(bundle: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_why403"));
    command.arg("replay").arg(bundle).args(more).output().unwrap()
}

fn report(bundle: &Path, more: &[&str]) -> Value {
    let output = replay(bundle, &[&["--format", "json"], more].concat());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn what_comes_before_and_after_a_moment_is_all_there_is() {
    let (folder, onset) = bundle();
    let whole = report(folder.path(), &[]);
    let before = report(folder.path(), &["--until", &onset]);
    let after = report(folder.path(), &["--since", &onset]);
    let number = |report: &Value, path: &str| report.pointer(path).unwrap().as_u64().unwrap();

    let requests = |report| number(report, "/totals/requests");
    assert!(requests(&before) > 0 && requests(&after) > 0);
    assert_eq!(requests(&before) + requests(&after), requests(&whole));
    let left_out = |report| number(report, "/inputs/access_log_lines_left_out");
    assert_eq!(left_out(&whole), 0);
    assert_eq!(left_out(&before), requests(&after));
    assert_eq!(left_out(&after), requests(&before));
    // What was read is what lies there.
    let read = |report| number(report, "/inputs/access_log_lines");
    assert_eq!((read(&before), read(&after)), (read(&whole), read(&whole)));

    assert_eq!(before["incidents"], Value::Array(Vec::new()));
    assert!(before["window"]["end"].as_str().unwrap() < onset.as_str());
    assert!(after["window"]["start"].as_str().unwrap() >= onset.as_str());
    assert_eq!(after["findings"][0]["cause"], "geo-restriction");
    for other in before["findings"].as_array().unwrap() {
        assert_ne!(other["cause"], "geo-restriction");
    }
}

#[test]
fn the_report_says_how_many_lines_were_left_out() {
    let (folder, onset) = bundle();
    let text = |more: &[&str]| String::from_utf8(replay(folder.path(), more).stdout).unwrap();
    let said = "lines of other times than were asked about were left out";
    assert!(text(&["--since", &onset]).contains(said));
    assert!(text(&["--since", &onset, "--format", "html"]).contains(said));
    assert!(!text(&[]).contains(said));
    let none = text(&["--since", "2026-04-01T00:00:00Z"]);
    assert!(none.contains("No request in these logs.") && none.contains(said), "{none}");

    let turned = replay(folder.path(), &["--since", &onset, "--until", &onset]);
    assert_eq!(turned.status.code(), Some(64));
    assert_eq!(replay(folder.path(), &["--since", "yesterday"]).status.code(), Some(64));
}

#[test]
fn each_file_is_told_to_those_who_want_to_know() {
    let (folder, _) = bundle();
    let (short, long) = (replay(folder.path(), &[]), replay(folder.path(), &["-v"]));
    assert_eq!(short.stdout, long.stdout);
    assert!(short.stderr.is_empty());
    let said = String::from_utf8(long.stderr).unwrap();
    let of = |kind: &str| said.lines().filter(|line| line.ends_with(kind)).count();
    let logs = report(folder.path(), &[]);
    assert_eq!(of(": an access log") as u64, logs["inputs"]["access_log_files"].as_u64().unwrap());
    assert_eq!(of(": a WAF log") as u64, logs["inputs"]["waf_log_files"].as_u64().unwrap());
}
