//! `why403 audit`: a configuration that will answer 403 is told before anybody asks, and one that
//! will not is left alone. The bundles are those of `tests/incidents`, whose causes are known.

#![expect(
    clippy::unwrap_used,
    reason = "a test that fails panics, and a test of a command line reads files"
)]

use std::path::Path;
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
