//! Lambda events: envelopes in envelopes, and none that is right. No message is passed over in
//! silence, each keeps its own name, and another envelope around an event changes no object.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use why403::trigger::{self, Message, Object};

fn objects(messages: &[Message]) -> Vec<&Object> {
    messages.iter().flat_map(|message| &message.objects).collect()
}

fuzz_target!(|text: &[u8]| {
    let Ok(event) = serde_json::from_slice::<Value>(text) else { return };
    let batch = trigger::read(&event);
    assert!(!batch.messages.is_empty());
    for message in &batch.messages {
        let silent = message.objects.is_empty()
            && message.nothing.is_empty()
            && message.problems.is_empty();
        assert!(!silent, "{message:?}");
    }
    if batch.partial {
        let records = event["Records"].as_array().expect("records of a queue");
        let ids = records.iter().map(|record| record["messageId"].as_str().unwrap_or_default());
        assert!(ids.eq(batch.messages.iter().map(|message| message.id.as_str())));
        return;
    }
    let body = event.to_string();
    let around = json!({"Records": [{"eventSource": "aws:sqs", "messageId": "m", "body": body}]});
    let wrapped = trigger::read(&around);
    assert!(wrapped.partial && wrapped.messages.len() == 1);
    let too_deep = |message: &Message| message.problems.iter().any(|why| why.contains("envelopes"));
    if !wrapped.messages.iter().any(too_deep) {
        assert_eq!(objects(&wrapped.messages), objects(&batch.messages));
    }
});
