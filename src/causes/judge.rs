//! The judge: weighs what all causes think of one kind of request. It knows no cause by name.

use super::kind::Kind;
use super::opinion::{Evidence, LOG, Opinion, Says, Speaks};
use super::{Cause, RULES, Rule, asked, seen};
use crate::account::Question;
use crate::account::facts::DistributionFacts;
use crate::asked::plan::is_locked;

/// How sure a verdict is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// Consistent, not more.
    Possible,
    /// The evidence favours it, and a named alternative is left.
    Likely,
    /// One source proves it for this very request, or nothing else is possible.
    Confirmed,
}

impl Confidence {
    /// The stable identifier.
    pub fn id(self) -> &'static str {
        match self {
            Self::Possible => "possible",
            Self::Likely => "likely",
            Self::Confirmed => "confirmed",
        }
    }
}

/// A cause that it was not, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RuledOut {
    /// Which.
    pub cause: Cause,
    /// Why.
    pub because: Evidence,
}

/// What was decided of one kind of request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The cause.
    pub cause: Cause,
    /// The detail, where the evidence tells it.
    pub detail: Option<&'static str>,
    /// The WAF rule.
    pub rule: Option<String>,
    /// How sure it is.
    pub confidence: Confidence,
    /// What it rests on.
    pub evidence: Vec<Evidence>,
    /// What it was not.
    pub ruled_out: Vec<RuledOut>,
    /// What else it may have been.
    pub alternatives: Vec<Cause>,
    /// Facts that are missing and would decide more.
    pub missing: Vec<Question>,
}

/// Judges one kind of request.
pub fn judge(kind: &Kind, facts: Option<&DistributionFacts>) -> Verdict {
    let opinions: Vec<(&Rule, Opinion)> =
        RULES.iter().map(|rule| (rule, (rule.opinion)(kind, facts))).collect();

    let open: Vec<&(&Rule, Opinion)> =
        opinions.iter().filter(|(_, opinion)| opinion.says > Says::Excludes).collect();
    // The strongest opinion wins; among equals the one whose step comes first on a request's way,
    // since what was refused there never reached a later one.
    let chosen = open
        .iter()
        .filter(|(_, opinion)| opinion.says > Says::Silent)
        .max_by_key(|(rule, opinion)| (opinion.says, std::cmp::Reverse(rule.step)));
    let ruled_out = ruled_out(&opinions);
    // What the body speaks against is named only where nothing else is left.
    let alternatives_to = |cause: Cause| -> Vec<Cause> {
        let others = open.iter().filter(|(rule, _)| rule.cause != cause);
        let (doubted, left): (Vec<_>, Vec<_>) = others
            .map(|(rule, opinion)| (rule.cause, opinion.says))
            .partition(|(_, says)| *says == Says::Doubts);
        let named = if left.is_empty() { doubted } else { left };
        named.into_iter().map(|(cause, _)| cause).collect()
    };

    let Some((rule, opinion)) = chosen else {
        return match open.as_slice() {
            // Nothing speaks for it, but nothing else is possible.
            [(rule, opinion)] if opinion.says > Says::Doubts => {
                let mut verdict =
                    verdict(rule, opinion, Confidence::Confirmed, (kind, facts), ruled_out, vec![]);
                verdict.evidence.push(nothing_else());
                verdict
            }
            _ => unattributed(&open, ruled_out, (kind, facts)),
        };
    };
    let others = || open.iter().filter(|(other, _)| other.cause != rule.cause);
    // Whoever refuses for certain leaves nothing to the steps behind it.
    let before = others().any(|(other, _)| other.step <= rule.step);
    let rivals = others().filter(|(_, other)| other.says == opinion.says).count();
    let confidence = match opinion.says {
        Says::Proves => Confidence::Confirmed,
        Says::Explains if !before => Confidence::Confirmed,
        _ if others().next().is_none() => Confidence::Confirmed,
        Says::Explains => Confidence::Likely,
        Says::Supports if rivals == 0 => Confidence::Likely,
        // Two hints at different causes are a hint at nothing.
        Says::Hints if rivals > 0 => return unattributed(&open, ruled_out, (kind, facts)),
        _ => Confidence::Possible,
    };
    let alternatives = match confidence {
        Confidence::Confirmed => Vec::new(),
        _ => alternatives_to(rule.cause),
    };
    let ruled_out = not_named(ruled_out, &alternatives);
    let last = others().next().is_none() && opinion.says < Says::Explains;
    let mut verdict = verdict(rule, opinion, confidence, (kind, facts), ruled_out, alternatives);
    if last {
        verdict.evidence.push(nothing_else());
    }
    if verdict.confidence < Confidence::Confirmed {
        // What would exclude the alternatives would decide as well.
        verdict.missing.extend(others().flat_map(|(_, other)| other.missing.iter().cloned()));
        verdict.missing.sort();
        verdict.missing.dedup();
    }
    verdict
}

