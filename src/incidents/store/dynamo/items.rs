//! Rows of the table, from values and back.

#![expect(
    clippy::disallowed_methods,
    reason = "items expire by the clock: this is one of the ends"
)]

use std::collections::HashMap;
use std::io::{Read, Write};

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use jiff::Timestamp;
use serde::Serialize;

use super::super::{Counted, Mark, Partial, Site, StoreError, Stored, Story, VERSION, Wait};
use super::sources::{sources_into, sources_of};
use crate::alerts::{Audience, Outgoing};
use crate::causes::Cause;
use crate::incidents::State;
use crate::limits::WAITING_BYTES;
use crate::logs::waf::Side;
use crate::logs::waf_slots::Chunk;
use crate::report::build::Subject;
use crate::trigger::Object;
use crate::trigger::stream::Sequence;

pub(super) const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// Longer than a dead letter lives.
const LEDGER_SECONDS: i64 = 20 * DAY;
pub(super) const STATE_SECONDS: i64 = 90 * DAY;
const OUTBOX_SECONDS: i64 = 14 * DAY;
pub(super) const WAF_SECONDS: i64 = 48 * HOUR;

/// The sort key of what is known of a distribution as a whole.
const SITE: &str = "site";
/// How the sort keys of series and stories begin.
const SERIES: &str = "series#";
const STORY: &str = "story#";
/// The partition of distributions with an open incident.
pub(super) const OPEN: &str = "open";

/// The partition of what waits for WAF logs.
pub(super) const WAITING: &str = "waiting";

/// The partition of alerts.
pub(super) const OUTBOX: &str = "outbox";
const ALERT: &str = "alert";
const CHAT: &str = "chat";

/// The partition of web ACLs in front of origins.
pub(super) const ORIGIN_ACLS: &str = "waf-acls";

/// A key must not be empty.
const NO_DISTRIBUTION: &str = "-";

pub(super) type Item = HashMap<String, AttributeValue>;

pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(super) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// A new item: its key, its version and its end.
pub(super) fn item(pk: String, sk: String, seconds: i64) -> Item {
    let expires = Timestamp::now().as_second() + seconds;
    HashMap::from([
        ("pk".to_owned(), text(pk)),
        ("sk".to_owned(), text(sk)),
        ("v".to_owned(), number(VERSION)),
        ("expires".to_owned(), number(expires)),
    ])
}

pub(super) fn get_text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

pub(super) fn get_number<T: std::str::FromStr>(item: &Item, name: &str) -> Option<T> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

/// Refuses an item that a newer program has written.
pub(super) fn readable(item: &Item) -> Result<(), StoreError> {
    let found = get_number(item, "v").unwrap_or(VERSION);
    if found > VERSION { Err(StoreError::Newer { found }) } else { Ok(()) }
}

pub(super) fn damaged(item: &Item) -> StoreError {
    let name = |key| get_text(item, key).unwrap_or_default();
    StoreError::Damaged(format!("{} {}", name("pk"), name("sk")))
}

/// The sort key of a distribution.
pub(super) fn named(distribution: &str) -> &str {
    if distribution.is_empty() { NO_DISTRIBUTION } else { distribution }
}

pub(super) fn unnamed(sk: &str) -> String {
    if sk == NO_DISTRIBUTION { String::new() } else { sk.to_owned() }
}

pub(super) fn bytes(value: Vec<u8>) -> AttributeValue {
    AttributeValue::B(Blob::new(value))
}

pub(super) fn json(value: &impl Serialize) -> AttributeValue {
    text(serde_json::to_string(value).unwrap_or_default())
}

/// The subject of a series. `None` where the words are those of a newer program.
pub(super) fn subject_of(item: &Item, distribution: &str) -> Option<Subject> {
    let word = |name: &str| get_text(item, name).filter(|word| !word.is_empty());
    let cause = Cause::of_id(word("cause")?)?;
    let detail = match word("detail") {
        Some(detail) => Some(*cause.details().iter().find(|known| **known == detail)?),
        None => None,
    };
    let distribution_id = (!distribution.is_empty()).then(|| distribution.into());
    Some(Subject { distribution_id, cause, detail, rule: word("rule").map(str::to_owned) })
}

/// The state in an item.
pub(super) fn state(item: &Item, name: &str) -> Result<State, StoreError> {
    match item.get(name).and_then(|bytes| bytes.as_b().ok()) {
        Some(bytes) => State::decode(bytes.as_ref()).map_err(|_| damaged(item)),
        // It was written before there was any.
        None => Ok(State::new()),
    }
}

pub(super) fn object_pk(object: &Object) -> String {
    format!("object#{}/{}#{}", object.bucket, object.key, object.edition())
}

