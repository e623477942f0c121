//! The one question of a support desk: why was this request refused?

use std::fmt::{self, Write};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::commands::missing;
use super::finding::label_of;
use super::text::{item, moment};
use super::{EvidenceOut, MissingOut, RuledOutOut};
use super::{build, signed};
use crate::analysis::Analysis;
use crate::causes::remedy::{self, Case};
use crate::causes::rule;
use crate::schema;
use crate::viewer::plain;

/// One request and all that is known of it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, title = "An answer to --request-id")]
pub struct RequestAnswer {
    /// The id that was asked for.
    pub request_id: String,
    /// Whether a refusal with this id is in the logs; the rest is empty where it is not.
    pub found: bool,
    /// When the answer was finished.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub time: Option<Timestamp>,
    /// The distribution.
    pub distribution_id: Option<String>,
    /// The status that the viewer got.
    pub status: Option<u16>,
    /// The method.
    pub method: Option<String>,
    /// The path.
    pub path: Option<String>,
    /// The edge location.
    pub edge: Option<String>,
    /// The viewer's country.
    pub country: Option<String>,
    /// The cause.
    #[schemars(schema_with = "schema::cause_or_null")]
    pub cause: Option<&'static str>,
    /// The detail.
    #[schemars(schema_with = "schema::detail_or_null")]
    pub detail: Option<&'static str>,
    /// The WAF rule.
    pub rule: Option<String>,
    /// How sure it is.
    #[schemars(schema_with = "schema::confidence_or_null")]
    pub confidence: Option<&'static str>,
    /// What it rests on.
    pub evidence: Vec<EvidenceOut>,
    /// What it was not.
    pub ruled_out: Vec<RuledOutOut>,
    /// What else it may have been.
    #[schemars(schema_with = "schema::causes")]
    pub alternatives: Vec<&'static str>,
    /// Facts that would decide more.
    pub missing: Vec<MissingOut>,
    /// What to do, in one sentence.
    pub remedy: Option<String>,
}

/// Answers for one id.
pub fn answer(analysis: &Analysis<'_>, id: &str) -> RequestAnswer {
    let Some((refusal, kind, verdict)) = analysis.verdict_of(id) else {
        return RequestAnswer {
            request_id: plain(id),
            found: false,
            time: None,
            distribution_id: None,
            status: None,
            method: None,
            path: None,
            edge: None,
            country: None,
            cause: None,
            detail: None,
            rule: None,
            confidence: None,
            evidence: Vec::new(),
            ruled_out: Vec::new(),
            alternatives: Vec::new(),
            missing: Vec::new(),
            remedy: None,
        };
    };
    let mine = kind.distribution.as_deref().and_then(|id| analysis.facts.distributions.get(id));
    let facts = &analysis.facts;
    let sent = build::sent(&refusal, facts);
    let missing: Vec<MissingOut> = verdict
        .missing
        .iter()
        .filter_map(|question| {
            MissingOut::of(question, Some(&refusal), (refusal.time, refusal.time), &analysis.facts)
        })
        .collect();
    let case = Case {
        cause: verdict.cause,
        detail: verdict.detail,
        rule: verdict.rule.as_deref(),
        kinds: &[kind],
        facts: mine,
        summaries: facts.summaries.known().map(Vec::as_slice).unwrap_or_default(),
        tenant: build::tenant(&refusal, facts),
        viewer: Some(&sent),
        websocket: build::is_websocket(&refusal),
        change: None,
        span: (refusal.time, refusal.time),
        open: missing.iter().any(|one| !one.is_past()),
        past: missing.iter().any(MissingOut::is_past),
        alternatives: &verdict.alternatives.iter().copied().collect(),
    };
    let advice = remedy::of(&case);
    let mut evidence: Vec<EvidenceOut> = verdict
        .evidence
        .iter()
        .map(|one| EvidenceOut {
            source: one.source.clone(),
            says: one.says.clone(),
            requests: 1,
            speaks: one.speaks.id(),
        })
        .collect();
    evidence.extend(signed::facts(&refusal, verdict.cause, verdict.detail));
    RequestAnswer {
        request_id: plain(id),
        found: true,
        time: Some(refusal.time),
        distribution_id: refusal.distribution_id.as_deref().map(str::to_owned),
        status: Some(refusal.status),
        method: Some(refusal.method.to_string()),
        path: Some(refusal.path.shown()),
        edge: Some(refusal.edge.to_string()),
        country: analysis.country(&refusal),
        cause: Some(verdict.cause.id()),
        detail: verdict.detail,
        rule: verdict.rule.clone(),
        confidence: Some(verdict.confidence.id()),
        evidence,
        ruled_out: verdict
            .ruled_out
            .iter()
            .map(|out| RuledOutOut { cause: out.cause.id(), because: out.because.says.clone() })
            .collect(),
        alternatives: verdict.alternatives.iter().map(|cause| cause.id()).collect(),
        missing,
        remedy: rule(verdict.cause).map(|_| advice.summary),
    }
}

/// The answer for people.
pub fn text(answer: &RequestAnswer) -> Result<String, fmt::Error> {
    let mut out = String::new();
    writeln!(out, "{}", answer.request_id)?;
    if !answer.found {
        item(
            &mut out,
            "",
            "is not among the refusals in these logs. It may have been answered with another \
             status; its log may not be here or not be there yet (CloudFront delivers within an \
             hour as a rule, and up to a day late); its distribution may not log; or the id is \
             not whole: it is the x-amz-cf-id header of the answer, 56 characters long.",
        )?;
        return Ok(out);
    }
    let (cause, detail) = (answer.cause.unwrap_or_default(), answer.detail);
    let name = detail.map_or_else(|| cause.to_owned(), |detail| format!("{cause}/{detail}"));
    let rule = answer.rule.as_deref().map_or(String::new(), |rule| format!(" {rule}"));
    item(&mut out, "why", &format!("{name}{rule}, {}", answer.confidence.unwrap_or_default()))?;
    let country = answer.country.as_deref().map_or(String::new(), |code| format!(" from {code}"));
    let what = format!(
        "{} {} answered {} at {}{country}",
        answer.method.as_deref().unwrap_or_default(),
        answer.path.as_deref().unwrap_or_default(),
        answer.status.unwrap_or_default(),
        answer.edge.as_deref().unwrap_or_default(),
    );
    item(&mut out, "what", &what)?;
    if let Some(time) = answer.time {
        let whom = answer.distribution_id.as_deref().unwrap_or("an unknown distribution");
        item(&mut out, "when", &format!("{} UTC, on {whom}", moment(time)))?;
    }
    for evidence in &answer.evidence {
        let label = label_of(evidence.speaks);
        item(&mut out, label, &format!("{}: {}", evidence.source, plain(&evidence.says)))?;
    }
    for ruled_out in &answer.ruled_out {
        item(&mut out, "not", &format!("{}: {}", ruled_out.cause, plain(&ruled_out.because)))?;
    }
    if !answer.alternatives.is_empty() {
        item(&mut out, "or", &answer.alternatives.join(", "))?;
    }
    missing(&mut out, &answer.missing)?;
    if let Some(remedy) = &answer.remedy {
        item(&mut out, "do", remedy)?;
    }
    Ok(out)
}
