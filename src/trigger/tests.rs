use serde_json::{Value, json};

use super::*;

/// A notification as S3 writes it, with fields of the future at every level.
fn notification(version: &str, keys: &[&str]) -> Value {
    let record = |key: &&str| {
        json!({"eventVersion": version, "eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
            "awsRegion": "us-east-1", "fieldOfTheFuture": {"a": [1]},
            "s3": {"s3SchemaVersion": "1.0", "bucket": {"name": "logs", "arn": "x", "new": 1},
                   "object": {"key": key, "size": 1, "eTag": "0a", "sequencer": "00",
                              "awsGeneratedTags": {"x": "y"}}}})
    };
    json!({"Records": keys.iter().map(record).collect::<Vec<_>>(), "new": null})
}

fn in_sqs(bodies: &[String]) -> Value {
    let record = |(n, body): (usize, &String)| {
        json!({"messageId": format!("m{n}"), "body": body, "eventSource": "aws:sqs", "new": true,
            "attributes": {"ApproximateReceiveCount": "3"}})
    };
    json!({"Records": bodies.iter().enumerate().map(record).collect::<Vec<_>>()})
}

fn sns_notification(message: &str) -> Value {
    json!({"Type": "Notification", "MessageId": "x", "TopicArn": "t", "Message": message, "new": 1})
}

fn keys_of(message: &Message) -> Vec<&str> {
    assert_eq!(message.problems, Vec::<String>::new());
    message.objects.iter().map(|object| object.key.as_str()).collect()
}

fn keys(batch: &Batch) -> Vec<Vec<&str>> {
    batch.messages.iter().map(keys_of).collect()
}

fn eventbridge() -> Value {
    json!({"version": "0", "source": "aws.s3", "detail-type": "Object Created", "new": {},
        "detail": {"bucket": {"name": "logs"}, "reason": "PutObject",
            "object": {"key": "a+b c/%2B.gz", "etag": "0a", "version-id": "v7", "new": 1}}})
}

// See: grafana/loki#23328, wazuh#27279: a field that AWS added stopped all delivery.
#[test]
fn versions_and_fields_of_the_future_change_nothing() {
    for version in ["2.1", "2.5", "2.6", "3.0"] {
        let batch = read(&notification(version, &["a%2Bb+c/DistributionId%3DE1/x.gz"]));
        assert!(!batch.partial);
        assert_eq!(keys(&batch), [["a+b c/DistributionId=E1/x.gz"]]);
    }
}

// See: coralogix-aws-shipper `handle_s3_event`: only `Records[0]` was read.
#[test]
fn every_record_of_every_message_is_read() {
    let bodies =
        [notification("2.6", &["a", "b"]).to_string(), notification("2.6", &["c"]).to_string()];
    assert_eq!(keys(&read(&in_sqs(&bodies))), [vec!["a", "b"], vec!["c"]]);
}

// See: siem-on-amazon-opensearch-service `index.py`: a failure reported the wrong message.
#[test]
fn a_message_keeps_its_own_name_and_body() {
    let bodies = [notification("2.6", &["a", "b"]).to_string(), "nonsense".to_owned()];
    let batch = read(&in_sqs(&bodies));
    assert!(batch.partial);
    let [first, second] = batch.messages.as_slice() else { panic!("two messages") };
    assert_eq!((first.id.as_str(), first.receives, &first.body), ("m0", 3, &bodies[0]));
    assert_eq!((second.id.as_str(), second.problems.len()), ("m1", 1));
    assert!(second.objects.is_empty());
}

#[test]
fn envelopes_are_opened_until_none_is_left() {
    let inner = notification("2.6", &["a"]).to_string();
    let sns = json!({"Records": [{"EventSource": "aws:sns", "EventVersion": "1.0",
        "Sns": {"Type": "Notification", "Message": inner, "new": 1}}]});
    assert_eq!(keys(&read(&sns)), [["a"]]);
    assert_eq!(keys(&read(&in_sqs(&[sns_notification(&inner).to_string()]))), [["a"]]);
    assert_eq!(keys(&read(&in_sqs(&[sns.to_string()]))), [["a"]]);
}

#[test]
fn the_key_of_eventbridge_is_not_encoded() {
    for event in [eventbridge(), in_sqs(&[eventbridge().to_string()])] {
        let batch = read(&event);
        assert_eq!(keys(&batch), [["a+b c/%2B.gz"]]);
        assert_eq!(batch.messages[0].objects[0].edition(), "v7");
    }
}

#[test]
fn both_ways_of_one_object_name_the_same_object() {
    let mut event = eventbridge();
    event["detail"]["object"] = json!({"key": "a+b c/x.gz", "etag": "0a"});
    let batch =
        read(&in_sqs(&[notification("2.6", &["a%2Bb+c/x.gz"]).to_string(), event.to_string()]));
    assert_eq!(batch.messages[0].objects, batch.messages[1].objects);
}

#[test]
fn what_carries_no_log_by_its_nature_is_nothing() {
    let control = {
        use base64::Engine;
        use std::io::Write;
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(br#"{"messageType": "CONTROL_MESSAGE", "logEvents": []}"#).unwrap();
        base64::engine::general_purpose::STANDARD.encode(gzip.finish().unwrap())
    };
    let test = json!({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b", "new": 1});
    for event in [
        test.clone(),
        in_sqs(&[test.to_string()]),
        in_sqs(&[sns_notification(&test.to_string()).to_string()]),
        json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}),
        json!({"source": "aws.scheduler", "detail-type": "Scheduled Event", "detail": "{}"}),
        json!({"awslogs": {"data": control}}),
        json!({"messageType": "CONTROL_MESSAGE", "logEvents": []}),
        json!({"source": "aws.s3", "detail-type": "Object Deleted", "detail": {}}),
        json!({"Records": [{"eventSource": "aws:s3", "eventName": "ObjectRemoved:Delete"}]}),
        json!({"Type": "SubscriptionConfirmation", "Message": "You have chosen"}),
        json!({"Records": []}),
        in_sqs(&[json!({"Records": []}).to_string()]),
    ] {
        let batch = read(&event);
        let [message] = batch.messages.as_slice() else { panic!("one message") };
        assert_eq!((message.objects.len(), message.nothing.len()), (0, 1), "{event}");
        assert_eq!(message.problems, Vec::<String>::new(), "{event}");
    }
}

#[test]
fn what_cannot_be_understood_is_named_and_harms_nothing_else() {
    let mut event = notification("2.6", &["a"]);
    event["Records"].as_array_mut().unwrap().extend([
        json!({"eventSource": "aws:dynamodb"}),
        json!({}),
        json!({"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": {}}),
    ]);
    let batch = read(&event);
    assert_eq!(batch.messages[0].objects.len(), 1);
    assert_eq!(batch.messages[0].problems.len(), 3);
    for event in [json!(null), json!({}), json!([]), json!(7), json!({"source": "aws.ec2"})] {
        assert_eq!(read(&event).messages[0].problems.len(), 1, "{event}");
    }
}

#[test]
fn envelopes_without_end_are_a_problem_and_no_crash() {
    let mut text = "{}".to_owned();
    for _ in 0..8 {
        text = sns_notification(&text).to_string();
    }
    let batch = read(&in_sqs(&[text]));
    assert_eq!(batch.messages[0].problems, ["more than 5 envelopes around an event"]);
}
