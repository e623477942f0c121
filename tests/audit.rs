//! `why403 audit`: a configuration that will answer 403 is told before anybody asks, and one that
//! will not is left alone. The bundles are those of `tests/incidents`, whose causes are known.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that fails panics, and a test of a command line reads files"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn audit(bundle: &str, more: &[&str]) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/incidents").join(bundle);
    assert!(root.is_dir(), "{bundle}");
    Command::new(env!("CARGO_BIN_EXE_why403")).arg("audit").args(more).arg(root).output().unwrap()
}

/// `cause/detail` and the confidence of each finding.
fn found(bundle: &str) -> Vec<(String, String)> {
    let output = audit(bundle, &["--format", "json"]);
    let audit: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |finding: &Value, name: &str| {
        finding.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    audit
        .get("findings")
        .and_then(Value::as_array)
        .unwrap()
        .iter()
        .map(|one| {
            let name = format!("{}/{}", text(one, "cause"), text(one, "detail"));
            (name, text(one, "confidence"))
        })
        .collect()
}

#[test]
fn what_lies_in_the_configuration_is_named() {
    for (bundle, name) in [
        ("s3-oac-bucket-without-policy", "s3-origin/access-not-granted"),
        ("s3-oac-of-the-wrong-type", "s3-origin/access-not-granted"),
        ("s3-oai-canonical-user-of-another", "s3-origin/access-not-granted"),
        ("s3-deny-outside-the-vpc-endpoint", "s3-origin/explicit-deny"),
        ("s3-host-by-legacy-forwarded-values", "s3-origin/host-header-forwarded"),
        ("s3-kms-key-does-not-know-cloudfront", "s3-origin/kms-denied"),
        ("s3-path-default-root-object-with-a-slash", "s3-origin/wrong-path"),
        ("s3-error-page-is-itself-refused", "s3-origin/access-not-granted"),
        ("s3-website-without-a-policy", "s3-origin/website-not-public"),
        ("origin-api-gateway-gets-the-viewers-host", "custom-origin/host-header-forwarded"),
        ("disabled-distribution", "distribution-disabled/disabled"),
    ] {
        let found = found(bundle);
        let named = found.iter().any(|(one, sure)| one == name && sure == "confirmed");
        assert!(named, "{bundle}: {found:?}");
    }
}

/// Requests that a rule is set up to refuse are no fault of a configuration.
#[test]
fn a_configuration_that_serves_is_left_alone() {
    for bundle in [
        "stacked-not-at-all",
        "geo-not-in-allowed-countries",
        "waf-edge-rate-based",
        "signed-expired-cookies",
        "protocol-websocket",
        "method-of-the-first-match",
    ] {
        let found = found(bundle);
        assert!(found.is_empty(), "{bundle}: {found:?}");
    }
}

#[test]
fn a_pipeline_is_stopped_where_it_asks_for_it() {
    let broken = "s3-oac-bucket-without-policy";
    assert_eq!(audit(broken, &[]).status.code(), Some(0));
    assert_eq!(audit(broken, &["--fail-on", "fault"]).status.code(), Some(1));
    assert_eq!(audit(broken, &["--fail-on", "enforcement"]).status.code(), Some(0));
    assert_eq!(audit("stacked-not-at-all", &["--fail-on", "fault"]).status.code(), Some(0));
    let junit = String::from_utf8(audit(broken, &["--format", "junit"]).stdout).unwrap();
    assert!(
        junit.contains("failures=\"1\"") && junit.contains("<failure type=\"fault\""),
        "{junit}"
    );
    let nothing = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_why403"));
    let output = command.arg("audit").arg(nothing.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(66));
}

/// What was read yesterday is judged as it was read: nobody asks what happened since.
#[test]
fn a_captured_configuration_is_that_of_its_moment() {
    let bundle =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/incidents/s3-oac-bucket-without-policy");
    let copy = tempfile::tempdir().unwrap();
    let mut facts = serde_json::Map::new();
    for file in files(&bundle.join("aws")) {
        let name = file.strip_prefix(&bundle).unwrap();
        let at = copy.path().join(name);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        fs::copy(&file, at).unwrap();
        facts.insert(name.to_string_lossy().into_owned(), "2026-03-11T09:00:00Z".into());
    }
    assert!(!facts.keys().any(|name| name.contains("cloudtrail")));
    let capture = serde_json::json!({"schema": "why403/bundle/1", "facts": facts});
    fs::write(copy.path().join("capture.json"), capture.to_string()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_why403"));
    let output = command.args(["audit", "--fail-on", "fault"]).arg(copy.path()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("s3-origin/access-not-granted"), "{text}");
}

/// What could not be looked at is named in every form, and is not taken for healthy.
#[test]
fn what_may_not_be_read_is_named() {
    let bundle = "s3-error-page-policy-denied";
    let text = audit(bundle, &[]);
    assert_eq!(text.status.code(), Some(2));
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("Not looked at: s3api/get-bucket-policy/"), "{text}");
    assert!(text.contains("s3:GetBucketPolicy"), "{text}");
    let junit = String::from_utf8(audit(bundle, &["--format", "junit"]).stdout).unwrap();
    assert!(junit.contains("<skipped message=\"s3api/get-bucket-policy/"), "{junit}");
    let json: Value = serde_json::from_slice(&audit(bundle, &["--format", "json"]).stdout).unwrap();
    assert_eq!(json.pointer("/unread/0/why"), Some(&"denied".into()));

    let other = audit(bundle, &["--distribution", "E0NOTHERE"]);
    assert_eq!(other.status.code(), Some(66));
    let said = String::from_utf8(other.stderr).unwrap();
    assert!(said.contains("get-distribution/E0NOTHERE"), "{said}");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
