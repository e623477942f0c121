//! What is missing, why, and how to get it.

use serde::Serialize;

use crate::account::absence::Absence;
use crate::account::facts::Facts;
use crate::account::{Question, bucket};
use crate::causes::s3_origin::key;
use crate::logs::record::Refusal;

/// A missing fact.
#[derive(Clone, Debug, Serialize, PartialEq, Eq, PartialOrd, Ord)]
pub struct MissingOut {
    /// Which, as in a bundle's `aws/`.
    pub fact: String,
    /// Why: `unasked`, `denied`, `unreadable`, `other-moment`.
    pub why: &'static str,
    /// What must be allowed to whoever asks.
    pub permission: &'static str,
    /// The command that reads it.
    pub command: String,
    /// The file of a bundle that the command's output goes to.
    pub file: Option<String>,
    /// For a log that may not be written yet: how it is switched on, in words and as a command.
    pub switched_on: Option<(&'static str, &'static str)>,
    /// The same without anything that a viewer sent, where it has that.
    #[serde(skip)]
    pub without_viewer: Option<Box<MissingOut>>,
}

impl MissingOut {
    fn new(question: &Question, why: Absence) -> Self {
        Self {
            fact: question.to_string(),
            why: why.id(),
            permission: question.permission(),
            command: question.command(),
            file: question.file(),
            switched_on: question.switched_on(),
            without_viewer: None,
        }
    }

    /// What a question asks for, unless it is there; `example` is a refusal that it would decide.
    pub fn of(question: &Question, example: Option<&Refusal>, facts: &Facts) -> Option<Self> {
        let at = example.map(|example| example.time);
        let Some(name) = question.about.strip_suffix('/') else {
            let absence = facts.absence(question, at);
            // A listing that is there and does not reach the key: asking about the key itself does.
            if absence.is_none() && question.operation == "s3api/list-objects-v2" {
                let head = Question::new("s3api/head-object", format!("{}/", question.about));
                return Self::of(&head, example, facts);
            }
            return Some(Self::new(question, absence?));
        };
        let general = Self::new(question, Absence::Unasked);
        let Some(key) = example.and_then(|example| key_of(example, facts)) else {
            return Some(general);
        };
        let asked = Question::new(question.operation, format!("{name}/{key}"));
        let why = facts.absence(&asked, at)?;
        Some(Self { without_viewer: Some(Box::new(general)), ..Self::new(&asked, why) })
    }
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
    let typed = key.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    (typed && !key.is_empty() && key.len() <= KEY).then_some(key)
}
