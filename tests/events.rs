//! Each sample event takes the way that it takes in the function, and finds the same incident.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test that fails panics, and a test of a command line reads and writes files"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn events() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("events")
}

fn replay(path: &Path) -> Output {
    let binary = env!("CARGO_BIN_EXE_why403");
    Command::new(binary).args(["replay", "--format", "json"]).arg(path).output().unwrap()
}

/// The causes of a report with their confidence and number.
fn found(output: &Output) -> Vec<(String, String, u64)> {
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let finding = |finding: &Value| {
        let text = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
        let detail = format!("{}/{}", text("cause"), text("detail"));
        (detail, text("confidence"), finding["requests"].as_u64().unwrap())
    };
    report["findings"].as_array().unwrap().iter().map(finding).collect()
}

fn incident() -> Vec<(String, String, u64)> {
    [
        ("s3-origin/access-not-granted", 24),
        ("geo-restriction/not-in-allowed-countries", 20),
        ("waf/edge", 20),
    ]
    .map(|(cause, requests)| (cause.to_owned(), "confirmed".to_owned(), requests))
    .into()
}

#[test]
fn the_sample_incident_is_explained() {
    let output = replay(&events().join("incident"));
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(found(&output), incident());
}

#[test]
fn every_envelope_leads_to_the_same_answer() {
    for name in [
        "s3-notification",
        "s3-notification-in-sqs",
        "s3-notification-in-sns",
        "s3-notification-in-sns-in-sqs",
        "eventbridge-in-sqs",
    ] {
        let output = replay(&events().join(format!("{name}.json")));
        assert_eq!(output.status.code(), Some(0), "{name}");
        assert_eq!(found(&output), incident(), "{name}");
    }
    // It carries one object, and so a part of the incident.
    let output = replay(&events().join("eventbridge.json"));
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(found(&output).len(), 3);
}

#[test]
fn real_time_records_of_a_stream_are_read_by_their_field_list() {
    let output = replay(&events().join("kinesis-realtime.json"));
    assert_eq!(output.status.code(), Some(0));
    let mut expected = incident();
    // The stream brings no WAF log, so what is left of the WAF's is not proven.
    expected.retain(|(cause, ..)| cause != "waf/edge");
    let mut found = found(&output);
    found.retain(|(cause, ..)| cause.starts_with("s3-origin") || cause.starts_with("geo"));
    assert_eq!(found, expected);
}

#[test]
fn waf_records_of_a_log_group_join_the_access_log() {
    let logs = events().join("cloudwatch-logs-waf.json");
    let alone = replay(&logs);
    assert_eq!((alone.status.code(), found(&alone)), (Some(0), vec![]));
    let binary = env!("CARGO_BIN_EXE_why403");
    let both = Command::new(binary)
        .args(["replay", "--format", "json"])
        .args([events().join("kinesis-realtime.json"), logs])
        .output()
        .unwrap();
    assert_eq!(found(&both), incident());
}

#[test]
fn an_event_without_a_log_is_an_empty_report() {
    for name in
        ["s3-test-event", "s3-test-event-in-sqs", "schedule", "cloudwatch-logs-control-message"]
    {
        let output = replay(&events().join(format!("{name}.json")));
        assert_eq!(output.status.code(), Some(0), "{name}");
        assert_eq!(found(&output), [], "{name}");
    }
}

#[test]
fn every_sample_is_tested() {
    let names = std::fs::read_dir(events()).unwrap().flatten();
    let files = names.filter(|entry| entry.path().extension().is_some_and(|end| end == "json"));
    assert_eq!(files.count(), 12);
}

#[test]
fn an_object_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let event = folder.path().join("event.json");
    std::fs::copy(events().join("s3-notification.json"), &event).unwrap();
    let output = replay(&event);
    assert_eq!(output.status.code(), Some(2));
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(complaint.contains("objects/shop-cdn-logs/cf/E3SHOPEXAMPLE1.2026-03-10-14."));
}

#[test]
fn a_key_cannot_lead_out_of_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("events/objects/b")).unwrap();
    std::fs::write(folder.path().join("secret"), "x").unwrap();
    let event = folder.path().join("events/event.json");
    let body = r#"{"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": "b"}, "object": {"key": "../../../secret"}}}]}"#;
    std::fs::write(&event, body).unwrap();
    let output = replay(&event);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("it is not there"));
}
