//! What was seen before, in one DynamoDB table.
//!
//! | `pk` | `sk` | what | expires |
//! | --- | --- | --- | --- |
//! | `object#BUCKET/KEY#EDITION` | distribution, or `-` | that the object was counted | 20 days |
//! | `shard#STREAM/SHARD` | distribution, or `-` | the last record that was counted | 20 days |
//! | `distribution#ID` | `site` | what was served, and what waits | 90 days |
//! | `distribution#ID` | `series#…` | the counts of one series, and what was told of it | 90 days |
//! | `distribution#ID` | `story#CAUSE` | the story under which alerts go out | 90 days |
//! | `open` | distribution, or `-` | that it has an open incident | 90 days |
//! | `waiting` | object and distribution | refusals whose WAF records are not there yet | 48 hours |
//! | `outbox` | `TIME#ALERT#SEQUENCE`, for a chat with `#chat` | an alert; without its body once it went out | 14 days, 1 hour |
//! | `waf#ACL` | `SLOT#OBJECT#NUMBER` | rows of a WAF log | 48 hours |
//! | `origin#HOUR` | `SLOT#OBJECT#NUMBER` | lines of an origin's log that say 403 | 48 hours |
//! | `awaited` | distribution and time | an alert that such lines may make surer | 48 hours |
//! | `samples#ID` | `NAME#HOUR` | some requests of a finding, or of what was served | 48 hours |
//! | `fact#ACCOUNT#QUESTION` | `answer` | what AWS answered a function, for all of them | 15 minutes |
//! | `waf-acls` | web ACL | that an origin's web ACL logs to us | 48 hours |
//!
//! Every item carries `v`, the version of its form, and `expires`. Nothing is scanned: what the
//! schedule has to find stands in a partition of its own.

#![expect(
    clippy::disallowed_methods,
    reason = "an alert is sent at a time of our clock: this is one of the ends"
)]

mod facts;
mod items;
mod origins;
mod samples;
mod sources;
mod transaction;

pub use origins::Awaited;

use std::collections::BTreeMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{DisplayErrorContext, SdkError};
use jiff::Timestamp;
use tokio::runtime::Handle;

use self::items::{
    HOUR, Item, OPEN, ORIGIN_ACLS, OUTBOX, Row, WAF_SECONDS, WAITING, chunk, chunk_item,
    counted_of, damaged, distribution_pk, get_text, item, mark_of, object_pk, outbox_sk, outgoing,
    readable, shard_pk, text, unnamed, waf_pk, wait,
};
use super::samples::Hourly;
use super::{Change, Committed, Counted, Known, Store, StoreError, WafSlots, Wait};
use crate::alerts::Outgoing;
use crate::incidents::series::HourNumber;
use crate::logs::waf::Side;
use crate::logs::waf_slots::Chunk;
use crate::trigger::Object;
use crate::trigger::stream::Sequence;

/// The table. Its calls block, so they are made from a thread of their own.
#[derive(Clone, Debug)]
pub struct DynamoStore {
    client: Client,
    table: String,
    handle: Handle,
}

fn away<E, R>(error: SdkError<E, R>) -> StoreError
where
    SdkError<E, R>: std::error::Error,
{
    StoreError::Away(crate::viewer::plain(&DisplayErrorContext(&error).to_string()))
}

impl DynamoStore {
    /// The table of this name.
    pub fn new(client: Client, table: String, handle: Handle) -> Self {
        Self { client, table, handle }
    }

    /// Every item of a partition between two sort keys.
    fn query(&self, pk: &str, first: &str, last: &str) -> Result<Vec<Item>, StoreError> {
        let pages = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":pk", text(pk))
            .expression_attribute_values(":first", text(first))
            .expression_attribute_values(":last", text(last))
            .into_paginator()
            .items()
            .send();
        let items = self.handle.block_on(pages.try_collect()).map_err(away)?;
        items.iter().try_for_each(readable)?;
        Ok(items)
    }

    fn put(&self, item: Item) -> Result<(), StoreError> {
        let request = self.client.put_item().table_name(&self.table).set_item(Some(item));
        self.handle.block_on(request.send()).map(|_| ()).map_err(away)
    }

    /// The nearest slot before or after a sort key.
    fn next_slot(&self, pk: &str, side: &str, sk: &str) -> Result<Option<i64>, StoreError> {
        let request = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression(format!("pk = :pk AND sk {side} :sk"))
            .expression_attribute_values(":pk", text(pk))
            .expression_attribute_values(":sk", text(sk))
            .projection_expression("sk")
            .scan_index_forward(side == ">")
            .limit(1);
        let found = self.handle.block_on(request.send()).map_err(away)?;
        let slot = |item: &Item| get_text(item, "sk")?.split('#').next()?.parse().ok();
        Ok(found.items().first().and_then(slot))
    }
}

