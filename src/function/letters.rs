//! Dead letters: what can never be read, with its reason.
//!
//! The function sends them itself and acknowledges the message, since the queue's own redrive would
//! try twenty times first and tell no reason.

use std::borrow::Cow;
use std::collections::BTreeMap;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::MessageAttributeValue;
use serde_json::Value;

use crate::incidents::store::Partial;
use crate::trigger::{Message, Object};
use crate::viewer::plain;

/// Sends the original body of a message, with what is wrong with one of its objects.
pub async fn send(
    client: &Client,
    queue: &str,
    body: &str,
    object: Option<&Object>,
    partial: &Partial,
) -> Result<(), String> {
    let bucket = object.map_or("unknown", |object| object.bucket.as_str());
    let key = object.map_or("unknown", |object| object.key.as_str());
    // SQS takes no empty body and no empty attribute.
    let body = if body.is_empty() { "{}" } else { body };
    let mut request = client.send_message().queue_url(queue).message_body(body);
    for (name, value) in [
        ("reason", plain(&partial.reason)),
        ("bucket", plain(bucket)),
        ("key", key_text(key)),
        ("offset", partial.offset.to_string()),
    ] {
        let value = if value.is_empty() { "unknown".to_owned() } else { value };
        let value = MessageAttributeValue::builder()
            .data_type("String")
            .string_value(value)
            .build()
            .map_err(|error| error.to_string())?;
        request = request.message_attributes(name, value);
    }
    match request.send().await {
        Ok(_) => Ok(()),
        Err(error) => Err(plain(&DisplayErrorContext(&error).to_string())),
    }
}

/// Bytes of one letter of several records: SQS took no more than 256 KiB for most of its life, and
/// the attributes count.
const BYTES: usize = 240 << 10;

/// Records of a stream that cannot be read, by reason.
#[derive(Default)]
pub struct Together<'a>(BTreeMap<String, Vec<Unread<'a>>>);

/// A record with its object, where it has one, and why it cannot be read.
type Unread<'a> = (&'a Message, Option<&'a Object>, Partial);

/// A letter of several records: an event like the one that brought them.
pub struct Letter {
    /// The records.
    pub ids: Vec<String>,
    body: String,
    object: Option<Object>,
    partial: Partial,
}

impl<'a> Together<'a> {
    /// Adds a record.
    pub fn add(&mut self, message: &'a Message, object: Option<&'a Object>, partial: Partial) {
        let same = self.0.entry(partial.reason.clone()).or_default();
        same.push((message, object, partial));
    }

    /// The letters.
    pub fn letters(self) -> Vec<Letter> {
        let mut letters: Vec<Letter> = Vec::new();
        for same in self.0.into_values() {
            let mut open: Option<Letter> = None;
            for (message, object, partial) in same {
                let record = fitting(&message.body);
                match &mut open {
                    Some(letter) if letter.body.len() + record.len() < BYTES => {
                        letter.body.push(',');
                        letter.body.push_str(&record);
                        letter.ids.push(message.id.clone());
                    }
                    _ => {
                        let body = format!("{{\"Records\":[{record}");
                        let (ids, object) = (vec![message.id.clone()], object.cloned());
                        letters.extend(open.replace(Letter { ids, body, object, partial }));
                    }
                }
            }
            letters.extend(open);
        }
        letters.iter_mut().for_each(|letter| letter.body.push_str("]}"));
        letters
    }
}

/// A record that fits into a letter: of one that does not, all but its data, which the stream still
/// has.
fn fitting(body: &str) -> Cow<'_, str> {
    if body.len() < BYTES {
        return body.into();
    }
    let mut record: Value = serde_json::from_str(body).unwrap_or_default();
    if let Some(data) = record.pointer_mut("/kinesis/data") {
        *data = Value::Null;
    }
    let record = record.to_string();
    if record.len() < BYTES { record.into() } else { "{}".into() }
}

impl Letter {
    /// Sends it.
    pub async fn send(&self, client: &Client, queue: &str) -> Result<(), String> {
        send(client, queue, &self.body, self.object.as_ref(), &self.partial).await
    }
}

/// A key in full, so that the object can be found; what SQS does not take is replaced.
fn key_text(key: &str) -> String {
    key.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: &str, data: &str) -> Message {
        let body = serde_json::json!({"eventSource": "aws:kinesis", "kinesis": {"data": data}});
        Message { id: id.to_owned(), body: body.to_string(), ..Message::default() }
    }

    #[test]
    fn records_share_a_letter_by_their_reason_as_far_as_it_goes() {
        let large = "x".repeat(BYTES - 1000);
        let messages = [
            message("1", "a"),
            message("2", "b"),
            message("3", "c"),
            message("4", &large),
            // Without its data there is room for it.
            message("5", &"y".repeat(BYTES)),
        ];
        let mut together = Together::default();
        for (message, reason) in messages.iter().zip(["r", "s", "r", "r", "r"]) {
            together.add(message, None, Partial { reason: reason.to_owned(), offset: 0 });
        }
        let letters = together.letters();
        let ids: Vec<&[String]> = letters.iter().map(|letter| letter.ids.as_slice()).collect();
        assert_eq!(ids, [&["1", "3", "4", "5"][..], &["2"]]);
        for letter in &letters {
            assert!(letter.body.len() < 256 << 10);
            let event: Value = serde_json::from_str(&letter.body).unwrap();
            assert_eq!(event["Records"].as_array().unwrap().len(), letter.ids.len());
        }
        assert!(letters[0].body.contains("\"data\":null"));
    }
}
