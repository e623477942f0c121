//! CloudTrail's and Route 53's answers in the CLI's form. Both are rationed, so they are asked only
//! where an answer is about to be shown.

use std::time::Duration;

use aws_sdk_cloudtrail::config::Region;
use aws_sdk_cloudtrail::primitives::DateTime;
use aws_sdk_cloudtrail::types::{Event, LookupAttribute, LookupAttributeKey};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::refused;
use crate::account::Answer;
use crate::signature::REDACTED;

/// Pages of one look-up, of fifty events each, the newest first.
const PAGES: usize = 3;

/// CloudTrail answers two look-ups a second.
const PACE: Duration = Duration::from_millis(500);

/// One look-up: a call takes one attribute.
pub struct LookUp<'a> {
    /// By what.
    pub by: LookupAttributeKey,
    /// Its value.
    pub value: &'a str,
    /// Where the events of it are kept.
    pub region: Option<&'a str>,
}

/// `lookup-events`, several look-ups together.
pub async fn events(
    client: &aws_sdk_cloudtrail::Client,
    look_ups: &[LookUp<'_>],
    since: Timestamp,
) -> Answer {
    let mut all = Vec::new();
    let mut more: Option<String> = None;
    for (number, look_up) in look_ups.iter().enumerate() {
        if number > 0 {
            tokio::time::sleep(PACE).await;
        }
        let attribute = LookupAttribute::builder()
            .attribute_key(look_up.by.clone())
            .attribute_value(look_up.value)
            .build();
        let attribute = match attribute {
            Ok(attribute) => attribute,
            Err(error) => return Answer::Unreadable(error.to_string()),
        };
        let mut token = None;
        for page in 0..PAGES {
            if page > 0 {
                tokio::time::sleep(PACE).await;
            }
            let mut config = aws_sdk_cloudtrail::Config::builder();
            if let Some(region) = look_up.region {
                config = config.region(Region::new(region.to_owned()));
            }
            let asked = client
                .lookup_events()
                .lookup_attributes(attribute.clone())
                .start_time(DateTime::from_secs(since.as_second()))
                .set_next_token(token);
            match asked.customize().config_override(config).send().await {
                Ok(said) => {
                    all.extend(said.events().iter().map(event));
                    token = said.next_token;
                }
                Err(error) => return refused(&error),
            }
            if token.is_none() {
                break;
            }
        }
        // Where there are more, the older ones are missing, and the answer says so.
        more = token.or(more);
    }
    Answer::Said(json!({ "Events": all, "NextToken": more }))
}

fn event(event: &Event) -> Value {
    let resources = event.resources().iter().map(|resource| {
        json!({ "ResourceType": resource.resource_type, "ResourceName": resource.resource_name })
    });
    json!({
        "EventId": event.event_id,
        "EventName": event.event_name,
        "ReadOnly": event.read_only,
        "EventTime": event.event_time.map(|at| at.to_string()),
        "EventSource": event.event_source,
        "Username": event.username,
        "Resources": resources.collect::<Vec<_>>(),
        "CloudTrailEvent": event.cloud_trail_event.as_deref().map(without_secrets),
    })
}

/// An event says what was changed with every header that an origin is sent, who did it from where
/// and with which key. None of these is read.
fn without_secrets(text: &str) -> String {
    let Ok(mut event) = serde_json::from_str::<Value>(text) else { return "{}".to_owned() };
    if let Some(fields) = event.as_object_mut() {
        let read = ["eventTime", "errorCode", "requestParameters", "userIdentity", "eventName"];
        fields.retain(|name, _| read.contains(&name.as_str()));
    }
    redact(&mut event);
    event.to_string()
}

fn redact(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(redact),
        Value::Object(fields) => {
            for (name, value) in fields {
                let word = name.to_ascii_lowercase();
                let secret = ["headervalue", "secret", "password", "accesskeyid", "privatekey"];
                if value.is_string() && secret.iter().any(|secret| word.contains(secret)) {
                    *value = Value::String(REDACTED.to_owned());
                } else {
                    redact(value);
                }
            }
        }
        _ => {}
    }
}

/// The zones of the account, their IDs and names.
pub async fn zones(client: &aws_sdk_route53::Client) -> Answer {
    let mut zones = Vec::new();
    let mut marker = None;
    loop {
        match client.list_hosted_zones().set_marker(marker).send().await {
            Ok(said) => {
                zones.extend(said.hosted_zones().iter().map(|zone| {
                    let id = zone.id.rsplit('/').next().unwrap_or_default();
                    json!({ "Id": id, "Name": zone.name })
                }));
                marker = said.next_marker;
            }
            Err(error) => return refused(&error),
        }
        if marker.is_none() || zones.len() >= MOST_ZONES {
            return Answer::Said(json!({ "HostedZones": zones }));
        }
    }
}

/// Zones that are looked at for names of a distribution.
const MOST_ZONES: usize = 1000;

/// Pages of one zone, of 300 records each.
const ZONE_PAGES: usize = 10;

/// `list-resource-record-sets`, as far as names are read.
pub async fn records(client: &aws_sdk_route53::Client, zone: &str) -> Answer {
    let mut sets = Vec::new();
    let (mut name, mut kind, mut identifier) = (None, None, None);
    for _ in 0..ZONE_PAGES {
        let asked = client
            .list_resource_record_sets()
            .hosted_zone_id(zone)
            .set_start_record_name(name)
            .set_start_record_type(kind)
            .set_start_record_identifier(identifier);
        match asked.send().await {
            Ok(said) => {
                sets.extend(said.resource_record_sets.iter().map(|set| {
                    json!({
                        "Name": set.name,
                        "Type": set.r#type.as_str(),
                        "AliasTarget": set.alias_target.as_ref().map(|target| {
                            json!({ "DNSName": target.dns_name })
                        }),
                        "ResourceRecords": values(set),
                    })
                }));
                if !said.is_truncated {
                    break;
                }
                name = said.next_record_name;
                kind = said.next_record_type;
                identifier = said.next_record_identifier;
            }
            Err(error) => return refused(&error),
        }
    }
    Answer::Said(json!({ "ResourceRecordSets": sets }))
}

/// Where names lead. What other records say (keys, tokens of ownership) is nobody's business.
fn values(set: &aws_sdk_route53::types::ResourceRecordSet) -> Vec<Value> {
    let leads = matches!(set.r#type.as_str(), "CNAME" | "A" | "AAAA");
    let records = set.resource_records().iter().filter(|_| leads);
    records.map(|record| json!({ "Value": record.value })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_event_says_in_confidence_stays_out() {
        let text = r#"{"eventTime": "2026-03-10T14:00:00Z", "sourceIPAddress": "192.0.2.1",
            "userIdentity": {"arn": "arn:aws:iam::1:user/me", "accessKeyId": "AKIAX"},
            "requestParameters": {"origins": [{"customHeaders": [
                {"headerName": "X-Origin", "headerValue": "s3cret"}]}]}}"#;
        let shown = without_secrets(text);
        assert!(shown.contains("user/me") && shown.contains("X-Origin"), "{shown}");
        for secret in ["s3cret", "AKIAX", "192.0.2.1"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        assert_eq!(without_secrets("no JSON"), "{}");
    }
}
