//! A Lambda event of any shape to deliveries.
//!
//! An event is routed on what it says it is (`eventSource`, `source`, `Type`, `messageType`), never
//! on where it came from and never by a strict type: fields that AWS adds are ignored. Envelopes
//! lie in each other up to a depth limit; every record of every one of them is read.

mod envelope;

#[cfg(test)]
mod tests;

use serde_json::Value;

/// What an invocation brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Whether the answer names the messages that failed. Elsewhere an invocation fails as a whole.
    pub partial: bool,
    /// The messages, in their order.
    pub messages: Vec<Message>,
}

/// What a message of the schedule says of itself.
pub const SCHEDULE: &str = "schedule";

impl Batch {
    /// Whether the schedule sent it.
    pub fn is_tick(&self) -> bool {
        self.messages.iter().any(|message| message.nothing.contains(&SCHEDULE))
    }
}

/// One message: what is acknowledged or handed back as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// The name by which it is handed back.
    pub id: String,
    /// How often it was received, this time included.
    pub receives: u32,
    /// The body as it came, for the dead-letter queue.
    pub body: String,
    /// The objects that it speaks of.
    pub objects: Vec<Object>,
    /// Why it carries no object, where it carries none by its nature.
    pub nothing: Vec<&'static str>,
    /// What of it cannot be understood.
    pub problems: Vec<String>,
}

/// An object in a bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Object {
    /// The bucket.
    pub bucket: String,
    /// The key as S3 knows it, decoded.
    pub key: String,
    /// The version, in buckets that keep versions.
    pub version: Option<String>,
    /// The ETag, without quotes.
    pub etag: Option<String>,
}

impl Object {
    /// What tells this object from an earlier one under the same key. The event is never asked: a
    /// replay is another event about the same object.
    pub fn edition(&self) -> &str {
        self.version.as_deref().or(self.etag.as_deref()).unwrap_or_default()
    }
}

/// Reads an event.
pub fn read(event: &Value) -> Batch {
    let records = event.get("Records").and_then(Value::as_array);
    let from_queue = |record: &Value| envelope::source(record) == Some("aws:sqs");
    match records {
        Some(records) if !records.is_empty() && records.iter().all(from_queue) => {
            Batch { partial: true, messages: records.iter().map(queued).collect() }
        }
        _ => {
            let mut message =
                Message { receives: 1, body: event.to_string(), ..Message::default() };
            envelope::open(event, 0, &mut message);
            Batch { partial: false, messages: vec![message] }
        }
    }
}

/// A message of a queue.
fn queued(record: &Value) -> Message {
    let text = |name: &str| record.get(name).and_then(Value::as_str).unwrap_or_default();
    let mut message = Message {
        id: text("messageId").to_owned(),
        receives: record
            .pointer("/attributes/ApproximateReceiveCount")
            .and_then(Value::as_str)
            .and_then(|count| count.parse().ok())
            .unwrap_or(1),
        body: text("body").to_owned(),
        ..Message::default()
    };
    envelope::open_text(text("body"), 1, &mut message);
    message
}
