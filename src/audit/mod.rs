//! What a configuration will refuse, before any request comes.
//!
//! The rules that judge refusals are asked about requests that nobody has sent yet: what a viewer
//! would ask for ([`probe`]), with nothing in their log lines but that they were refused. What a
//! rule then *explains* by the configuration alone is a finding; what it supports or hints at would
//! need a refusal that happened. So there is no second copy of any rule.

mod out;
pub mod probe;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::account::Account;
use crate::account::State;
use crate::account::absence::Absence;
use crate::account::distribution::Distribution;
use crate::account::facts::{Depth, DistributionFacts, Facts};
use crate::causes::kind::{Kind, Sources};
use crate::causes::opinion::Says;
use crate::causes::remedy::{self, Case};
use crate::causes::{Cause, RULES, Rule, Severity};
use crate::logs::function::FunctionIndex;
use crate::logs::origin::OriginIndex;
use crate::logs::waf::WafIndex;
use crate::report::RemedyOut;
pub use out::{Audit, Finding, Note, Unread, junit, text};
use probe::{Probe, Purpose};

/// Audits these distributions, or, where none is named, all that the account can tell. The requests
/// are of the moment at which the first fact was read, or of `at` where nobody knows it: that is
/// the configuration that is there.
pub fn audit(account: &dyn Account, named: &[String], at: Timestamp) -> Audit {
    let ids = match named {
        [] => account.subjects("cloudfront/get-distribution"),
        named => named.to_vec(),
    };
    let facts = Facts::gather(account, &ids, &[], Depth::Incident);
    let (at, mut unread) = seen(&facts, at);
    let mut found: BTreeMap<(String, Cause, Option<&'static str>, String), Finding> =
        BTreeMap::new();
    let (mut distributions, mut requests) = (0, 0);
    let mut notes = Vec::new();
    for (id, mine) in &facts.distributions {
        let Some(distribution) = mine.distribution.known() else {
            if mine.distribution.state == State::Unasked || mine.distribution.is_nothing() {
                unread.push(Unread::of(&mine.distribution.question, Absence::Unasked));
            }
            continue;
        };
        distributions += 1;
        notes.extend(masks(id, distribution));
        for probe in probe::of(id, mine, distribution, &facts, at) {
            requests += 1;
            for finding in refused(&probe, mine, &facts) {
                let subject = finding.evidence.first().map(|one| one.says.clone());
                let key = (id.clone(), finding.of, finding.detail, subject.unwrap_or_default());
                let known = found.entry(key).or_insert_with(|| Finding { requests: 0, ..finding });
                known.requests += 1;
            }
        }
    }
    let mut findings: Vec<Finding> = found.into_values().collect();
    findings.sort_by(|a, b| {
        let of = |one: &Finding| (Severity::of(one.of, one.detail), one.confidence != "confirmed");
        of(a).cmp(&of(b)).then(b.requests.cmp(&a.requests)).then(a.request.cmp(&b.request))
    });
    Audit { schema: "why403/audit/1", distributions, requests, findings, notes, unread }
}

/// When the first fact was read, and what whoever asked was not told of what can refuse.
fn seen(facts: &Facts, now: Timestamp) -> (Timestamp, Vec<Unread>) {
    let (mut at, mut unread) = (now, Vec::new());
    facts.each(&mut |question, absence, read_at| {
        at = read_at.map_or(at, |read_at| read_at.min(at));
        let refuses = !matches!(
            question.operation,
            "cloudtrail/lookup-events" | "wafv2/get-logging-configuration"
        );
        match absence {
            Some(absence @ (Absence::Denied | Absence::Unreadable)) if refuses => {
                unread.push(Unread::of(question, absence));
            }
            _ => {}
        }
    });
    (at, unread)
}

/// What the rules say of one request.
fn refused(probe: &Probe, mine: &DistributionFacts, facts: &Facts) -> Vec<Finding> {
    let nothing = (WafIndex::default(), OriginIndex::default(), FunctionIndex::default());
    let sources = Sources {
        facts,
        waf: &nothing.0,
        origin: &nothing.1,
        function: &nothing.2,
        blocked_bodies: &BTreeSet::new(),
    };
    let kind = Kind::of(&probe.refusal, &sources);
    let opinions = RULES.iter().map(|rule| (rule, (rule.opinion)(&kind, Some(mine))));
    opinions
        .filter(|(_, opinion)| opinion.says == Says::Explains)
        .filter(|(rule, opinion)| !probe.is_to_be_refused(rule.cause, opinion.detail))
        .map(|(rule, opinion)| Finding {
            distribution_id: mine.id.clone(),
            of: rule.cause,
            cause: rule.cause.id(),
            detail: opinion.detail,
            severity: Severity::of(rule.cause, opinion.detail).id(),
            confidence: if opinion.detail_sure { "confirmed" } else { "likely" },
            request: probe.to_string(),
            requests: 1,
            evidence: opinion.evidence.into_iter().map(Into::into).collect(),
            remedy: remedy(rule, opinion.detail, &kind, mine, facts, probe.refusal.time),
        })
        .collect()
}

/// What to do about it, as a report says it.
fn remedy(
    rule: &Rule,
    detail: Option<&'static str>,
    kind: &Kind,
    mine: &DistributionFacts,
    facts: &Facts,
    at: Timestamp,
) -> RemedyOut {
    let remedy = remedy::of(&Case {
        cause: rule.cause,
        detail,
        rule: None,
        kinds: &[kind],
        facts: Some(mine),
        summaries: facts.summaries.known().map_or(&[], Vec::as_slice),
        tenant: None,
        viewer: None,
        websocket: false,
        change: None,
        span: (at, at),
        open: false,
        past: false,
        alternatives: &BTreeSet::new(),
    });
    RemedyOut {
        summary: remedy.summary,
        steps: remedy.steps,
        without_viewer: None,
        reference: remedy.reference.unwrap_or(rule.sheet.reference),
    }
}

/// A rule that turns 403 into something else makes every refusal invisible.
fn masks(id: &str, distribution: &Distribution) -> Vec<Note> {
    let mut statuses: Vec<u16> = distribution.masks().collect();
    statuses.sort_unstable();
    statuses.dedup();
    let says = |status| {
        format!(
            "a custom error response shows {status} in the place of 403: whoever is refused, and \
             whatever is missing, looks like another answer"
        )
    };
    statuses
        .into_iter()
        .map(|status| Note { distribution_id: id.to_owned(), says: says(status) })
        .collect()
}

impl Probe {
    /// What the configuration is there to refuse of such a request, and what only a path that
    /// somebody asks for can say.
    fn is_to_be_refused(&self, cause: Cause, detail: Option<&str>) -> bool {
        match (cause, detail) {
            // Nobody has signed a request that nobody has sent.
            (Cause::SignedAccess, _) => {
                self.purpose != Purpose::Signed || detail != Some("unknown-key")
            }
            (Cause::S3Origin, Some("object-missing" | "wrong-path" | "archived")) => {
                matches!(self.purpose, Purpose::Made | Purpose::Name)
            }
            _ => false,
        }
    }
}
