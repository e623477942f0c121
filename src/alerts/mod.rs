//! What people and programs are told, made safe to show.
//!
//! An alert is a plain value, `why403/alert/1`; [`text`] says it to people, [`chat`] to a channel,
//! [`message`] puts them into the form that SNS sends. Whatever a viewer sent went through [`safe`]
//! before.

pub mod chat;
pub mod message;
pub mod safe;
#[cfg(feature = "aws")]
pub mod sns;
pub mod text;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::incidents::messages::Gist;
use crate::incidents::record::Place;
use crate::limits::ALERT_FINDINGS;
use crate::report::{Finding, Incident};
use crate::schema;

/// `why403/alert/1`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, title = "why403/alert/1")]
pub struct Alert {
    /// `why403/alert/1`.
    #[schemars(extend("const" = "why403/alert/1"))]
    pub schema: &'static str,
    /// The id of the story's first incident.
    pub alert_id: String,
    /// The number of the message in its story.
    pub sequence: u64,
    /// `open`, `update`, `resolved`.
    #[schemars(extend("enum" = ["open", "update", "resolved"]))]
    pub state: &'static str,
    /// Refusals of the largest incident in the logs that were read now.
    #[serde(skip)]
    pub looked_at: u64,
    /// Why there is an update, for people.
    #[serde(skip)]
    pub why: Option<&'static str>,
    /// `fault`, `enforcement`, `unknown`.
    #[schemars(schema_with = "schema::severity")]
    pub severity: &'static str,
    /// The distribution.
    pub distribution_id: Option<String>,
    /// The name under which people know it.
    pub domain: Option<String>,
    /// The alert in one line.
    pub title: String,
    /// When it began.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub since: Timestamp,
    /// When it stood out.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub detected: Timestamp,
    /// When it ended.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub until: Option<Timestamp>,
    /// Refusals.
    pub forbidden: u64,
    /// Refusals that the past would have led to expect.
    pub expected: f64,
    /// Their share of the distribution's requests in the logs that were read with them.
    pub share_of_requests: Option<f64>,
    /// `confirmed`, `likely`, `possible`.
    #[schemars(schema_with = "schema::confidence")]
    pub confidence: String,
    /// The cause.
    #[schemars(schema_with = "schema::cause")]
    pub cause: &'static str,
    /// The detail of the largest incident.
    #[schemars(schema_with = "schema::detail_or_null")]
    pub detail: Option<&'static str>,
    /// The rule of the largest incident.
    pub rule: Option<String>,
    /// What was found, the largest first.
    pub findings: Vec<Finding>,
    /// The change before the onset.
    pub change: Option<Change>,
    /// What to do.
    pub next_steps: Vec<String>,
    /// Where to look.
    pub console: String,
}

/// A change before the onset.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Change {
    /// The event's name.
    pub event: String,
    /// Who.
    pub by: Option<String>,
    /// When.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: Timestamp,
}

/// What is known of the distribution besides its incidents.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// The name under which people know it.
    pub domain: Option<String>,
    /// Its requests of any status in the logs that were read.
    pub requests: u64,
    /// The requests of each finding in the logs that were read; its incidents may have more.
    pub of_findings: BTreeMap<String, u64>,
}

/// Whom a message is for: each of them has a topic of its own.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Audience {
    /// Mail and programs.
    #[default]
    Subscribers,
    /// The channels of a chat, which drop every other form.
    Chat,
}

/// An alert in the form in which it is stored and sent. Each audience has a message of its own, so
/// that what went out to one is not sent again because the other could not be reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outgoing {
    /// Whom it is for.
    #[serde(default)]
    pub audience: Audience,
    /// The story.
    pub alert_id: String,
    /// The number of the message.
    pub sequence: u64,
    /// When it was stored, by our clock.
    pub stored: Timestamp,
    /// The subject; a chat has none.
    pub subject: Option<String>,
    /// The body: JSON per protocol, or what a chat takes.
    pub message: String,
    /// The message attributes.
    pub attributes: Vec<(String, String)>,
}

impl Alert {
    /// The alert of incidents of one distribution and cause, the largest first.
    pub fn new(
        incidents: &[Incident],
        findings: &[Finding],
        place: &Place,
        about: &About,
    ) -> Option<Self> {
        let largest = incidents.first()?;
        let concerns =
            |finding: &&Finding| incidents.iter().any(|one| one.finding_ids.contains(&finding.id));
        let findings: Vec<Finding> =
            findings.iter().filter(concerns).take(ALERT_FINDINGS).map(safe::finding).collect();
        let main = findings.iter().find(|finding| largest.finding_ids.contains(&finding.id));
        let forbidden: u64 = incidents.iter().map(|one| one.forbidden).sum();
        let read = |finding: &Finding| about.of_findings.get(&finding.id).copied();
        let refused: u64 =
            findings.iter().map(|finding| read(finding).unwrap_or(finding.requests)).sum();
        let id = largest.distribution_id.as_deref().map(crate::viewer::plain);
        let console = match &id {
            Some(id) => format!("{CONSOLE}#/distributions/{id}"),
            None => CONSOLE.to_owned(),
        };
        let mut next_steps = Vec::new();
        if let Some(finding) = main {
            next_steps.push(finding.remedy.summary.clone());
            next_steps.extend(finding.remedy.steps.iter().cloned());
        }
        let mut alert = Self {
            schema: "why403/alert/1",
            alert_id: place.alert_id.clone(),
            sequence: place.sequence,
            state: place.state,
            why: place.why,
            looked_at: main.map_or(0, |finding| read(finding).unwrap_or(finding.requests)),
            severity: largest.severity,
            distribution_id: id,
            domain: about.domain.as_deref().map(crate::viewer::plain),
            title: String::new(),
            since: incidents.iter().map(|one| one.start).min()?,
            detected: incidents.iter().map(|one| one.detected).max()?,
            until: match place.state {
                "resolved" => incidents.iter().filter_map(|one| one.end).max(),
                _ => None,
            },
            forbidden,
            expected: incidents.iter().map(|one| one.expected).sum(),
            share_of_requests: (about.requests > 0 && refused > 0)
                .then(|| (refused as f64 / about.requests as f64).min(1.0)),
            confidence: main
                .map(|finding| finding.confidence.to_owned())
                .or_else(|| place.confidence.clone())
                .unwrap_or_else(|| "possible".to_owned()),
            cause: largest.cause,
            detail: largest.detail,
            rule: largest.rule.as_deref().map(safe::rule),
            change: main.and_then(|finding| finding.trigger.as_ref()).map(|trigger| Change {
                event: trigger.event.clone(),
                by: trigger.by.clone(),
                at: trigger.at,
            }),
            next_steps,
            console,
            findings,
        };
        alert.title = text::title(&alert);
        Some(alert)
    }

    /// The alert as it is stored and sent to each audience, and what of it makes another thing of
    /// its story.
    pub fn outgoing(&self, audiences: &[Audience], now: Timestamp) -> (Vec<Outgoing>, Gist) {
        let main = self.findings.first();
        let gist = Gist {
            confidence: self.confidence.clone(),
            // Edges and countries differ from file to file.
            place: main.and_then(|one| one.clusters.first()).map(|one| one.path.clone()),
            looked_at: self.looked_at,
            waits: false,
        };
        (audiences.iter().map(|one| message::outgoing(self, *one, now)).collect(), gist)
    }
}

const CONSOLE: &str = "https://us-east-1.console.aws.amazon.com/cloudfront/v4/home";
