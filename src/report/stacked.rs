//! Requests that two distributions logged: one asked the other for what a viewer wanted, and passed
//! its refusal on. They are one fault, which is the inner one's.

use std::collections::BTreeMap;

use super::build::Subject;
use super::{Finding, RemedyOut};
use crate::account::distribution::{Summary, name_covers};
use crate::account::facts::Facts;
use crate::causes::Cause;
use crate::logs::record::Refusal;

/// Seconds between the ends of the inner and the outer answer.
const APART: i64 = 2;

/// One inner refusal: when, of which finding, and whether an outer one is known to be its echo.
struct Inner {
    second: i64,
    finding: String,
    taken: bool,
}

/// Says of each finding that is the echo of others whose it is, and of those how many of their
/// requests they echo.
pub fn relate(
    findings: &mut [Finding],
    subjects: impl Iterator<Item = (Subject, Refusal)> + Clone,
    facts: &Facts,
) {
    let is_outer = |subject: &Subject| {
        subject.cause == Cause::StackedDistributions
            && subject.detail == Some("origin-is-distribution")
    };
    if !findings.iter().any(|one| one.cause == Cause::StackedDistributions.id()) {
        return;
    }
    let mut inner: BTreeMap<(Box<str>, Vec<u8>), Vec<Inner>> = BTreeMap::new();
    for (subject, refusal) in subjects.clone().filter(|(subject, _)| !is_outer(subject)) {
        inner.entry((refusal.method.clone(), refusal.path.sent())).or_default().push(Inner {
            second: refusal.time.as_second(),
            finding: subject.id("f"),
            taken: false,
        });
    }
    let mut echoes: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    let mut behind: BTreeMap<String, String> = BTreeMap::new();
    for (subject, refusal) in subjects.filter(|(subject, _)| is_outer(subject)) {
        let at = refusal.time.as_second();
        for (id, path) in paths_behind(&refusal, facts) {
            let of_inner = |one: &&mut Inner| {
                !one.taken && (one.second - at).abs() <= APART && is_of(findings, &one.finding, &id)
            };
            let all = inner.get_mut(&(refusal.method.clone(), path)).into_iter().flatten();
            let nearest = all.filter(of_inner).min_by_key(|one| (one.second - at).abs());
            if let Some(one) = nearest {
                one.taken = true;
                let of = echoes.entry(subject.id("f")).or_default();
                *of.entry(one.finding.clone()).or_default() += 1;
                behind.entry(subject.id("f")).or_insert(id);
                break;
            }
        }
    }
    for (outer, of) in echoes {
        let all = findings.iter_mut().find(|one| one.id == outer);
        // Where only some of them are found again, others may have another reason.
        let Some(outer) = all.filter(|one| one.requests == of.values().sum::<u64>()) else {
            continue;
        };
        outer.follows = of.keys().cloned().collect();
        let whose = outer.distribution_id.clone();
        let name = behind.get(&outer.id).map_or("the distribution behind this one", |id| id);
        outer.remedy = RemedyOut {
            summary: format!(
                "Nothing to do here of its own: these are the same requests, passed on as {name} \
                 answered. What it refuses, and whether that is a fault, stands with it."
            ),
            steps: Vec::new(),
            without_viewer: None,
            reference: outer.remedy.reference,
        };
        for (inner, requests) in of {
            if let Some(one) = findings.iter_mut().find(|one| one.id == inner) {
                one.echoed += requests;
                one.asked_by.clone_from(&whose);
            }
        }
    }
}

fn is_of(findings: &[Finding], id: &str, distribution: &str) -> bool {
    let finding = findings.iter().find(|one| one.id == id);
    finding.is_some_and(|one| one.distribution_id.as_deref() == Some(distribution))
}

/// The distributions that may have been asked for a request, and by which path.
fn paths_behind(refusal: &Refusal, facts: &Facts) -> Vec<(String, Vec<u8>)> {
    let mine = refusal.distribution_id.as_deref().and_then(|id| facts.distributions.get(id));
    let Some(distribution) = mine.and_then(|mine| mine.distribution.known()) else {
        return Vec::new();
    };
    let sent = refusal.path.sent();
    let origins = distribution.origins_of(distribution.behavior_for(&sent));
    let others = facts.summaries.known().into_iter().flatten();
    let others = others.filter(|other| other.id != distribution.id);
    let has = |other: &Summary, name: &str| {
        other.domain_name.eq_ignore_ascii_case(name)
            || other.aliases.items.iter().any(|alias| name_covers(alias, name))
    };
    let asked = others.flat_map(|other| {
        let mut asked = origins.iter().filter(move |origin| has(other, &origin.domain_name));
        asked
            .next()
            .map(|origin| (other.id.clone(), [origin.origin_path.as_bytes(), &sent].concat()))
    });
    asked.collect()
}
