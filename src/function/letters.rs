//! Dead letters: what can never be read, with its reason.
//!
//! The function sends them itself and acknowledges the message, since the queue's own redrive would
//! try twenty times first and tell no reason.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::MessageAttributeValue;

use crate::incidents::store::Partial;
use crate::trigger::Object;
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

/// A key in full, so that the object can be found; what SQS does not take is replaced.
fn key_text(key: &str) -> String {
    key.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
