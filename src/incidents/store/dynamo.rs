//! What was seen before, in one DynamoDB table.
//!
//! | `pk` | `sk` | what | expires |
//! | --- | --- | --- | --- |
//! | `object#BUCKET/KEY#EDITION` | distribution, or `-` | that the object was counted | 20 days |
//! | `distribution#ID` | `site` | what was served, and what is open | 90 days |
//! | `distribution#ID` | `series#…` | the counts of one series, and what was told of it | 90 days |
//! | `distribution#ID` | `story#CAUSE` | the story under which alerts go out | 90 days |
//! | `open` | distribution, or `-` | that it has an open incident | 90 days |
//! | `waiting` | object and distribution | refusals whose WAF records are not there yet | 48 hours |
//! | `outbox` | `TIME#ALERT#SEQUENCE` | an alert; without its body once it went out | 14 days, 1 hour |
//! | `waf#ACL` | `SLOT#OBJECT#NUMBER` | rows of a WAF log | 48 hours |
//! | `samples#ID` | `NAME#HOUR` | some requests of a finding, or of what was served | 48 hours |
//! | `waf-acls` | web ACL | that an origin's web ACL logs to us | 48 hours |
//!
//! Every item carries `v`, the version of its form, and `expires`. Nothing is scanned: what the
//! schedule has to find stands in a partition of its own.

#![expect(
    clippy::disallowed_methods,
    reason = "items expire by the clock: this is one of the ends"
)]

mod samples;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError as WriteError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, KeysAndAttributes, Put, TransactWriteItem};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;

use super::samples::Hourly;
use super::{
    Change, Committed, Counted, Known, Partial, Site, Store, StoreError, Stored, Story, VERSION,
    WafSlots, Wait,
};
use crate::alerts::Outgoing;
use crate::causes::Cause;
use crate::incidents::State;
use crate::incidents::series::HourNumber;
use crate::logs::waf::Side;
use crate::logs::waf_slots::Chunk;
use crate::report::build::Subject;
use crate::trigger::Object;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// Longer than a dead letter lives.
const LEDGER_SECONDS: i64 = 20 * DAY;
const STATE_SECONDS: i64 = 90 * DAY;
const OUTBOX_SECONDS: i64 = 14 * DAY;
const WAF_SECONDS: i64 = 48 * HOUR;

/// The sort key of what is known of a distribution as a whole.
const SITE: &str = "site";
/// The partition of distributions with an open incident.
const OPEN: &str = "open";

/// The partition of what waits for WAF logs.
const WAITING: &str = "waiting";

/// A key must not be empty.
const NO_DISTRIBUTION: &str = "-";

/// The table. Its calls block, so they are made from a thread of their own.
#[derive(Clone, Debug)]
pub struct DynamoStore {
    client: Client,
    table: String,
    handle: Handle,
}

type Item = HashMap<String, AttributeValue>;

fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// A new item: its key, its version and its end.
fn item(pk: String, sk: String, seconds: i64) -> Item {
    let expires = Timestamp::now().as_second() + seconds;
    HashMap::from([
        ("pk".to_owned(), text(pk)),
        ("sk".to_owned(), text(sk)),
        ("v".to_owned(), number(VERSION)),
        ("expires".to_owned(), number(expires)),
    ])
}

fn get_text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

fn get_number<T: std::str::FromStr>(item: &Item, name: &str) -> Option<T> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

/// Refuses an item that a newer program has written.
fn readable(item: &Item) -> Result<(), StoreError> {
    let found = get_number(item, "v").unwrap_or(VERSION);
    if found > VERSION { Err(StoreError::Newer { found }) } else { Ok(()) }
}

fn damaged(item: &Item) -> StoreError {
    let name = |key| get_text(item, key).unwrap_or_default();
    StoreError::Damaged(format!("{} {}", name("pk"), name("sk")))
}

fn away<E, R>(error: SdkError<E, R>) -> StoreError
where
    SdkError<E, R>: std::error::Error,
{
    StoreError::Away(crate::viewer::plain(&DisplayErrorContext(&error).to_string()))
}

/// The sort key of a distribution.
fn named(distribution: &str) -> &str {
    if distribution.is_empty() { NO_DISTRIBUTION } else { distribution }
}

fn unnamed(sk: &str) -> String {
    if sk == NO_DISTRIBUTION { String::new() } else { sk.to_owned() }
}

fn bytes(value: Vec<u8>) -> AttributeValue {
    AttributeValue::B(Blob::new(value))
}

