//! Origins and distributions that were asked directly, on request.
//!
//! [`plan`] says what to ask of which refused paths, `client` asks it (feature `aws`), and an
//! [`Index`] is what the causes read of the answers. A bundle keeps them in `origin/asked.json`, so
//! that a replay repeats them. An answer is about the moment in which it was given.

#[cfg(feature = "aws")]
pub mod client;
pub mod plan;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::limits::ASKED_KEPT;
use crate::viewer::printable;

/// What a bundle's `origin/asked.json` is asked for by.
pub const ASKED: &str = "origin/asked";

const SCHEMA: &str = "why403/asked/1";

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Of {
    /// The origin, as CloudFront asks it.
    Origin,
    /// The distribution, as a viewer asks it.
    Distribution,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ask {
    /// Who is asked.
    pub of: Of,
    /// The distribution that refused.
    pub distribution_id: String,
    /// `GET` or `HEAD`.
    pub method: String,
    /// The path that was refused, as it was logged.
    pub path: String,
    /// The whole URL that is sent, whose host is the Host.
    pub url: String,
    /// The name that is connected to.
    pub connect: String,
    /// Its port.
    pub port: u16,
    /// Whether the refused request had a query that is not sent.
    pub query_left_out: bool,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// An answer in HTTP.
    Said {
        /// The status.
        status: u16,
        /// The media type, in lower case, without parameters.
        content_type: Option<String>,
        /// The length of the body, where it is not longer than what is read.
        content_length: Option<u64>,
        /// The `Server` header.
        server: Option<String>,
    },
    /// Nothing within the time.
    TimedOut,
    /// The name has no address, or only private ones, which are not asked.
    NotAsked(String),
    /// No connection, or no HTTP on it.
    Failed(String),
}

/// A question with its answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Asked {
    /// When it was asked.
    pub at: Timestamp,
    /// What was asked.
    #[serde(flatten)]
    pub ask: Ask,
    /// What came back.
    pub answer: Answer,
}

impl Asked {
    /// What was sent and what came back, in one line.
    pub fn words(&self) -> String {
        let Ask { of, method, url, connect, port, query_left_out, .. } = &self.ask;
        let whom = match of {
            Of::Origin => format!("the origin {connect}:{port}"),
            Of::Distribution => format!("the distribution ({connect})"),
        };
        let left_out = if *query_left_out { " without its query" } else { "" };
        let answer = match &self.answer {
            Answer::Said { status, content_type, content_length, server } => {
                let kind = content_type.as_deref().unwrap_or("no media type");
                let length = content_length.map_or(String::new(), |n| format!(", {n} bytes"));
                let by = server.as_ref().map_or(String::new(), |by| format!(", Server {by}"));
                format!("{status} ({kind}{length}{by})")
            }
            Answer::TimedOut => "no answer in time".to_owned(),
            Answer::NotAsked(why) => format!("not asked: {why}"),
            Answer::Failed(why) => format!("no answer: {why}"),
        };
        printable(&format!("{method} {url}{left_out} to {whom} at {}: {answer}", moment(self.at)))
    }
}

/// To the minute, which is all that an answer about one moment is good for.
pub fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// Answers, by what was refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    newest: BTreeMap<Key, Asked>,
}

type Key = (String, String, String, Of);

impl Index {
    /// With answers more; of one question the newest stays.
    pub fn with(mut self, answers: impl IntoIterator<Item = Asked>) -> Self {
        for asked in answers {
            let Ask { distribution_id, method, path, of, .. } = &asked.ask;
            let key = (distribution_id.clone(), method.clone(), path.clone(), *of);
            if self.newest.len() >= ASKED_KEPT && !self.newest.contains_key(&key) {
                continue;
            }
            let kept = self.newest.entry(key).or_insert_with(|| asked.clone());
            if (asked.at, &asked.answer) > (kept.at, &kept.answer) {
                *kept = asked;
            }
        }
        self
    }

    /// The answers of a bundle. What cannot be read of them is left out.
    pub fn parse(value: &Value) -> Self {
        let all = value.get("asked").and_then(Value::as_array).into_iter().flatten();
        let read = all.filter_map(|one| serde_json::from_value::<Asked>(one.clone()).ok());
        Self::default().with(read)
    }

    /// As a bundle keeps them.
    pub fn to_json(&self) -> Value {
        json!({ "schema": SCHEMA, "asked": self.all().collect::<Vec<_>>() })
    }

    /// All answers, in an order that does not depend on when they came.
    pub fn all(&self) -> impl Iterator<Item = &Asked> {
        self.newest.values()
    }

    /// What was answered to one refused request.
    pub fn find(&self, distribution: &str, method: &str, path: &str, of: Of) -> Option<&Asked> {
        let key = (distribution.to_owned(), method.to_owned(), path.to_owned(), of);
        self.newest.get(&key)
    }
}
