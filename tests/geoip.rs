//! Countries by address, from a database that is made here.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::disallowed_methods)]

use std::process::{Command, Output};

use serde_json::Value;

const BUNDLE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/incidents/geo-24-columns-without-country");

/// A database in the MMDB format of which every address is in one country.
///
/// The format: a search tree of nodes (two records of 24 bits: left for a bit of 0, right for 1), 16
/// bytes of zero, the data, a marker, and the metadata. A record above the number of nodes points
/// into the data, 16 bytes further on than the difference.
fn database(entry: Vec<u8>) -> Vec<u8> {
    let record = [0, 0, 1 + 16];
    let mut file = [record, record].concat();
    file.extend([0; 16]);
    file.extend(entry);
    file.extend(b"\xab\xcd\xefMaxMind.com");
    file.extend(map(&[
        ("binary_format_major_version", number(5, 2)),
        ("binary_format_minor_version", number(5, 0)),
        ("build_epoch", long(1)),
        ("database_type", text("Country")),
        ("description", map(&[])),
        ("ip_version", number(5, 4)),
        ("languages", vec![0, 4]),
        ("node_count", number(6, 1)),
        ("record_size", number(5, 24)),
    ]));
    file
}

/// An entry as GeoLite2 and those that follow it have it.
fn nested(country: &str) -> Vec<u8> {
    map(&[("country", map(&[("iso_code", text(country))]))])
}

fn text(value: &str) -> Vec<u8> {
    [&[(2 << 5) | value.len() as u8], value.as_bytes()].concat()
}

/// Types 5 and 6 are numbers of 16 and 32 bits, as long as they need to be.
fn number(kind: u8, value: u8) -> Vec<u8> {
    vec![(kind << 5) | 1, value]
}

/// Type 9, a number of 64 bits, is one of the further ones: 0, and 9 less 7.
fn long(value: u8) -> Vec<u8> {
    vec![1, 2, value]
}

fn map(pairs: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut out = vec![(7 << 5) | pairs.len() as u8];
    for (key, value) in pairs {
        // Keys of more than 28 bytes do not occur here, but for the two of the versions.
        match key.len() {
            short @ ..29 => out.push((2 << 5) | short as u8),
            long => out.extend([(2 << 5) | 29, (long - 29) as u8]),
        }
        out.extend(key.as_bytes());
        out.extend(value);
    }
    out
}

fn replay(options: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_why403"))
        .args(["replay", BUNDLE, "--format", "json"])
        .args(options)
        .output()
        .unwrap()
}

fn report(options: &[&str]) -> Value {
    let output = replay(options);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_country_by_address_supports_and_never_confirms() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("country.mmdb");
    let option = file.to_str().unwrap();
    let unknown = report(&[]);
    let finding = &unknown["findings"][0];
    assert_eq!(finding["clusters"][0]["country_known"], 0);
    let before = finding["confidence"].as_str().unwrap();

    // The distribution of this bundle denies VN.
    std::fs::write(&file, database(nested("VN"))).unwrap();
    let denied = report(&["--geoip", option]);
    let finding = &denied["findings"][0];
    assert_eq!(finding["cause"], "geo-restriction");
    assert_ne!(finding["confidence"], "confirmed");
    assert_eq!(finding["clusters"][0]["country_known"], finding["requests"]);
    assert_eq!(finding["clusters"][0]["countries"], serde_json::json!(["VN"]));
    let sources: Vec<&str> = finding["evidence"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["source"].as_str().unwrap())
        .collect();
    assert!(sources.contains(&"--geoip"), "{sources:?}");

    std::fs::write(&file, database(nested("DE"))).unwrap();
    let served = report(&["--geoip", option]);
    assert_eq!(served["findings"][0]["confidence"], before);
}

#[test]
fn flat_databases_fit_and_names_are_no_codes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("country.mmdb");
    for (entry, known) in [
        (map(&[("country_code", text("VN"))]), true),
        (map(&[("country", text("VN"))]), true),
        (map(&[("country", text("Viet Nam")), ("country_code", text("VN"))]), true),
        (map(&[("country", text("Viet Nam"))]), false),
        (map(&[("asn", text("AS1"))]), false),
    ] {
        std::fs::write(&file, database(entry)).unwrap();
        let report = report(&["--geoip", file.to_str().unwrap()]);
        let cluster = &report["findings"][0]["clusters"][0];
        let countries = if known { serde_json::json!(["VN"]) } else { serde_json::json!([]) };
        assert_eq!(cluster["countries"], countries);
    }
}

#[test]
fn a_database_that_is_none_is_bad_usage_and_says_so() {
    for (file, says) in [
        (concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"), "give a country database"),
        ("/nowhere/country.mmdb", "/nowhere/country.mmdb"),
    ] {
        let output = replay(&["--geoip", file]);
        assert_eq!(output.status.code(), Some(64));
        assert!(output.stdout.is_empty());
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(complaint.contains(says), "{complaint}");
    }
}