/// The reason where nothing speaks for a cause but that it is the last one.
fn nothing_else() -> Evidence {
    Evidence::new("logs and configuration", "every other cause is excluded")
}

fn verdict(
    rule: &Rule,
    opinion: &Opinion,
    confidence: Confidence,
    (kind, facts): (&Kind, Option<&DistributionFacts>),
    ruled_out: Vec<RuledOut>,
    alternatives: Vec<Cause>,
) -> Verdict {
    let mut confidence = confidence;
    let mut evidence = opinion.evidence.clone();
    if evidence.iter().all(|one| one.speaks != Speaks::For) {
        let told = seen::of(kind).into_iter();
        evidence.extend(told.filter(|one| opinion.evidence.iter().all(|o| o.says != one.says)));
    }
    let asked = asked::seen(kind, is_locked(kind, facts)).into_iter();
    evidence.extend(asked.filter(|one| opinion.evidence.iter().all(|o| o.says != one.says)));
    if !opinion.detail_sure {
        confidence = confidence.min(Confidence::Likely);
    }
    // What is excluded or explained by a configuration that was not in force is not certain.
    if kind.let_in.any() && opinion.says < Says::Proves {
        confidence = confidence.min(Confidence::Likely);
        if evidence.iter().all(|one| one.speaks != Speaks::Against) {
            evidence.push(Evidence::against(
                LOG,
                "others were let in with what the configuration that was read refuses: it is not \
                 the one of that moment",
            ));
        }
    }
    // A masked refusal is proved by another source or not at all: the status was never seen.
    if kind.is_masked() && opinion.says < Says::Proves {
        confidence = confidence.min(Confidence::Likely);
        // Where another error is shown as the same status, it may not even have been a refusal.
        let open = kind.mask_shared || opinion.detail.is_none();
        if open && opinion.says < Says::Explains {
            confidence = Confidence::Possible;
        }
        evidence.push(Evidence::against(
            LOG,
            match confidence {
                Confidence::Possible => {
                    "the log has the status that a custom error response put in its place, which \
                     stands for other errors as well: it may not even have been a refusal"
                }
                _ => "the log has the status that a custom error response put in the place of 403",
            },
        ));
    }
    Verdict {
        cause: rule.cause,
        detail: opinion.detail,
        rule: opinion.rule.clone(),
        confidence,
        evidence,
        ruled_out,
        alternatives,
        missing: opinion.missing.clone(),
    }
}

fn unattributed(
    open: &[&(&Rule, Opinion)],
    ruled_out: Vec<RuledOut>,
    (kind, facts): (&Kind, Option<&DistributionFacts>),
) -> Verdict {
    let (doubted, left): (Vec<_>, Vec<_>) = open
        .iter()
        .map(|(rule, opinion)| (rule.cause, opinion.says))
        .partition(|(_, says)| *says == Says::Doubts);
    let named = if left.is_empty() { doubted } else { left };
    let alternatives: Vec<Cause> = named.into_iter().map(|(cause, _)| cause).collect();
    let mut missing: Vec<Question> =
        open.iter().flat_map(|(_, opinion)| opinion.missing.iter().cloned()).collect();
    missing.sort();
    missing.dedup();
    Verdict {
        cause: Cause::Unattributed,
        detail: Some("insufficient-evidence"),
        rule: None,
        confidence: Confidence::Possible,
        evidence: [seen::of(kind), asked::seen(kind, is_locked(kind, facts))].concat(),
        ruled_out: not_named(ruled_out, &alternatives),
        alternatives,
        missing,
    }
}

/// What is named as an alternative is not ruled out.
fn not_named(mut ruled_out: Vec<RuledOut>, alternatives: &[Cause]) -> Vec<RuledOut> {
    ruled_out.retain(|out| !alternatives.contains(&out.cause));
    ruled_out
}

fn ruled_out(opinions: &[(&Rule, Opinion)]) -> Vec<RuledOut> {
    opinions
        .iter()
        .filter(|(_, opinion)| opinion.says <= Says::Doubts)
        .filter_map(|(rule, opinion)| {
            let because = opinion.evidence.first()?.clone();
            Some(RuledOut { cause: rule.cause, because })
        })
        .collect()
}
