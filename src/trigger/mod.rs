//! A Lambda event of any shape to deliveries.
//!
//! An event is routed on what it says it is (`eventSource`, `source`, `Type`, `messageType`), never
//! on where it came from and never by a strict type: fields that AWS adds are ignored. Envelopes
//! lie in each other up to a depth limit; every record of every one of them is read.

mod envelope;
pub mod stream;

#[cfg(test)]
mod tests;

use serde_json::Value;

/// What an invocation brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Whether the answer names the messages that failed. Elsewhere an invocation fails as a whole.
    pub partial: bool,
    /// Whether it is a stretch of a stream: what is repeated, is repeated with all that follows.
    pub stream: bool,
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
    /// The log records that it brings along.
    pub carried: Vec<Carried>,
    /// Why it carries no object, where it carries none by its nature.
    pub nothing: Vec<&'static str>,
    /// What of it cannot be understood.
    pub problems: Vec<String>,
}

/// Log records that an event brings along, instead of naming an object that holds them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// What stands in the place of an object: the stream, its part, and which records.
    pub object: Object,
    /// The records, one a line.
    pub text: Vec<u8>,
    /// Whether they are those of a real-time log.
    pub realtime: bool,
}

/// An object in a bucket.
#[derive(
    Clone,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
)]
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
    let from_stream = |record: &Value| envelope::source(record) == Some("aws:kinesis");
    match records {
        Some(records) if !records.is_empty() && records.iter().all(from_queue) => {
            let messages = records.iter().map(queued).collect();
            Batch { partial: true, stream: false, messages }
        }
        Some(records) if !records.is_empty() && records.iter().all(from_stream) => {
            let messages = records.iter().map(streamed).collect();
            Batch { partial: true, stream: true, messages }
        }
        _ => {
            let mut message =
                Message { receives: 1, body: event.to_string(), ..Message::default() };
            envelope::open(event, 0, &mut message);
            Batch { partial: false, stream: false, messages: vec![message] }
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

/// A record of a stream, which is handed back by its sequence number; Lambda then repeats it and
/// every later one.
fn streamed(record: &Value) -> Message {
    let number = record.pointer("/kinesis/sequenceNumber").and_then(Value::as_str);
    let mut message = Message {
        id: number.unwrap_or_default().to_owned(),
        receives: u32::MAX,
        body: record.to_string(),
        ..Message::default()
    };
    envelope::open_streamed(record, &mut message);
    message
}

impl Message {
    /// Whether it brings, names or means something that is known.
    pub fn is_understood(&self) -> bool {
        !self.objects.is_empty() || !self.carried.is_empty() || !self.nothing.is_empty()
    }

    /// The objects that it speaks of, and what stands for them where it brings them along.
    pub fn all_objects(&self) -> impl Iterator<Item = &Object> {
        self.objects.iter().chain(self.carried.iter().map(|carried| &carried.object))
    }
}
