//! Where logs lie, and what a command line may say: folders, bundles and what lies beside their logs.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test reads and writes files and may fail"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use why403::simulate::{Scenario, simulate};

/// A folder with loose access logs and nothing else, and its facts for a folder of their own.
fn loose() -> (tempfile::TempDir, Vec<(String, Vec<u8>)>) {
    let folder = tempfile::tempdir().unwrap();
    let made = simulate(Scenario::Country, 5, "2026-03-10T15:00:00Z".parse().unwrap());
    let mut facts = Vec::new();
    for (name, bytes) in made.files {
        if name.starts_with("logs/access/") {
            fs::write(folder.path().join(name.rsplit('/').next().unwrap()), bytes).unwrap();
        } else if name.starts_with("aws/") {
            facts.push((name, bytes));
        }
    }
    assert!(!facts.is_empty());
    (folder, facts)
}

fn put(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn why403(arguments: &[&str], paths: &[PathBuf]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_why403"));
    command.args(arguments).args(paths).output().unwrap()
}

fn report(paths: &[PathBuf]) -> Value {
    let output = why403(&["replay", "--quiet", "--format", "json"], paths);
    assert_eq!(output.status.code(), Some(0), "{}", error(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn error(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn loose_logs_are_read_beside_facts_and_further_logs() {
    let (folder, facts) = loose();
    let path = folder.path().to_owned();
    let files: Vec<PathBuf> =
        fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()).collect();
    let alone = report(std::slice::from_ref(&path));
    assert!(alone["totals"]["requests"].as_u64().unwrap() > 0);

    let beside = tempfile::tempdir().unwrap();
    for (name, bytes) in &facts {
        put(&path, name, bytes);
        put(beside.path(), name, bytes);
    }
    let with_facts = report(std::slice::from_ref(&path));
    assert_eq!(with_facts["totals"], alone["totals"]);
    assert_eq!(with_facts["findings"][0]["cause"], "geo-restriction");
    assert_eq!(with_facts["findings"][0]["confidence"], "confirmed");

    // Log files and a folder that holds nothing but facts say the same.
    let paths = [files.clone(), vec![beside.path().to_owned()]].concat();
    assert_eq!(report(&paths)["findings"], with_facts["findings"]);

    // Where AWS WAF has nothing to tell, the folder of its logs is there all the same. What else
    // lies in a bundle is nothing that could not be read.
    fs::create_dir_all(path.join("logs/waf")).unwrap();
    put(&path, "report.html", b"<p>what was said before</p>");
    assert_eq!(report(std::slice::from_ref(&path)), with_facts);

    // A log that was copied to where it belongs counts once.
    let first = files.iter().min().unwrap();
    let name = first.file_name().unwrap().to_str().unwrap();
    put(&path, &format!("logs/access/{name}"), &fs::read(first).unwrap());
    assert_eq!(report(std::slice::from_ref(&path))["totals"], alone["totals"]);

    // A log that is damaged is named, wherever it lies.
    put(&path, "E1.2026-03-10-15.0a1b2c3d.gz", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03xx");
    let output = why403(&["replay", "--quiet"], std::slice::from_ref(&path));
    assert_eq!(output.status.code(), Some(2));
    assert!(error(&output).contains("0a1b2c3d.gz"), "{}", error(&output));
}

#[test]
fn an_id_is_taken_as_it_was_copied() {
    let (folder, _) = loose();
    let path = [folder.path().to_owned()];
    let out = folder.path().join("o");
    let out = out.to_str().unwrap();
    let lines = why403(&["replay", "--quiet", "--requests", "-", "--out", out], &path);
    assert_eq!(lines.status.code(), Some(0), "{}", error(&lines));
    fs::remove_file(out).unwrap();
    let line = String::from_utf8(lines.stdout).unwrap();
    let request: Value = serde_json::from_str(line.lines().next().unwrap()).unwrap();
    let id = request["request_id"].as_str().unwrap();
    for copied in
        [id.to_owned(), format!(" x-amz-cf-id:  {id} "), format!("X-Edge-Request-Id:{id}")]
    {
        let asked = ["replay", "--quiet", "--format", "json", "--request-id", &copied];
        let output = why403(&asked, &path);
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(
            (&answer[0]["found"], answer[0]["request_id"].as_str()),
            (&true.into(), Some(id))
        );
    }
    let output = why403(&["replay", "--quiet", "--request-id", "-1a=="], &path);
    assert_eq!(output.status.code(), Some(0), "{}", error(&output));
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("-1a=="));
}

#[test]
fn what_cannot_be_shown_or_written_is_bad_usage_and_named() {
    let (folder, _) = loose();
    let there = folder.path().to_str().unwrap().to_owned();
    for (arguments, says) in [
        (vec!["--format", "html", "--request-id", "a"], "--format html"),
        (vec!["--request-id", " "], "x-amz-cf-id"),
        (vec!["--requests", "-"], "--out"),
        (vec!["--requests", "-", "--out", "-"], "--out"),
        (vec!["--requests", "/nonexistent/x"], "/nonexistent/x"),
        (vec!["--out", "/nonexistent/x"], "/nonexistent/x"),
        (vec!["--out", &there], &there),
    ] {
        let all = [&["replay", "--quiet"], arguments.as_slice()].concat();
        let output = why403(&all, &[folder.path().to_owned()]);
        assert_eq!(output.status.code(), Some(64), "{arguments:?}: {}", error(&output));
        assert!(error(&output).contains(says), "{arguments:?}: {}", error(&output));
    }
}

#[test]
fn a_cause_is_taken_with_its_detail() {
    let sheet = why403(&["causes", "waf"], &[]);
    let same = why403(&["causes", "waf/edge"], &[]);
    assert_eq!((same.status.code(), same.stdout), (Some(0), sheet.stdout));
    let output = why403(&["causes", "waf/ege"], &[]);
    assert_eq!(output.status.code(), Some(64));
    assert!(error(&output).contains("edge, origin"), "{}", error(&output));
    assert_eq!(why403(&["causes", "wuf/edge"], &[]).status.code(), Some(64));
}