pub(super) fn shard_pk(shard: &str) -> String {
    format!("shard#{shard}")
}

pub(super) fn mark_item(distribution: &str, mark: &Mark) -> Item {
    let sk = named(distribution).to_owned();
    let mut row = item(shard_pk(&mark.shard), sk, LEDGER_SECONDS);
    row.insert("last".to_owned(), text(mark.last.as_str()));
    row
}

pub(super) fn mark_of(item: &Item) -> Option<(String, Sequence)> {
    let last = get_text(item, "last").and_then(Sequence::new)?;
    Some((unnamed(get_text(item, "sk")?), last))
}

pub(super) fn distribution_pk(distribution: &str) -> String {
    format!("distribution#{distribution}")
}

pub(super) fn waf_pk(acl: &str) -> String {
    format!("waf#{acl}")
}

pub(super) fn series_sk(subject: &Subject) -> String {
    format!("{SERIES}{}", subject.id("s"))
}

fn story_sk(cause: Cause) -> String {
    format!("{STORY}{cause}")
}

pub(super) fn outbox_sk(alert: &Outgoing) -> String {
    let chat = match alert.audience {
        Audience::Subscribers => "",
        Audience::Chat => "#chat",
    };
    format!("{}#{}#{:06}{chat}", alert.stored, alert.alert_id, alert.sequence)
}

pub(super) fn counted_item(object: &Object, counted: &Counted) -> Item {
    let sk = named(&counted.distribution).to_owned();
    let mut row = item(object_pk(object), sk, LEDGER_SECONDS);
    row.insert("of".to_owned(), number(counted.of));
    if let Some(partial) = &counted.partial {
        row.insert("partial".to_owned(), text(&partial.reason));
        row.insert("offset".to_owned(), number(partial.offset));
    }
    row
}

pub(super) fn counted_of(item: &Item) -> Counted {
    Counted {
        distribution: unnamed(get_text(item, "sk").unwrap_or_default()),
        of: get_number(item, "of").unwrap_or(1),
        partial: get_text(item, "partial").map(|reason| Partial {
            reason: reason.to_owned(),
            offset: get_number(item, "offset").unwrap_or(0),
        }),
    }
}

/// An item of a distribution's partition in its next revision.
fn next(distribution: &str, sk: String, revision: u64) -> Item {
    let mut row = item(distribution_pk(distribution), sk, STATE_SECONDS);
    row.insert("revision".to_owned(), number(revision + 1));
    row
}

pub(super) fn site_item(distribution: &str, site: &Site) -> Item {
    let mut row = next(distribution, SITE.to_owned(), site.revision);
    row.insert("served".to_owned(), bytes(site.served.encode()));
    row.insert("waf".to_owned(), bytes(site.waf.encode()));
    row.insert("waiting".to_owned(), bytes(State::of(site.waiting.clone()).encode()));
    for (name, bucket) in [("first", site.first), ("newest", site.newest)] {
        row.extend(bucket.map(|bucket| (name.to_owned(), number(bucket))));
    }
    sources_into(&mut row, &site.sources);
    row
}

pub(super) fn series_item(distribution: &str, subject: &Subject, series: &Stored) -> Item {
    let mut row = next(distribution, series_sk(subject), series.revision);
    row.insert("cause".to_owned(), text(subject.cause.id()));
    row.insert("detail".to_owned(), text(subject.detail.unwrap_or_default()));
    row.insert("rule".to_owned(), text(subject.rule.as_deref().unwrap_or_default()));
    row.insert("state".to_owned(), bytes(series.state.encode()));
    row
}

pub(super) fn story_item(distribution: &str, cause: Cause, story: &Story) -> Item {
    let mut row = next(distribution, story_sk(cause), story.revision);
    row.insert("alert".to_owned(), text(&story.alert_id));
    row.insert("sequence".to_owned(), number(story.sequence));
    row.insert("last".to_owned(), number(story.last));
    row.insert("told".to_owned(), number(story.told));
    row.insert("open".to_owned(), json(&story.open));
    row.insert("said".to_owned(), json(&story.said));
    row.insert("ended".to_owned(), json(&story.ended));
    let confidence = story.confidence.as_deref();
    row.extend(confidence.map(|said| ("confidence".to_owned(), text(said))));
    row
}

pub(super) fn outbox_item(alert: &Outgoing) -> Item {
    let mut row = item(OUTBOX.to_owned(), outbox_sk(alert), OUTBOX_SECONDS);
    // Under a name of its own: a function that knows of no chat would send it to everybody else.
    let name = match alert.audience {
        Audience::Subscribers => ALERT,
        Audience::Chat => CHAT,
    };
    row.insert(name.to_owned(), json(alert));
    row
}

