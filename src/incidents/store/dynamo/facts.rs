//! What AWS answered one function, for all of them.

use super::items::{bytes, item, text};
use super::{DynamoStore, away};
use crate::account::live::Shelf;

/// Longer than an answer is used: an item that is read just before its end may still be there.
const FACT_SECONDS: i64 = 900;

/// The sort key; an answer is a partition of its own, so that no partition is asked by all.
const ANSWER: &str = "answer";

fn pk(name: &str) -> String {
    format!("fact#{name}")
}

impl Shelf for DynamoStore {
    fn take(&self, name: &str) -> Result<Option<Vec<u8>>, String> {
        let asked = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", text(pk(name)))
            .key("sk", text(ANSWER));
        let found = self.handle.block_on(asked.send()).map_err(|error| away(error).to_string())?;
        let answer = found.item.and_then(|mut item| item.remove("answer"));
        Ok(answer.and_then(|answer| answer.as_b().ok().map(|bytes| bytes.as_ref().to_vec())))
    }

    fn put(&self, name: &str, answer: Vec<u8>) -> Result<(), String> {
        let mut row = item(pk(name), ANSWER.to_owned(), FACT_SECONDS);
        row.insert("answer".to_owned(), bytes(answer));
        self.put(row).map_err(|error| error.to_string())
    }
}
