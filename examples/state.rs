//! What is counted in the states of series: the test of the deployed stack holds it against the
//! truth.
//!
//! Reads one state a line, as base64 (so it stands in an item of the table), and writes for each a
//! JSON object: the first second of every five minutes, and the refusals counted in them.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{Write, stdin, stdout};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use why403::incidents::{BUCKET_SECONDS, State};

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = stdout().lock();
    for line in stdin().lines() {
        let state = State::decode(&STANDARD.decode(line?.trim())?)?;
        let counts: BTreeMap<i64, u32> = state
            .recent()
            .counts()
            .map(|(bucket, count)| (bucket * BUCKET_SECONDS, count))
            .collect();
        writeln!(out, "{}", serde_json::to_string(&counts)?)?;
    }
    Ok(())
}
