//! An account that keeps what it was told, and writes it as a bundle keeps it.

#![expect(clippy::disallowed_methods, reason = "a bundle is a folder: this is one of the ends")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::{fs, io};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::bundle::{file_name, relative};
use super::{Account, Answer, Question, is_of_aws};

/// Asks another account and keeps every answer.
pub struct Recorder<'a> {
    account: &'a dyn Account,
    told: Mutex<BTreeMap<Question, (Answer, Option<Timestamp>)>>,
}

/// `capture.json`.
#[derive(Serialize)]
struct Capture {
    schema: &'static str,
    captured_at: Timestamp,
    facts: BTreeMap<String, Timestamp>,
    /// What the files are about whose names are digests.
    names: BTreeMap<String, String>,
    /// What became of the signatures that were taken out of the logs, by request id.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    signatures: BTreeMap<String, &'static str>,
}

impl<'a> Recorder<'a> {
    /// Records what this account says.
    pub fn new(account: &'a dyn Account) -> Self {
        Self { account, told: Mutex::default() }
    }

    fn told(&self) -> std::sync::MutexGuard<'_, BTreeMap<Question, (Answer, Option<Timestamp>)>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes `aws/` and `capture.json` below a folder, with what became of the signatures that are
    /// not in the logs. Returns the questions to which no answer
    /// could be read, with the reason: they stay missing facts.
    pub fn write(
        &self,
        root: &Path,
        captured_at: Timestamp,
        signatures: BTreeMap<String, &'static str>,
    ) -> io::Result<Vec<(Question, String)>> {
        let mut unread = Vec::new();
        let (mut facts, mut names) = (BTreeMap::new(), BTreeMap::new());
        for (question, (answer, read_at)) in self.told().iter() {
            if !is_of_aws(question.operation) {
                continue;
            }
            let value = match answer {
                Answer::Said(value) => without_nulls(value.clone()),
                Answer::Error { code } => json!({ "Error": { "Code": code, "Message": "" } }),
                Answer::Unasked => continue,
                Answer::Unreadable(reason) => {
                    unread.push((question.clone(), reason.clone()));
                    continue;
                }
            };
            let file = relative(question);
            let path = root.join(&file);
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(&path, serde_json::to_string_pretty(&value)? + "\n")?;
            let name = file.to_string_lossy().into_owned();
            if !question.about.is_empty() && file_name(&question.about).len() == DIGEST {
                names.insert(name.clone(), question.about.clone());
            }
            facts.extend(read_at.map(|read_at| (name, read_at)));
        }
        let capture = Capture { schema: "why403/bundle/1", captured_at, facts, names, signatures };
        fs::write(root.join("capture.json"), serde_json::to_string_pretty(&capture)? + "\n")?;
        Ok(unread)
    }
}

/// Characters of a digest that stands for a name.
const DIGEST: usize = 64;

/// The CLI leaves out what has no value.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let said = fields.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(said.map(|(name, value)| (name, without_nulls(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

impl Account for Recorder<'_> {
    fn ask(&self, question: &Question) -> (Answer, Option<Timestamp>) {
        let told = self.account.ask(question);
        // The first answer is the one that everything else was asked by.
        self.told().entry(question.clone()).or_insert(told).clone()
    }

    fn subjects(&self, operation: &'static str) -> Vec<String> {
        self.account.subjects(operation)
    }

    fn is_live(&self) -> bool {
        self.account.is_live()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::KEPT_SIGNATURES;
    use crate::account::bundle::BundleAccount;

    struct Told;

    impl Account for Told {
        fn ask(&self, question: &Question) -> (Answer, Option<Timestamp>) {
            let answer = match question.about.as_str() {
                "denied" => Answer::Error { code: "AccessDenied".to_owned() },
                "away" => Answer::Unreadable("AWS could not be asked".to_owned()),
                "nobody" => Answer::Unasked,
                about => Answer::Said(json!({ "Policy": about, "Empty": null })),
            };
            (answer, "2026-03-10T15:00:00.5Z".parse().ok())
        }

        fn subjects(&self, _operation: &'static str) -> Vec<String> {
            Vec::new()
        }
    }

    #[test]
    fn what_was_told_is_told_again_by_the_bundle() {
        let folder = tempfile::tempdir().unwrap();
        let recorder = Recorder::new(&Told);
        let long = "k".repeat(300);
        let of = |about: &str| Question::new("s3api/get-bucket-policy", about);
        for about in ["../../b c", "denied", "away", "nobody", &long] {
            recorder.ask(&of(about));
        }
        let kept = BTreeMap::from([("id1==".to_owned(), "bad")]);
        let unread = recorder.write(folder.path(), Timestamp::UNIX_EPOCH, kept).unwrap();
        assert_eq!(unread.iter().map(|(one, _)| one.about.as_str()).collect::<Vec<_>>(), ["away"]);
        let bundle = BundleAccount::open(folder.path());
        for about in ["../../b c", &long] {
            let (answer, read_at) = bundle.ask(&of(about));
            assert_eq!(answer, Answer::Said(json!({ "Policy": about })));
            assert_eq!(read_at.unwrap().to_string(), "2026-03-10T15:00:00.5Z");
        }
        assert_eq!(bundle.ask(&of("denied")).0, Answer::Error { code: "AccessDenied".to_owned() });
        let kept = bundle.ask(&Question::all(KEPT_SIGNATURES)).0;
        assert_eq!(kept, Answer::Said(json!({ "id1==": "bad" })));
        assert_eq!(bundle.ask(&of("nobody")).0, Answer::Unasked);
        let capture: Value =
            serde_json::from_slice(&fs::read(folder.path().join("capture.json")).unwrap()).unwrap();
        assert_eq!(capture["schema"], "why403/bundle/1");
        assert_eq!(capture["names"].as_object().unwrap().values().next().unwrap(), &long);
    }
}