fn json(value: &impl Serialize) -> AttributeValue {
    text(serde_json::to_string(value).unwrap_or_default())
}

/// A subject of a distribution, by the words that stand for it.
#[derive(Serialize, Deserialize)]
struct SubjectKey(String, Option<String>, Option<String>);

impl SubjectKey {
    fn of(subject: &Subject) -> Self {
        let detail = subject.detail.map(str::to_owned);
        Self(subject.cause.id().to_owned(), detail, subject.rule.clone())
    }

    fn subject(self, distribution: &str) -> Option<Subject> {
        let Self(cause, detail, rule) = self;
        let cause = Cause::of_id(&cause)?;
        let detail = match detail {
            Some(detail) => {
                let known = cause.details().iter().find(|known| **known == detail);
                Some(*known?)
            }
            None => None,
        };
        let distribution_id = (!distribution.is_empty()).then(|| distribution.into());
        Some(Subject { distribution_id, cause, detail, rule })
    }
}

/// The state in an item.
fn state(item: &Item, name: &str) -> Result<State, StoreError> {
    match item.get(name).and_then(|bytes| bytes.as_b().ok()) {
        Some(bytes) => State::decode(bytes.as_ref()).map_err(|_| damaged(item)),
        // It was written before there was any.
        None => Ok(State::new()),
    }
}

fn object_pk(object: &Object) -> String {
    format!("object#{}/{}#{}", object.bucket, object.key, object.edition())
}

fn distribution_pk(distribution: &str) -> String {
    format!("distribution#{distribution}")
}

fn series_sk(subject: &Subject) -> String {
    format!("series#{}", subject.id("s"))
}

fn story_sk(cause: Cause) -> String {
    format!("story#{cause}")
}

