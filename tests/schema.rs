//! What programs read is as `why403 schema` says: every output of every bundle is held against the
//! schema that the types themselves give. Alerts are held against theirs in `alerts.rs`, where they
//! are made.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test reads files and may fail"
)]

// The other tests want all of it.
#[allow(dead_code)]
mod bundles;

use std::path::Path;
use std::process::Command;

use bundles::{Bundle, analyse, of_each, read};
use jiff::Timestamp;
use jsonschema::Validator;
use serde::Serialize;
use serde_json::{Map, Value};
use why403::audit;
use why403::countries::Countries;
use why403::report::{Inputs, request};
use why403::schema::{self, Output};

const OUTPUTS: [(&str, Output); 5] = [
    ("report", Output::Report),
    ("requests", Output::Requests),
    ("answers", Output::Answers),
    ("alert", Output::Alert),
    ("audit", Output::Audit),
];

fn validator(output: Output) -> Validator {
    let schema = schema::of(output).to_value();
    jsonschema::meta::validate(&schema).unwrap();
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

/// What of a value is not as its schema says.
fn wrong(validator: &Validator, written: &impl Serialize) -> Vec<String> {
    let value = serde_json::to_value(written).unwrap();
    let said =
        |error: jsonschema::ValidationError<'_>| format!("{}: {error}", error.instance_path());
    validator.iter_errors(&value).map(said).collect()
}

#[test]
fn every_output_of_every_bundle_is_as_its_schema_says() {
    let [report, requests, answers, audited] =
        [Output::Report, Output::Requests, Output::Answers, Output::Audit].map(validator);
    let told = of_each(|bundle: &Bundle| {
        let objects = bundle.logs.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
        let (tally, logs) = read(&bundle.account, objects);
        let analysis = analyse(&tally, logs, &bundle.account);
        let mut all =
            wrong(&report, &analysis.report(&tally, Inputs::default(), &Countries::default()));
        let mut ids = vec!["no-such-id".to_owned()];
        for line in analysis.requests() {
            all.extend(wrong(&requests, &line));
            if ids.len() < 3 {
                ids.extend(line.request_id.map(String::from));
            }
        }
        let said: Vec<_> = ids.iter().map(|id| request::answer(&analysis, id)).collect();
        all.extend(wrong(&answers, &said));
        all.extend(wrong(&audited, &audit::audit(&bundle.account, &[], Timestamp::UNIX_EPOCH)));
        all.into_iter().map(|one| format!("{}: {one}", bundle.name())).collect()
    });
    assert!(told.is_empty(), "{}", told.join("\n"));
}

/// What the program prints is what the types say, and what it writes passes.
#[test]
fn the_program_prints_the_schema_of_what_it_writes() {
    let why403 = |arguments: &[&str]| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/incidents");
        let mut command = Command::new(env!("CARGO_BIN_EXE_why403"));
        let output = command.current_dir(root).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    for (name, output) in OUTPUTS {
        assert_eq!(why403(&["schema", name]), schema::of(output).to_value(), "{name}");
    }
    let written = why403(&["replay", "s3-oac-bucket-without-policy", "--format", "json"]);
    assert_eq!(wrong(&validator(Output::Report), &written), Vec::<String>::new());
}

/// A schema that lets anything pass would prove nothing: what is added, left out or of another
/// form is told, at every level.
#[test]
fn what_is_not_as_the_schema_says_is_told() {
    fn each(path: &str, schema: &Value, told: &mut Vec<String>) {
        let empty = Map::new();
        let Some(object) = schema.as_object() else { return };
        if let Some(properties) = object.get("properties").and_then(Value::as_object) {
            let required = object.get("required").and_then(Value::as_array);
            let required = required.map_or(0, Vec::len);
            if object.get("additionalProperties") != Some(&Value::Bool(false)) {
                told.push(format!("{path} is open"));
            }
            if required != properties.len() {
                told.push(format!("{path} has {} keys and asks for {required}", properties.len()));
            }
        }
        let defs = object.get("$defs").and_then(Value::as_object).unwrap_or(&empty);
        for (name, schema) in defs {
            each(name, schema, told);
        }
    }
    let mut told = Vec::new();
    for (name, output) in OUTPUTS {
        each(name, &schema::of(output).to_value(), &mut told);
    }
    assert_eq!(told, Vec::<String>::new());

    let line = serde_json::json!({
        "request_id": null, "time": "2026-03-10T14:00:00Z", "distribution_id": null, "status": 403,
        "method": "GET", "path": "/", "edge": "IAD89-C1", "country": null, "cause": "waf",
        "detail": "edge", "confidence": "confirmed", "rule": null,
    });
    let requests = validator(Output::Requests);
    assert_eq!(wrong(&requests, &line), Vec::<String>::new());
    for (key, value) in [
        ("cause", "weather"),
        ("detail", "rain"),
        ("confidence", "sure"),
        ("time", "yesterday"),
        ("colour", "red"),
        ("status", "403"),
    ] {
        let mut other = line.clone();
        other.as_object_mut().unwrap().insert(key.to_owned(), value.into());
        assert_eq!(wrong(&requests, &other).len(), 1, "{key}");
    }
    let mut other = line;
    other.as_object_mut().unwrap().remove("rule");
    assert_eq!(wrong(&requests, &other).len(), 1);
}
