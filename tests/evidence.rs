//! Less evidence never makes another certainty: whatever is left out of a bundle, what was
//! `confirmed` with all of it is never `confirmed` as something else; and whatever facts are left
//! out, nothing is `confirmed` that did not happen.
//!
//! Left out are each file below `logs/` and `aws/` by itself, the logs of a kind, the facts of a
//! service, all of them, and some at random, from the same seeds in every run.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test reads files and may fail"
)]

mod bundles;

use std::collections::{BTreeMap, BTreeSet};

use bundles::{Bundle, analyse, files, of_each, read};
use jiff::Timestamp;
use serde_json::Value;
use why403::account::bundle::{BundleAccount, file_name};
use why403::account::{Account, Answer, Question};
use why403::causes::judge::Confidence;
use why403::logs::tally::hash;

/// Subsets at random for each bundle, beside those that are made on purpose.
const AT_RANDOM: u64 = 16;

/// Bytes of logs above which a bundle is left out of piece by piece and not at random.
const LARGE: usize = 1 << 20;

/// An account that does not know some of what it knows.
struct Without<'a> {
    account: &'a BundleAccount,
    hidden: &'a BTreeSet<&'a str>,
}

impl Account for Without<'_> {
    fn ask(&self, question: &Question) -> (Answer, Option<Timestamp>) {
        if self.hides(question.operation, &question.about) {
            return (Answer::Unasked, None);
        }
        self.account.ask(question)
    }

    fn subjects(&self, operation: &'static str) -> Vec<String> {
        let mut all = self.account.subjects(operation);
        all.retain(|about| !self.hides(operation, about));
        all
    }
}

impl Without<'_> {
    fn hides(&self, operation: &str, about: &str) -> bool {
        let name = match about {
            "" => format!("aws/{operation}.json"),
            about => format!("aws/{operation}/{}.json", file_name(about)),
        };
        self.hidden.contains(name.as_str())
    }
}

/// What is said of each request: cause, detail, and whether it is certain, by request id.
type Said = BTreeMap<String, (&'static str, Option<&'static str>, bool)>;

fn said(bundle: &Bundle, hidden: &BTreeSet<&str>) -> Said {
    let account = Without { account: &bundle.account, hidden };
    let shown = bundle.logs.iter().filter(|(name, _)| !hidden.contains(name.as_str()));
    let (tally, logs) =
        read(&account, shown.map(|(name, bytes)| (name.as_str(), bytes.as_slice())));
    analyse(&tally, logs, &account)
        .verdicts()
        .map(|(refusal, _, verdict)| {
            let id = refusal.request_id.as_deref().map_or_else(
                || format!("{} {}", refusal.time, refusal.path.shown()),
                str::to_owned,
            );
            let certain = verdict.confidence == Confidence::Confirmed;
            (id, (verdict.cause.id(), verdict.detail, certain))
        })
        .collect()
}

/// All that can be left out, as paths in the bundle.
fn sources(bundle: &Bundle) -> Vec<String> {
    let facts = files(&bundle.root.join("aws")).into_iter();
    let facts = facts.map(|path| path.strip_prefix(&bundle.root).unwrap().to_owned());
    let logs = bundle.logs.iter().map(|(name, _)| name.clone());
    logs.chain(facts.map(|path| path.to_string_lossy().into_owned())).collect()
}

fn subsets<'a>(bundle: &Bundle, sources: &'a [String]) -> BTreeSet<BTreeSet<&'a str>> {
    let mut all: BTreeSet<BTreeSet<&str>> =
        sources.iter().map(|source| BTreeSet::from([source.as_str()])).collect();
    // Without access logs there is nothing to be wrong about.
    let sources = || sources.iter().map(String::as_str).filter(|s| !s.starts_with("logs/access"));
    for start in [
        "",
        "logs/waf/",
        "logs/origin/",
        "logs/function/",
        "logs/",
        "aws/",
        "aws/s3api/",
        "aws/wafv2/",
        "aws/cloudfront/",
    ] {
        all.insert(sources().filter(|source| source.starts_with(start)).collect());
    }
    let large = bundle.logs.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() > LARGE;
    for round in 0..if large { 0 } else { AT_RANDOM } {
        let seed = |source: &&str| hash(format!("{} {source} {round}", bundle.name()).as_bytes());
        all.insert(sources().filter(|source| seed(source) % 2 == 0).collect());
    }
    all.remove(&BTreeSet::new());
    all
}

/// What happened, as pairs of cause and detail that `expect.json` allows; every detail of a cause
/// where it names none. Empty where nobody wrote down what happened.
fn allowed(bundle: &Bundle) -> BTreeSet<(String, Option<String>)> {
    let Ok(text) = std::fs::read(bundle.root.join("expect.json")) else { return BTreeSet::new() };
    let expect: Value = serde_json::from_slice(&text).unwrap();
    let list = |value: &Value| match value {
        Value::Array(several) => several.clone(),
        one => vec![one.clone()],
    };
    let mut all = BTreeSet::new();
    for verdict in expect["verdicts"].as_array().unwrap() {
        for cause in list(&verdict["cause"]) {
            for detail in list(&verdict["detail"]) {
                all.insert((
                    cause.as_str().unwrap().to_owned(),
                    detail.as_str().map(str::to_owned),
                ));
            }
        }
    }
    all
}

fn changes(bundle: &Bundle) -> Vec<String> {
    let whole = said(bundle, &BTreeSet::new());
    let allowed = allowed(bundle);
    let sources = sources(bundle);
    let mut all = Vec::new();
    for hidden in subsets(bundle, &sources) {
        let part = said(bundle, &hidden);
        let other = part.iter().filter(|(_, (.., certain))| *certain).find_map(|(id, said)| {
            let (cause, detail, _) = said;
            let (was, in_detail, was_certain) = whole.get(id)?;
            let happened = allowed.is_empty()
                || allowed.iter().any(|(of, in_detail)| {
                    of == cause && (detail.is_none() || in_detail.as_deref() == *detail)
                });
            // Less evidence may well leave the detail open, and a change that nobody knows of
            // closes it.
            let finer = in_detail.is_none() && happened;
            let same = was == cause && (detail.is_none() || detail == in_detail || finer);
            // A log that contradicts what is read otherwise is not missed by whoever lacks it.
            let known = *was != "unattributed" && !hidden.iter().any(|s| s.starts_with("logs/"));
            let wrong = (*was_certain && !same) || (known && !happened);
            wrong.then(|| format!("{was}/{in_detail:?} became {cause}/{detail:?} of {id}"))
        });
        if let Some(other) = other {
            all.push(format!("{} without {hidden:?}: {other}", bundle.name()));
        }
    }
    all
}

#[test]
fn less_evidence_never_makes_another_certainty() {
    let told = of_each(changes);
    assert!(told.is_empty(), "{} times\n{}", told.len(), told.join("\n"));
}