impl Store for DynamoStore {
    fn counted(&self, object: &Object) -> Result<Vec<Counted>, StoreError> {
        let items = self.query(&object_pk(object), " ", "~")?;
        Ok(items.iter().map(counted_of).collect())
    }

    fn marks(&self, shard: &str) -> Result<BTreeMap<String, Sequence>, StoreError> {
        let items = self.query(&shard_pk(shard), " ", "~")?;
        items.iter().map(|item| mark_of(item).ok_or_else(|| damaged(item))).collect()
    }

    fn load(&self, distribution: &str) -> Result<Known, StoreError> {
        let mut known = Known::default();
        // One query costs less than as many reads, each of which is rounded up to four kilobytes.
        for item in self.query(&distribution_pk(distribution), " ", "~")? {
            match Row::of(&item, distribution)? {
                Row::Site(site) => known.site = Some(*site),
                Row::Series(subject, series) => drop(known.series.insert(subject, series)),
                Row::Story(cause, story) => drop(known.stories.insert(cause, story)),
                Row::Unknown => {}
            }
        }
        Ok(known)
    }

    fn open_sites(&self) -> Result<Vec<String>, StoreError> {
        let items = self.query(OPEN, " ", "~")?;
        Ok(items.iter().filter_map(|item| get_text(item, "sk").map(unnamed)).collect())
    }

    fn commit(&self, change: &Change) -> Result<Committed, StoreError> {
        self.transact(change)
    }

    fn unsent(&self, before: Timestamp) -> Result<Vec<Outgoing>, StoreError> {
        let items = self.query(OUTBOX, " ", &before.to_string())?;
        Ok(items.iter().filter_map(outgoing).collect())
    }

    fn mark_sent(&self, alert: &Outgoing) -> Result<(), StoreError> {
        // Without its body the item is small, so that looking for unsent ones stays cheap until
        // it is gone.
        let mut item = item(OUTBOX.to_owned(), outbox_sk(alert), HOUR);
        item.insert("sent".to_owned(), text(Timestamp::now().to_string()));
        self.put(item)
    }

    fn put_waf(&self, chunks: &[Chunk]) -> Result<(), StoreError> {
        for chunk in chunks {
            self.put(chunk_item(chunk))?;
        }
        let mut origins: Vec<&str> = chunks
            .iter()
            .filter(|chunk| chunk.side == Side::Origin)
            .map(|chunk| chunk.acl.as_str())
            .collect();
        origins.dedup();
        for acl in origins {
            self.put(item(ORIGIN_ACLS.to_owned(), acl.to_owned(), WAF_SECONDS))?;
        }
        Ok(())
    }

    fn waf(&self, acl: &str, first: i64, last: i64) -> Result<WafSlots, StoreError> {
        let pk = waf_pk(acl);
        let (from, to) = (format!("{first:010}#"), format!("{last:010}#~"));
        let items = self.query(&pk, &from, &to)?;
        let chunks = items.iter().map(|item| chunk(acl, item).ok_or_else(|| damaged(item)));
        let chunks = chunks.collect::<Result<Vec<_>, _>>()?;
        // Where there is something, what lay before it says nothing more.
        let earlier = match chunks.is_empty() {
            true => self.next_slot(&pk, "<", &from)?,
            false => None,
        };
        Ok(WafSlots { chunks, earlier, later: self.next_slot(&pk, ">", &to)? })
    }

    fn waits(&self) -> Result<Vec<Wait>, StoreError> {
        let items = self.query(WAITING, " ", "~")?;
        items.iter().map(|item| wait(item).ok_or_else(|| damaged(item))).collect()
    }

    fn origin_acls(&self) -> Result<Vec<String>, StoreError> {
        let items = self.query(ORIGIN_ACLS, " ", "~")?;
        Ok(items.iter().filter_map(|item| get_text(item, "sk").map(str::to_owned)).collect())
    }

    fn samples(
        &self,
        distribution: &str,
        name: &str,
        hours: (HourNumber, HourNumber),
    ) -> Result<Vec<Hourly>, StoreError> {
        self.hourly(distribution, name, hours)
    }

    fn put_sample(
        &self,
        distribution: &str,
        name: &str,
        hourly: &Hourly,
    ) -> Result<bool, StoreError> {
        self.put_hourly(distribution, name, hourly)
    }
}
