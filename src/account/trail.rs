//! CloudTrail: who changed what, and when.

use jiff::Timestamp;
use serde_json::Value;

/// One change that happened.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// When.
    pub at: Timestamp,
    /// The event's name, without the API's date.
    pub event: String,
    /// Who, as the trail names them.
    pub by: Option<String>,
    /// `cloudfront.amazonaws.com` and the like.
    pub source: String,
    /// What it was about: every name that the event mentions.
    pub about: Vec<String>,
    /// The policy that was put, as text, where the event keeps it.
    pub policy: Option<String>,
}

impl Change {
    /// Whether the change was about something with this name, ID or ARN.
    pub fn concerns(&self, name: &str) -> bool {
        !name.is_empty()
            && self.about.iter().any(|about| {
                about == name
                    || about.rsplit_once('/').is_some_and(|(_, last)| last == name)
                    || about.rsplit_once(":::").is_some_and(|(_, last)| last == name)
                    || name.rsplit_once('/').is_some_and(|(_, last)| last == about)
            })
    }
}

/// Reads the output of `aws cloudtrail lookup-events`: the changes, in their order in time.
/// Events that only read, and changes that were refused, are left out.
pub fn parse(answer: Value) -> Result<Vec<Change>, String> {
    let events = answer.get("Events").and_then(Value::as_array).ok_or("no `Events` in it")?;
    let mut changes: Vec<Change> = events.iter().filter_map(change).collect();
    changes.sort();
    changes.dedup();
    Ok(changes)
}

/// Whether the answer ends early: then older changes are left out of it.
pub fn is_cut(answer: &Value) -> bool {
    let next = answer.get("NextToken").and_then(Value::as_str);
    next.is_some_and(|next| !next.is_empty())
}

fn change(event: &Value) -> Option<Change> {
    let text = |key: &str| event.get(key).and_then(Value::as_str);
    if text("ReadOnly") == Some("true") {
        return None;
    }
    // The event itself is JSON inside a string.
    let inner: Value = text("CloudTrailEvent")
        .and_then(|inner| serde_json::from_str(inner).ok())
        .unwrap_or_default();
    // An error code means that the change did not happen.
    if inner.get("errorCode").is_some_and(|code| !code.is_null()) {
        return None;
    }
    let at = moment(event.get("EventTime")?).or_else(|| moment(inner.get("eventTime")?))?;
    let mut about: Vec<String> = event
        .get("Resources")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|resource| resource.get("ResourceName").and_then(Value::as_str))
        .map(str::to_owned)
        .collect();
    if let Some(parameters) = inner.get("requestParameters") {
        names_in(parameters, 0, &mut about);
    }
    about.sort();
    about.dedup();
    let policy = inner
        .pointer("/requestParameters/bucketPolicy")
        .or_else(|| inner.pointer("/requestParameters/policy"))
        .map(|policy| policy.as_str().map_or_else(|| policy.to_string(), str::to_owned));
    let by = text("Username").map(str::to_owned).or_else(|| {
        let identity = inner.get("userIdentity")?;
        let issuer = identity.pointer("/sessionContext/sessionIssuer/userName");
        issuer.or_else(|| identity.get("arn"))?.as_str().map(str::to_owned)
    });
    Some(Change {
        at,
        event: without_date(text("EventName")?).to_owned(),
        by: by.map(|by| crate::viewer::plain(&by)),
        source: text("EventSource").unwrap_or_default().to_owned(),
        about,
        policy,
    })
}

/// A number (the API) or ISO text with an offset (the CLI).
fn moment(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(seconds) => {
            let seconds = seconds.as_f64()?;
            // Beyond these a float does not fit a timestamp; the cast saturates and is refused.
            Timestamp::from_millisecond((seconds * 1000.0) as i64).ok()
        }
        _ => None,
    }
}

/// `UpdateDistribution2020_05_31` → `UpdateDistribution`; `AddPermission20150331v2` →
/// `AddPermission`. Older events and some SDKs carry the API's date.
fn without_date(name: &str) -> &str {
    let stem = name.strip_suffix("v2").unwrap_or(name);
    let bare = stem.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_');
    let date = stem.get(bare.len()..).unwrap_or_default();
    let digits = date.bytes().filter(u8::is_ascii_digit).count();
    if digits == 8 { bare } else { name }
}

/// Every short text in the parameters; which of them names the thing differs by service.
fn names_in(value: &Value, depth: usize, out: &mut Vec<String>) {
    if depth > 6 || out.len() > 200 {
        return;
    }
    match value {
        Value::String(text) if text.len() <= 300 => out.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| names_in(item, depth + 1, out)),
        // A policy names others than the thing that it is put on.
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "bucketPolicy" | "policy"))
            .for_each(|(_, item)| names_in(item, depth + 1, out)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn dates_go_and_refused_changes_are_none() {
        assert_eq!(without_date("UpdateDistribution2020_05_31"), "UpdateDistribution");
        assert_eq!(without_date("AddPermission20150331v2"), "AddPermission");
        assert_eq!(without_date("ListObjectsV2"), "ListObjectsV2");
        let event = |inner: &str, time: Value| {
            json!({"EventName": "PutBucketPolicy", "EventTime": time, "Username": "me",
                "Resources": [{"ResourceName": "b"}], "CloudTrailEvent": inner})
        };
        let changes = parse(json!({"Events": [
            event("{}", json!("2026-03-10T17:29:30+02:00")),
            event(r#"{"errorCode": "AccessDenied"}"#, json!(1773156570)),
            event(r#"{"requestParameters": {"bucketName": "c"}}"#, json!(1773156570.5)),
        ]}))
        .unwrap();
        assert_eq!(changes.len(), 2);
        let first = changes.first().unwrap();
        assert!(first.concerns("b") && !first.concerns("c"));
        assert_eq!(first.at.to_string(), "2026-03-10T15:29:30Z");
    }
}
