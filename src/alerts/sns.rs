//! Sending by SNS.

use aws_sdk_sns::Client;
use aws_sdk_sns::error::DisplayErrorContext;
use aws_sdk_sns::types::MessageAttributeValue;

use super::{Audience, Outgoing};

/// Sends one alert. The same alert may go out twice; it then has the same id and sequence.
pub async fn publish(client: &Client, topic: &str, alert: &Outgoing) -> Result<(), String> {
    let structure = match alert.audience {
        Audience::Subscribers => Some("json".to_owned()),
        Audience::Chat => None,
    };
    let mut request = client
        .publish()
        .topic_arn(topic)
        .set_subject(alert.subject.clone())
        .set_message_structure(structure)
        .message(&alert.message);
    for (name, value) in &alert.attributes {
        let value = MessageAttributeValue::builder()
            .data_type("String")
            .string_value(value)
            .build()
            .map_err(|error| error.to_string())?;
        request = request.message_attributes(name, value);
    }
    match request.send().await {
        Ok(_) => Ok(()),
        Err(error) => Err(crate::viewer::plain(&DisplayErrorContext(&error).to_string())),
    }
}
