//! Envelopes, opened until none is left.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::stream::Sequence;
use super::{Carried, Message, Object, SCHEDULE};
use crate::limits::{ENVELOPE_BYTES, ENVELOPES};

/// What a record says of its source. SNS writes the name with a capital letter.
pub fn source(record: &Value) -> Option<&str> {
    record.get("eventSource").or_else(|| record.get("EventSource")).and_then(Value::as_str)
}

/// Opens an envelope that is text.
pub fn open_text(text: &str, depth: usize, message: &mut Message) {
    match serde_json::from_str::<Value>(text) {
        Ok(value) => open(&value, depth, message),
        Err(error) => {
            let place = format!("line {}, column {}", error.line(), error.column());
            message.problems.push(format!("no JSON at {place}"));
        }
    }
}

/// Opens one envelope, `depth` of which lie around it already.
pub fn open(value: &Value, depth: usize, message: &mut Message) {
    if depth > ENVELOPES {
        message.problems.push(format!("more than {ENVELOPES} envelopes around an event"));
        return;
    }
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    if let Some(inner) = value.as_str() {
        open_text(inner, depth + 1, message);
    } else if let Some(records) = value.get("Records").and_then(Value::as_array) {
        if records.is_empty() {
            message.nothing.push("an event without records");
        }
        // See: coralogix-aws-shipper `handle_s3_event`: only the first record was read.
        for record in records {
            open_record(record, depth, message);
        }
    } else if text("Event") == Some("s3:TestEvent") {
        message.nothing.push("test event of S3");
    } else if text("Type") == Some("Notification") {
        open_text(text("Message").unwrap_or_default(), depth + 1, message);
    } else if matches!(text("Type"), Some("SubscriptionConfirmation" | "UnsubscribeConfirmation")) {
        message.nothing.push("subscription of SNS");
    } else if value.get("awslogs").is_some() || text("messageType").is_some() {
        open_logs(value, message);
    } else if let Some(source) = text("source") {
        open_event(source, value, message);
    } else {
        message.problems.push("an event of no shape that is known".to_owned());
    }
}

fn open_record(record: &Value, depth: usize, message: &mut Message) {
    match source(record) {
        Some("aws:s3") => notification(record, message),
        Some("aws:sns") => {
            let text = record.pointer("/Sns/Message").and_then(Value::as_str);
            open_text(text.unwrap_or_default(), depth + 1, message);
        }
        Some("aws:sqs") => {
            let text = record.get("body").and_then(Value::as_str);
            open_text(text.unwrap_or_default(), depth + 1, message);
        }
        Some("aws:kinesis") => open_streamed(record, message),
        Some(other) => {
            let other = crate::viewer::plain(other);
            message.problems.push(format!("a record of {other}, which is not read"));
        }
        None => message.problems.push("a record without `eventSource`".to_owned()),
    }
}

/// One record of an S3 notification, whatever its version. Keys are form-encoded there.
fn notification(record: &Value, message: &mut Message) {
    // `eventName` is written with and without the service before it.
    let name = record.get("eventName").and_then(Value::as_str).unwrap_or("ObjectCreated");
    if !name.strip_prefix("s3:").unwrap_or(name).starts_with("ObjectCreated") {
        message.nothing.push("a notification of S3 about no new object");
        return;
    }
    let text = |path: &str| record.pointer(path).and_then(Value::as_str);
    match (text("/s3/bucket/name"), text("/s3/object/key")) {
        (Some(bucket), Some(key)) => message.objects.push(Object {
            bucket: bucket.to_owned(),
            key: form_decoded(key),
            version: text("/s3/object/versionId").filter(|v| !v.is_empty()).map(str::to_owned),
            etag: text("/s3/object/eTag").map(unquoted),
        }),
        _ => message.problems.push("a notification of S3 without bucket or key".to_owned()),
    }
}

