//! What people read when they are woken: an alert for every cause and detail, each in three states,
//! as files in `tests/alerts/`.
//!
//! They are made the way the function makes them: a bundle of `tests/incidents` is read and judged,
//! its refusals are counted into a store as often as makes them news, and the alerts are what comes
//! out, and what programs get is as its schema says. `UPDATE_ALERTS=1 cargo test --test alerts` writes them anew; read what has changed as
//! somebody would at three in the morning, on a phone.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test reads files and may fail"
)]

// The other tests want all of it.
#[allow(dead_code)]
mod bundles;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use bundles::{Bundle, analyse, read};
use jsonschema::Validator;
use serde_json::{Value, json};
use why403::account::distribution::Distribution;
use why403::account::{Fact, Question};
use why403::alerts::{About, Alert, Audience};
use why403::causes::Cause;
use why403::countries::Countries;
use why403::incidents::plan::Heard;
use why403::incidents::record::{Arrived, Contribution, Desk, record};
use why403::incidents::store::memory::MemoryStore;
use why403::incidents::{Bucket, Clients, Series, bucket_of, time_of};
use why403::report::build::Subject;
use why403::report::{Finding, Inputs};
use why403::schema::{self, Output};
use why403::trigger::Object;

/// Refusals that are news wherever they come from, and four times as many.
const NEWS: u64 = 60;
const GROWN: u64 = 300;

/// Details that no log tells from their neighbours, so that no verdict has them.
const NO_LOG_TELLS: [(Cause, &&str); 2] =
    [(Cause::CustomOrigin, &"firewall"), (Cause::InvalidRequest, &"get-with-body")];

/// What a bundle says of one cause and detail.
struct Found {
    bundle: String,
    subject: Subject,
    findings: Vec<Finding>,
    about: About,
    last: Bucket,
}

fn found(root: &Path) -> Vec<Found> {
    let bundle = Bundle::open(root);
    let account = &bundle.account;
    let objects = bundle.logs.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
    let (tally, logs) = read(account, objects);
    let analysis = analyse(&tally, logs, account);
    let findings = analysis.report(&tally, Inputs::default(), &Countries::default()).findings;
    let mut newest: BTreeMap<Subject, Bucket> = BTreeMap::new();
    for (refusal, kind, verdict) in analysis.verdicts() {
        let last = newest.entry(Subject::of(kind, verdict)).or_insert(Bucket::MIN);
        *last = bucket_of(refusal.time).max(*last);
    }
    let one = |(subject, last): (Subject, Bucket)| {
        let id = subject.distribution_id.clone().unwrap_or_default();
        let question = Question::new("cloudfront/get-distribution", &*id);
        let known = Fact::ask(account, question, Distribution::parse).known().cloned();
        let served = known.as_ref().and_then(|one| tally.served.get(one.domain_name.as_str()));
        let served: u64 = served.map_or(0, |served| served.buckets.values().sum());
        let mine =
            tally.refusals.iter().filter(|one| one.distribution_id == subject.distribution_id);
        let requests = served + mine.count() as u64;
        let name = |one: Distribution| {
            one.config.aliases.items.first().cloned().unwrap_or(one.domain_name)
        };
        let about = About { domain: known.map(name), requests, ..About::default() };
        let bundle = root.file_name().unwrap().to_string_lossy().into_owned();
        Found { bundle, subject, findings: findings.clone(), about, last }
    };
    newest.into_iter().map(one).collect()
}

impl Found {
    fn finding(&self) -> &Finding {
        self.findings.iter().find(|one| one.id == self.subject.id("f")).unwrap()
    }

    /// How well it stands for its cause: sure rather than not, and of many requests.
    fn weight(&self) -> (usize, u64) {
        let sure = ["possible", "likely", "confirmed"];
        let finding = self.finding();
        (sure.iter().position(|one| *one == finding.confidence).unwrap(), finding.requests)
    }

    /// The alerts of its story for each audience: it begins, half an hour later it has grown, and
    /// then it is over.
    fn story(&self, schema: &Validator) -> (Vec<String>, Vec<Value>) {
        let store = MemoryStore::default();
        let distribution = self.subject.distribution_id.as_deref().unwrap_or_default();
        let (mut told, mut chat) = (Vec::new(), Vec::new());
        let steps = [(1, NEWS), (8, GROWN), (80, 0)];
        for (number, (after, count)) in steps.into_iter().enumerate() {
            let now = time_of(self.last + after);
            // The silence of a site that gets no logs is noticed without them.
            let findings = if count > 0 { self.findings.as_slice() } else { &[] };
            let write = |incidents: &[_], place: &_| {
                let alert = Alert::new(incidents, findings, place, &self.about);
                let both = [Audience::Subscribers, Audience::Chat];
                alert.map(|alert| alert.outgoing(&both, now))
            };
            let desk = Desk {
                store: &store,
                heard: Heard::default(),
                distributions: 1,
                now,
                write: &write,
                wait: &|_| {},
            };
            let mut series = Series::new();
            series.add(self.last + after - 1, count);
            series.unite_clients(self.last + after - 1, Clients::from_places(u32::MAX));
            let contribution = Contribution {
                object: Object { key: number.to_string(), ..Object::default() },
                of: 1,
                partial: None,
                realtime: false,
                mark: None,
                refused: [(self.subject.clone(), series)].into(),
                served: Series::new(),
                waf: Series::new(),
                waiting: None,
            };
            let arrived = match count {
                0 => Arrived::Nothing,
                _ => Arrived::Objects(vec![contribution]),
            };
            let recorded = record(&desk, distribution, arrived);
            assert_eq!(recorded.failed, None);
            for alert in recorded.alerts {
                let message: Value = serde_json::from_str(&alert.message).unwrap();
                if alert.audience == Audience::Chat {
                    chat.push(message);
                    continue;
                }
                for protocol in ["sqs", "lambda", "http", "https"] {
                    let body = serde_json::from_str(message[protocol].as_str().unwrap()).unwrap();
                    let wrong = schema.iter_errors(&body).map(|wrong| wrong.to_string());
                    assert_eq!(wrong.collect::<Vec<_>>(), Vec::<String>::new(), "{protocol}");
                }
                let (subject, text) = (alert.subject.unwrap(), message["email"].as_str().unwrap());
                told.push(format!("Subject: {subject}\n\n{text}"));
            }
        }
        (told, chat)
    }
}

