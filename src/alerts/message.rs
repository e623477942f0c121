//! An alert in the form that SNS sends: a body for each protocol and a subject, or what a chat
//! takes, and attributes by which subscribers filter.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Alert, Audience, Outgoing, chat, text};
use crate::limits::ALERT_BYTES;

/// The alert as it is stored and sent to an audience.
pub fn outgoing(alert: &Alert, audience: Audience, now: Timestamp) -> Outgoing {
    let attributes = [
        ("distribution_id", alert.distribution_id.as_deref().unwrap_or("unknown")),
        ("cause", alert.cause),
        ("severity", alert.severity),
        ("confidence", &alert.confidence),
        ("state", alert.state),
    ];
    let (subject, message) = match audience {
        Audience::Subscribers => (Some(text::subject(alert)), body(alert)),
        Audience::Chat => (None, chat::notification(alert)),
    };
    Outgoing {
        audience,
        alert_id: alert.alert_id.clone(),
        sequence: alert.sequence,
        stored: now,
        subject,
        message,
        attributes: attributes.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
    }
}

/// The body, JSON per protocol. Past the limit the proof is left out first, then the findings:
/// what is wrong and what to do goes out in any case.
fn body(alert: &Alert) -> String {
    let mut alert = alert.clone();
    for level in 0..4 {
        let body = whole(&alert);
        if body.len() <= ALERT_BYTES {
            return body;
        }
        for finding in &mut alert.findings {
            match level {
                0 => finding.ruled_out.clear(),
                1 => finding.evidence.truncate(3),
                _ => finding.clusters.clear(),
            }
        }
        if level == 2 {
            alert.findings.clear();
            alert.next_steps.truncate(5);
        }
    }
    whole(&alert)
}

fn whole(alert: &Alert) -> String {
    let people = text::email(alert);
    let programs = serde_json::to_string(alert).unwrap_or_default();
    let protocols = ["sqs", "lambda", "http", "https"].map(|name| (name, programs.as_str()));
    let people = ["default", "email"].map(|name| (name, people.as_str()));
    let body: Map<String, Value> = people
        .into_iter()
        .chain(protocols)
        .map(|(name, text)| (name.into(), text.into()))
        .collect();
    Value::Object(body).to_string()
}
