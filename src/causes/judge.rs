//! The judge: weighs what all causes think of one kind of request. It knows no cause by name.

use super::kind::Kind;
use super::opinion::{Evidence, LOG, Opinion, Says, Speaks};
use super::{Cause, RULES, Rule, asked, seen};
use crate::account::Question;
use crate::account::facts::{DistributionFacts, Held};
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
            _ => unattributed(&open, ruled_out, kind, &opinions, facts),
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
        Says::Hints if rivals > 0 => {
            return unattributed(&open, ruled_out, kind, &opinions, facts);
        }
        _ => Confidence::Possible,
    };
    let alternatives = match confidence {
        Confidence::Confirmed => Vec::new(),
        _ => alternatives_to(rule.cause),
    };
    let ruled_out = not_named(ruled_out, &alternatives);
    let aside = aside(&opinions, Some(rule.cause), &alternatives, kind, facts);
    let last = others().next().is_none() && opinion.says < Says::Explains;
    let mut verdict = verdict(rule, opinion, confidence, (kind, facts), ruled_out, alternatives);
    if last {
        verdict.evidence.push(nothing_else());
    }
    add(&mut verdict.evidence, aside);
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
    // What is excluded or explained by a configuration that was not in force is not certain, and
    // what others were let in with is no more than possible as the reason.
    if kind.let_in.any() && opinion.says < Says::Proves {
        if evidence.iter().all(|one| one.speaks != Speaks::Against) {
            confidence = confidence.min(Confidence::Likely);
            evidence.push(Evidence::against(
                LOG,
                "others were let in with what the configuration that was read refuses: it is not \
                 the one of that moment",
            ));
        } else {
            confidence = Confidence::Possible;
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
    kind: &Kind,
    opinions: &[(&Rule, Opinion)],
    facts: Option<&DistributionFacts>,
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
    let mut evidence = seen::of(kind);
    add(&mut evidence, aside(opinions, None, &alternatives, kind, facts));
    add(&mut evidence, asked::seen(kind, is_locked(kind, facts)));
    Verdict {
        cause: Cause::Unattributed,
        detail: Some("insufficient-evidence"),
        rule: None,
        confidence: Confidence::Possible,
        evidence,
        ruled_out: not_named(ruled_out, &alternatives),
        alternatives,
        missing,
    }
}

/// What decides nothing and helps whoever looks further: what was seen of the alternatives, and
/// what the configuration of another moment says of them and of what is chosen.
fn aside(
    opinions: &[(&Rule, Opinion)],
    chosen: Option<Cause>,
    alternatives: &[Cause],
    kind: &Kind,
    facts: Option<&DistributionFacts>,
) -> Vec<Evidence> {
    let named = opinions.iter().filter(|(rule, _)| alternatives.contains(&rule.cause));
    let seen = named.flat_map(|(_, opinion)| &opinion.evidence);
    let seen = seen.filter(|one| one.speaks == Speaks::Neither).cloned();
    seen.chain(at_another_moment(chosen, alternatives, kind, facts)).collect()
}

/// What the causes would say if the configuration that was read, which is of another moment, were
/// the one that was in force.
fn at_another_moment(
    chosen: Option<Cause>,
    alternatives: &[Cause],
    kind: &Kind,
    facts: Option<&DistributionFacts>,
) -> Vec<Evidence> {
    let Some(read) = facts.map(|facts| &facts.distribution).filter(|read| read.known().is_some())
    else {
        return Vec::new();
    };
    if kind.config == Held::Holds {
        return Vec::new();
    }
    let then = Kind { config: Held::Holds, ..kind.clone() };
    let told = RULES.iter().flat_map(|rule| {
        let is_chosen = Some(rule.cause) == chosen;
        let asked = is_chosen || alternatives.contains(&rule.cause);
        let opinion = asked.then(|| (rule.opinion)(&then, facts));
        let opinion = opinion.filter(|opinion| is_chosen || opinion.says >= Says::Explains);
        opinion.map(|opinion| opinion.evidence).unwrap_or_default()
    });
    let at = read
        .read_at
        .map_or_else(String::new, |at| at.strftime(" at %Y-%m-%d %H:%M UTC").to_string());
    let mut told: Vec<Evidence> = told
        .filter(|one| one.source == read.question.operation)
        .map(|one| {
            let says = format!(
                "read{at}, and not known to be so at the time of these requests: {}",
                one.says
            );
            Evidence::seen(one.source, says)
        })
        .collect();
    told.dedup();
    told
}

/// Adds what was not said yet.
fn add(evidence: &mut Vec<Evidence>, more: Vec<Evidence>) {
    for one in more {
        if evidence.iter().all(|said| said.says != one.says) {
            evidence.push(one);
        }
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