/// The form of AWS's "Custom notifications", whose fields are these; and what a chat makes
/// something of stands between backticks.
fn assert_is_notification(message: &Value) {
    assert_eq!((&message["version"], &message["source"]), (&json!("1.0"), &json!("custom")));
    let content = message["content"].as_object().unwrap();
    let fields = ["description", "keywords", "nextSteps", "textType", "title"];
    assert!(content.keys().all(|name| fields.contains(&name.as_str())), "{message}");
    assert_eq!(content["textType"], "client-markdown");
    let steps = content.get("nextSteps").map_or(&[][..], |steps| steps.as_array().unwrap());
    assert!(steps.len() <= 5);
    assert!(content["title"].as_str().unwrap().chars().count() <= 100);
    assert!(content["description"].as_str().unwrap().chars().count() <= 2000);
    for text in steps.iter().chain([&content["title"], &content["description"]]) {
        let text = text.as_str().unwrap();
        assert_eq!(text.matches('`').count() % 2, 0, "{text}");
        let outside: String = text.split('`').step_by(2).collect();
        // The console's address is the last but one line's.
        let outside = outside.replace(CONSOLE, "");
        assert!(!outside.contains(['*', '~', '<', '>', '&', '@', '|']), "{text}");
        assert!(!outside.contains("://") && !outside.contains("]("), "{text}");
        assert!(!text.contains(['<', '@']), "{text}");
    }
    let metadata = message["metadata"].as_object().unwrap();
    let fields = ["additionalContext", "eventType", "relatedResources", "summary", "threadId"];
    assert!(metadata.keys().all(|name| fields.contains(&name.as_str())), "{message}");
    for (name, value) in metadata["additionalContext"].as_object().unwrap() {
        let value = value.as_str().unwrap();
        assert!(
            !value.is_empty() && value.bytes().all(|b| b.is_ascii_graphic()),
            "{name}: {value}"
        );
    }
}

const CONSOLE: &str = "https://us-east-1.console.aws.amazon.com/";

#[test]
fn every_cause_and_state_reads_as_it_did() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let bundles = std::fs::read_dir(root.join("incidents")).unwrap().map(|one| one.unwrap().path());
    let bundles: BTreeSet<PathBuf> =
        bundles.filter(|path| path.join("expect.json").is_file()).collect();
    let mut best: BTreeMap<(Cause, Option<&str>), Found> = BTreeMap::new();
    let folder = root.join("alerts");
    let file = |(cause, detail): &(Cause, Option<&str>)| {
        folder.join(format!("{cause}.{}.txt", detail.unwrap_or("-")))
    };
    for one in bundles.iter().flat_map(|bundle| found(bundle)) {
        let key = (one.subject.cause, one.subject.detail);
        // A bundle that was chosen stays, or every new one would change what stands here.
        let stands = |one: &Found| {
            let known = std::fs::read_to_string(file(&key)).unwrap_or_default();
            known.lines().next() == Some(&format!("From tests/incidents/{}", one.bundle))
        };
        let weight = |one: &Found| (stands(one), one.weight());
        if best.get(&key).is_none_or(|known| weight(known) < weight(&one)) {
            best.insert(key, one);
        }
    }
    let all =
        Cause::ALL.iter().flat_map(|cause| cause.details().iter().map(move |one| (*cause, one)));
    let without: Vec<_> =
        all.filter(|(cause, one)| !best.contains_key(&(*cause, Some(*one)))).collect();
    assert_eq!(without, NO_LOG_TELLS, "no bundle shows them");
    let schema = schema::of(Output::Alert).to_value();
    let schema = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let mut changed = Vec::new();
    let mut stands = BTreeSet::new();
    for ((cause, detail), one) in best {
        let (told, chat) = one.story(&schema);
        assert_eq!(told.len(), 3, "{cause}/{detail:?} of {}: {told:#?}", one.bundle);
        assert_eq!(chat.len(), 3, "{cause}/{detail:?} of {}: {chat:#?}", one.bundle);
        chat.iter().for_each(assert_is_notification);
        let file = file(&(cause, detail));
        let rule = format!("\n{}\n\n", "=".repeat(72));
        let text = format!("From tests/incidents/{}\n{rule}{}", one.bundle, told.join(&rule));
        let chat = serde_json::to_string_pretty(&chat).unwrap() + "\n";
        for (file, text) in [(&file, text), (&file.with_extension("chat.json"), chat)] {
            if std::env::var_os("UPDATE_ALERTS").is_some() {
                std::fs::create_dir_all(&folder).unwrap();
                std::fs::write(file, &text).unwrap();
            }
            let known = std::fs::read_to_string(file).unwrap_or_default();
            if known != text {
                changed.push(format!("{}:\n{text}", file.display()));
            }
            stands.insert(file.clone());
        }
    }
    assert!(changed.is_empty(), "{}", changed.join("\n"));
    let all: BTreeSet<PathBuf> =
        std::fs::read_dir(&folder).unwrap().map(|one| one.unwrap().path()).collect();
    assert_eq!(all, stands, "no bundle tells what stands here alone");
}