fn outbox_sk(alert: &Outgoing) -> String {
    format!("{}#{}#{:06}", alert.stored, alert.alert_id, alert.sequence)
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

    /// Items by their keys.
    fn get(&self, keys: &[(String, String)]) -> Result<Vec<Item>, StoreError> {
        let mut found = Vec::new();
        for some in keys.chunks(super::CHANGE_ITEMS) {
            let key = |(pk, sk): &(String, String)| {
                HashMap::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))])
            };
            let mut wanted: Vec<Item> = some.iter().map(key).collect();
            let mut tries = 0;
            while !wanted.is_empty() {
                let keys = KeysAndAttributes::builder()
                    .set_keys(Some(wanted))
                    .consistent_read(true)
                    .build()
                    .map_err(|error| StoreError::Away(error.to_string()))?;
                let request = self.client.batch_get_item().request_items(&self.table, keys);
                let answer = self.handle.block_on(request.send()).map_err(away)?;
                found.extend(answer.responses.unwrap_or_default().into_values().flatten());
                let rest = answer.unprocessed_keys.unwrap_or_default().into_values();
                wanted = rest.flat_map(|keys| keys.keys).collect();
                tries += 1;
                if tries > 10 && !wanted.is_empty() {
                    return Err(StoreError::Away("the table leaves reads undone".to_owned()));
                }
            }
        }
        found.iter().try_for_each(readable)?;
        Ok(found)
    }

    fn write(&self, item: Item, revision: Option<u64>) -> Result<TransactWriteItem, StoreError> {
        let mut put = Put::builder().table_name(&self.table).set_item(Some(item));
        put = match revision {
            Some(0) => put.condition_expression("attribute_not_exists(pk)"),
            Some(revision) => put
                .condition_expression("revision = :revision")
                .expression_attribute_values(":revision", number(revision)),
            None => put,
        };
        let put = put.build().map_err(|error| StoreError::Damaged(error.to_string()))?;
        Ok(TransactWriteItem::builder().put(put).build())
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

    /// Takes what waited out of the table, if nobody else did.
    fn unwait(&self, wait: &Wait) -> Result<TransactWriteItem, StoreError> {
        let delete = Delete::builder()
            .table_name(&self.table)
            .key("pk", text(WAITING))
            .key("sk", text(waiting_sk(wait)))
            .condition_expression("attribute_exists(pk)")
            .build()
            .map_err(|error| StoreError::Damaged(error.to_string()))?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    /// Puts a distribution among those that have something open, or takes it away.
    fn mark_open(&self, sk: &str, open: bool) -> Result<TransactWriteItem, StoreError> {
        if open {
            return self.write(item(OPEN.to_owned(), sk.to_owned(), STATE_SECONDS), None);
        }
        let delete = Delete::builder()
            .table_name(&self.table)
            .key("pk", text(OPEN))
            .key("sk", text(sk))
            .build()
            .map_err(|error| StoreError::Damaged(error.to_string()))?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    /// Reads series and the stories of their causes, and the distribution with them.
    fn load_series(
        &self,
        distribution: &str,
        subjects: BTreeSet<Subject>,
        with_site: bool,
        known: &mut Known,
    ) -> Result<(), StoreError> {
        let pk = distribution_pk(distribution);
        // What waits for WAF logs speaks in the story of the WAF, whatever else is asked for.
        let causes = subjects.iter().map(|one| one.cause).chain([Cause::Waf]);
        let stories: BTreeMap<String, Cause> =
            causes.map(|cause| (story_sk(cause), cause)).collect();
        let mut series: BTreeMap<String, Subject> =
            subjects.into_iter().map(|subject| (series_sk(&subject), subject)).collect();
        let site = with_site.then(|| SITE.to_owned());
        let keys = series.keys().chain(stories.keys()).chain(&site);
        let keys: Vec<_> = keys.map(|sk| (pk.clone(), sk.clone())).collect();
        for item in self.get(&keys)? {
            let sk = get_text(&item, "sk").unwrap_or_default();
            let revision = get_number(&item, "revision").ok_or_else(|| damaged(&item))?;
            if sk == SITE {
                known.site = Some(site_of(&item, distribution, revision)?);
            } else if let Some(subject) = series.remove(sk) {
                let state = state(&item, "state")?;
                known.series.insert(subject, Stored { state, revision });
            } else if let Some(cause) = stories.get(sk) {
                known.stories.insert(*cause, story_of(&item, revision));
            }
        }
        Ok(())
    }

    fn items(&self, change: &Change) -> Result<Vec<TransactWriteItem>, StoreError> {
        let mut items = Vec::with_capacity(change.items());
        // The objects come first: a refusal is told by the place of its item.
        for (object, counted) in &change.objects {
            let sk = named(&change.distribution).to_owned();
            let mut item = item(object_pk(object), sk, LEDGER_SECONDS);
            item.insert("of".to_owned(), number(counted.of));
            if let Some(partial) = &counted.partial {
                item.insert("partial".to_owned(), text(&partial.reason));
                item.insert("offset".to_owned(), number(partial.offset));
            }
            items.push(self.write(item, Some(0))?);
        }
        let pk = distribution_pk(&change.distribution);
        if let Some(site) = &change.site {
            let open: Vec<SubjectKey> = site.open.iter().map(SubjectKey::of).collect();
            let mut row = item(pk.clone(), SITE.to_owned(), STATE_SECONDS);
            row.insert("served".to_owned(), bytes(site.served.encode()));
            row.insert("waf".to_owned(), bytes(site.waf.encode()));
            row.insert("waiting".to_owned(), bytes(State::of(site.waiting.clone()).encode()));
            row.insert("open".to_owned(), json(&open));
            for (name, bucket) in [("first", site.first), ("newest", site.newest)] {
                row.extend(bucket.map(|bucket| (name.to_owned(), number(bucket))));
            }
            row.insert("revision".to_owned(), number(site.revision + 1));
            items.push(self.write(row, Some(site.revision))?);
        }
        if let Some(opens) = change.opens {
            items.push(self.mark_open(named(&change.distribution), opens)?);
        }
        if let Some(wait) = &change.settled {
            items.push(self.unwait(wait)?);
        }
        for wait in &change.waits {
            items.push(self.write(waiting_item(wait), None)?);
        }
        for (subject, series) in &change.series {
            let mut item = item(pk.clone(), series_sk(subject), STATE_SECONDS);
            item.insert("cause".to_owned(), text(subject.cause.id()));
            item.insert("detail".to_owned(), text(subject.detail.unwrap_or_default()));
            item.insert("rule".to_owned(), text(subject.rule.as_deref().unwrap_or_default()));
            item.insert("state".to_owned(), bytes(series.state.encode()));
            item.insert("revision".to_owned(), number(series.revision + 1));
            items.push(self.write(item, Some(series.revision))?);
        }
        for (cause, story) in &change.stories {
            let mut item = item(pk.clone(), story_sk(*cause), STATE_SECONDS);
            item.insert("alert".to_owned(), text(&story.alert_id));
            item.insert("sequence".to_owned(), number(story.sequence));
            item.insert("last".to_owned(), number(story.last));
            item.insert("open".to_owned(), json(&story.open));
            let confidence = story.confidence.as_deref();
            item.extend(confidence.map(|said| ("confidence".to_owned(), text(said))));
            item.insert("revision".to_owned(), number(story.revision + 1));
            items.push(self.write(item, Some(story.revision))?);
        }
        for alert in &change.outbox {
            let mut item = item("outbox".to_owned(), outbox_sk(alert), OUTBOX_SECONDS);
            item.insert("alert".to_owned(), text(serde_json::to_string(alert).unwrap_or_default()));
            items.push(self.write(item, None)?);
        }
        Ok(items)
    }
}

fn site_of(item: &Item, distribution: &str, revision: u64) -> Result<Site, StoreError> {
    let open: Vec<SubjectKey> =
        serde_json::from_str(get_text(item, "open").unwrap_or("[]")).map_err(|_| damaged(item))?;
    Ok(Site {
        served: state(item, "served")?,
        waf: state(item, "waf")?,
        waiting: state(item, "waiting")?.recent().clone(),
        first: get_number(item, "first"),
        newest: get_number(item, "newest"),
        open: open.into_iter().filter_map(|key| key.subject(distribution)).collect(),
        revision,
    })
}

fn waiting_sk(wait: &Wait) -> String {
    format!("{}#{}", object_pk(&wait.object), wait.distribution)
}

fn waiting_item(wait: &Wait) -> Item {
    let object = &wait.object;
    let mut row = item(WAITING.to_owned(), waiting_sk(wait), WAF_SECONDS);
    for (name, value) in [
        ("bucket", &object.bucket),
        ("key", &object.key),
        ("distribution", &wait.distribution),
        ("acl", &wait.acl),
        ("since", &wait.since.to_string()),
    ] {
        row.insert(name.to_owned(), text(value));
    }
    for (name, value) in [("version", &object.version), ("etag", &object.etag)] {
        row.extend(value.as_deref().map(|value| (name.to_owned(), text(value))));
    }
    row.insert("slot".to_owned(), number(wait.last_slot));
    let ids = wait.ids.iter().flat_map(|id| id.to_be_bytes()).collect();
    row.insert("ids".to_owned(), bytes(ids));
    row.insert("counts".to_owned(), bytes(State::of(wait.counts.clone()).encode()));
    row
}

fn wait(item: &Item) -> Option<Wait> {
    let own = |name: &str| get_text(item, name).map(str::to_owned);
    let ids = item.get("ids")?.as_b().ok()?;
    Some(Wait {
        object: Object {
            bucket: own("bucket")?,
            key: own("key")?,
            version: own("version"),
            etag: own("etag"),
        },
        distribution: own("distribution").unwrap_or_default(),
        acl: own("acl")?,
        last_slot: get_number(item, "slot")?,
        since: own("since")?.parse().ok()?,
        ids: ids
            .as_ref()
            .chunks_exact(8)
            .filter_map(|id| Some(u64::from_be_bytes(id.try_into().ok()?)))
            .collect(),
        counts: state(item, "counts").ok()?.recent().clone(),
    })
}

fn story_of(item: &Item, revision: u64) -> Story {
    Story {
        alert_id: get_text(item, "alert").unwrap_or_default().to_owned(),
        sequence: get_number(item, "sequence").unwrap_or(0),
        last: get_number(item, "last").unwrap_or(0),
        open: serde_json::from_str(get_text(item, "open").unwrap_or("[]")).unwrap_or_default(),
        confidence: get_text(item, "confidence").map(str::to_owned),
        revision,
    }
}

impl Store for DynamoStore {
    fn counted(&self, object: &Object) -> Result<Vec<Counted>, StoreError> {
        let items = self.query(&object_pk(object), " ", "~")?;
        let counted = |item: &Item| Counted {
            distribution: unnamed(get_text(item, "sk").unwrap_or_default()),
            of: get_number(item, "of").unwrap_or(1),
            partial: get_text(item, "partial").map(|reason| Partial {
                reason: reason.to_owned(),
                offset: get_number(item, "offset").unwrap_or(0),
            }),
        };
        Ok(items.iter().map(counted).collect())
    }

    fn load(&self, distribution: &str, subjects: &[Subject]) -> Result<Known, StoreError> {
        let mut known = Known::default();
        let asked = subjects.iter().cloned().collect();
        self.load_series(distribution, asked, true, &mut known)?;
        // What is open besides stands in what was just read.
        let open = known.site.iter().flat_map(|site| site.open.iter().cloned());
        let open: BTreeSet<Subject> = open.filter(|subject| !subjects.contains(subject)).collect();
        if !open.is_empty() {
            self.load_series(distribution, open, false, &mut known)?;
        }
        Ok(known)
    }

    fn open_sites(&self) -> Result<Vec<String>, StoreError> {
        let items = self.query(OPEN, " ", "~")?;
        Ok(items.iter().filter_map(|item| get_text(item, "sk").map(unnamed)).collect())
    }

    fn commit(&self, change: &Change) -> Result<Committed, StoreError> {
        let request =
            self.client.transact_write_items().set_transact_items(Some(self.items(change)?));
        let Err(error) = self.handle.block_on(request.send()) else { return Ok(Committed::Done) };
        let Some(WriteError::TransactionCanceledException(canceled)) = error.as_service_error()
        else {
            let code = error.code().unwrap_or_default();
            // The same transaction runs already, or another one holds one of its items.
            let conflict =
                matches!(code, "TransactionInProgressException" | "TransactionConflictException");
            return if conflict { Ok(Committed::Conflict) } else { Err(away(error)) };
        };
        let codes: Vec<&str> = canceled
            .cancellation_reasons()
            .iter()
            .map(|reason| reason.code().unwrap_or("None"))
            .collect();
        let counted = change.objects.iter().zip(&codes);
        let duplicates: Vec<Object> = counted
            .filter(|(_, code)| **code == "ConditionalCheckFailed")
            .map(|((object, _), _)| object.clone())
            .collect();
        if !duplicates.is_empty() {
            Ok(Committed::Duplicates(duplicates))
        } else if codes.iter().any(|code| {
            matches!(
                *code,
                "ConditionalCheckFailed"
                    | "TransactionConflict"
                    | "ThrottlingError"
                    | "ProvisionedThroughputExceeded"
            )
        }) {
            Ok(Committed::Conflict)
        } else {
            Err(away(error))
        }
    }

    fn unsent(&self, before: Timestamp) -> Result<Vec<Outgoing>, StoreError> {
        let items = self.query("outbox", " ", &before.to_string())?;
        let waiting = items.iter().filter_map(|item| get_text(item, "alert"));
        Ok(waiting.filter_map(|json| serde_json::from_str(json).ok()).collect())
    }

    fn mark_sent(&self, alert: &Outgoing) -> Result<(), StoreError> {
        // Without its body the item is small, so that looking for unsent ones stays cheap until
        // it is gone.
        let mut item = item("outbox".to_owned(), outbox_sk(alert), HOUR);
        item.insert("sent".to_owned(), text(Timestamp::now().to_string()));
        self.put(item)
    }

    fn put_waf(&self, chunks: &[Chunk]) -> Result<(), StoreError> {
        for chunk in chunks {
            let sk = format!("{:010}#{:016x}#{:04}", chunk.slot, chunk.object, chunk.number);
            let mut row = item(format!("waf#{}", chunk.acl), sk, WAF_SECONDS);
            let done = serde_json::to_string(&chunk.done).unwrap_or_default();
            row.insert("done".to_owned(), text(done));
            row.insert("rows".to_owned(), AttributeValue::B(Blob::new(chunk.pack_rows())));
            row.insert("sampled".to_owned(), AttributeValue::Bool(chunk.sampled));
            row.insert("origin".to_owned(), AttributeValue::Bool(chunk.side == Side::Origin));
            self.put(row)?;
        }
        let mut origins: Vec<&str> = chunks
            .iter()
            .filter(|chunk| chunk.side == Side::Origin)
            .map(|chunk| chunk.acl.as_str())
            .collect();
        origins.dedup();
        for acl in origins {
            self.put(item("waf-acls".to_owned(), acl.to_owned(), WAF_SECONDS))?;
        }
        Ok(())
    }

    fn waf(&self, acl: &str, first: i64, last: i64) -> Result<WafSlots, StoreError> {
        let pk = format!("waf#{acl}");
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
        let items = self.query("waf-acls", " ", "~")?;
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

fn chunk(acl: &str, item: &Item) -> Option<Chunk> {
    let mut sk = get_text(item, "sk")?.split('#');
    let flag = |name: &str| item.get(name).and_then(|flag| flag.as_bool().ok()).copied();
    Some(Chunk {
        acl: acl.to_owned(),
        side: if flag("origin").unwrap_or(false) { Side::Origin } else { Side::Edge },
        slot: sk.next()?.parse().ok()?,
        object: u64::from_str_radix(sk.next()?, 16).ok()?,
        number: sk.next()?.parse().ok()?,
        sampled: flag("sampled").unwrap_or(false),
        done: serde_json::from_str(get_text(item, "done")?).ok()?,
        rows: Chunk::unpack_rows(item.get("rows")?.as_b().ok()?.as_ref()),
    })
}