/// An event of EventBridge. Keys are written as they are there.
fn open_event(source: &str, event: &Value, message: &mut Message) {
    let text = |path: &str| event.pointer(path).and_then(Value::as_str);
    let kind = text("/detail-type").unwrap_or_default();
    match (source, kind) {
        ("aws.s3", "Object Created") => {
            match (text("/detail/bucket/name"), text("/detail/object/key")) {
                (Some(bucket), Some(key)) => message.objects.push(Object {
                    bucket: bucket.to_owned(),
                    key: key.to_owned(),
                    version: text("/detail/object/version-id")
                        .filter(|v| !v.is_empty())
                        .map(str::to_owned),
                    etag: text("/detail/object/etag").map(unquoted),
                }),
                _ => message.problems.push("an event of S3 without bucket or key".to_owned()),
            }
        }
        ("aws.s3", _) => message.nothing.push("an event of S3 about no new object"),
        ("aws.events" | "aws.scheduler", _) => message.nothing.push(SCHEDULE),
        _ => {
            let source = crate::viewer::plain(source);
            message.problems.push(format!("an event of {source}, which is not read"));
        }
    }
}

/// A subscription of CloudWatch Logs. Its test of the way in is no log.
fn open_logs(value: &Value, message: &mut Message) {
    let inner = match value.pointer("/awslogs/data").and_then(Value::as_str) {
        Some(data) => unpacked(data),
        None => Some(value.clone()),
    };
    let kind = inner.as_ref().and_then(|inner| inner.get("messageType")).and_then(Value::as_str);
    match kind {
        Some("CONTROL_MESSAGE") => message.nothing.push("control message of CloudWatch Logs"),
        Some("DATA_MESSAGE") => message.carried.extend(inner.as_ref().map(log_events)),
        _ => message.problems.push("a message of CloudWatch Logs that cannot be read".to_owned()),
    }
}

/// The events of one stream. They are known by their ids, whatever event brings them.
fn log_events(value: &Value) -> Carried {
    let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
    let mut ids = Sha256::new();
    let mut lines = Vec::new();
    for event in value.get("logEvents").and_then(Value::as_array).into_iter().flatten() {
        let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
        ids.update(text("id").as_bytes());
        ids.update(b"\n");
        lines.extend_from_slice(text("message").trim_end().as_bytes());
        lines.push(b'\n');
    }
    let ids = ids.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let object = Object {
        bucket: format!("logs:{}", text("logGroup")),
        key: text("logStream").to_owned(),
        version: None,
        etag: Some(ids),
    };
    Carried { object, text: lines, realtime: false }
}

/// A record of Kinesis: lines of a real-time log, or what CloudWatch Logs sends on, packed.
pub fn open_streamed(record: &Value, message: &mut Message) {
    let text = |path: &str| record.pointer(path).and_then(Value::as_str);
    let data = text("/kinesis/data").unwrap_or_default();
    let Ok(bytes) = STANDARD.decode(data) else {
        message.problems.push("a record of Kinesis that is no base64".to_owned());
        return;
    };
    if bytes.starts_with(&[0x1f, 0x8b]) {
        match unpacked(data) {
            Some(inner) => open_logs(&inner, message),
            None => {
                message.problems.push("a packed record of Kinesis that cannot be read".to_owned())
            }
        }
        return;
    }
    // Without its place in the stream nobody could say whether it was counted.
    let shard = text("/eventID").and_then(|id| id.split(':').next());
    let number = text("/kinesis/sequenceNumber").filter(|number| Sequence::new(number).is_some());
    let (Some(stream), Some(shard), Some(number)) = (text("/eventSourceARN"), shard, number) else {
        message.problems.push("a record of Kinesis that does not say its place".to_owned());
        return;
    };
    let object = Object {
        bucket: stream.to_owned(),
        key: shard.to_owned(),
        version: None,
        etag: Some(number.to_owned()),
    };
    message.carried.push(Carried { object, text: bytes, realtime: true });
}

fn unpacked(data: &str) -> Option<Value> {
    let packed = STANDARD.decode(data).ok()?;
    let mut text = Vec::new();
    let decoder = flate2::read::MultiGzDecoder::new(packed.as_slice());
    decoder.take(ENVELOPE_BYTES).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

fn unquoted(etag: &str) -> String {
    etag.trim_matches('"').to_owned()
}

/// `+` is a space, then `%HH` is a byte. Keys are UTF-8 by S3's own rule.
fn form_decoded(key: &str) -> String {
    let spaced = key.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}
