//! What origins logged of refusals, and alerts that it may still make surer.
//!
//! Both change what an alert says and no count, so that they stand outside of every transaction.

use std::io::{Read, Write};

use aws_sdk_dynamodb::types::Select;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::items::{Item, WAF_SECONDS, bytes, damaged, get_number, get_text, item, json, text};
use super::{DynamoStore, away};
use crate::incidents::store::StoreError;
use crate::incidents::store::dynamo::items::number;
use crate::limits::ORIGIN_CHUNK_UNPACKED_BYTES;
use crate::logs::origin::slots::{Chunk, Kept};
use crate::trigger::Object;

/// The partition of alerts that wait for the logs of origins.
const AWAITED: &str = "awaited";

/// Slots of one partition: an hour of them.
const SLOTS: i64 = 12;

/// An alert that said less than logs of origins may tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Awaited {
    /// The distribution.
    pub distribution: String,
    /// The access logs that it was about.
    pub objects: Vec<Object>,
    /// The slots in which their refusals lie.
    pub slots: (i64, i64),
    /// When it went out, by our clock.
    pub since: Timestamp,
    /// Pieces of origins' logs that were there when it was last judged.
    pub seen: usize,
    /// How often it was judged again.
    pub judged: u32,
}

fn pk(slot: i64) -> String {
    format!("origin#{}", slot.div_euclid(SLOTS))
}

/// The partitions of some slots, each with its first and last sort key.
fn spans((first, last): (i64, i64)) -> impl Iterator<Item = (String, String, String)> {
    let hours = first.div_euclid(SLOTS)..=last.div_euclid(SLOTS);
    hours.map(move |hour| {
        let from = first.max(hour * SLOTS);
        let to = last.min(hour * SLOTS + SLOTS - 1);
        (pk(from), format!("{from:010}#"), format!("{to:010}#~"))
    })
}

fn chunk_item(chunk: &Chunk) -> Result<Item, StoreError> {
    let sk = format!("{:010}#{:016x}#{:04}", chunk.slot, chunk.object, chunk.number);
    let unpackable = |error: std::io::Error| StoreError::Damaged(error.to_string());
    let lines = serde_json::to_vec(&chunk.lines).map_err(|error| unpackable(error.into()))?;
    let mut packed = DeflateEncoder::new(Vec::new(), Compression::default());
    packed.write_all(&lines).map_err(unpackable)?;
    let mut row = item(pk(chunk.slot), sk, WAF_SECONDS);
    row.insert("lines".to_owned(), bytes(packed.finish().map_err(unpackable)?));
    row.insert("most".to_owned(), number(chunk.most));
    Ok(row)
}

fn chunk(item: &Item) -> Option<Chunk> {
    let mut sk = get_text(item, "sk")?.split('#');
    let mut json = Vec::new();
    let packed = item.get("lines")?.as_b().ok()?;
    let unpacked = DeflateDecoder::new(packed.as_ref()).take(ORIGIN_CHUNK_UNPACKED_BYTES);
    { unpacked }.read_to_end(&mut json).ok()?;
    let lines: Vec<Kept> = serde_json::from_slice(&json).ok()?;
    Some(Chunk {
        slot: sk.next()?.parse().ok()?,
        object: u64::from_str_radix(sk.next()?, 16).ok()?,
        number: sk.next()?.parse().ok()?,
        most: get_number(item, "most")?,
        lines,
    })
}

fn awaited_sk(awaited: &Awaited) -> String {
    format!("{}#{}", awaited.distribution, awaited.since)
}

impl DynamoStore {
    /// Keeps what an object of an origin's log says. The same object again is the same again.
    pub fn put_origin(&self, chunks: &[Chunk]) -> Result<(), StoreError> {
        chunks.iter().try_for_each(|chunk| self.put(chunk_item(chunk)?))
    }

    /// What is stored of some slots.
    pub fn origin(&self, slots: (i64, i64)) -> Result<Vec<Chunk>, StoreError> {
        let mut chunks = Vec::new();
        for (pk, from, to) in spans(slots) {
            for item in self.query(&pk, &from, &to)? {
                chunks.push(chunk(&item).ok_or_else(|| damaged(&item))?);
            }
        }
        Ok(chunks)
    }

    /// How many pieces are stored of some slots.
    pub fn origin_pieces(&self, slots: (i64, i64)) -> Result<usize, StoreError> {
        let mut count = 0;
        for (pk, from, to) in spans(slots) {
            let pages = self
                .client
                .query()
                .table_name(&self.table)
                .select(Select::Count)
                .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
                .expression_attribute_values(":pk", text(pk))
                .expression_attribute_values(":first", text(from))
                .expression_attribute_values(":last", text(to))
                .into_paginator()
                .send();
            let pages = self.handle.block_on(pages.collect::<Result<Vec<_>, _>>()).map_err(away)?;
            count +=
                pages.iter().map(|page| usize::try_from(page.count()).unwrap_or(0)).sum::<usize>();
        }
        Ok(count)
    }

    /// Remembers an alert that waits, or how it was judged since.
    pub fn put_awaited(&self, awaited: &Awaited) -> Result<(), StoreError> {
        let mut row = item(AWAITED.to_owned(), awaited_sk(awaited), WAF_SECONDS);
        row.insert("awaited".to_owned(), json(awaited));
        self.put(row)
    }

    /// All alerts that wait.
    pub fn awaited(&self) -> Result<Vec<Awaited>, StoreError> {
        let items = self.query(AWAITED, " ", "~")?;
        let read = |item| serde_json::from_str(get_text(item, "awaited")?).ok();
        items.iter().map(|item| read(item).ok_or_else(|| damaged(item))).collect()
    }

    /// Forgets an alert that waits no more.
    pub fn forget_awaited(&self, awaited: &Awaited) -> Result<(), StoreError> {
        let request = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key("pk", text(AWAITED))
            .key("sk", text(awaited_sk(awaited)));
        self.handle.block_on(request.send()).map(|_| ()).map_err(away)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_lie_in_partitions_of_an_hour() {
        let all: Vec<_> = spans((22, 37)).collect();
        let keys = |from: &str, to: &str| (format!("{from}#"), format!("{to}#~"));
        let wanted = [
            ("origin#1", keys("0000000022", "0000000023")),
            ("origin#2", keys("0000000024", "0000000035")),
            ("origin#3", keys("0000000036", "0000000037")),
        ];
        let wanted: Vec<_> =
            wanted.into_iter().map(|(pk, (from, to))| (pk.to_owned(), from, to)).collect();
        assert_eq!(all, wanted);
    }

    #[test]
    fn a_chunk_is_read_as_it_was_written() {
        let chunk_ = Chunk { slot: 7, object: 1, number: 2, most: u64::MAX - 1, lines: Vec::new() };
        assert_eq!(chunk(&chunk_item(&chunk_).unwrap()), Some(chunk_));
    }
}
