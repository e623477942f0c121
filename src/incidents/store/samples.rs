//! Some of an hour's requests, as they are kept: what clusters are told by, and nothing else.
//!
//! Of each viewer stays the template of a path, never the path.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use serde::{Deserialize, Serialize};

use super::StoreError;
use crate::clusters::{Row, Sample};
use crate::incidents::series::{Bucket, HOUR, HourNumber, hour_of};
use crate::limits::{SAMPLE_BYTES, SAMPLE_UNPACKED_BYTES, SAMPLED_OF_AN_HOUR};

/// A request and the five minutes of its answer.
pub type Seen = (Bucket, Row);

/// What is kept of one hour.
#[derive(Clone, Debug)]
pub struct Hourly {
    /// The hour.
    pub hour: HourNumber,
    /// Some of its requests, or all.
    pub sample: Sample<Seen>,
    /// How often it was written; zero is never. A write holds only if nobody wrote in between.
    pub revision: u64,
}

/// A request as it is written: its hash, its five minutes within the hour, and its values.
#[derive(Serialize, Deserialize)]
struct Line(u64, u8, Box<str>, Box<str>, Option<Box<str>>, Option<Box<str>>, Box<str>);

/// Bits of a hash that are not kept: of forty that stay no two are the same by chance.
const DROPPED_BITS: u32 = 24;

/// The request as it is sampled: under a shorter hash, and without its path.
pub fn seen(bucket: Bucket, row: Row) -> Seen {
    let hash = row.hash >> DROPPED_BITS;
    // An example of an alert is a template in any case.
    (bucket, Row { example: row.path.clone(), hash, ..row })
}

impl Hourly {
    /// An hour of which nothing is known.
    pub fn new(hour: HourNumber) -> Self {
        Self { hour, sample: Sample::new(SAMPLED_OF_AN_HOUR), revision: 0 }
    }

    /// Its bytes, never more than [`SAMPLE_BYTES`]: where long paths need more, fewer requests are
    /// kept.
    pub fn encode(&self) -> Vec<u8> {
        let mut sample = self.sample.clone();
        loop {
            let cut = sample.is_partial();
            let rows = sample.rows();
            let lines: Vec<Line> = rows.into_iter().map(line).collect();
            let bytes = packed(&(cut, &lines));
            if bytes.len() <= SAMPLE_BYTES || lines.len() <= 1 {
                return bytes;
            }
            sample.shrink(lines.len() * SAMPLE_BYTES / bytes.len());
        }
    }

    /// What was written.
    pub fn decode(hour: HourNumber, bytes: &[u8], revision: u64) -> Result<Self, StoreError> {
        let damaged = |_| StoreError::Damaged(format!("the sample of the hour {hour}"));
        let text = DeflateDecoder::new(bytes).take(SAMPLE_UNPACKED_BYTES);
        let (cut, lines): (bool, Vec<Line>) = serde_json::from_reader(text).map_err(damaged)?;
        let rows = lines.into_iter().map(|line| row(hour, line)).collect();
        Ok(Self { hour, sample: Sample::kept(SAMPLED_OF_AN_HOUR, cut, rows), revision })
    }
}

fn line((hash, (bucket, row)): (u64, Seen)) -> Line {
    let place = bucket - hour_of(bucket) * HOUR;
    let place = u8::try_from(place).unwrap_or_default();
    Line(hash, place, row.path, row.edge, row.country, row.host, row.method)
}

fn row(hour: HourNumber, line: Line) -> (u64, Seen) {
    let Line(hash, place, path, edge, country, host, method) = line;
    let example = path.clone();
    let row = Row { path, edge, country, host, method, example, hash };
    (hash, (hour.saturating_mul(HOUR).saturating_add(place.into()), row))
}

fn packed(value: &impl Serialize) -> Vec<u8> {
    let mut out = DeflateEncoder::new(Vec::new(), Compression::default());
    // Writing to memory cannot fail.
    let _ = out.write_all(&serde_json::to_vec(value).unwrap_or_default());
    out.finish().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hourly(rows: usize, path: impl Fn(usize) -> String) -> Hourly {
        let mut hourly = Hourly::new(492_492);
        for i in 0..rows {
            let row = Row {
                path: path(i).into(),
                edge: "FRA".into(),
                country: (i % 2 == 0).then(|| "DE".into()),
                host: None,
                method: "GET".into(),
                example: "/secret?".into(),
                hash: crate::clusters::key_hash(&[&i.to_le_bytes()]),
            };
            let (bucket, row) = seen(492_492 * HOUR + (i % 12) as Bucket, row);
            hourly.sample.offer(row.hash, || (bucket, row));
        }
        hourly
    }

    #[test]
    fn what_is_written_is_read() {
        for rows in [0, 1, 50, 128, 5000] {
            let mut before = hourly(rows, |i| format!("/p{}", i % 7));
            let bytes = before.encode();
            let mut after = Hourly::decode(before.hour, &bytes, 3).unwrap();
            assert_eq!(after.sample.rows(), before.sample.rows());
            assert_eq!(after.sample.is_partial(), before.sample.is_partial());
            assert!(bytes.len() < 2048, "{}", bytes.len());
            let text = format!("{:?}", after.sample);
            assert!(!text.contains("secret"), "{text}");
        }
    }

    #[test]
    fn no_path_makes_it_larger_than_its_limit() {
        let long = |i: usize| -> String {
            let hash = |n: usize| crate::clusters::key_hash(&[&i.to_le_bytes(), &n.to_le_bytes()]);
            (0..40).map(|n| format!("/{:016x}{:016x}", hash(n), hash(n + 99))).collect()
        };
        let bytes = hourly(1000, long).encode();
        assert!(bytes.len() <= SAMPLE_BYTES, "{}", bytes.len());
        let mut read = Hourly::decode(492_492, &bytes, 1).unwrap();
        assert!(read.sample.is_partial() && read.sample.rows().len() > 5);
        // It stays one of the smallest hashes: what is merged later cannot bring others back.
        let most = read.sample.rows().last().unwrap().0;
        read.sample.merge(hourly(1000, |_| "/p".to_owned()).sample);
        assert!(read.sample.rows().iter().all(|(hash, _)| *hash <= most));
    }

    #[test]
    fn what_is_damaged_is_an_error() {
        let bytes = hourly(50, |i| format!("/p{i}")).encode();
        for end in 0..bytes.len() {
            assert!(Hourly::decode(1, &bytes[..end], 1).is_err());
        }
        assert!(Hourly::decode(i64::MAX, &bytes, 1).is_ok());
    }
}
