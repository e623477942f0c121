//! What is missing, why, and how to get it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Finding, Inputs};
use crate::account::absence::Absence;
use crate::account::command::quoted;
use crate::account::facts::Facts;
use crate::account::{Question, bucket};
use crate::causes::names_resource;
use crate::causes::s3_origin::key;
use crate::logs::record::Refusal;
use crate::schema;

/// A missing fact.
#[derive(Clone, Debug, Serialize, JsonSchema, PartialEq, Eq, PartialOrd, Ord)]
#[schemars(deny_unknown_fields, rename = "Missing")]
pub struct MissingOut {
    /// Which, as in a bundle's `aws/`.
    pub fact: String,
    /// Why: `unasked`, `denied`, `unreadable`, `other-moment`, `in-part` (a listing that reaches no
    /// further), `no-line` (a log that is there and has no line of these requests).
    #[schemars(schema_with = "schema::why")]
    pub why: &'static str,
    /// For what is of another moment: when it was read, when it was changed, and the moment that
    /// matters.
    pub moments: Option<MomentsOut>,
    /// What must be allowed to whoever asks.
    pub permission: &'static str,
    /// The command that reads it.
    pub command: String,
    /// The file of a bundle that the command's output goes to.
    pub file: Option<String>,
    /// For a log that may not be written yet: how it is switched on, in words and as a command.
    pub switched_on: Option<(&'static str, String)>,
    /// The same without anything that a viewer sent, where it has that.
    #[serde(skip)]
    pub without_viewer: Option<Box<MissingOut>>,
}

/// The moments of a fact that is of another moment.
#[derive(Clone, Debug, Serialize, JsonSchema, PartialEq, Eq, PartialOrd, Ord)]
#[schemars(deny_unknown_fields, rename = "Moments")]
pub struct MomentsOut {
    /// When it was read; `null` is after the log, at an unknown time.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub read: Option<Timestamp>,
    /// When it was changed between the reading and the requests, where that is known.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub changed: Option<Timestamp>,
    /// What that was, and who did it.
    #[serde(skip)]
    pub change: Option<String>,
    /// When the requests were.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub wanted: Timestamp,
    /// Whether it was changed after the requests, so that reading it today does not help.
    pub is_past: bool,
    /// What AWS Config may keep of it.
    pub former: Option<String>,
}

impl MomentsOut {
    fn of(question: &Question, at: Timestamp, facts: &Facts) -> Self {
        let moments = facts.moments(question, at);
        let is_past = moments.read_at.is_none_or(|read| read >= at);
        Self {
            read: moments.read_at,
            changed: moments.changed_at,
            change: moments.change,
            wanted: at,
            is_past,
            former: question.former(at).filter(|_| is_past),
        }
    }
}

/// The first and the last of some requests.
type Span = (Timestamp, Timestamp);

impl MissingOut {
    /// Whether it was changed after the requests: a replay cannot use what is read of it now.
    pub fn is_past(&self) -> bool {
        self.moments.as_ref().is_some_and(|moments| moments.is_past)
    }

    fn new(question: &Question, why: Absence, span: Span, facts: &Facts) -> Self {
        Self {
            fact: question.to_string(),
            why: why.id(),
            moments: None,
            permission: question.permission(),
            command: question.command_for(span),
            file: question.file(),
            switched_on: question.switched_on().map(|(how, by)| {
                let arn = balancer(question, facts).unwrap_or("ARN");
                (
                    how,
                    by.replace(
                        "--load-balancer-arn ARN",
                        &format!("--load-balancer-arn {}", quoted(arn)),
                    ),
                )
            }),
            without_viewer: None,
        }
    }

    /// What a question asks for, unless it is there; `example` is a refusal that it would decide,
    /// one of those in `span`.
    pub fn of(
        question: &Question,
        example: Option<&Refusal>,
        span: Span,
        facts: &Facts,
    ) -> Option<Self> {
        let at = example.map(|example| example.time);
        let Some(name) = question.about.strip_suffix('/') else {
            let absence = facts.absence(question, at);
            // One that was asked with a prefix reaches no further.
            if absence == Some(Absence::Unasked) && is_listed_in_part(question, facts) {
                return Some(Self {
                    why: "in-part",
                    ..Self::new(question, Absence::Unasked, span, facts)
                });
            }
            // A listing that is there and does not reach the key: asking about the key itself does.
            if absence.is_none() && question.operation == "s3api/list-objects-v2" {
                let head = Question::new("s3api/head-object", format!("{}/", question.about));
                return Self::of(&head, example, span, facts);
            }
            let absence = absence?;
            let moments = at.filter(|_| absence == Absence::OtherMoment);
            let moments = moments.map(|at| MomentsOut::of(question, at, facts));
            return Some(Self { moments, ..Self::new(question, absence, span, facts) });
        };
        let general = Self::new(question, Absence::Unasked, span, facts);
        let Some(key) = example.and_then(|example| key_of(example, facts)) else {
            return Some(general);
        };
        let asked = Question::new(question.operation, format!("{name}/{key}"));
        let why = facts.absence(&asked, at)?;
        Some(Self {
            without_viewer: Some(Box::new(general)),
            ..Self::new(&asked, why, span, facts)
        })
    }
}

/// The ARN of the load balancer that a question is about, where another fact names it.
fn balancer<'a>(question: &Question, facts: &'a Facts) -> Option<&'a str> {
    let all = facts.distributions.values().flat_map(|mine| &mine.origin_acls);
    let mut arns = all.map(|acl| acl.question.about.as_str());
    arns.find(|arn| arn.contains(":loadbalancer/") && names_resource(&question.about, arn))
}

/// A log that is there is not missing: it has no line of these requests.
pub fn note_logs(findings: &mut [Finding], inputs: &Inputs) {
    let logs = findings.iter_mut().flat_map(|finding| &mut finding.missing);
    for log in logs.filter(|one| one.fact.starts_with("logs/origin/")) {
        if inputs.origin_log_files > 0 {
            log.why = "no-line";
            log.switched_on = None;
        }
    }
}

fn is_listed_in_part(question: &Question, facts: &Facts) -> bool {
    question.operation == "s3api/list-objects-v2"
        && facts.distributions.values().any(|mine| {
            let bucket = mine.buckets.get(&question.about);
            bucket.is_some_and(|bucket| bucket.listings.iter().any(|one| one.known().is_some()))
        })
}

/// Characters of a key that is put into a command.
const KEY: usize = 200;

/// The key of a refused request in its bucket, where it can be typed.
pub fn key_of(refusal: &Refusal, facts: &Facts) -> Option<String> {
    let mine = facts.distributions.get(refusal.distribution_id.as_deref()?)?;
    let distribution = mine.distribution.known()?;
    let behavior = distribution.behavior_for(&refusal.path.sent());
    let mut origins = distribution.origins_of(behavior).into_iter();
    let origin = origins.find(|origin| bucket::endpoint(&origin.domain_name).is_some())?;
    let key = key::of(&refusal.path, distribution, origin);
    // A tenant's parameter that is not filled in is no part of any key.
    let typed = !key.contains("{{") && key.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    (typed && !key.is_empty() && key.len() <= KEY).then_some(key)
}
