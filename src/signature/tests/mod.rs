//! The tests of this module, by what they are about; this file has what they share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod dates;
mod form;
mod hostile;
mod logged;
mod redaction;
mod resources;
mod said;
mod states;

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};

use super::*;

const KEY: &str = "K2JCJMDEHXQW5F";
const SIGNATURE: &str = "nitfHRCrtziwO2HwPfWw~yYDhUF5EwRunQA-j19DzZo_";
/// 2026-03-10T20:30:46Z, when the requests of these tests end.
const END: i64 = 1_773_174_646;

fn keys() -> BTreeSet<KeyId> {
    [KeyId::parse(KEY.as_bytes()).unwrap()].into()
}

fn began(end: i64, taken: i64) -> Option<Began> {
    let end = Timestamp::from_second(end).unwrap();
    Began::from_end(end, SignedDuration::from_secs(1), SignedDuration::from_millis(taken))
}

/// `https://www.example.com/a/b.jpg`, asked for by 192.0.2.7, with nothing else.
fn bare() -> Asked<'static> {
    Asked {
        protocol: Column::Value(b"https"),
        host: Column::Value(b"www.example.com"),
        path: b"/a/b.jpg",
        query: Column::Dash,
        cookie: Column::Dash,
        cookies_logged: Some(true),
        cookie_cut_at: None,
        client_ip: Column::Value(b"192.0.2.7"),
        began: began(END, 5),
        ended: None,
    }
}

fn with_query(query: &str) -> Asked<'_> {
    Asked { query: Column::Value(query.as_bytes()), ..bare() }
}

fn base64(text: &str) -> String {
    STANDARD.encode(text).replace('+', "-").replace('=', "_").replace('/', "~")
}

fn canned(expires: impl std::fmt::Display) -> String {
    format!("Expires={expires}&Signature={SIGNATURE}&Key-Pair-Id={KEY}")
}

fn custom(policy: &str) -> String {
    format!("Policy={}&Signature={SIGNATURE}&Key-Pair-Id={KEY}", base64(policy))
}

/// A custom policy with that resource and those further conditions, which does not end.
fn policy(resource: &str, conditions: &str) -> String {
    format!(
        r#"{{"Statement":[{{"Resource":"{resource}","Condition":{{"DateLessThan":{{"AWS:EpochTime":2000000000}}{conditions}}}}}]}}"#
    )
}

fn present(asked: &Asked<'_>) -> Present {
    match signature(asked, Some(&keys())) {
        Signature::Present(present) => present,
        other => panic!("{other:?}"),
    }
}

fn checks(query: &str) -> Checks {
    present(&with_query(query)).checks
}

fn faults(query: &str) -> Vec<(Fault, Certainty)> {
    checks(query).faults().map(|found| (found.fault, found.certainty)).collect()
}
