//! The detector equals the reference model, on series that the model was run on.
//!
//! `tests/data/golden_incidents.py` writes the file and says how it is rerun.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use serde_json::Value;
use why403::incidents::{Bucket, Clients, Kind, Series, Settings, detect};

/// A Thursday midnight: the model counts its days from the first bucket of a series.
const MIDNIGHT: Bucket = 20_400 * 288;

fn unpack(packed: &Value) -> Series {
    let mut series = Series::new();
    let mut bucket = MIDNIGHT;
    for number in packed.as_array().unwrap() {
        let number = number.as_i64().unwrap();
        if number < 0 {
            bucket -= number;
        } else {
            series.add(bucket, number as u64);
            bucket += 1;
        }
    }
    series
}

#[test]
fn equals_the_reference_model() {
    let file = include_str!("data/golden_incidents.json");
    let cases: Vec<Value> = serde_json::from_str(file).unwrap();
    assert!(cases.len() >= 200);
    let (mut all, mut seeps, mut different) = (0, 0, Vec::new());
    for case in &cases {
        let name = case["name"].as_str().unwrap();
        let mut series = unpack(&case["counts"]);
        if !case["clients"].is_null() {
            for (bucket, addresses) in unpack(&case["clients"]).counts() {
                // The model counts addresses exactly; eight marks of the counter stand for nine.
                let marks = if addresses >= 9 { Clients::MANY } else { addresses.min(7) };
                series.unite_clients(bucket, Clients::from_places((1 << marks) - 1));
            }
        }
        let served = (!case["served"].is_null()).then(|| unpack(&case["served"]));
        let settings = Settings {
            distribution: "E1",
            series: name,
            kind: if case["kind"] == "fault" { Kind::Fault } else { Kind::Enforcement },
            first_bucket_of_distribution: MIDNIGHT,
            distributions_in_account: 1,
            provoked_alone: !case["clients"].is_null(),
        };
        let until = MIDNIGHT + case["buckets"].as_i64().unwrap();
        let incidents = detect(&series, served.as_ref(), &settings, until);
        let found: Vec<[i64; 3]> = incidents
            .iter()
            .map(|i| [i.start, i.detected, i.end.unwrap_or(until)].map(|b| b - MIDNIGHT))
            .collect();
        let expected: Vec<[i64; 3]> = serde_json::from_value(case["expect"].clone()).unwrap();
        all += expected.len();
        let same = found.len() == expected.len()
            && incidents.iter().zip(found.iter().zip(&expected)).all(|(incident, (f, e))| {
                // One difference is meant. The model leaves a seep of fewer than twenty refusals
                // open for as long as nothing else happens, as its rate falls with the silence.
                let sooner = f[2] < e[2] && incident.forbidden < 20;
                seeps += u32::from(sooner);
                f[..2] == e[..2] && (f[2] == e[2] || sooner)
            });
        if !same {
            different.push(format!("{name}: {found:?}, not {expected:?}"));
        }
    }
    assert!(different.is_empty(), "{} differ:\n{}", different.len(), different.join("\n"));
    assert!(all > 300);
    assert_eq!(seeps, 1);
}