/// What lies unsent in an item of the outbox.
pub(super) fn outgoing(item: &Item) -> Option<Outgoing> {
    let stored = get_text(item, ALERT).or_else(|| get_text(item, CHAT))?;
    serde_json::from_str(stored).ok()
}

pub(super) fn chunk_item(chunk: &Chunk) -> Item {
    let sk = format!("{:010}#{:016x}#{:04}", chunk.slot, chunk.object, chunk.number);
    let mut row = item(waf_pk(&chunk.acl), sk, WAF_SECONDS);
    row.insert("done".to_owned(), json(&chunk.done));
    row.insert("rows".to_owned(), bytes(chunk.pack_rows()));
    row.insert("sampled".to_owned(), AttributeValue::Bool(chunk.sampled));
    if !chunk.behind.is_empty() {
        row.insert("behind".to_owned(), bytes(chunk.pack_behind()));
    }
    row.insert("origin".to_owned(), AttributeValue::Bool(chunk.side == Side::Origin));
    row
}

/// An item of a distribution's partition.
pub(super) enum Row {
    Site(Box<Site>),
    Series(Subject, Stored),
    Story(Cause, Story),
    /// It is a newer program's, which says so by words and not by the version.
    Unknown,
}

impl Row {
    pub(super) fn of(item: &Item, distribution: &str) -> Result<Self, StoreError> {
        let sk = get_text(item, "sk").unwrap_or_default();
        let revision = get_number(item, "revision").ok_or_else(|| damaged(item))?;
        if sk == SITE {
            return Ok(Self::Site(Box::new(site_of(item, distribution, revision)?)));
        }
        if let Some(cause) = sk.strip_prefix(STORY).and_then(Cause::of_id) {
            return Ok(Self::Story(cause, story_of(item, revision)));
        }
        Ok(match subject_of(item, distribution).filter(|_| sk.starts_with(SERIES)) {
            Some(subject) => {
                Self::Series(subject, Stored { state: state(item, "state")?, revision })
            }
            None => Self::Unknown,
        })
    }
}

fn site_of(item: &Item, distribution: &str, revision: u64) -> Result<Site, StoreError> {
    Ok(Site {
        served: state(item, "served")?,
        waf: state(item, "waf")?,
        waiting: state(item, "waiting")?.recent().clone(),
        sources: sources_of(item, distribution)?,
        first: get_number(item, "first"),
        newest: get_number(item, "newest"),
        revision,
    })
}

pub(super) fn waiting_sk(wait: &Wait) -> String {
    format!("{}#{}", object_pk(&wait.object), wait.distribution)
}

pub(super) fn waiting_item(wait: &Wait) -> Item {
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
    if wait.is_realtime() {
        row.insert("lines".to_owned(), bytes(packed(&wait.lines)));
    }
    row
}

pub(super) fn wait(item: &Item) -> Option<Wait> {
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
        lines: match item.get("lines") {
            Some(lines) => unpacked(lines.as_b().ok()?.as_ref())?,
            None => Vec::new(),
        },
    })
}

fn packed(lines: &[u8]) -> Vec<u8> {
    let mut packer = DeflateEncoder::new(Vec::new(), Compression::default());
    // Nothing fails that is written to memory.
    let _ = packer.write_all(lines);
    packer.finish().unwrap_or_default()
}

fn unpacked(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut lines = Vec::new();
    DeflateDecoder::new(bytes).take(WAITING_BYTES as u64).read_to_end(&mut lines).ok()?;
    Some(lines)
}

fn story_of(item: &Item, revision: u64) -> Story {
    Story {
        alert_id: get_text(item, "alert").unwrap_or_default().to_owned(),
        sequence: get_number(item, "sequence").unwrap_or(0),
        last: get_number(item, "last").unwrap_or(0),
        told: get_number(item, "told").unwrap_or(0),
        said: serde_json::from_str(get_text(item, "said").unwrap_or("[]")).unwrap_or_default(),
        open: serde_json::from_str(get_text(item, "open").unwrap_or("[]")).unwrap_or_default(),
        ended: serde_json::from_str(get_text(item, "ended").unwrap_or("[]")).unwrap_or_default(),
        confidence: get_text(item, "confidence").map(str::to_owned),
        revision,
    }
}

pub(super) fn chunk(acl: &str, item: &Item) -> Option<Chunk> {
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
        behind: match item.get("behind") {
            Some(pairs) => Chunk::unpack_behind(pairs.as_b().ok()?.as_ref()),
            None => Vec::new(),
        },
    })
}
